use std::fmt::Write as _;

use arrow::array::cast::AsArray;
use arrow::array::types::*;
use arrow::array::{AnyDictionaryArray, Array, BooleanArray, PrimitiveArray, StringViewArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use etl_model::is_json;

use crate::FormatError;

use super::cursor::Cursor;
use super::escape::{is_plain, write_plain, write_string};
use super::fault::{Fallible, Fault, snippet};
use super::instant::Instants;
use super::object_writer::ObjectWriter;
use super::options::Nulls;

/// How values are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub nulls: Nulls,
    /// Whether what JSON cannot express becomes a string, for people to read, instead of an error.
    pub lenient: bool,
}

/// Writes the values of one column.
pub(super) struct Writer<'a> {
    values: Values<'a>,
    nulls: Option<NullBuffer>,
    style: Style,
}

enum Values<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int8(&'a PrimitiveArray<Int8Type>),
    Int16(&'a PrimitiveArray<Int16Type>),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    UInt8(&'a PrimitiveArray<UInt8Type>),
    UInt16(&'a PrimitiveArray<UInt16Type>),
    UInt32(&'a PrimitiveArray<UInt32Type>),
    UInt64(&'a PrimitiveArray<UInt64Type>),
    Float16(&'a PrimitiveArray<Float16Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    /// The flag says that no value needs an escape.
    Text {
        offsets: &'a [i32],
        data: &'a [u8],
        plain: bool,
    },
    LargeText {
        offsets: &'a [i64],
        data: &'a [u8],
        plain: bool,
    },
    TextView(&'a StringViewArray),
    Json(Box<dyn Fn(usize) -> &'a str + 'a>),
    /// What Arrow can display, in quotes or (decimals) without.
    Displayed(ArrayFormatter<'a>, bool),
    Instant(Instants<'a>),
    Binary(Box<dyn Fn(usize) -> &'a [u8] + 'a>),
    Object(ObjectWriter<'a>),
    List(Box<Writer<'a>>, Box<dyn Fn(usize) -> (usize, usize) + 'a>),
    Map {
        keys: Box<Writer<'a>>,
        quoted: bool,
        items: Box<Writer<'a>>,
        offsets: &'a [i32],
    },
    Dictionary(Box<Writer<'a>>, Vec<usize>),
}

impl<'a> Writer<'a> {
    /// # Errors
    /// [`FormatError::Unsupported`] for a type without a form in JSON.
    pub fn new(field: &Field, array: &'a dyn Array, style: Style) -> Result<Self, FormatError> {
        use DataType::*;
        let unsupported = || FormatError::Unsupported {
            format: "json",
            column: field.name().clone(),
            data_type: field.data_type().to_string(),
        };
        let values = match array.data_type() {
            Null => Values::Null,
            Boolean => Values::Bool(array.as_boolean()),
            Int8 => Values::Int8(array.as_primitive()),
            Int16 => Values::Int16(array.as_primitive()),
            Int32 => Values::Int32(array.as_primitive()),
            Int64 => Values::Int64(array.as_primitive()),
            UInt8 => Values::UInt8(array.as_primitive()),
            UInt16 => Values::UInt16(array.as_primitive()),
            UInt32 => Values::UInt32(array.as_primitive()),
            UInt64 => Values::UInt64(array.as_primitive()),
            Float16 => Values::Float16(array.as_primitive()),
            Float32 => Values::Float32(array.as_primitive()),
            Float64 => Values::Float64(array.as_primitive()),
            Utf8 if is_json(field) => {
                let array = array.as_string::<i32>();
                Values::Json(Box::new(|row| array.value(row)))
            }
            LargeUtf8 if is_json(field) => {
                let array = array.as_string::<i64>();
                Values::Json(Box::new(|row| array.value(row)))
            }
            Utf8View if is_json(field) => {
                let array = array.as_string_view();
                Values::Json(Box::new(|row| array.value(row)))
            }
            Utf8 => {
                let array = array.as_string::<i32>();
                let (offsets, data) = (array.value_offsets(), array.value_data());
                let (first, last) = (offsets.first().copied(), offsets.last().copied());
                let used = first.unwrap_or_default() as usize..last.unwrap_or_default() as usize;
                Values::Text { offsets, data, plain: is_plain(data.get(used).unwrap_or_default()) }
            }
            LargeUtf8 => {
                let array = array.as_string::<i64>();
                let (offsets, data) = (array.value_offsets(), array.value_data());
                let (first, last) = (offsets.first().copied(), offsets.last().copied());
                let used = first.unwrap_or_default() as usize..last.unwrap_or_default() as usize;
                Values::LargeText { offsets, data, plain: is_plain(data.get(used).unwrap_or_default()) }
            }
            Utf8View => Values::TextView(array.as_string_view()),
            Binary => {
                let array = array.as_binary::<i32>();
                Values::Binary(Box::new(|row| array.value(row)))
            }
            LargeBinary => {
                let array = array.as_binary::<i64>();
                Values::Binary(Box::new(|row| array.value(row)))
            }
            BinaryView => {
                let array = array.as_binary_view();
                Values::Binary(Box::new(|row| array.value(row)))
            }
            FixedSizeBinary(_) => {
                let array = array.as_fixed_size_binary();
                Values::Binary(Box::new(|row| array.value(row)))
            }
            Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => displayed(array, false)?,
            Timestamp(unit, zone) => Values::Instant(Instants::new(array, *unit, zone.is_some())),
            Date32 | Date64 | Time32(_) | Time64(_) | Duration(_) | Interval(_) => displayed(array, true)?,
            Struct(fields) => {
                let arrays = array.as_struct().columns();
                Values::Object(ObjectWriter::new(fields, arrays, style)?)
            }
            List(item) => {
                let list = array.as_list::<i32>();
                let offsets = list.value_offsets();
                let items = Self::new(item, list.values(), style)?;
                // A list of n rows has n + 1 offsets, and rows are below n.
                Values::List(
                    Box::new(items),
                    Box::new(|row| (offsets[row] as usize, offsets[row + 1] as usize)),
                )
            }
            LargeList(item) => {
                let list = array.as_list::<i64>();
                let offsets = list.value_offsets();
                let items = Self::new(item, list.values(), style)?;
                // As above.
                Values::List(
                    Box::new(items),
                    Box::new(|row| (offsets[row] as usize, offsets[row + 1] as usize)),
                )
            }
            FixedSizeList(item, size) => {
                let items = Self::new(item, array.as_fixed_size_list().values(), style)?;
                let size = *size as usize;
                Values::List(Box::new(items), Box::new(move |row| (row * size, (row + 1) * size)))
            }
            Map(entries, _) => {
                let map = array.as_map();
                let Struct(fields) = entries.data_type() else { return Err(unsupported()) };
                let [key, item] = fields.as_ref() else { return Err(unsupported()) };
                let quoted = match key.data_type() {
                    Utf8 | LargeUtf8 | Utf8View => false,
                    data_type if data_type.is_integer() || data_type == &Boolean => true,
                    _ => return Err(unsupported()),
                };
                Values::Map {
                    keys: Box::new(Self::new(key, map.keys(), style)?),
                    quoted,
                    items: Box::new(Self::new(item, map.values(), style)?),
                    offsets: map.value_offsets(),
                }
            }
            Dictionary(_, value_type) => {
                let dictionary: &dyn AnyDictionaryArray = array.as_any_dictionary();
                let field = Field::new(field.name(), value_type.as_ref().clone(), true)
                    .with_metadata(field.metadata().clone());
                let keys =
                    if dictionary.values().is_empty() { Vec::new() } else { dictionary.normalized_keys() };
                Values::Dictionary(Box::new(Self::new(&field, dictionary.values().as_ref(), style)?), keys)
            }
            _ if style.lenient => displayed(array, true)?,
            _ => return Err(unsupported()),
        };
        Ok(Self { values, nulls: array.nulls().cloned(), style })
    }

    /// Whether the value is null.
    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        match &self.values {
            Values::Null => true,
            Values::Dictionary(values, keys) => {
                self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
                    || keys.get(row).is_none_or(|&key| values.is_null(key))
            }
            _ => self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)),
        }
    }

    /// Appends a value that is not null, or `null`.
    #[inline]
    pub fn write(&self, row: usize, out: &mut Vec<u8>) -> Fallible<()> {
        if self.is_null(row) {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        match &self.values {
            Values::Null => out.extend_from_slice(b"null"),
            Values::Bool(array) => {
                out.extend_from_slice(if array.value(row) { b"true".as_slice() } else { b"false" });
            }
            Values::Int8(array) => write_int(array.value(row), out),
            Values::Int16(array) => write_int(array.value(row), out),
            Values::Int32(array) => write_int(array.value(row), out),
            Values::Int64(array) => write_int(array.value(row), out),
            Values::UInt8(array) => write_int(array.value(row), out),
            Values::UInt16(array) => write_int(array.value(row), out),
            Values::UInt32(array) => write_int(array.value(row), out),
            Values::UInt64(array) => write_int(array.value(row), out),
            Values::Float16(array) => {
                let value = array.value(row).to_f32();
                self.write_float(value, value.is_finite(), out)?;
            }
            Values::Float32(array) => {
                let value = array.value(row);
                self.write_float(value, value.is_finite(), out)?;
            }
            Values::Float64(array) => {
                let value = array.value(row);
                self.write_float(value, value.is_finite(), out)?;
            }
            Values::Text { offsets, data, plain } => {
                // A text array of n rows has n + 1 ascending offsets into its data, and rows are below n.
                write_text(out, data, offsets[row] as usize, offsets[row + 1] as usize, *plain);
            }
            Values::LargeText { offsets, data, plain } => {
                // As above.
                write_text(out, data, offsets[row] as usize, offsets[row + 1] as usize, *plain);
            }
            Values::TextView(array) => write_string(out, array.value(row).as_bytes()),
            Values::Json(value) => self.write_json(value(row).as_bytes(), out)?,
            Values::Displayed(formatter, quoted) => write_displayed(formatter, row, *quoted, out)?,
            Values::Instant(instants) => {
                if let Err(value) = instants.write(row, out) {
                    self.write_far_instant(value, out)?;
                }
            }
            Values::Binary(value) => {
                let mut text = String::new();
                STANDARD.encode_string(value(row), &mut text);
                write_string(out, text.as_bytes());
            }
            Values::Object(object) => object.write(row, out)?,
            Values::List(items, range) => {
                let (start, end) = range(row);
                out.push(b'[');
                for at in start..end {
                    if at > start {
                        out.push(b',');
                    }
                    items.write(at, out).map_err(|fault| fault.inside(&format!("[{}]", at - start)))?;
                }
                out.push(b']');
            }
            Values::Map { keys, quoted, items, offsets } => {
                // A map of n rows has n + 1 offsets, and rows are below n.
                let (start, end) = (offsets[row] as usize, offsets[row + 1] as usize);
                out.push(b'{');
                for at in start..end {
                    if at > start {
                        out.push(b',');
                    }
                    if *quoted {
                        out.push(b'"');
                    }
                    keys.write(at, out)?;
                    out.extend_from_slice(if *quoted { b"\":".as_slice() } else { b":" });
                    items.write(at, out)?;
                }
                out.push(b'}');
            }
            Values::Dictionary(values, keys) => {
                // `is_null` has found the key present.
                values.write(keys[row], out)?;
            }
        }
        Ok(())
    }

    #[inline]
    fn write_float<F: zmij::Float + std::fmt::Display>(
        &self,
        value: F,
        finite: bool,
        out: &mut Vec<u8>,
    ) -> Fallible<()> {
        if finite {
            out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
            return Ok(());
        }
        if self.style.lenient {
            write_string(out, value.to_string().as_bytes());
            return Ok(());
        }
        Err(Fault::new("json_not_finite", 0, format!("JSON has no number {value}"))
            .with_help("replace it by null or by a string in a mapping before this step"))
    }

    /// A timestamp outside the years 0 to 9999, which RFC 3339 has no form for.
    #[cold]
    fn write_far_instant(&self, value: i64, out: &mut Vec<u8>) -> Fallible<()> {
        if self.style.lenient {
            write_int(value, out);
            return Ok(());
        }
        let message = format!("the timestamp {value} lies outside the years 0 to 9999");
        Err(Fault::new("json_not_representable", 0, message)
            .with_help("replace it by null or by a number in a mapping before this step"))
    }

    /// Appends a document of a JSON-typed column, without line breaks: they can only stand between its tokens.
    fn write_json(&self, text: &[u8], out: &mut Vec<u8>) -> Fallible<()> {
        let mut cursor = Cursor::new(text);
        cursor.next_token();
        let start = cursor.pos;
        let valid = cursor.skip_value();
        let document = cursor.since(start);
        if valid.is_err() || cursor.next_token().is_some() {
            if self.style.lenient {
                write_string(out, text);
                return Ok(());
            }
            return Err(Fault::new("json_invalid", 0, format!("`{}` is not JSON", snippet(text)))
                .with_help("only JSON documents can stand in a JSON-typed column"));
        }
        if memchr::memchr2(b'\n', b'\r', document).is_none() {
            out.extend_from_slice(document);
        } else {
            out.extend(document.iter().filter(|b| !matches!(b, b'\n' | b'\r')));
        }
        Ok(())
    }
}

#[inline]
fn write_text(out: &mut Vec<u8>, data: &[u8], start: usize, end: usize, plain: bool) {
    if plain {
        write_plain(out, data, start, end);
    } else {
        write_string(out, data.get(start..end).unwrap_or_default());
    }
}

fn displayed<'a>(array: &'a dyn Array, quoted: bool) -> Result<Values<'a>, FormatError> {
    let options = FormatOptions::new().with_display_error(false);
    Ok(Values::Displayed(ArrayFormatter::try_new(array, &options)?, quoted))
}

#[inline]
fn write_int<I: itoa::Integer>(value: I, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn write_displayed(
    formatter: &ArrayFormatter<'_>,
    row: usize,
    quoted: bool,
    out: &mut Vec<u8>,
) -> Fallible<()> {
    let mut text = String::new();
    if let Err(error) = write!(text, "{}", formatter.value(row)) {
        return Err(Fault::new("json_not_representable", 0, format!("the value cannot be written: {error}")));
    }
    if quoted {
        write_string(out, text.as_bytes());
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    Ok(())
}
