use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use etl_expr::{Compiled, Expression, record_json};
use etl_model::json_field;
use serde_json::Value;

use super::answer::Answer;
use crate::enrich::config::{ResultType, Taken};
use crate::filter::first;
use crate::record_errors::RecordErrors;

/// What the records of answers look like to expressions.
fn schema() -> Schema {
    Schema::new(vec![json_field("response", true)])
}

/// An expression over an answer, or why it can never have a value.
pub(super) fn compile(expression: &Expression) -> Result<Compiled, String> {
    expression.compile(&schema()).map_err(|faults| first(faults).message)
}

/// What expressions say of a value that is not there.
const ABSENT: [&str; 3] = ["no_such_field", "no_such_key", "index_out_of_range"];

/// One field of the records, out of their answers; rows without one are put into `errors`, and have null.
pub(super) fn column(
    taken: &Taken,
    compiled: &Compiled,
    answers: &[Option<Answer>],
    errors: &mut RecordErrors,
) -> Result<(Field, ArrayRef), ArrowError> {
    let documents: StringArray = answers
        .iter()
        .map(|answer| match answer {
            Some(Answer::Known(document)) => Some(document.as_ref()),
            Some(Answer::Nothing) | None => None,
        })
        .collect();
    let records = RecordBatch::try_new(Arc::new(schema()), vec![Arc::new(documents)])?;
    let evaluated = compiled.evaluate(&records);
    let values = Schema::new(vec![compiled.field("value")]);
    let values = RecordBatch::try_new(Arc::new(values), vec![evaluated.values])?;
    let mut failures = evaluated.errors.into_iter().peekable();
    let path = taken.destination.join(".");
    let mut builder = Builder::new(taken.kind, answers.len());
    for (row, answer) in answers.iter().enumerate() {
        let failure = failures.next_if(|failure| failure.row == row);
        let mut found = match (answer, failure) {
            // Has failed before.
            (None, _) => {
                builder.null();
                continue;
            }
            (Some(Answer::Nothing), _) => Value::Null,
            (_, Some(failure)) if ABSENT.contains(&failure.code) => Value::Null,
            (_, Some(failure)) => {
                errors.put(row, failure.code, failure.message, Some(&path));
                builder.null();
                continue;
            }
            (Some(Answer::Known(_)), None) => {
                record_json(&values, row).get_mut("value").map(Value::take).unwrap_or_default()
            }
        };
        if found.is_null() {
            match &taken.default {
                None => {
                    let message = format!("the answer has no `{}`", taken.source);
                    errors.put(row, "enrich_no_value", message, Some(&path));
                }
                Some(default) => found = default.clone(),
            }
        }
        if let Err(message) = builder.push(&found) {
            errors.put(row, "enrich_type", message, Some(&path));
        }
    }
    let name = taken.destination.last().map_or("", String::as_str);
    Ok(builder.finish(name))
}

/// Values of one type, row by row.
enum Builder {
    Json(StringBuilder),
    String(StringBuilder),
    Int(Int64Builder),
    Double(Float64Builder),
    Bool(BooleanBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl Builder {
    fn new(kind: ResultType, rows: usize) -> Self {
        match kind {
            ResultType::Json => Self::Json(StringBuilder::new()),
            ResultType::String => Self::String(StringBuilder::new()),
            ResultType::Int => Self::Int(Int64Builder::with_capacity(rows)),
            ResultType::Double => Self::Double(Float64Builder::with_capacity(rows)),
            ResultType::Bool => Self::Bool(BooleanBuilder::with_capacity(rows)),
            ResultType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::with_capacity(rows)),
        }
    }

    fn null(&mut self) {
        match self {
            Self::Json(builder) | Self::String(builder) => builder.append_null(),
            Self::Int(builder) => builder.append_null(),
            Self::Double(builder) => builder.append_null(),
            Self::Bool(builder) => builder.append_null(),
            Self::Timestamp(builder) => builder.append_null(),
        }
    }

    /// Appends a value, or null and says why the value has another type.
    fn push(&mut self, value: &Value) -> Result<(), String> {
        let wrong = |wanted: &str| Err(format!("{} is not {wanted}", shown(value)));
        if value.is_null() {
            self.null();
            return Ok(());
        }
        match self {
            Self::Json(builder) => builder.append_value(value.to_string()),
            Self::String(builder) => match value.as_str() {
                Some(text) => builder.append_value(text),
                None => {
                    builder.append_null();
                    return wrong("a string");
                }
            },
            Self::Int(builder) => {
                builder.append_option(value.as_i64());
                if value.as_i64().is_none() {
                    return wrong("a whole number of 64 bits");
                }
            }
            Self::Double(builder) => {
                builder.append_option(value.as_f64());
                if value.as_f64().is_none() {
                    return wrong("a number");
                }
            }
            Self::Bool(builder) => {
                builder.append_option(value.as_bool());
                if value.as_bool().is_none() {
                    return wrong("true or false");
                }
            }
            Self::Timestamp(builder) => {
                let moment = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
                builder.append_option(moment.map(|moment| moment.with_timezone(&Utc).timestamp_micros()));
                if moment.is_none() {
                    return wrong("a moment such as 2026-01-31T12:00:00Z");
                }
            }
        }
        Ok(())
    }

    fn finish(self, name: &str) -> (Field, ArrayRef) {
        let of = |data_type| Field::new(name, data_type, true);
        match self {
            Self::Json(mut builder) => (json_field(name, true), Arc::new(builder.finish())),
            Self::String(mut builder) => (of(DataType::Utf8), Arc::new(builder.finish())),
            Self::Int(mut builder) => (of(DataType::Int64), Arc::new(builder.finish())),
            Self::Double(mut builder) => (of(DataType::Float64), Arc::new(builder.finish())),
            Self::Bool(mut builder) => (of(DataType::Boolean), Arc::new(builder.finish())),
            Self::Timestamp(mut builder) => {
                let zone = Some(Arc::from("UTC"));
                (
                    of(DataType::Timestamp(TimeUnit::Microsecond, zone)),
                    Arc::new(builder.finish().with_timezone("UTC")),
                )
            }
        }
    }
}

/// A value, for a person.
fn shown(value: &Value) -> String {
    const MOST: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Whether a default can be a value of the type.
pub(super) fn fits(kind: ResultType, default: &Value) -> Result<(), String> {
    Builder::new(kind, 1).push(default)
}
