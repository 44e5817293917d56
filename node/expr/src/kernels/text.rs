use arrow::array::{Array, BooleanArray, Datum, Int64Array, Scalar, StringArray, StringBuilder};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
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
    match function {
        Function::LowerAscii => in_place(array, <[u8]>::make_ascii_lowercase),
        Function::UpperAscii => in_place(array, <[u8]>::make_ascii_uppercase),
        Function::Trim => Some(trimmed(array, live)),
        _ => None,
    }
}

/// All texts at once, by a change that leaves each character where it is.
fn in_place(array: &StringArray, change: impl Fn(&mut [u8])) -> Option<Computed> {
    let (first, last) = (*array.offsets().first()?, *array.offsets().last()?);
    let mut bytes =
        array.value_data().get(usize::try_from(first).ok()?..usize::try_from(last).ok()?)?.to_vec();
    change(&mut bytes);
    let offsets = OffsetBuffer::from_lengths(array.offsets().lengths());
    let changed = StringArray::try_new(offsets, bytes.into(), None).ok()?;
    Some(Computed::total(Data::String(changed)))
}

fn trimmed(array: &StringArray, live: Option<&NullBuffer>) -> Computed {
    let mut builder = StringBuilder::with_capacity(array.len(), array.value_data().len());
    for row in 0..array.len() {
        builder.append_value(if is_live(live, row) { array.value(row).trim() } else { "" });
    }
    Computed::total(Data::String(builder.finish()))
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
