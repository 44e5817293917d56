//! Every function on single values: the meaning of operations without a column kernel, and of constants.

use std::cmp::Ordering;

use crate::convert;
use crate::failure::Failure;
use crate::functions::Function;
use crate::library;
use crate::lists;
use crate::number;
use crate::numeric;
use crate::patterns;
use crate::strings;
use crate::time;
use crate::value::Value;
use crate::zone::Zone;

/// Calls a function or operator; operands do not fail, and the result is of the type the signature promises.
pub(crate) fn call(function: Function, args: &[Value]) -> Result<Value, Failure> {
    if !function.accepts_null() && has_null_operand(function, args) {
        return Err(Failure::null_operand(function.name()));
    }
    let mismatch = || {
        let names: Vec<&str> = args.iter().map(Value::type_name).collect();
        Failure::overload(function.name(), &names)
    };
    if let Some(result) = library::call(function, args) {
        return result;
    }
    match (function, args) {
        (Function::Equal, [a, b]) => Ok(Value::Bool(a.equals(b))),
        (Function::NotEqual, [a, b]) => Ok(Value::Bool(!a.equals(b))),
        (Function::Dyn, [a]) => Ok(a.clone()),
        (Function::Less | Function::LessEqual | Function::Greater | Function::GreaterEqual, [a, b]) => {
            let ordering = a.compare(b).ok_or_else(mismatch)?;
            Ok(Value::Bool(ordering.is_some_and(|ordering| holds(function, ordering))))
        }
        (
            Function::Add | Function::Subtract | Function::Multiply | Function::Divide | Function::Modulo,
            [a, b],
        ) => arithmetic(function, a, b).unwrap_or_else(|| Err(mismatch())),
        (Function::Negate, [a]) => match a {
            Value::Int(v) => v.checked_neg().map(Value::Int).ok_or_else(|| overflow(format_args!("-({v})"))),
            Value::Double(v) => Ok(Value::Double(-v)),
            Value::Duration(v) => Ok(Value::Duration(-v)),
            _ => Err(mismatch()),
        },
        (Function::In, [a, Value::List(items)]) => Ok(Value::Bool(items.iter().any(|item| item.equals(a)))),
        (Function::In, [a, map @ Value::Map(_)]) => Ok(Value::Bool(map.entry(a).is_some())),
        (Function::Index, [container, key]) => index(container, key).unwrap_or_else(|| Err(mismatch())),
        (Function::Size, [a]) => match a {
            Value::String(text) => Ok(Value::Int(strings::size(text))),
            Value::Bytes(bytes) => Ok(length(bytes.len())),
            Value::List(items) => Ok(length(items.len())),
            Value::Map(entries) => Ok(length(entries.len())),
            _ => Err(mismatch()),
        },
        (
            Function::ToInt
            | Function::ToUint
            | Function::ToDouble
            | Function::ToString
            | Function::ToBool
            | Function::ToBytes
            | Function::ToTimestamp
            | Function::ToDuration,
            [a],
        ) => convert::convert(function, a).unwrap_or_else(|| Err(mismatch())),
        (Function::Get(part), [Value::Timestamp(nanos)]) => {
            time::timestamp_part(*nanos, part, Zone::UTC).map(Value::Int)
        }
        (Function::Get(part), [Value::Timestamp(nanos), Value::String(zone)]) => {
            Zone::parse(zone).and_then(|zone| time::timestamp_part(*nanos, part, zone)).map(Value::Int)
        }
        (Function::Get(part), [Value::Duration(nanos)]) => {
            time::duration_part(*nanos, part).map(Value::Int).ok_or_else(mismatch)
        }
        (Function::Greatest | Function::Least, args) => {
            extreme(function, args).unwrap_or_else(|| Err(mismatch()))
        }
        (Function::Abs, [Value::Int(v)]) => numeric::abs(*v).map(Value::Int),
        (Function::Abs, [Value::Uint(v)]) => Ok(Value::Uint(*v)),
        (Function::Sign, [Value::Int(v)]) => Ok(Value::Int(v.signum())),
        (Function::Sign, [Value::Uint(v)]) => Ok(Value::Uint(u64::from(*v > 0))),
        (Function::Join, [Value::List(items), rest @ ..]) => {
            let separator = match rest {
                [] => "",
                [Value::String(separator)] => separator.as_ref(),
                _ => return Err(mismatch()),
            };
            join(items, separator)
        }
        (function, [Value::String(text), rest @ ..]) => {
            string_function(function, text, rest).unwrap_or_else(|| Err(mismatch()))
        }
        _ => Err(mismatch()),
    }
}

fn has_null_operand(function: Function, args: &[Value]) -> bool {
    match (function, args) {
        // A list may hold nulls, so null may be looked for.
        (Function::In, [_, container]) => matches!(container, Value::Null),
        _ => args.iter().any(|arg| matches!(arg, Value::Null)),
    }
}

/// Whether a comparison holds for operands in this order.
pub(crate) fn holds(function: Function, ordering: Ordering) -> bool {
    match function {
        Function::Less => ordering == Ordering::Less,
        Function::LessEqual => ordering != Ordering::Greater,
        Function::Greater => ordering == Ordering::Greater,
        Function::GreaterEqual => ordering != Ordering::Less,
        _ => false,
    }
}

fn overflow(what: std::fmt::Arguments<'_>) -> Failure {
    Failure::overflow(what)
}

fn length(length: usize) -> Value {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

/// Why an arithmetic operation on whole numbers has no value.
pub(crate) fn arithmetic_failure(
    function: Function,
    a: impl std::fmt::Display,
    b: impl std::fmt::Display,
    zero: bool,
) -> Failure {
    match function {
        Function::Divide if zero => Failure::new("division_by_zero", format!("{a} / 0")),
        Function::Modulo if zero => Failure::new("modulus_by_zero", format!("{a} % 0")),
        _ => overflow(format_args!("{a} {} {b}", function.name())),
    }
}

fn arithmetic(function: Function, a: &Value, b: &Value) -> Option<Result<Value, Failure>> {
    macro_rules! whole {
        ($kind:ident, $a:expr, $b:expr) => {{
            let result = match function {
                Function::Add => $a.checked_add(*$b),
                Function::Subtract => $a.checked_sub(*$b),
                Function::Multiply => $a.checked_mul(*$b),
                Function::Divide => $a.checked_div(*$b),
                Function::Modulo => $a.checked_rem(*$b),
                _ => return None,
            };
            Some(result.map(Value::$kind).ok_or_else(|| arithmetic_failure(function, $a, $b, *$b == 0)))
        }};
    }
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => whole!(Int, a, b),
        (Value::Uint(a), Value::Uint(b)) => whole!(Uint, a, b),
        (Value::Double(a), Value::Double(b)) => Some(Ok(Value::Double(match function {
            Function::Add => a + b,
            Function::Subtract => a - b,
            Function::Multiply => a * b,
            Function::Divide => a / b,
            _ => return None,
        }))),
        _ => match (function, a, b) {
            (Function::Add, Value::String(a), Value::String(b)) => {
                if a.len() + b.len() > strings::LONGEST {
                    return Some(Err(Failure::new("too_long", "the joined text is too long")));
                }
                Some(Ok(Value::string([a.as_ref(), b.as_ref()].concat())))
            }
            (Function::Add, Value::Bytes(a), Value::Bytes(b)) => {
                if a.len() + b.len() > strings::LONGEST {
                    return Some(Err(Failure::new("too_long", "the joined bytes are too long")));
                }
                Some(Ok(Value::Bytes([a.as_ref(), b.as_ref()].concat().into())))
            }
            (Function::Add, Value::List(a), Value::List(b)) => {
                Some(Ok(Value::List(a.iter().chain(b.iter()).cloned().collect())))
            }
            (Function::Add, Value::Timestamp(t), Value::Duration(d))
            | (Function::Add, Value::Duration(d), Value::Timestamp(t)) => {
                Some(time::checked_timestamp(t + d).map(Value::Timestamp))
            }
            (Function::Subtract, Value::Timestamp(t), Value::Duration(d)) => {
                Some(time::checked_timestamp(t - d).map(Value::Timestamp))
            }
            (Function::Subtract, Value::Timestamp(a), Value::Timestamp(b)) => {
                Some(time::checked_duration(a - b).map(Value::Duration))
            }
            (Function::Add, Value::Duration(a), Value::Duration(b)) => {
                Some(time::checked_duration(a + b).map(Value::Duration))
            }
            (Function::Subtract, Value::Duration(a), Value::Duration(b)) => {
                Some(time::checked_duration(a - b).map(Value::Duration))
            }
            _ => None,
        },
    }
}

fn index(container: &Value, key: &Value) -> Option<Result<Value, Failure>> {
    match container {
        Value::List(items) => {
            let place = match key {
                Value::Int(index) => usize::try_from(*index).ok(),
                Value::Uint(index) => usize::try_from(*index).ok(),
                Value::Double(index) if index.fract() == 0.0 => {
                    number::double_to_uint(*index).and_then(|index| usize::try_from(index).ok())
                }
                Value::Double(_) => None,
                _ => return None,
            };
            let found = place.and_then(|place| items.get(place)).cloned();
            Some(found.ok_or_else(|| lists::outside(&convert::text(key), items.len())))
        }
        Value::Map(_) => Some(container.entry(key).cloned().ok_or_else(|| {
            Failure::new(
                "no_such_key",
                format!("the map has no key {}", time::shortened(&convert::text(key))),
            )
        })),
        _ => None,
    }
}

fn extreme(function: Function, args: &[Value]) -> Option<Result<Value, Failure>> {
    let items = match args {
        [Value::List(items)] => items,
        args => args,
    };
    let Some(mut best) = items.first() else {
        let message = format!("`{}` of an empty list", function.name());
        return Some(Err(Failure::new("empty_list", message)));
    };
    let number = |value: &Value| matches!(value, Value::Int(_) | Value::Uint(_) | Value::Double(_));
    if !items.iter().all(number) {
        return None;
    }
    let wanted = if function == Function::Greatest { Ordering::Greater } else { Ordering::Less };
    for item in items {
        if item.compare(best).flatten() == Some(wanted) {
            best = item;
        }
    }
    Some(Ok(best.clone()))
}

fn join(items: &[Value], separator: &str) -> Result<Value, Failure> {
    let mut text = String::new();
    for (i, item) in items.iter().enumerate() {
        let Value::String(item) = item else {
            return Err(Failure::overload("join", &["list", item.type_name()]));
        };
        if i > 0 {
            text.push_str(separator);
        }
        text.push_str(item);
        if text.len() > strings::LONGEST {
            return Err(Failure::new("too_long", "the joined text is too long"));
        }
    }
    Ok(Value::string(text))
}

fn string_function(function: Function, text: &str, rest: &[Value]) -> Option<Result<Value, Failure>> {
    let result = match (function, rest) {
        (Function::Contains, [Value::String(part)]) => Ok(Value::Bool(text.contains(part.as_ref()))),
        (Function::StartsWith, [Value::String(part)]) => Ok(Value::Bool(text.starts_with(part.as_ref()))),
        (Function::EndsWith, [Value::String(part)]) => Ok(Value::Bool(text.ends_with(part.as_ref()))),
        (Function::Matches, [Value::String(pattern)]) => patterns::is_match(text, pattern).map(Value::Bool),
        (Function::LowerAscii, []) => Ok(Value::string(text.to_ascii_lowercase())),
        (Function::UpperAscii, []) => Ok(Value::string(text.to_ascii_uppercase())),
        (Function::Trim, []) => Ok(Value::string(text.trim())),
        (Function::Reverse, []) => Ok(Value::string(strings::reverse(text))),
        (Function::Replace, [Value::String(from), Value::String(to)]) => {
            strings::replace(text, from, to, -1).map(Value::string)
        }
        (Function::Replace, [Value::String(from), Value::String(to), Value::Int(limit)]) => {
            strings::replace(text, from, to, *limit).map(Value::string)
        }
        (Function::Split, [Value::String(separator)]) => Ok(parts(strings::split(text, separator, -1))),
        (Function::Split, [Value::String(separator), Value::Int(limit)]) => {
            Ok(parts(strings::split(text, separator, *limit)))
        }
        (Function::Substring, [Value::Int(start)]) => {
            strings::substring(text, *start, None).map(Value::string)
        }
        (Function::Substring, [Value::Int(start), Value::Int(end)]) => {
            strings::substring(text, *start, Some(*end)).map(Value::string)
        }
        (Function::IndexOf, [Value::String(part)]) => strings::index_of(text, part, 0).map(Value::Int),
        (Function::IndexOf, [Value::String(part), Value::Int(from)]) => {
            strings::index_of(text, part, *from).map(Value::Int)
        }
        (Function::LastIndexOf, [Value::String(part)]) => {
            strings::last_index_of(text, part, None).map(Value::Int)
        }
        (Function::LastIndexOf, [Value::String(part), Value::Int(from)]) => {
            strings::last_index_of(text, part, Some(*from)).map(Value::Int)
        }
        (Function::CharAt, [Value::Int(index)]) => strings::char_at(text, *index).map(Value::string),
        _ => return None,
    };
    Some(result)
}

fn parts(parts: Vec<&str>) -> Value {
    Value::List(parts.into_iter().map(Value::string).collect())
}
