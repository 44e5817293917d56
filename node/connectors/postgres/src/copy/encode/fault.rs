use std::fmt::{Display, Write as _};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::spans::duration_text;

/// Characters of a value that a message shows.
const SNIPPET: usize = 100;

/// Bytes of a value that is too large for PostgreSQL which are kept for the record.
const LARGE: usize = 64 * 1024;

/// A value that its column cannot hold. Always boxed, so that the result of a cell is one word.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: &'static str,
    /// Where inside a nested value.
    path: String,
}

/// What writing a cell comes to.
pub(super) type Outcome = Result<(), Box<Fault>>;

impl Fault {
    #[cold]
    pub(super) fn new(code: &'static str, message: String, help: &'static str) -> Box<Self> {
        Box::new(Self { code, message, help, path: String::new() })
    }

    #[cold]
    pub(super) fn out_of_range(value: impl Display, type_name: &str) -> Box<Self> {
        Self::new(
            "out_of_range",
            format!("{value} does not fit {type_name}"),
            "make the table's column wider, or filter or convert such values with a mapping",
        )
    }

    #[cold]
    pub(super) fn too_precise(value: impl Display, type_name: &str) -> Box<Self> {
        Self::new(
            "too_precise",
            format!("{value} has a fraction of a second that {type_name} would round"),
            "cut the fraction off with a mapping, or keep the value in a text column",
        )
    }

    #[cold]
    pub(super) fn invalid(code: &'static str, text: &str, what: &str, help: &'static str) -> Box<Self> {
        Self::new(code, format!("`{}` is not {what}", snippet(text)), help)
    }

    #[cold]
    pub(super) fn nul(at: usize) -> Box<Self> {
        Self::new(
            "nul_character",
            format!("the text has a NUL character at byte {at}, which PostgreSQL cannot store"),
            "remove it with a mapping such as `text.replace('\\u0000', '')`",
        )
    }

    #[cold]
    pub(super) fn too_large(bytes: usize) -> Box<Self> {
        Self::new(
            "too_large",
            format!("the value has {bytes} bytes, and PostgreSQL stores less than 1 GiB"),
            "leave the column out or split the value",
        )
    }

    /// The same, found inside a nested value; `part` is `[2]` or `.name`.
    #[cold]
    pub(super) fn inside(mut self: Box<Self>, part: &str) -> Box<Self> {
        self.path.insert_str(0, part);
        self
    }

    /// The whole message.
    pub(super) fn full_message(&self) -> String {
        match self.path.as_str() {
            "" => self.message.clone(),
            path => format!("at `{path}`: {}", self.message),
        }
    }
}

/// The beginning of a text, short enough for a message.
pub(super) fn snippet(text: &str) -> String {
    match text.char_indices().nth(SNIPPET) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// A value as text, for the record of a fault.
pub(super) fn shown(array: &dyn Array, row: usize) -> String {
    let mut text = match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => cut(array.as_string::<i64>().value(row)),
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        DataType::Duration(unit) => {
            let count = match unit {
                TimeUnit::Second => array.as_primitive::<DurationSecondType>().value(row),
                TimeUnit::Millisecond => array.as_primitive::<DurationMillisecondType>().value(row),
                TimeUnit::Microsecond => array.as_primitive::<DurationMicrosecondType>().value(row),
                TimeUnit::Nanosecond => array.as_primitive::<DurationNanosecondType>().value(row),
            };
            duration_text(count, *unit)
        }
        _ => {
            let options = FormatOptions::new().with_display_error(false);
            let mut text = String::new();
            let written = ArrayFormatter::try_new(array, &options)
                .is_ok_and(|formatter| formatter.value(row).write(&mut text).is_ok());
            if !written {
                text = number_behind(array, row);
            }
            text
        }
    };
    if text.len() > super::cell_writer::MAX_VALUE {
        text = cut(&text);
    }
    text
}

fn cut(text: &str) -> String {
    if text.len() <= super::cell_writer::MAX_VALUE {
        return text.to_owned();
    }
    let mut kept = text[..text.floor_char_boundary(LARGE)].to_owned();
    // Writing to a string cannot fail.
    let _ = write!(kept, "... ({} bytes)", text.len());
    kept
}

/// A moment too far away for a calendar, or in an unknown time zone, as its count.
fn number_behind(array: &dyn Array, row: usize) -> String {
    let DataType::Timestamp(unit, _) = array.data_type() else { return array.data_type().to_string() };
    let (count, unit) = match unit {
        TimeUnit::Second => (array.as_primitive::<TimestampSecondType>().value(row), "s"),
        TimeUnit::Millisecond => (array.as_primitive::<TimestampMillisecondType>().value(row), "ms"),
        TimeUnit::Microsecond => (array.as_primitive::<TimestampMicrosecondType>().value(row), "us"),
        TimeUnit::Nanosecond => (array.as_primitive::<TimestampNanosecondType>().value(row), "ns"),
    };
    format!("{count} {unit} since 1970-01-01")
}
