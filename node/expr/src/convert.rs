//! Conversions between types on single values.

use crate::failure::Failure;
use crate::functions::Function;
use crate::number;
use crate::time::{self, SECOND};
use crate::value::Value;

/// Calls a conversion; `None` where CEL defines none from the value's type.
pub(crate) fn convert(function: Function, value: &Value) -> Option<Result<Value, Failure>> {
    Some(match (function, value) {
        (Function::ToInt, Value::Int(_))
        | (Function::ToUint, Value::Uint(_))
        | (Function::ToDouble, Value::Double(_))
        | (Function::ToString, Value::String(_))
        | (Function::ToBool, Value::Bool(_))
        | (Function::ToBytes, Value::Bytes(_))
        | (Function::ToTimestamp, Value::Timestamp(_))
        | (Function::ToDuration, Value::Duration(_)) => Ok(value.clone()),
        (Function::ToInt, Value::Uint(v)) => {
            i64::try_from(*v).map(Value::Int).map_err(|_| Failure::overflow(format_args!("int({v})")))
        }
        (Function::ToInt, Value::Double(v)) => int_from_double(*v).map(Value::Int),
        (Function::ToInt, Value::String(v)) => int_from_string(v).map(Value::Int),
        (Function::ToInt, Value::Timestamp(v)) => i64::try_from(v.div_euclid(SECOND))
            .map(Value::Int)
            .map_err(|_| Failure::overflow(format_args!("int"))),
        (Function::ToUint, Value::Int(v)) => uint_from_int(*v).map(Value::Uint),
        (Function::ToUint, Value::Double(v)) => uint_from_double(*v).map(Value::Uint),
        (Function::ToUint, Value::String(v)) => uint_from_string(v).map(Value::Uint),
        (Function::ToDouble, Value::Int(v)) => Ok(Value::Double(*v as f64)),
        (Function::ToDouble, Value::Uint(v)) => Ok(Value::Double(*v as f64)),
        (Function::ToDouble, Value::String(v)) => double_from_string(v).map(Value::Double),
        (Function::ToString, Value::Bytes(v)) => string_from_bytes(v).map(Value::string),
        (Function::ToString, Value::Timestamp(v)) => time::timestamp_to_string(*v).map(Value::string),
        (
            Function::ToString,
            Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::Duration(_),
        ) => Ok(Value::string(text(value))),
        (Function::ToBool, Value::String(v)) => bool_from_string(v).map(Value::Bool),
        (Function::ToBytes, Value::String(v)) => Ok(Value::Bytes(v.as_bytes().into())),
        (Function::ToTimestamp, Value::Int(v)) => {
            time::checked_timestamp(i128::from(*v) * SECOND).map(Value::Timestamp)
        }
        (Function::ToTimestamp, Value::String(v)) => time::timestamp_from_string(v).map(Value::Timestamp),
        (Function::ToDuration, Value::String(v)) => time::duration_from_string(v).map(Value::Duration),
        _ => return None,
    })
}

fn not_a(kind: &'static str, text: &str) -> Failure {
    Failure::new("invalid_conversion", format!("`{}` is not {} {kind}", time::shortened(text), article(kind)))
}

fn article(kind: &str) -> &'static str {
    if kind == "int" { "an" } else { "a" }
}

pub(crate) fn int_from_double(value: f64) -> Result<i64, Failure> {
    number::double_to_int(value)
        .ok_or_else(|| Failure::overflow(format_args!("int({})", number::double_to_string(value))))
}

pub(crate) fn int_from_string(text: &str) -> Result<i64, Failure> {
    text.parse().map_err(|_| not_a("int", text))
}

pub(crate) fn uint_from_int(value: i64) -> Result<u64, Failure> {
    u64::try_from(value).map_err(|_| Failure::overflow(format_args!("uint({value})")))
}

pub(crate) fn uint_from_double(value: f64) -> Result<u64, Failure> {
    number::double_to_uint(value).ok_or_else(|| Failure::overflow(format_args!("uint({value})")))
}

pub(crate) fn uint_from_string(text: &str) -> Result<u64, Failure> {
    let digits = !text.starts_with('+');
    text.parse().ok().filter(|_| digits).ok_or_else(|| not_a("uint", text))
}

pub(crate) fn bool_from_string(text: &str) -> Result<bool, Failure> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(not_a("bool", text)),
    }
}

pub(crate) fn string_from_bytes(bytes: &[u8]) -> Result<&str, Failure> {
    std::str::from_utf8(bytes).map_err(|_| Failure::new("invalid_utf8", "the bytes are not UTF-8 text"))
}

pub(crate) fn double_from_string(text: &str) -> Result<f64, Failure> {
    text.parse().map_err(|_| not_a("double", text))
}

/// The text of a value with a `string` conversion, for conversions and messages.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Bool(v) => v.to_string(),
        Value::Int(v) => v.to_string(),
        Value::Uint(v) => v.to_string(),
        Value::Double(v) => number::double_to_string(*v),
        Value::String(v) => v.to_string(),
        Value::Duration(v) => time::duration_to_string(*v),
        other => other.type_name().to_owned(),
    }
}
