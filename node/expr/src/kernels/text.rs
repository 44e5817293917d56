use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, BooleanArray, Datum, Int64Array, Scalar, StringArray, StringBuilder};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::kernels::comparison;
use regex::Regex;

use crate::functions::Function;
use crate::kernels::rows::{ints, texts, to_ints, to_text_lists, to_texts};
use crate::kernels::{Computed, is_live};
use crate::strings;
use crate::vector::{Data, Vector};

pub(super) fn search(function: Function, a: &Vector, b: &Vector) -> Option<Computed> {
    let (Data::String(text), Data::String(part)) = (&a.data, &b.data) else { return None };
    if a.constant {
        return None;
    }
    let constant;
    let part: &dyn Datum = if b.constant {
        constant = Scalar::new(part);
        &constant
    } else {
        part
    };
    let found = match function {
        Function::Contains => comparison::contains(text, part),
        Function::StartsWith => comparison::starts_with(text, part),
        Function::EndsWith => comparison::ends_with(text, part),
        _ => return None,
    };
    found.ok().map(|found| Computed::total(Data::Bool(BooleanArray::new(found.values().clone(), None))))
}

pub(super) fn size(a: &Vector) -> Option<Computed> {
    let length = |length| i64::try_from(length).unwrap_or(i64::MAX);
    let values: Vec<i64> = match &a.data {
        Data::String(array) if array.is_ascii() => array.offsets().lengths().map(length).collect(),
        Data::String(array) => (0..array.len()).map(|row| strings::size(array.value(row))).collect(),
        Data::Bytes(array) => array.offsets().lengths().map(length).collect(),
        _ => return None,
    };
    Some(Computed::total(Data::Int(Int64Array::new(values.into(), None))))
}

pub(super) fn transform(function: Function, a: &Vector, live: Option<&NullBuffer>) -> Option<Computed> {
    let Data::String(array) = &a.data else { return None };
    let mut builder = StringBuilder::with_capacity(array.len(), array.value_data().len());
    let mut buffer = String::new();
    for row in 0..array.len() {
        if !is_live(live, row) {
            builder.append_value("");
            continue;
        }
        let text = array.value(row);
        match function {
            Function::Trim => builder.append_value(text.trim()),
            Function::LowerAscii | Function::UpperAscii => {
                buffer.clear();
                buffer.push_str(text);
                if function == Function::LowerAscii {
                    buffer.make_ascii_lowercase();
                } else {
                    buffer.make_ascii_uppercase();
                }
                builder.append_value(&buffer);
            }
            _ => return None,
        }
    }
    Some(Computed::total(Data::String(builder.finish())))
}

/// The functions that take and yield one text at a time.
pub(super) fn call(
    function: Function,
    args: &[Vector],
    rows: usize,
    live: Option<&NullBuffer>,
) -> Option<Computed> {
    let [first, rest @ ..] = args else { return None };
    let text = texts(first)?;
    Some(match (function, rest) {
        (Function::Reverse, []) => to_texts(rows, live, |row| Ok(strings::reverse(text(row)))),
        (Function::Quote, []) => to_texts(rows, live, |row| Ok(strings::quote(text(row)))),
        (Function::Replace, [from, to]) => {
            let (from, to) = (texts(from)?, texts(to)?);
            to_texts(rows, live, |row| strings::replace(text(row), from(row), to(row), -1))
        }
        (Function::Replace, [from, to, limit]) => {
            let (from, to, limit) = (texts(from)?, texts(to)?, ints(limit)?);
            to_texts(rows, live, |row| strings::replace(text(row), from(row), to(row), limit(row)))
        }
        (Function::Split, [separator]) => {
            let separator = texts(separator)?;
            to_text_lists(rows, live, |row| Ok(strings::split(text(row), separator(row), -1)))
        }
        (Function::Split, [separator, limit]) => {
            let (separator, limit) = (texts(separator)?, ints(limit)?);
            to_text_lists(rows, live, |row| Ok(strings::split(text(row), separator(row), limit(row))))
        }
        (Function::Substring, [start]) => {
            let start = ints(start)?;
            to_texts(rows, live, |row| strings::substring(text(row), start(row), None))
        }
        (Function::Substring, [start, end]) => {
            let (start, end) = (ints(start)?, ints(end)?);
            to_texts(rows, live, |row| strings::substring(text(row), start(row), Some(end(row))))
        }
        (Function::IndexOf, [part]) => {
            let part = texts(part)?;
            to_ints(rows, live, |row| strings::index_of(text(row), part(row), 0))
        }
        (Function::IndexOf, [part, from]) => {
            let (part, from) = (texts(part)?, ints(from)?);
            to_ints(rows, live, |row| strings::index_of(text(row), part(row), from(row)))
        }
        (Function::LastIndexOf, [part]) => {
            let part = texts(part)?;
            to_ints(rows, live, |row| strings::last_index_of(text(row), part(row), None))
        }
        (Function::LastIndexOf, [part, from]) => {
            let (part, from) = (texts(part)?, ints(from)?);
            to_ints(rows, live, |row| strings::last_index_of(text(row), part(row), Some(from(row))))
        }
        (Function::CharAt, [index]) => {
            let index = ints(index)?;
            to_texts(rows, live, |row| strings::char_at(text(row), index(row)))
        }
        _ => return None,
    })
}

/// Whether the pattern matches somewhere in each text.
pub(crate) fn is_match(texts: &StringArray, pattern: &Regex) -> BooleanBuffer {
    BooleanBuffer::collect_bool(texts.len(), |row| texts.is_valid(row) && pattern.is_match(texts.value(row)))
}

/// Whether each text is one of the set.
pub(crate) fn is_in_strings(texts: &StringArray, set: &HashSet<Arc<str>>) -> BooleanBuffer {
    BooleanBuffer::collect_bool(texts.len(), |row| texts.is_valid(row) && set.contains(texts.value(row)))
}
