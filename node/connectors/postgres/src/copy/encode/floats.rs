use std::fmt::{Display, LowerExp};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type};

use crate::types::Kind;

use super::cell_writer::{Writer, primitive, put};
use super::fault::{Fault, Outcome};
use super::integers::put_whole;
use super::number::Number;
use super::numeric::{INFINITY, NAN, NEGATIVE_INFINITY, put_magnitude, put_number, put_special};
use super::short_text::ShortText;
use super::target::Target;

/// A column of floating-point numbers.
pub(super) fn writer<'a>(array: &'a dyn Array, target: &'a Target) -> Option<Writer<'a>> {
    let numeric = match target.kind {
        Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Oid | Kind::Float4 | Kind::Float8 => false,
        Kind::Decimal { .. } | Kind::Numeric => true,
        _ => return None,
    };
    Some(match (array.data_type(), numeric) {
        (DataType::Float16, false) => primitive(array.as_primitive::<Float16Type>(), move |value, out| {
            put_float(out, value.to_f64(), target)
        }),
        (DataType::Float32, false) => primitive(array.as_primitive::<Float32Type>(), move |value, out| {
            put_float(out, value.into(), target)
        }),
        (DataType::Float64, false) => {
            primitive(array.as_primitive::<Float64Type>(), move |value, out| put_float(out, value, target))
        }
        // The shortest text of the narrow type, which is what was meant: 0.1 and not 0.100000001490116.
        (DataType::Float16, true) => primitive(array.as_primitive::<Float16Type>(), move |value, out| {
            let value = value.to_f32();
            put_digits(out, value, value.into(), target)
        }),
        (DataType::Float32, true) => primitive(array.as_primitive::<Float32Type>(), move |value, out| {
            put_digits(out, value, value.into(), target)
        }),
        (DataType::Float64, true) => {
            let places = target.digits().declared_places();
            primitive(array.as_primitive::<Float64Type>(), move |value, out| {
                match places.and_then(|places| short(value, places).map(|magnitude| (magnitude, places))) {
                    Some((magnitude, places)) if target.digits().hold_magnitude(magnitude, places) => {
                        put_magnitude(out, value < 0.0, magnitude, places, places.into());
                        Ok(())
                    }
                    _ => put_digits(out, value, value, target),
                }
            })
        }
        _ => return None,
    })
}

#[inline]
fn put_float(out: &mut Vec<u8>, value: f64, target: &Target) -> Outcome {
    match target.kind {
        Kind::Float8 => put(out, value.to_be_bytes()),
        Kind::Float4 => {
            let narrow = value as f32;
            if f64::from(narrow) != value && !value.is_nan() {
                return Err(Fault::out_of_range(value, &target.name));
            }
            put(out, narrow.to_be_bytes());
        }
        _ => {
            // Saturates, and 0 for NaN; either differs from the value.
            let whole = value as i128;
            if whole as f64 != value || !value.is_finite() {
                return Err(Fault::out_of_range(value, &target.name));
            }
            return put_whole(out, whole, target);
        }
    }
    Ok(())
}

/// Appends the number that the shortest text of `value` means; `wide` is the same value.
fn put_digits(out: &mut Vec<u8>, value: impl Display + LowerExp, wide: f64, target: &Target) -> Outcome {
    let digits = target.digits();
    if wide.is_nan() {
        put_special(out, NAN);
        return Ok(());
    }
    if wide.is_infinite() && !digits.declared {
        put_special(out, if wide > 0.0 { INFINITY } else { NEGATIVE_INFINITY });
        return Ok(());
    }
    let text = ShortText::new(format_args!("{value:e}"));
    match Number::parse(text.as_bytes()) {
        Some(number) if digits.hold(&number) => put_number(out, &number, digits.shown(number.scale)),
        _ => Err(Fault::out_of_range(value, &target.name)),
    }
}

/// The digits of the shortest text of a number, if it has at most 15 of them and at most `places`, up to 15, behind the
/// point; found without making the text.
///
/// Two different decimals of at most 15 digits are never the same double. So if one is this double, and the shortest
/// text has no more digits than it, they are the same.
#[inline]
fn short(value: f64, places: u8) -> Option<u128> {
    const LEAST_OF_16_DIGITS: f64 = 1e15;
    static POWERS: [f64; 16] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let power = POWERS.get(usize::from(places))?;
    let digits = (value * power).round();
    // Both are exact, so the quotient is the double nearest to the decimal: what reading it gives. False for NaN.
    let same = digits.abs() < LEAST_OF_16_DIGITS && digits / power == value;
    same.then_some(digits.abs() as u128)
}
