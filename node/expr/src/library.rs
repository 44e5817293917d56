//! The functions beyond the core of CEL on single values.

use crate::calendar;
use crate::encodings;
use crate::failure::Failure;
use crate::functions::{BitOperation, Function};
use crate::hashes;
use crate::json;
use crate::lists;
use crate::numeric::{self, as_bits, from_bits};
use crate::patterns;
use crate::strings;
use crate::template;
use crate::value::Value;
use crate::zone::Zone;

type Called = Option<Result<Value, Failure>>;

/// Calls a function; `None` where it is none of these, or has no overload for the operands.
pub(crate) fn call(function: Function, args: &[Value]) -> Called {
    numbers(function, args)
        .or_else(|| texts(function, args))
        .or_else(|| codes(function, args))
        .or_else(|| times(function, args))
        .or_else(|| of_lists(function, args))
        .or_else(|| optionals(function, args))
}

fn numbers(function: Function, args: &[Value]) -> Called {
    Some(Ok(match (function, args) {
        (Function::Power, [a, b]) => Value::Double(double(a)?.powf(double(b)?)),
        (Function::Sqrt | Function::Exp | Function::Ln | Function::Log10 | Function::Log2, [a]) => {
            Value::Double(numeric::real(function, double(a)?)?)
        }
        (Function::BitNot, [Value::Int(a)]) => Value::Int(!a),
        (Function::BitNot, [Value::Uint(a)]) => Value::Uint(!a),
        (Function::Bits(operation), [Value::Int(a), Value::Int(b)]) => {
            return Some(numeric::bits(operation, as_bits(*a), as_bits(*b)).map(from_bits).map(Value::Int));
        }
        (Function::Bits(operation), [Value::Uint(a), b]) => {
            let b = match (operation, b) {
                (BitOperation::ShiftLeft | BitOperation::ShiftRight, Value::Int(b)) => as_bits(*b),
                (BitOperation::And | BitOperation::Or | BitOperation::Xor, Value::Uint(b)) => *b,
                _ => return None,
            };
            return Some(numeric::bits(operation, *a, b).map(Value::Uint));
        }
        (function, [Value::Double(value)]) => match numeric::test(function, *value) {
            Some(answer) => Value::Bool(answer),
            None => Value::Double(numeric::real(function, *value)?),
        },
        _ => return None,
    }))
}

fn double(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Uint(value) => Some(*value as f64),
        Value::Double(value) => Some(*value),
        _ => None,
    }
}

fn texts(function: Function, args: &[Value]) -> Called {
    Some(match (function, args) {
        (Function::Quote, [Value::String(text)]) => Ok(Value::string(strings::quote(text))),
        (Function::Format, [Value::String(text), Value::List(items)]) => {
            template::format(text, items).map(Value::string)
        }
        (Function::FormatItems, [Value::String(text), items @ ..]) => {
            template::format(text, items).map(Value::string)
        }
        (Function::Extract, [Value::String(text), Value::String(pattern)]) => {
            patterns::extract(text, pattern).map(|found| found.map_or(Value::Null, Value::string))
        }
        (Function::ExtractAll, [Value::String(text), Value::String(pattern)]) => {
            patterns::extract_all(text, pattern)
                .map(|found| Value::List(found.into_iter().map(Value::string).collect()))
        }
        (
            Function::ReplacePattern,
            [Value::String(text), Value::String(pattern), Value::String(with), rest @ ..],
        ) => {
            let limit = match rest {
                [] => -1,
                [Value::Int(limit)] => *limit,
                _ => return None,
            };
            patterns::replace(text, pattern, with, limit).map(Value::string)
        }
        _ => return None,
    })
}

fn codes(function: Function, args: &[Value]) -> Called {
    let bytes = |bytes: Vec<u8>| Value::Bytes(bytes.into());
    Some(match (function, args) {
        (Function::ToBase64, [Value::Bytes(value)]) => Ok(Value::string(encodings::to_base64(value))),
        (Function::FromBase64, [Value::String(text)]) => encodings::from_base64(text).map(bytes),
        (Function::ToHex, [Value::Bytes(value)]) => Ok(Value::string(encodings::to_hex(value))),
        (Function::FromHex, [Value::String(text)]) => encodings::from_hex(text).map(bytes),
        (Function::ToPercent, [Value::String(text)]) => Ok(Value::string(encodings::to_percent(text))),
        (Function::FromPercent, [Value::String(text)]) => encodings::from_percent(text).map(Value::string),
        (Function::ParseUrl, [Value::String(text)]) => encodings::parse_url(text),
        (Function::ParseJson, [Value::String(text)]) => json::parse(text),
        (Function::ToJson, [value]) => json::to_json(value).map(|json| Value::string(json.to_string())),
        (Function::Hash(hash), [value]) => Ok(Value::string(hashes::hash(hash, raw(value)?))),
        (Function::HmacSha256, [key, value]) => {
            hashes::hmac_sha256(raw(key)?, raw(value)?).map(Value::string)
        }
        (Function::UuidV5, [Value::String(space), Value::String(name)]) => {
            hashes::uuid_v5(space, name).map(Value::string)
        }
        _ => return None,
    })
}

fn raw(value: &Value) -> Option<&[u8]> {
    match value {
        Value::String(text) => Some(text.as_bytes()),
        Value::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}

fn times(function: Function, args: &[Value]) -> Called {
    let zone = |rest: &[Value]| match rest {
        [] => Some(Ok(Zone::UTC)),
        [Value::String(zone)] => Some(Zone::parse(zone)),
        _ => None,
    };
    Some(match (function, args) {
        (Function::Format, [Value::Timestamp(nanos), Value::String(pattern), rest @ ..]) => {
            zone(rest)?.and_then(|zone| calendar::format(*nanos, pattern, zone)).map(Value::string)
        }
        (Function::ParseTime, [Value::String(text), Value::String(pattern), rest @ ..]) => {
            zone(rest)?.and_then(|zone| calendar::parse(text, pattern, zone)).map(Value::Timestamp)
        }
        (Function::Truncate, [Value::Timestamp(nanos), Value::String(unit), rest @ ..]) => {
            zone(rest)?.and_then(|zone| calendar::truncate(*nanos, unit, zone)).map(Value::Timestamp)
        }
        _ => return None,
    })
}

fn of_lists(function: Function, args: &[Value]) -> Called {
    Some(match (function, args) {
        (Function::Reverse, [Value::List(items)]) => Ok(Value::List(items.iter().rev().cloned().collect())),
        (Function::Slice, [Value::List(items), Value::Int(start), Value::Int(end)]) => {
            lists::slice(items, *start, *end)
        }
        (Function::Flatten, [Value::List(items)]) => lists::flatten(items, 1),
        (Function::Flatten, [Value::List(items), Value::Int(depth)]) => lists::flatten(items, *depth),
        (Function::Sort, [Value::List(items)]) => lists::sort_by(function.name(), items, items),
        (Function::Distinct, [Value::List(items)]) => Ok(lists::distinct(items)),
        (Function::Range, [Value::Int(count)]) => lists::range(*count),
        (Function::First, [Value::List(items)]) => Ok(items.first().cloned().unwrap_or(Value::Null)),
        (Function::Last, [Value::List(items)]) => Ok(items.last().cloned().unwrap_or(Value::Null)),
        (Function::Unwrap, [Value::List(items)]) => {
            let held = items.iter().filter(|item| !matches!(item, Value::Null));
            Ok(Value::List(held.cloned().collect()))
        }
        (Function::SetContains, [Value::List(a), Value::List(b)]) => Ok(Value::Bool(lists::contains(a, b))),
        (Function::SetEquivalent, [Value::List(a), Value::List(b)]) => {
            Ok(Value::Bool(lists::contains(a, b) && lists::contains(b, a)))
        }
        (Function::SetIntersects, [Value::List(a), Value::List(b)]) => {
            Ok(Value::Bool(lists::intersects(a, b)))
        }
        _ => return None,
    })
}

/// An optional that holds nothing is null.
fn optionals(function: Function, args: &[Value]) -> Called {
    Some(match (function, args) {
        (Function::OptionalNone, []) => Ok(Value::Null),
        (Function::OptionalOf, [value]) => Ok(value.clone()),
        (Function::OptionalOfNonZero, [value]) => {
            Ok(if is_zero(value) { Value::Null } else { value.clone() })
        }
        (Function::OrValue | Function::Or, [Value::Null, other]) => Ok(other.clone()),
        (Function::OrValue | Function::Or | Function::Catch, [value, _]) => Ok(value.clone()),
        (Function::HasValue, [value]) => Ok(Value::Bool(!matches!(value, Value::Null))),
        (Function::OptionalValue, [Value::Null]) => Err(Failure::no_value()),
        (Function::OptionalValue, [value]) => Ok(value.clone()),
        _ => return None,
    })
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Int(value) => *value == 0,
        Value::Uint(value) => *value == 0,
        Value::Double(value) => *value == 0.0,
        Value::String(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::Timestamp(_) => false,
        Value::Duration(nanos) => *nanos == 0,
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
    }
}
