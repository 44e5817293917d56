//! Values of Arrow inside JSON documents: moments as RFC 3339 (in UTC with `Z` where they have a zone), durations and
//! intervals as ISO 8601, bytes as base64, JSON columns as they are.

use std::io::Write as _;

use arrow::array::{Array, ArrayAccessor, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType, Field,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalDayTimeType,
    IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use etl_model::is_json;

use super::calendar;
use super::cell_writer::{Nulls, Writer, mapped_or};
use super::decimal_text::DecimalText;
use super::fault::{Fault, Outcome};
use super::json_list::Items;
use super::json_map::Entries;
use super::json_object::Object;
use super::json_text::check_json;
use super::lists::Lists;
use super::matrix::unwrapped;
use super::spans::{duration_text, interval_text};

/// The null of JSON.
pub(super) const JSON_NULL: &[u8] = b"null";

const MILLIS_PER_DAY: i64 = 86_400_000;

/// The writer for values inside a document; nothing for types without a form in JSON.
pub(super) fn writer<'a>(field: &Field, array: &'a dyn Array, jsonb: bool) -> Option<Writer<'a>> {
    Some(match array.data_type() {
        DataType::Null => Box::new(Nulls(JSON_NULL)),
        DataType::Dictionary(..) | DataType::RunEndEncoded(..) => {
            return unwrapped(field, array, JSON_NULL, |field, values| writer(field, values, jsonb));
        }
        DataType::Boolean => value(array, array.as_boolean(), |value, out| {
            out.extend_from_slice(if value { b"true" } else { b"false" });
            Ok(())
        }),
        DataType::Int8 => number::<Int8Type>(array),
        DataType::Int16 => number::<Int16Type>(array),
        DataType::Int32 => number::<Int32Type>(array),
        DataType::Int64 => number::<Int64Type>(array),
        DataType::UInt8 => number::<UInt8Type>(array),
        DataType::UInt16 => number::<UInt16Type>(array),
        DataType::UInt32 => number::<UInt32Type>(array),
        DataType::UInt64 => number::<UInt64Type>(array),
        DataType::Float16 => value(array, array.as_primitive::<Float16Type>(), |value, out| {
            put_float(out, value.to_f32(), value.is_finite())
        }),
        DataType::Float32 => value(array, array.as_primitive::<Float32Type>(), |value, out| {
            put_float(out, value, value.is_finite())
        }),
        DataType::Float64 => value(array, array.as_primitive::<Float64Type>(), |value, out| {
            put_float(out, value, value.is_finite())
        }),
        DataType::Decimal32(_, scale) => decimal::<Decimal32Type>(array, *scale),
        DataType::Decimal64(_, scale) => decimal::<Decimal64Type>(array, *scale),
        DataType::Decimal128(_, scale) => decimal::<Decimal128Type>(array, *scale),
        DataType::Decimal256(_, scale) => decimal::<Decimal256Type>(array, *scale),
        DataType::Utf8 => text(field, array, array.as_string::<i32>(), jsonb),
        DataType::LargeUtf8 => text(field, array, array.as_string::<i64>(), jsonb),
        DataType::Utf8View => text(field, array, array.as_string_view(), jsonb),
        DataType::Binary => value(array, array.as_binary::<i32>(), put_base64),
        DataType::LargeBinary => value(array, array.as_binary::<i64>(), put_base64),
        DataType::BinaryView => value(array, array.as_binary_view(), put_base64),
        DataType::FixedSizeBinary(_) => value(array, array.as_fixed_size_binary(), put_base64),
        DataType::Date32 => value(array, array.as_primitive::<Date32Type>(), |days, out| {
            put_date(out, days.into(), calendar::date_text(days.into()))
        }),
        DataType::Date64 => value(array, array.as_primitive::<Date64Type>(), |millis, out| {
            let days = millis.div_euclid(MILLIS_PER_DAY);
            let text = match millis.rem_euclid(MILLIS_PER_DAY) {
                0 => calendar::date_text(days),
                _ => calendar::timestamp_text(millis, TimeUnit::Millisecond, false),
            };
            put_date(out, days, text)
        }),
        DataType::Time32(TimeUnit::Second) => time::<Time32SecondType>(array, TimeUnit::Second),
        DataType::Time32(unit) => time::<Time32MillisecondType>(array, *unit),
        DataType::Time64(TimeUnit::Microsecond) => {
            time::<Time64MicrosecondType>(array, TimeUnit::Microsecond)
        }
        DataType::Time64(unit) => time::<Time64NanosecondType>(array, *unit),
        DataType::Timestamp(unit, zone) => match unit {
            TimeUnit::Second => timestamp::<TimestampSecondType>(array, *unit, zone.is_some()),
            TimeUnit::Millisecond => timestamp::<TimestampMillisecondType>(array, *unit, zone.is_some()),
            TimeUnit::Microsecond => timestamp::<TimestampMicrosecondType>(array, *unit, zone.is_some()),
            TimeUnit::Nanosecond => timestamp::<TimestampNanosecondType>(array, *unit, zone.is_some()),
        },
        DataType::Duration(unit) => match unit {
            TimeUnit::Second => duration::<DurationSecondType>(array, *unit),
            TimeUnit::Millisecond => duration::<DurationMillisecondType>(array, *unit),
            TimeUnit::Microsecond => duration::<DurationMicrosecondType>(array, *unit),
            TimeUnit::Nanosecond => duration::<DurationNanosecondType>(array, *unit),
        },
        DataType::Interval(IntervalUnit::YearMonth) => {
            value(array, array.as_primitive::<IntervalYearMonthType>(), |months, out| {
                put_plain(out, &interval_text(months, 0, 0))
            })
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            value(array, array.as_primitive::<IntervalDayTimeType>(), |value, out| {
                put_plain(out, &interval_text(0, value.days, i64::from(value.milliseconds) * 1_000_000))
            })
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            value(array, array.as_primitive::<IntervalMonthDayNanoType>(), |value, out| {
                put_plain(out, &interval_text(value.months, value.days, value.nanoseconds))
            })
        }
        DataType::Struct(_) => Box::new(Object::new(array.as_struct(), jsonb)?),
        DataType::Map(..) => Box::new(Entries::new(array.as_map(), jsonb)?),
        DataType::Union(..) => return None,
        _ => {
            let lists = Lists::new(array)?;
            let item = writer(lists.item, lists.values, jsonb)?;
            Box::new(Items { lists, item })
        }
    })
}

fn value<'a, A, F>(array: &'a dyn Array, values: A, write: F) -> Writer<'a>
where
    A: ArrayAccessor + 'a,
    F: Fn(A::Item, &mut Vec<u8>) -> Outcome + 'a,
{
    mapped_or(array, values, JSON_NULL, write)
}

fn number<T: ArrowPrimitiveType<Native: std::fmt::Display>>(array: &dyn Array) -> Writer<'_> {
    value(array, array.as_primitive::<T>(), |value, out| {
        // Writing to a vector cannot fail.
        let _ = write!(out, "{value}");
        Ok(())
    })
}

fn put_float(out: &mut Vec<u8>, value: impl serde::Serialize + std::fmt::Display, finite: bool) -> Outcome {
    if finite && serde_json::to_writer(out, &value).is_ok() {
        return Ok(());
    }
    Err(Fault::new(
        "json_not_finite",
        format!("JSON has no number {value}"),
        "replace it by null or by a string with a mapping",
    ))
}

fn decimal<T: ArrowPrimitiveType<Native: std::fmt::Display>>(array: &dyn Array, scale: i8) -> Writer<'_> {
    value(array, array.as_primitive::<T>(), move |value, out| {
        // As above.
        let _ = write!(out, "{}", DecimalText(value, scale));
        Ok(())
    })
}

fn text<'a, A>(field: &Field, array: &'a dyn Array, values: A, jsonb: bool) -> Writer<'a>
where
    A: ArrayAccessor<Item = &'a str> + 'a,
{
    if is_json(field) {
        return value(array, values, move |text, out| {
            check_json(text, jsonb)?;
            out.extend_from_slice(text.as_bytes());
            Ok(())
        });
    }
    value(array, values, move |text, out| put_string(out, text, jsonb))
}

/// Appends a string in quotes.
pub(super) fn put_string(out: &mut Vec<u8>, text: &str, jsonb: bool) -> Outcome {
    if jsonb && let Some(at) = memchr::memchr(0, text.as_bytes()) {
        return Err(Fault::nul(at));
    }
    // Writing a string to a vector cannot fail.
    let _ = serde_json::to_writer(out, text);
    Ok(())
}

/// Appends what needs no escapes, in quotes.
fn put_plain(out: &mut Vec<u8>, text: &str) -> Outcome {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
    Ok(())
}

fn put_base64(bytes: &[u8], out: &mut Vec<u8>) -> Outcome {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.push(b'"');
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        // Masked to the 64 letters.
        let mut letters = [18, 12, 6, 0].map(|shift| ALPHABET[(bits >> shift & 63) as usize]);
        letters.iter_mut().skip(chunk.len() + 1).for_each(|letter| *letter = b'=');
        out.extend_from_slice(&letters);
    }
    out.push(b'"');
    Ok(())
}

fn put_date(out: &mut Vec<u8>, days: i64, text: String) -> Outcome {
    if !calendar::has_four_digits(days) {
        return Err(Fault::new(
            "json_not_representable",
            format!("{text} lies outside the years 0 to 9999"),
            "replace it by null or by a number with a mapping",
        ));
    }
    put_plain(out, &text)
}

fn time<T: ArrowPrimitiveType<Native: Into<i64>>>(array: &dyn Array, unit: TimeUnit) -> Writer<'_> {
    value(array, array.as_primitive::<T>(), move |value, out| {
        let value: i64 = value.into();
        let text = calendar::time_text(value, unit);
        if !(0..calendar::per_second(unit) * 86_400).contains(&value) {
            return Err(Fault::new(
                "json_not_representable",
                format!("{text} is not a time of day"),
                "replace it by null or by a number with a mapping",
            ));
        }
        put_plain(out, &text)
    })
}

fn timestamp<T: ArrowPrimitiveType<Native = i64>>(
    array: &dyn Array,
    unit: TimeUnit,
    utc: bool,
) -> Writer<'_> {
    value(array, array.as_primitive::<T>(), move |value, out| {
        let days = value.div_euclid(calendar::per_second(unit) * 86_400);
        put_date(out, days, calendar::timestamp_text(value, unit, utc))
    })
}

fn duration<T: ArrowPrimitiveType<Native = i64>>(array: &dyn Array, unit: TimeUnit) -> Writer<'_> {
    value(array, array.as_primitive::<T>(), move |value, out| put_plain(out, &duration_text(value, unit)))
}
