use etl_transforms::Cast;
use serde_json::{Value, json};

use super::{CASES, Case, Fate, case, compare};
use crate::batches::process;
use crate::generated::{Kind, at, paths, put};

/// A number as its sign, digits and how many of them are behind the point; `None` for what is no number.
fn digits(text: &str) -> Option<(bool, String, usize)> {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let (negative, number) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
    let number = number.strip_prefix('+').unwrap_or(number);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut behind = fraction.len() as i32 - exponent;
    while behind < 0 {
        all.push('0');
        behind += 1;
    }
    while behind > 0 && all.ends_with('0') {
        all.pop();
        behind -= 1;
    }
    Some((negative, all, behind as usize))
}

/// The number with `scale` digits behind the point, as a whole number.
fn whole(text: &str, scale: usize) -> Result<i128, &'static str> {
    let (negative, digits, behind) = digits(text).ok_or("invalid_conversion")?;
    if behind > scale {
        return Err("inexact");
    }
    let text = format!("{digits}{}", "0".repeat(scale - behind));
    let value: i128 = text
        .trim_start_matches('0')
        .parse()
        .or_else(|_| if text.bytes().all(|b| b == b'0') { Ok(0) } else { Err("overflow") })?;
    Ok(if negative { -value } else { value })
}

fn text_of(kind: &Kind, value: &Value) -> Option<String> {
    match (kind, value) {
        (Kind::Text | Kind::Decimal, Value::String(text)) => Some(text.clone()),
        (Kind::Float, value) => Some(format!("{:e}", value.as_f64()?)),
        (Kind::Int, value) => Some(value.to_string()),
        _ => None,
    }
}

/// What a value becomes; documents have their value's own type.
pub fn cast_value(kind: &Kind, value: &Value, to: &str) -> Result<Value, &'static str> {
    let none = Err("invalid_conversion");
    match (kind, value) {
        (_, Value::Null) => return Ok(Value::Null),
        (Kind::Json, Value::String(_)) => return cast_value(&Kind::Text, value, to),
        (Kind::Json, Value::Bool(_)) => return cast_value(&Kind::Bool, value, to),
        (Kind::Json, Value::Number(number)) if to != "string" => {
            let kind = if number.is_f64() { Kind::Float } else { Kind::Int };
            return if to == "bool" {
                cast_value(&Kind::List(Box::new(kind)), value, to)
            } else {
                cast_value(&kind, value, to)
            };
        }
        (Kind::Json, document) => return if to == "string" { Ok(json!(document.to_string())) } else { none },
        (Kind::List(_) | Kind::Record(_) | Kind::Map(_), _) => return none,
        _ => {}
    }
    match to {
        "string" => Ok(match (kind, value.as_f64()) {
            (Kind::Float, Some(float)) if float.fract() == 0.0 && float < 1e21 => {
                json!(format!("{float:.0}"))
            }
            (Kind::Float, Some(float)) if float > 1e21 => json!(format!("{float:e}")),
            (_, _) => json!(value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
        }),
        "int" => match (kind, value) {
            (Kind::Bool, value) => Ok(json!(i64::from(value == true))),
            (Kind::Text, Value::String(text)) => {
                text.parse::<i64>().map(|v| json!(v)).map_err(|_| "invalid_conversion")
            }
            (kind, value) => {
                let exact = whole(&text_of(kind, value).ok_or("invalid_conversion")?, 0)?;
                i64::try_from(exact).map(|v| json!(v)).map_err(|_| "overflow")
            }
        },
        "decimal(6,2)" => {
            let exact = whole(&text_of(kind, value).ok_or("invalid_conversion")?, 2)?;
            if exact.abs() >= 1_000_000 {
                return Err("overflow");
            }
            let sign = if exact < 0 { "-" } else { "" };
            Ok(json!(format!("{sign}{}.{:02}", exact.abs() / 100, exact.abs() % 100)))
        }
        _ => match (kind, value) {
            (Kind::Bool, value) => Ok(value.clone()),
            (Kind::Int, value) => value
                .as_i64()
                .filter(|v| (0..=1).contains(v))
                .map(|v| json!(v == 1))
                .ok_or("invalid_conversion"),
            (Kind::Text, Value::String(text)) => match text.as_str() {
                "true" => Ok(json!(true)),
                "F" => Ok(json!(false)),
                _ => none,
            },
            (Kind::Decimal, Value::String(_)) => none,
            _ => none,
        },
    }
}

#[test]
fn cast() {
    let mut compared = 0;
    for seed in 0.. {
        if compared == CASES {
            break;
        }
        let Case { mut random, fields, rows, batch } =
            case(seed, &[("price", Kind::Decimal), ("t", Kind::Text), ("f", Kind::Float)]);
        let (path, kind) = random.pick(&paths(&fields)).clone();
        let to = *random.pick(&["string", "int", "decimal(6,2)", "bool"]);
        let nested = path.contains('.');
        if nested && to.starts_with("decimal") {
            // Inside records decimals are shown as floating-point numbers.
            continue;
        }
        compared += 1;
        let null = random.one_in(3);
        let config = json!({"fields": {path.clone(): {"type": to, "on_failure": if null { "null" } else { "error" }}}});
        let fate = |row: &Value| {
            let value = match cast_value(&kind, at(row, &path), to) {
                Ok(value) => value,
                Err(_) if null => Value::Null,
                Err(code) => return Fate::Failed(code),
            };
            let mut made = row.clone();
            put(&mut made, &path, Some(value));
            Fate::On(vec![made])
        };
        let fates: Vec<Fate> = rows.iter().map(fate).collect();
        compare(seed, &config, &process(Cast, config.clone(), batch), &fates);
    }
}
