use super::blocks::Block;
use super::config::Relation;
use super::cursor::Place;
use super::plan::{Order, Plan};
use super::range::Range;
use crate::PostgresError;
use crate::identifier::{literal, quote};

/// The COPY statement that yields the rows of a range behind a place, in the plan's order.
pub(super) fn copy(plan: &Plan, range: &Range, behind: &Place) -> Result<String, PostgresError> {
    let mut conditions: Vec<String> = plan.condition.iter().map(|text| format!("({text}\n)")).collect();
    conditions.extend(bounds(plan, range, behind)?);
    let filter =
        if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let order = match plan.key() {
        // An index that serves the condition, or a join it amounts to, yields rows in an order of its own.
        [] if matches!(plan.order, Order::Physical { .. }) && plan.condition.is_some() => {
            " ORDER BY t.ctid".to_owned()
        }
        [] => String::new(),
        _ => format!(" ORDER BY {}", key_names(plan)?),
    };
    Ok(format!(
        "COPY (SELECT {} FROM {}{filter}{order}) TO STDOUT (FORMAT binary)",
        columns(plan)?,
        relation(plan)?
    ))
}

/// The COPY statement that yields the rows of some pages, as they lie there.
pub(super) fn copy_block(plan: &Plan, block: Block) -> Result<String, PostgresError> {
    Ok(format!(
        "COPY (SELECT {} FROM {} WHERE t.ctid >= '({},0)'::tid AND t.ctid < '({},0)'::tid) TO STDOUT (FORMAT binary)",
        columns(plan)?,
        relation(plan)?,
        block.from,
        block.to
    ))
}

/// The selected columns, with commas.
fn columns(plan: &Plan) -> Result<String, PostgresError> {
    let mut columns = Vec::with_capacity(plan.selected.len());
    for selected in &plan.selected {
        let name = column(&selected.column.name)?;
        columns.push(match (&plan.order, selected.as_text) {
            (_, true) => format!("{name}::text"),
            (Order::Physical { .. }, false) if selected.column.name == "ctid" => "t.ctid".to_owned(),
            (_, false) => name,
        });
    }
    Ok(columns.join(", "))
}

/// What rows are selected from, as `t`.
pub(super) fn relation(plan: &Plan) -> Result<String, PostgresError> {
    match &plan.relation {
        Relation::Table(name) => Ok(format!("{} AS t", name.quoted()?)),
        // The line break ends a comment at the query's end.
        Relation::Query(query) => Ok(format!("({query}\n) AS t")),
    }
}

/// A column of what rows are selected from. With its table: a name alone after ORDER BY would be the result's column of
/// that name, and so the text of a column that is read as text.
pub(super) fn column(name: &str) -> Result<String, PostgresError> {
    Ok(format!("t.{}", quote(name)?))
}

/// The key's columns, with commas.
pub(super) fn key_names(plan: &Plan) -> Result<String, PostgresError> {
    let names: Result<Vec<_>, _> = plan.key().iter().map(|key| column(&key.column.name)).collect();
    Ok(names?.join(", "))
}

fn bounds(plan: &Plan, range: &Range, behind: &Place) -> Result<Vec<String>, PostgresError> {
    let mut conditions = Vec::new();
    match (range, behind) {
        (Range::Pages { from, to }, _) => {
            match behind {
                Place::Row(tid) => conditions.push(format!("t.ctid > {}", tid_literal(*tid))),
                _ if *from > 0 => conditions.push(format!("t.ctid >= '({from},0)'::tid")),
                _ => {}
            }
            if let Some(to) = to {
                conditions.push(format!("t.ctid < '({to},0)'::tid"));
            }
        }
        (Range::Blocks { .. }, _) => {}
        (_, Place::Row(tid)) => conditions.push(format!("t.ctid > {}", tid_literal(*tid))),
        (Range::Whole, Place::Key(key)) => conditions.push(compare(plan, ">", key)?),
        (Range::Whole, Place::Start) => {}
        (Range::Keys { after, upto }, _) => {
            let after = if let Place::Key(key) = behind { Some(key) } else { after.as_ref() };
            if let Some(after) = after {
                conditions.push(compare(plan, ">", after)?);
            }
            if let Some(upto) = upto {
                conditions.push(compare(plan, "<=", upto)?);
            }
        }
    }
    Ok(conditions)
}

fn tid_literal(tid: u64) -> String {
    format!("'({},{})'::tid", tid >> 16, tid & 0xffff)
}

/// Compares the key with values; of several columns as a row, which an index on them serves.
pub(super) fn compare(plan: &Plan, operator: &str, values: &[String]) -> Result<String, PostgresError> {
    let key = plan.key();
    if key.len() != values.len() {
        return Err(PostgresError::user(
            "source_changed",
            format!(
                "{}: the key had {} columns when this run began, it has {}",
                plan.place,
                values.len(),
                key.len()
            ),
            "put the key back, or start anew with `run --restart`",
        ));
    }
    let mut literals = Vec::with_capacity(values.len());
    for (key, value) in key.iter().zip(values) {
        literals.push(format!("{}::{}", literal(value)?, key.column.ty.name));
    }
    Ok(match literals.as_slice() {
        [one] => format!("{} {operator} {one}", key_names(plan)?),
        _ => format!("({}) {operator} ({})", key_names(plan)?, literals.join(", ")),
    })
}
