use std::fmt::{Display, Write};

use etl_api::Diff;
use etl_model::StepName;
use serde_json::{Map, Value};

use super::arrivals::Arrivals;
use super::case::{AtStep, Case, Expected, Failed};

/// Changed fields that are named below a difference.
const NAMED: usize = 20;

/// What is not as a test expects it.
#[derive(Debug)]
pub(super) struct Mismatch {
    pub message: String,
    pub diff: Diff,
    /// Fields that differ, one a line.
    pub fields: Vec<String>,
}

impl Mismatch {
    /// Without records to compare.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), diff: Diff::default(), fields: Vec::new() }
    }
}

/// The name under which a step is known; an output of a route is `step.output` to its readers.
pub(super) fn step_name(name: &str) -> String {
    name.replacen('.', "-", 1)
}

/// All that is not as it is expected.
pub(super) fn compare(case: &Case, found: &Arrivals) -> Vec<Mismatch> {
    let ended = |words: &str| {
        found.failure.as_ref().map(|failure| {
            let of = if failure.record.is_null() { String::new() } else { format!(" of {}", failure.record) };
            format!(
                "{words}a run would end at step `{}` with {}: {}{of}",
                failure.step, failure.code, failure.message
            )
        })
    };
    match (&case.fails, &found.failure) {
        (Some(expected), None) => {
            let message = format!(
                "line {}: step `{}` was to fail, and nothing did",
                expected.place.line, expected.step
            );
            return vec![Mismatch::new(message)];
        }
        (Some(expected), Some(failure)) => {
            let fits = fits(expected, &failure.step, &failure.code, &failure.record);
            let words = format!("line {}: this is not the failure: ", expected.place.line);
            return if fits { Vec::new() } else { ended(&words).into_iter().map(Mismatch::new).collect() };
        }
        (None, Some(_)) => return ended("").into_iter().map(Mismatch::new).collect(),
        (None, None) => {}
    }
    let mut mismatches: Vec<Mismatch> =
        case.expect.iter().filter_map(|expected| records(expected, found)).collect();
    mismatches.extend(letters(case, found));
    mismatches
}

fn records(expected: &AtStep<Expected>, found: &Arrivals) -> Option<Mismatch> {
    let name = step_name(&expected.step);
    let arrived =
        found.records.iter().find(|(step, _)| step.as_str() == name).map(|(_, rows)| rows.as_slice());
    let mut wanted: Vec<Value> = expected.what.rows.iter().map(canonical).collect();
    let mut arrived: Vec<Value> = arrived.unwrap_or_default().iter().map(canonical).collect();
    if expected.what.any_order {
        wanted.sort_by_cached_key(Value::to_string);
        arrived.sort_by_cached_key(Value::to_string);
    }
    if wanted == arrived {
        return None;
    }
    let (line, step) = (expected.place.line, &expected.step);
    let message = match (wanted.len(), arrived.len()) {
        (wanted, arrived) if wanted != arrived => {
            format!("line {line}: `{step}` has {arrived} records, not {wanted}")
        }
        _ => format!("line {line}: `{step}` has other records"),
    };
    let diff = Diff::new("expected", &lines(&wanted), "found", &lines(&arrived));
    Some(Mismatch { message, diff, fields: fields(&wanted, &arrived) })
}

/// One a line.
pub(super) fn lines(records: &[impl Display]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

/// One form for values that are the same: fields in the order of their names, none that is null, whole numbers without a
/// fraction.
pub(super) fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut kept: Vec<(&String, Value)> = fields
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, v)| (name, canonical(v)))
                .collect();
            kept.sort_by(|a, b| a.0.cmp(b.0));
            Value::Object(kept.into_iter().map(|(name, value)| (name.clone(), value)).collect())
        }
        Value::Array(items) => items.iter().map(canonical).collect(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < (1_u64 << 53) as f64 => {
                Value::from(float as i64)
            }
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}

/// Where records at the same place differ; nothing where they are not as many.
fn fields(wanted: &[Value], arrived: &[Value]) -> Vec<String> {
    let mut fields = Vec::new();
    if wanted.len() != arrived.len() {
        return fields;
    }
    for (number, pair) in wanted.iter().zip(arrived).enumerate() {
        if let (Value::Object(wanted), Value::Object(arrived)) = pair {
            let mut line = String::new();
            let both = wanted.keys().chain(arrived.keys().filter(|name| !wanted.contains_key(*name)));
            for name in both.filter(|name| wanted.get(*name) != arrived.get(*name)) {
                let shown = |record: &Map<String, Value>| {
                    record.get(name).map_or_else(|| "nothing".to_owned(), Value::to_string)
                };
                let separator = if line.is_empty() { "" } else { ", " };
                // Writing to text never fails.
                let _ = write!(line, "{separator}{name} is {}, not {}", shown(arrived), shown(wanted));
            }
            if !line.is_empty() {
                fields.push(format!("record {}: {line}", number + 1));
            }
        }
    }
    fields.truncate(NAMED);
    fields
}

/// Every expected letter takes one that was found; what is left of either is told.
fn letters(case: &Case, found: &Arrivals) -> Vec<Mismatch> {
    let mut left: Vec<_> = found.letters.iter().collect();
    let mut mismatches = Vec::new();
    for expected in &case.letters {
        let place = left.iter().position(|(step, error)| fits(expected, step, &error.code, &error.record));
        match place {
            Some(place) => drop(left.remove(place)),
            None => {
                let AtStep { step, place, what } = expected;
                let code = what.code.as_ref().map(|code| format!(" with {code}")).unwrap_or_default();
                let record = Value::Object(what.record.clone());
                let record = if what.record.is_empty() { String::new() } else { format!(" of {record}") };
                let message =
                    format!("line {}: step `{step}` has set no record aside{code}{record}", place.line);
                mismatches.push(Mismatch::new(message));
            }
        }
    }
    mismatches.extend(left.into_iter().map(|(step, error)| {
        let (code, message, record) = (&error.code, &error.message, &error.record);
        Mismatch::new(format!("step `{step}` has set a record aside with {code}: {message} of {record}"))
    }));
    mismatches
}

fn fits(expected: &AtStep<Failed>, step: &StepName, code: &str, record: &Value) -> bool {
    let has = |(name, value): (&String, &Value)| {
        record.get(name).map(canonical).unwrap_or_default() == canonical(value)
    };
    step_name(&expected.step) == step.as_str()
        && expected.what.code.as_ref().is_none_or(|expected| expected == code)
        && expected.what.record.iter().all(has)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_that_are_the_same_have_one_form() {
        let left = json!({"b": 1.0, "a": {"y": null, "x": [1, null]}, "c": null});
        assert_eq!(canonical(&left).to_string(), r#"{"a":{"x":[1,null]},"b":1}"#);
        assert_eq!(canonical(&json!(1.5)), json!(1.5));
        assert_eq!(canonical(&json!(1e300)), json!(1e300));
    }

    #[test]
    fn changed_fields_are_named() {
        let wanted = [json!({"id": 1}), json!({"id": 2, "a": "x", "b": 1})];
        let arrived = [json!({"id": 1}), json!({"id": 2, "a": "y", "c": true})];
        let expected = [r#"record 2: a is "y", not "x", b is nothing, not 1, c is true, not nothing"#];
        assert_eq!(fields(&wanted, &arrived), expected);
        assert!(fields(&wanted, &arrived[..1]).is_empty());
    }
}
