use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::FieldRef;

use crate::failure::Failure;
use crate::failures::Failures;
use crate::functions::Function;
use crate::kernels::{self, Computed};
use crate::kind::Kind;
use crate::plan::{Node, Plan, Select, Set};
use crate::room::Room;
use crate::scalar;
use crate::truth::Truth;
use crate::value::Value;
use crate::vector::{Data, Vector, from_values, load};
use crate::{choose, literal, overloop};

/// Evaluates plans over the columns of one batch.
///
/// `active` are the rows somebody will look at, `None` for all: the right side of `&&` is wanted only where the left is
/// not false. Rows that are not wanted never fail.
pub(crate) struct Evaluator<'a> {
    pub columns: &'a [ArrayRef],
    pub rows: usize,
    /// The variables of the surrounding loops and bindings, outermost first.
    pub locals: Vec<Vector>,
    /// What `now()` is, in nanoseconds.
    pub now: i128,
    loaded: Rc<RefCell<HashMap<usize, (Data, Failures)>>>,
}

pub(crate) type Active<'a> = Option<&'a BooleanBuffer>;

impl<'a> Evaluator<'a> {
    pub fn new(columns: &'a [ArrayRef], rows: usize, locals: Vec<Vector>, now: i128) -> Self {
        Self { columns, rows, locals, now, loaded: Rc::default() }
    }

    /// An evaluator for the same rows that sees other variables.
    pub fn with_locals(&self, locals: Vec<Vector>) -> Self {
        Self { locals, loaded: self.loaded.clone(), ..*self }
    }

    pub fn wanted(&self, active: Active<'_>) -> BooleanBuffer {
        active.cloned().unwrap_or_else(|| BooleanBuffer::new_set(self.rows))
    }

    fn failed(&self, active: Active<'_>, failure: Failure) -> Vector {
        Vector::failed(self.wanted(active), failure)
    }

    /// The plan's values; of constants, one for all rows.
    pub fn eval(&self, plan: &Plan, active: Active<'_>) -> Vector {
        match &plan.node {
            Node::Const(value) => Vector::constant(from_values(&plan.kind, vec![value.clone()])),
            Node::Fail(failure) => self.failed(active, failure.clone()),
            Node::Column { index, field } => self.column(*index, field, active),
            Node::Local(local) => match self.locals.get(*local) {
                Some(vector) => {
                    let mut vector = vector.clone();
                    if let Some(active) = active {
                        vector.failures.retain(active);
                    }
                    vector
                }
                None => self.failed(active, Failure::new("internal", "a variable is missing")),
            },
            Node::Select(select) => self.select(plan, select, active),
            Node::IsNull { operand, negated } => self.is_null(operand, *negated, active),
            Node::And(left, right) => self.logical(left, right, true, active),
            Node::Or(left, right) => self.logical(left, right, false, active),
            Node::Not(operand) => Truth::of(self.eval(operand, active), "!", self.rows, active).not(),
            Node::If(condition, then, other) => {
                let condition = Truth::of(self.eval(condition, active), "?:", self.rows, active);
                let branch = |plan: &Plan, rows: &BooleanBuffer| {
                    (rows.count_set_bits() > 0).then(|| self.eval(plan, Some(rows)))
                };
                let (then, other) = (branch(then, &condition.yes), branch(other, &condition.no));
                choose::choose(condition, then, other, &plan.kind, self.rows)
            }
            Node::Call { function: Function::Now, .. } => {
                Vector::constant(from_values(&plan.kind, vec![Value::Timestamp(self.now)]))
            }
            Node::Call { function: Function::Uuid, .. } => {
                Vector::new(Data::String(kernels::uuids(self.rows)))
            }
            Node::Call { function, args } => {
                let args = args.iter().map(|arg| self.eval(arg, active)).collect();
                self.call(*function, args, &plan.kind, active)
            }
            Node::LenientIndex { operand, key } => {
                let args = vec![self.eval(operand, active), self.eval(key, active)];
                self.each_row(args, &plan.kind, active, &lenient_index)
            }
            Node::OptionalIndex { operand, key } => {
                let args = vec![self.eval(operand, active), self.eval(key, active)];
                self.each_row(args, &plan.kind, active, &optional_index)
            }
            Node::OrElse(first, other) => self.or_else(first, other, &plan.kind, active),
            Node::Catch(first, other) => self.catch(first, other, &plan.kind, active),
            Node::Bind(bind) => self.bind(bind, &plan.kind, active),
            Node::Matches { operand, pattern } => self.matches(operand, pattern, active),
            Node::InSet { operand, set } => self.in_set(operand, set, active),
            Node::List(items) => {
                let optional: Vec<bool> = items.iter().map(|item| item.optional).collect();
                let items = items.iter().map(|item| self.eval(&item.value, active)).collect();
                self.each_row(items, &plan.kind, active, &|values| Ok(literal::list(values, &optional)))
            }
            Node::Map(entries) => {
                let optional: Vec<bool> = entries.iter().map(|(_, item)| item.optional).collect();
                let parts = entries.iter().flat_map(|(key, item)| [key, &item.value]);
                let parts = parts.map(|part| self.eval(part, active)).collect();
                self.each_row(parts, &plan.kind, active, &|values| literal::map(values, &optional))
            }
            Node::Loop(inner) => overloop::evaluate(self, inner, &plan.kind, active),
        }
    }

    fn column(&self, index: usize, field: &FieldRef, active: Active<'_>) -> Vector {
        let Some(array) = self.columns.get(index).filter(|array| array.data_type() == field.data_type())
        else {
            let message = format!("the batch has no column `{}` of type {}", field.name(), field.data_type());
            return self.failed(active, Failure::new("internal", message));
        };
        let mut loaded = self.loaded.borrow_mut();
        let (data, failures) = match loaded.entry(index) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => match load(array, field) {
                Ok(column) => entry.insert(column),
                Err(failure) => return self.failed(active, failure),
            },
        };
        let mut vector = Vector { data: data.clone(), constant: false, failures: failures.clone() };
        if let Some(active) = active {
            vector.failures.retain(active);
        }
        vector
    }

    /// The array behind a path of struct fields, as the batch has it, and the rows where a parent is null.
    pub fn path(&self, plan: &Plan, active: Active<'_>) -> Option<(ArrayRef, Failures)> {
        match &plan.node {
            Node::Column { index, field } => {
                let array =
                    self.columns.get(*index).filter(|array| array.data_type() == field.data_type())?;
                Some((array.clone(), Failures::none()))
            }
            Node::Select(select) => {
                let (parent, mut failures) = self.path(&select.operand, active)?;
                let parents = parent.as_struct_opt()?;
                let child = parents.columns().get(select.place?)?.clone();
                let Some(valid) = parents.nulls().filter(|nulls| nulls.null_count() > 0) else {
                    return Some((child, failures));
                };
                if !select.lenient {
                    let mut null = &self.wanted(active) & &!valid.inner();
                    if let Some(earlier) = failures.rows(self.rows) {
                        null = &null & &!&earlier;
                    }
                    failures.push_same(null, null_parent(&select.field));
                }
                let absent = BooleanArray::new(!valid.inner(), None);
                let child = if child.data_type() == &arrow::datatypes::DataType::Null {
                    child
                } else {
                    arrow::compute::nullif(&child, &absent).ok()?
                };
                Some((child, failures))
            }
            _ => None,
        }
    }

    fn select(&self, plan: &Plan, select: &Select, active: Active<'_>) -> Vector {
        if let Some(field) = plan.path_field() {
            let Some((array, mut failures)) = self.path(plan, active) else {
                return self
                    .failed(active, Failure::new("internal", "the batch is not of the compiled schema"));
            };
            return match load(&array, &field) {
                Ok((data, mut unreadable)) => {
                    if let Some(active) = active {
                        unreadable.retain(active);
                    }
                    failures.extend(unreadable);
                    Vector { data, constant: false, failures }
                }
                Err(failure) => self.failed(active, failure),
            };
        }
        let operand = self.eval(&select.operand, active);
        let lenient = select.lenient;
        let field = select.field.as_ref();
        self.each_row(vec![operand], &plan.kind, active, &|values| match values.as_slice() {
            [Value::Null] if lenient => Ok(Value::Null),
            [Value::Null] => Err(null_parent(field)),
            [map @ Value::Map(_)] => match map.field(field) {
                Some(value) => Ok(value.clone()),
                None if lenient => Ok(Value::Null),
                None => Err(Failure::new("no_such_field", format!("there is no field `{field}`"))),
            },
            [other] => Err(Failure::new(
                "no_such_overload",
                format!("a value of type {} has no field `{field}`", other.type_name()),
            )),
            _ => Err(Failure::new("internal", "a field of several values")),
        })
    }

    fn is_null(&self, operand: &Plan, negated: bool, active: Active<'_>) -> Vector {
        let path = operand.path_field().and_then(|_| self.path(operand, active));
        let (nulls, failures, constant) = match path {
            // The values are not touched: JSON is not parsed to know whether it is there.
            Some((array, failures)) if !matches!(operand.kind, Kind::Dyn) => {
                (array.logical_nulls(), failures, false)
            }
            _ => {
                let vector = self.eval(operand, active);
                (vector.data.nulls(), vector.failures, vector.constant)
            }
        };
        let len = if constant { 1 } else { self.rows };
        let valid = nulls.map_or_else(|| BooleanBuffer::new_set(len), |nulls| nulls.into_inner());
        let values = if negated { valid } else { !&valid };
        let live = failures.rows(len).map(|failed| NullBuffer::new(!&failed));
        Vector { data: Data::Bool(BooleanArray::new(values, live)), constant, failures }
    }

    fn logical(&self, left: &Plan, right: &Plan, and: bool, active: Active<'_>) -> Vector {
        let name = if and { "&&" } else { "||" };
        let left = Truth::of(self.eval(left, active), name, self.rows, active);
        let decided = if and { &left.no } else { &left.yes };
        let undecided = &self.wanted(active) & &!decided;
        if undecided.count_set_bits() == 0 {
            return left.into_vector();
        }
        let right = Truth::of(self.eval(right, Some(&undecided)), name, self.rows, Some(&undecided));
        if and { left.and(right).into_vector() } else { left.or(right).into_vector() }
    }

    fn call(&self, function: Function, args: Vec<Vector>, kind: &Kind, active: Active<'_>) -> Vector {
        if args.iter().all(|arg| arg.constant) {
            let values: Result<Vec<Value>, Failure> = args.iter().map(|arg| arg.value(0)).collect();
            return match values.and_then(|values| scalar::call(function, &values)) {
                Ok(value) => Vector::constant(from_values(kind, vec![value])),
                Err(failure) => self.failed(active, failure),
            };
        }
        let mut failures = Failures::none();
        for arg in &args {
            failures.extend(arg.failures.clone());
        }
        let mut live = self.live(active, &failures);
        if !function.accepts_null() {
            for (place, arg) in args.iter().enumerate() {
                let container = function != Function::In || place == 1;
                if container {
                    live = self.without_nulls(live, arg, function.name(), &mut failures);
                }
            }
        }
        let computed = kernels::call(function, &args, self.rows, live.as_ref()).unwrap_or_else(|| {
            rows_of(&args, kind, self.rows, live.as_ref(), &|values| scalar::call(function, &values))
        });
        finish(computed, live, failures)
    }

    /// The rows that are wanted and have not failed; `None` for all.
    pub fn live(&self, active: Active<'_>, failures: &Failures) -> Option<NullBuffer> {
        let failed = failures.rows(self.rows);
        match (active, failed) {
            (None, None) => None,
            (Some(active), None) => Some(NullBuffer::new(active.clone())),
            (None, Some(failed)) => Some(NullBuffer::new(!&failed)),
            (Some(active), Some(failed)) => Some(NullBuffer::new(active & &!&failed)),
        }
    }

    /// Turns null operands into failures.
    pub fn without_nulls(
        &self,
        live: Option<NullBuffer>,
        arg: &Vector,
        name: &str,
        failures: &mut Failures,
    ) -> Option<NullBuffer> {
        let Some(nulls) = arg.data.nulls() else { return live };
        let nulls = if arg.constant { NullBuffer::new_null(self.rows) } else { nulls };
        let null = match &live {
            Some(live) => live.inner() & &!nulls.inner(),
            None => !nulls.inner(),
        };
        failures.push_same(null, Failure::null_operand(name));
        NullBuffer::union(live.as_ref(), Some(&nulls))
    }

    /// Applies a function row by row; null operands fail only where the function says so.
    fn each_row(
        &self,
        args: Vec<Vector>,
        kind: &Kind,
        active: Active<'_>,
        function: &dyn Fn(Vec<Value>) -> Result<Value, Failure>,
    ) -> Vector {
        let mut failures = Failures::none();
        for arg in &args {
            failures.extend(arg.failures.clone());
        }
        let live = self.live(active, &failures);
        let computed = rows_of(&args, kind, self.rows, live.as_ref(), function);
        finish(computed, live, failures)
    }

    fn matches(&self, operand: &Plan, pattern: &regex::Regex, active: Active<'_>) -> Vector {
        let vector = self.eval(operand, active);
        if let Data::String(texts) = &vector.data
            && !vector.constant
        {
            let mut failures = vector.failures.clone();
            let live = self.live(active, &failures);
            let live = self.without_nulls(live, &vector, "matches", &mut failures);
            let data = Data::Bool(BooleanArray::new(kernels::is_match(texts, pattern), None));
            return finish(Computed { data, failed: Vec::new() }, live, failures);
        }
        self.each_row(vec![vector], &Kind::Bool, active, &|values| match values.as_slice() {
            [Value::String(text)] => Ok(Value::Bool(pattern.is_match(text))),
            [Value::Null] => Err(Failure::null_operand("matches")),
            values => {
                let names: Vec<&str> = values.iter().map(Value::type_name).chain(["string"]).collect();
                Err(Failure::overload("matches", &names))
            }
        })
    }

    fn in_set(&self, operand: &Plan, set: &Set, active: Active<'_>) -> Vector {
        let vector = self.eval(operand, active);
        let found = match (&vector.data, set) {
            (Data::String(texts), Set::Strings(set)) => kernels::is_in_strings(texts, set),
            (Data::Int(ints), Set::Ints(set)) => kernels::is_in_ints(ints, set),
            // Only nulls remain for a string or an int, and the set has none.
            (data, _) => BooleanBuffer::new_unset(data.len()),
        };
        let data = Data::Bool(BooleanArray::new(found, None));
        if vector.constant {
            return Vector::constant(data);
        }
        let live = self.live(active, &vector.failures);
        finish(Computed { data, failed: Vec::new() }, live, vector.failures)
    }
}

fn null_parent(field: &str) -> Failure {
    Failure::new("no_such_field", format!("there is no field `{field}` in null"))
}

fn lenient_index(values: Vec<Value>) -> Result<Value, Failure> {
    match values.as_slice() {
        [Value::Null, _] => Ok(Value::Null),
        [map @ Value::Map(_), key] => Ok(map.entry(key).cloned().unwrap_or(Value::Null)),
        values => scalar::call(Function::Index, values),
    }
}

fn optional_index(values: Vec<Value>) -> Result<Value, Failure> {
    match lenient_index(values) {
        Err(failure) if failure.code == "index_out_of_range" => Ok(Value::Null),
        found => found,
    }
}

/// Applies a function to the values of every live row.
pub(crate) fn rows_of(
    args: &[Vector],
    kind: &Kind,
    rows: usize,
    live: Option<&NullBuffer>,
    function: &dyn Fn(Vec<Value>) -> Result<Value, Failure>,
) -> Computed {
    let mut failed = Vec::new();
    let mut room = Room::default();
    let values = (0..rows).map(|row| {
        if live.is_some_and(|live| live.is_null(row)) {
            return Value::Null;
        }
        let values: Result<Vec<Value>, Failure> = args.iter().map(|arg| arg.value(row)).collect();
        values.and_then(function).and_then(|value| room.take(value)).unwrap_or_else(|failure| {
            failed.push((row, failure));
            Value::Null
        })
    });
    let values = values.collect();
    Computed { data: from_values(kind, values), failed }
}

/// Joins what a kernel computed with the rows that it did not compute.
pub(crate) fn finish(computed: Computed, live: Option<NullBuffer>, mut failures: Failures) -> Vector {
    let Computed { data, failed } = computed;
    let len = data.len();
    let valid = if failed.is_empty() {
        live
    } else {
        let failed = Failures::each(failed);
        let rows = failed.rows(len).map(|rows| NullBuffer::new(!&rows));
        failures.extend(failed);
        NullBuffer::union(live.as_ref(), rows.as_ref())
    };
    Vector { data: data.masked(valid.as_ref()), constant: false, failures }
}

/// An array of the values, for kernels of Arrow.
pub(crate) fn as_array(data: &Data) -> Option<ArrayRef> {
    Some(match data {
        Data::Bool(array) => Arc::new(array.clone()),
        Data::Int(array) => Arc::new(array.clone()),
        Data::Uint(array) => Arc::new(array.clone()),
        Data::Double(array) => Arc::new(array.clone()),
        Data::String(array) => Arc::new(array.clone()),
        Data::Bytes(array) => Arc::new(array.clone()),
        Data::Nested { array, .. } => array.clone(),
        Data::Null(_) | Data::Timestamp(_) | Data::Duration(_) | Data::Dyn(_) => return None,
    })
}
