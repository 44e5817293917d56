use arrow::datatypes::i256;

use super::config::FieldType;
use super::number::{Exact, Unfitting};
use super::target::Target;
use super::values::Value;
use crate::cells::{Cell, SECOND, decimal_text, shortened};
use crate::column_text::json_text;
use crate::json_document::JsonKind;

/// Why a value cannot be cast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub code: &'static str,
    pub message: String,
}

impl Failure {
    pub fn new(code: &'static str, message: String) -> Self {
        Self { code, message }
    }
}

/// The value in its new type; `None` for null.
pub(super) fn convert(cell: Cell<'_>, to: &FieldType) -> Result<Option<Value>, Failure> {
    match cell {
        Cell::Null => Ok(None),
        Cell::Json(document) if to.target != Target::Json => match JsonKind::of(document) {
            Some(JsonKind::Null) => Ok(None),
            Some(JsonKind::Bool) => convert(Cell::Bool(document.trim() == "true"), to),
            Some(JsonKind::Number) => of_number(document.trim(), to).map(Some),
            _ => match text_of(document)? {
                Some(text) if JsonKind::of(document) == Some(JsonKind::Text) => {
                    convert(Cell::Text(&text), to)
                }
                Some(text) if to.target == Target::String => Ok(Some(Value::String(text))),
                Some(_) => Err(none(cell, to)),
                None => Ok(None),
            },
        },
        cell => value(cell, to).map(Some),
    }
}

fn text_of(document: &str) -> Result<Option<String>, Failure> {
    json_text(document).map_err(|(code, message)| Failure::new(code, message))
}

/// A number as JSON has it, with all of its digits.
fn of_number(text: &str, to: &FieldType) -> Result<Value, Failure> {
    match to.target {
        Target::String => Ok(Value::String(text.to_owned())),
        Target::Float => float(text, to),
        _ => match Exact::parse(text) {
            Some(number) => of_exact(number, text, to),
            None => Err(not_a(text, to)),
        },
    }
}

fn value(cell: Cell<'_>, to: &FieldType) -> Result<Value, Failure> {
    match (cell, to.target) {
        (Cell::Bool(value), Target::Bool) => Ok(Value::Bool(value)),
        (Cell::Bool(value), Target::Int) => Ok(Value::Int(value.into())),
        (Cell::Bool(value), Target::Uint) => Ok(Value::Uint(value.into())),
        (Cell::Int(value), Target::Int) => Ok(Value::Int(value)),
        (Cell::Uint(value), Target::Uint) => Ok(Value::Uint(value)),
        // The nearest one, as in expressions.
        (Cell::Int(value), Target::Float) => Ok(Value::Float(value as f64)),
        (Cell::Uint(value), Target::Float) => Ok(Value::Float(value as f64)),
        (Cell::Float(value), Target::Float) => Ok(Value::Float(value)),
        (Cell::Int(value), _) => of_integer(value.into(), to),
        (Cell::Uint(value), _) => of_integer(value.into(), to),
        (Cell::Float(value), Target::Int | Target::Uint | Target::Decimal(..)) => {
            // The shortest text that reads back as the same number: 0.1 is meant to be 0.1.
            let text = format!("{value:e}");
            match Exact::parse(&text) {
                Some(number) => of_exact(number, &value.to_string(), to),
                None => Err(not_a(&text, to)),
            }
        }
        (Cell::Decimal(value, scale), Target::Float) => {
            finite(Exact::new(value, -i32::from(scale)).to_float(), &decimal_text(value, scale), to)
        }
        (Cell::Decimal(value, scale), _) => {
            let number = Exact::new(value, -i32::from(scale));
            of_exact(Ok(number), &decimal_text(value, scale), to)
        }
        (Cell::Text(text), _) => of_text(text, to),
        (Cell::Bytes(bytes), Target::Bytes) => Ok(Value::Bytes(bytes.to_vec())),
        (Cell::Date(days), Target::Date) => Ok(Value::Date(days)),
        (Cell::Date(days), Target::Timestamp) => micros(i128::from(days) * 86_400 * SECOND),
        (Cell::Timestamp(nanos), Target::Timestamp) => micros(nanos),
        (Cell::Timestamp(nanos), Target::Date) => to.moments.day_of(nanos).map(Value::Date),
        (Cell::Timestamp(nanos), Target::Int) => {
            let seconds = Exact::new(i256::from_i128(nanos), -9);
            of_exact(Ok(seconds), &decimal_text(i256::from_i128(nanos), 9), to)
        }
        (cell, _) => Err(none(cell, to)),
    }
}

fn of_integer(number: i128, to: &FieldType) -> Result<Value, Failure> {
    match (to.target, number) {
        (Target::Bool, 0) => Ok(Value::Bool(false)),
        (Target::Bool, 1) => Ok(Value::Bool(true)),
        (Target::Bool, _) => Err(not_a(&number.to_string(), to)),
        (Target::Timestamp, _) => micros(to.moments.count(number)?),
        (Target::Date, _) => Err(none(Cell::Int(0), to)),
        _ => of_exact(Ok(Exact::new(i256::from_i128(number), 0)), &number.to_string(), to),
    }
}

fn of_text(text: &str, to: &FieldType) -> Result<Value, Failure> {
    match to.target {
        Target::String => Ok(Value::String(text.to_owned())),
        Target::Int => text.parse().map(Value::Int).map_err(|_| not_a(text, to)),
        Target::Uint => match text.parse() {
            Ok(value) if !text.starts_with('+') => Ok(Value::Uint(value)),
            _ => Err(not_a(text, to)),
        },
        Target::Float => float(text, to),
        Target::Decimal(..) => match Exact::parse(text) {
            Some(number) => of_exact(number, text, to),
            None => Err(not_a(text, to)),
        },
        Target::Bool => match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(not_a(text, to)),
        },
        Target::Date => to.moments.day(text).map(Value::Date),
        Target::Timestamp => micros(to.moments.moment(text)?),
        Target::Bytes => Ok(Value::Bytes(text.as_bytes().to_vec())),
        Target::Json => match serde_json::from_str::<&serde_json::value::RawValue>(text) {
            Ok(_) => Ok(Value::Json(text.trim().to_owned())),
            Err(error) => {
                let message = format!("`{}` is not JSON: {error}", shortened(text));
                Err(Failure::new("invalid_json", message))
            }
        },
    }
}

/// A number that is known exactly; `text` is how it is written.
fn of_exact(number: Result<Exact, Unfitting>, text: &str, to: &FieldType) -> Result<Value, Failure> {
    let scaled = |scale| number.and_then(|number| number.scaled(scale));
    let fitted = match to.target {
        Target::Int => {
            scaled(0).and_then(|value| i64::try_from(value).map_err(|_| Unfitting::Overflow)).map(Value::Int)
        }
        Target::Uint => {
            scaled(0).and_then(|value| u64::try_from(value).map_err(|_| Unfitting::Overflow)).map(Value::Uint)
        }
        Target::Decimal(precision, scale) => scaled(scale).and_then(|value| {
            let fits = value.unsigned_abs() < 10_u128.pow(u32::from(precision));
            if fits { Ok(Value::Decimal(value)) } else { Err(Unfitting::Overflow) }
        }),
        Target::Timestamp => {
            return micros(to.moments.count(scaled(0).map_err(|why| unfitting(why, text, to))?)?);
        }
        _ => return Err(none(Cell::Float(0.0), to)),
    };
    fitted.map_err(|why| unfitting(why, text, to))
}

fn float(text: &str, to: &FieldType) -> Result<Value, Failure> {
    let value: f64 = text.parse().map_err(|_| not_a(text, to))?;
    // A text may say that it is infinite; digits that become so have been lost.
    if text.bytes().any(|byte| byte.is_ascii_digit()) {
        finite(value, text, to)
    } else {
        Ok(Value::Float(value))
    }
}

fn finite(value: f64, text: &str, to: &FieldType) -> Result<Value, Failure> {
    if value.is_finite() { Ok(Value::Float(value)) } else { Err(unfitting(Unfitting::Overflow, text, to)) }
}

fn micros(nanos: i128) -> Result<Value, Failure> {
    if nanos % 1000 != 0 {
        let message = format!(
            "the time has nanoseconds ({} of the second), its column counts microseconds",
            nanos.rem_euclid(SECOND)
        );
        return Err(Failure::new("time_precision", message));
    }
    let micros = i64::try_from(nanos / 1000);
    micros
        .map(Value::Timestamp)
        .map_err(|_| Failure::new("overflow", "the timestamp is out of range".to_owned()))
}

fn unfitting(why: Unfitting, text: &str, to: &FieldType) -> Failure {
    let (text, target) = (shortened(text), to.target);
    match (why, target) {
        (Unfitting::Overflow, _) => {
            Failure::new("overflow", format!("{text} is out of the range of {target}"))
        }
        (Unfitting::Inexact, Target::Decimal(..)) => {
            Failure::new("inexact", format!("{text} has more digits than {target} has room for"))
        }
        (Unfitting::Inexact, _) => Failure::new("inexact", format!("{text} is not a whole number")),
    }
}

fn not_a(text: &str, to: &FieldType) -> Failure {
    let article = if matches!(to.target, Target::Int) { "an" } else { "a" };
    Failure::new("invalid_conversion", format!("`{}` is not {article} {}", shortened(text), to.target))
}

/// There is no such conversion, whatever the value is.
fn none(cell: Cell<'_>, to: &FieldType) -> Failure {
    let kind = match cell {
        Cell::Null => "null",
        Cell::Bool(_) => "a bool",
        Cell::Int(_) | Cell::Uint(_) | Cell::Float(_) | Cell::Decimal(..) => "a number",
        Cell::Text(_) => "a text",
        Cell::Json(document) => JsonKind::of(document).map_or("no JSON", JsonKind::word),
        Cell::Bytes(_) => "bytes",
        Cell::Date(_) => "a date",
        Cell::Timestamp(_) => "a timestamp",
        Cell::Other => "a value of this type",
    };
    Failure::new("invalid_conversion", format!("{kind} cannot be cast to {}", to.target))
}
