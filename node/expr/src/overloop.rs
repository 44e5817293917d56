use arrow::array::{ArrayRef, UInt64Array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::take;

use crate::eval::{Active, Evaluator, finish};
use crate::failure::Failure;
use crate::kernels::Computed;
use crate::kind::Kind;
use crate::lists;
use crate::plan::{Loop, Plan};
use crate::room::Room;
use crate::syntax::LoopKind;
use crate::truth::Truth;
use crate::value::Value;
use crate::vector::{Vector, from_values};

/// Most elements that one loop goes over for one batch.
const MOST: usize = 1 << 24;

/// Evaluates a macro over lists or the keys of maps: all elements of all rows at once, then joined per row.
pub(crate) fn evaluate(outer: &Evaluator<'_>, inner: &Loop, kind: &Kind, active: Active<'_>) -> Vector {
    let range = outer.eval(&inner.range, active);
    let mut failures = range.failures.clone();
    let live = outer.live(active, &failures);
    let live = outer.without_nulls(live, &range, name(inner.kind), &mut failures);
    let mut elements: Vec<Value> = Vec::new();
    let mut owners: Vec<u64> = Vec::new();
    let mut unread = Vec::new();
    // Where each row's elements end.
    let mut ends = Vec::with_capacity(outer.rows);
    for row in 0..outer.rows {
        if live.as_ref().is_none_or(|live| live.is_valid(row)) {
            match items(&range, row, inner.kind) {
                Ok(items) if elements.len() + items.len() <= MOST => {
                    owners.extend(std::iter::repeat_n(row as u64, items.len()));
                    elements.extend(items);
                }
                Ok(_) => unread
                    .push((row, Failure::new("too_long", "the lists of the batch have too many elements"))),
                Err(failure) => unread.push((row, failure)),
            }
        }
        ends.push(elements.len());
    }
    let element_kind = match &inner.range.kind {
        Kind::List(item) => item.as_ref().clone(),
        Kind::Map(key, _) => key.as_ref().clone(),
        _ => Kind::Dyn,
    };
    let body = Body::evaluate(outer, inner, &element_kind, elements.clone(), UInt64Array::from(owners));
    let body = match body {
        Ok(body) => body,
        Err(failure) => return Vector::failed(outer.wanted(active), failure),
    };
    let mut start = 0;
    let mut room = Room::default();
    let mut failed = Vec::new();
    let values: Vec<Value> = ends
        .iter()
        .enumerate()
        .map(|(row, &end)| {
            let span = std::mem::replace(&mut start, end)..end;
            let live = live.as_ref().is_none_or(|live| live.is_valid(row));
            if !live || unread.binary_search_by_key(&row, |(row, _)| *row).is_ok() {
                return Value::Null;
            }
            let joined = body.join(inner.kind, span, &elements);
            joined.and_then(|value| room.take(value)).unwrap_or_else(|failure| {
                failed.push((row, failure));
                Value::Null
            })
        })
        .collect();
    failed.extend(unread.iter().cloned());
    failed.sort_by_key(|(row, _)| *row);
    finish(Computed { data: from_values(kind, values), failed }, live, failures)
}

fn name(kind: LoopKind) -> &'static str {
    match kind {
        LoopKind::All => "all",
        LoopKind::Exists => "exists",
        LoopKind::ExistsOne => "exists_one",
        LoopKind::Filter => "filter",
        LoopKind::Map => "map",
        LoopKind::SortBy => "sortBy",
    }
}

fn items(range: &Vector, row: usize, kind: LoopKind) -> Result<Vec<Value>, Failure> {
    match range.value(row)? {
        Value::List(items) => Ok(items.to_vec()),
        Value::Map(entries) => Ok(entries.iter().map(|(key, _)| key.clone()).collect()),
        other => Err(Failure::overload(name(kind), &[other.type_name()])),
    }
}

/// The condition and the yield for every element of every row.
struct Body {
    condition: Option<Truth>,
    yields: Option<Vector>,
}

impl Body {
    fn evaluate(
        outer: &Evaluator<'_>,
        inner: &Loop,
        kind: &Kind,
        elements: Vec<Value>,
        owners: UInt64Array,
    ) -> Result<Self, Failure> {
        let rows = elements.len();
        let used: Vec<usize> = inner.condition.iter().chain(&inner.yields).flat_map(Plan::columns).collect();
        let columns: Result<Vec<ArrayRef>, Failure> = outer
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                if used.contains(&index) {
                    take(column, &owners, None).map_err(|error| Failure::new("internal", error.to_string()))
                } else {
                    // Nobody looks at it, but the indexes of the others must stay.
                    Ok(arrow::array::new_empty_array(column.data_type()))
                }
            })
            .collect();
        let columns = columns?;
        let mut locals: Vec<Vector> =
            outer.locals.iter().map(|local| local.take(&owners)).collect::<Result<_, Failure>>()?;
        locals.truncate(inner.local);
        locals.push(Vector::new(from_values(kind, elements)));
        let evaluator = Evaluator::new(&columns, rows, locals, outer.now);
        let condition = inner
            .condition
            .as_ref()
            .map(|condition| Truth::of(evaluator.eval(condition, None), name(inner.kind), rows, None));
        let wanted: Option<BooleanBuffer> = condition.as_ref().map(|condition| condition.yes.clone());
        let yields = inner.yields.as_ref().map(|yields| evaluator.eval(yields, wanted.as_ref()));
        Ok(Self { condition, yields })
    }

    /// The result for one row, whose elements are `span`.
    fn join(
        &self,
        kind: LoopKind,
        span: std::ops::Range<usize>,
        elements: &[Value],
    ) -> Result<Value, Failure> {
        let mut failure = None;
        let mut count = 0usize;
        let mut list = Vec::new();
        for place in span.clone() {
            let holds = match &self.condition {
                None => true,
                Some(condition) if condition.yes.value(place) => true,
                Some(condition) if condition.no.value(place) => false,
                Some(condition) => {
                    let reason = condition.failures.get(place).cloned();
                    let reason =
                        reason.unwrap_or_else(|| Failure::new("internal", "an element was not evaluated"));
                    if !matches!(kind, LoopKind::All | LoopKind::Exists) {
                        return Err(reason);
                    }
                    failure = failure.or(Some(reason));
                    continue;
                }
            };
            match kind {
                LoopKind::All if !holds => return Ok(Value::Bool(false)),
                LoopKind::Exists if holds => return Ok(Value::Bool(true)),
                LoopKind::ExistsOne if holds => count += 1,
                LoopKind::Filter if holds => list.extend(elements.get(place).cloned()),
                LoopKind::Map | LoopKind::SortBy if holds => {
                    if let Some(yields) = &self.yields {
                        if let Some(failure) = yields.failures.get(place) {
                            return Err(failure.clone());
                        }
                        list.push(yields.value(place)?);
                    }
                }
                _ => {}
            }
        }
        match (kind, failure) {
            (_, Some(failure)) => Err(failure),
            (LoopKind::All, None) => Ok(Value::Bool(true)),
            (LoopKind::Exists, None) => Ok(Value::Bool(false)),
            (LoopKind::ExistsOne, None) => Ok(Value::Bool(count == 1)),
            (LoopKind::Filter | LoopKind::Map, None) => Ok(Value::List(list.into())),
            (LoopKind::SortBy, None) => {
                lists::sort_by("sortBy", &list, elements.get(span).unwrap_or_default())
            }
        }
    }
}
