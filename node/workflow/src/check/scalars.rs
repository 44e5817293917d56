use etl_model::{ByteSize, Span, UnitError};
use serde_json::{Map as JsonMap, Number, Value as Json};

use crate::check::At;
use crate::check::checker::{Verdict, list};
use crate::check::describe::shorten;
use crate::check::suggest::{did_you_mean, one_of};
use crate::codes;
use crate::yaml::{Node, Scalar, Typed};

/// Schema formats of quantities with units.
pub(crate) const TIME_SPAN: &str = "time-span";
pub(crate) const BYTE_SIZE: &str = "byte-size";

/// `const` and `enum`.
pub(super) fn fixed(node: &Node, keywords: &JsonMap<String, Json>, at: &At<'_>, verdict: &mut Verdict) {
    let allowed: Vec<&Json> = keywords.get("const").into_iter().chain(list(keywords, "enum")).collect();
    if allowed.is_empty() {
        return;
    }
    let Some(scalar) = node.scalar() else { return };
    let natural = match scalar.natural() {
        Typed::Null => Json::Null,
        Typed::Bool(value) => Json::Bool(*value),
        Typed::Number(number) => Json::Number(number.clone()),
        _ => Json::Null,
    };
    let text = scalar.text();
    if let Some(found) = allowed.iter().find(|value| value.as_str().is_some_and(|v| Some(v) == text)) {
        if found.is_string() && matches!(scalar.typed, Typed::Either(..)) {
            verdict.as_text.insert(node.id);
        }
        return;
    }
    if (text.is_none() || matches!(scalar.typed, Typed::Either(..))) && allowed.contains(&&natural) {
        return;
    }
    let words: Vec<String> =
        allowed.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    not_allowed(node, &words, at, verdict);
}

pub(super) fn not_allowed(node: &Node, words: &[&str], at: &At<'_>, verdict: &mut Verdict) {
    let at = at.marked(node.mark);
    let written = node.scalar().map(|scalar| shorten(&scalar.written)).unwrap_or_default();
    let message = format!("`{at}` must be {}, not `{written}`", one_of(words));
    let near = did_you_mean(&written, words).filter(|help| help.starts_with("did"));
    verdict.report(&at, codes::NOT_ALLOWED, message, near);
}

/// Lengths, ranges and units of a scalar whose type is right.
pub(super) fn bounds(
    scalar: &Scalar,
    as_text: bool,
    keywords: &JsonMap<String, Json>,
    at: &At<'_>,
    verdict: &mut Verdict,
) {
    let natural = if as_text { &scalar.typed } else { scalar.natural() };
    match natural {
        Typed::Number(number) => range(number, keywords, at, verdict),
        Typed::Text(text) | Typed::Either(_, text) if scalar.secret_parts.is_empty() => {
            count(text.chars().count(), ("minLength", "maxLength"), "characters", keywords, at, verdict);
            unit(text, keywords, at, verdict);
        }
        _ => {}
    }
}

/// A number where a quantity with a unit belongs: says which unit is likely.
pub(super) fn missing_unit(node: &Node, schema: &Json, at: &At<'_>, verdict: &mut Verdict) -> bool {
    let Some(scalar) = node.scalar() else { return false };
    let number = matches!(scalar.typed, Typed::Number(_));
    let before = verdict.issues.len();
    if let (true, Json::Object(keywords)) = (number, schema) {
        unit(&scalar.written, keywords, at, verdict);
    }
    verdict.issues.len() > before
}

fn unit(text: &str, keywords: &JsonMap<String, Json>, at: &At<'_>, verdict: &mut Verdict) {
    let parsed = match keywords.get("format").and_then(Json::as_str) {
        Some(TIME_SPAN) => text.parse::<Span>().map(|_| ()),
        Some(BYTE_SIZE) => text.parse::<ByteSize>().map(|_| ()),
        _ => return,
    };
    let Err(error) = parsed else { return };
    let (message, help) = match error {
        UnitError::Missing { text, suggestion } => {
            (format!("`{at}`: `{text}` has no unit"), format!("write `{suggestion}`"))
        }
        UnitError::Unknown { unit, kind, known } => {
            (format!("`{at}`: `{unit}` is not a unit of {kind}"), format!("use one of {known}"))
        }
        UnitError::Malformed { text, kind, example } => (
            format!("`{at}`: `{}` is not a {kind}", shorten(&text)),
            format!("write for example `{example}`"),
        ),
    };
    verdict.report(at, codes::UNIT, message, Some(help));
}

fn range(number: &Number, keywords: &JsonMap<String, Json>, at: &At<'_>, verdict: &mut Verdict) {
    let limit = |name: &str| keywords.get(name).and_then(Json::as_number);
    let format = keywords.get("format").and_then(Json::as_str).unwrap_or_default();
    let (least, most) = format_range(format);
    let lower = limit("minimum").cloned().or(least);
    let upper = limit("maximum").cloned().or(most);
    let message = if let Some(bound) = lower.filter(|bound| less(number, bound)) {
        format!("`{at}` must be at least {bound}, not {number}")
    } else if let Some(bound) = upper.filter(|bound| less(bound, number)) {
        format!("`{at}` must be at most {bound}, not {number}")
    } else if let Some(bound) = limit("exclusiveMinimum").filter(|bound| !less(bound, number)) {
        format!("`{at}` must be more than {bound}, not {number}")
    } else if let Some(bound) = limit("exclusiveMaximum").filter(|bound| !less(number, bound)) {
        format!("`{at}` must be less than {bound}, not {number}")
    } else {
        return;
    };
    verdict.report(at, codes::OUT_OF_RANGE, message, None);
}

/// The range of Rust's integer types, where schemars states no limits.
fn format_range(format: &str) -> (Option<Number>, Option<Number>) {
    match format {
        "int32" => (Some(i32::MIN.into()), Some(i32::MAX.into())),
        "uint32" => (Some(0.into()), Some(u32::MAX.into())),
        "int64" | "int" => (None, Some(i64::MAX.into())),
        "uint64" | "uint" => (Some(0.into()), None),
        _ => (None, None),
    }
}

/// Compares exactly where both are integers; 64-bit integers do not fit into a float.
fn less(a: &Number, b: &Number) -> bool {
    let whole = |n: &Number| n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a < b,
        _ => a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| a < b),
    }
}

/// Limits of a length or number of entries.
pub(super) fn count(
    length: usize,
    (least, most): (&str, &str),
    what: &str,
    keywords: &JsonMap<String, Json>,
    at: &At<'_>,
    verdict: &mut Verdict,
) {
    let limit = |name: &str| keywords.get(name).and_then(Json::as_u64);
    let length = length as u64;
    let message = match (limit(least), limit(most)) {
        (Some(1), _) if length == 0 => format!("`{at}` must not be empty"),
        (Some(bound), _) if length < bound => format!("`{at}` needs at least {bound} {what}, not {length}"),
        (_, Some(bound)) if length > bound => format!("`{at}` may have at most {bound} {what}, not {length}"),
        _ => return,
    };
    verdict.report(at, codes::OUT_OF_RANGE, message, None);
}
