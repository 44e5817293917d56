use std::fmt::Display;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, i256};

use crate::types::Kind;

use super::cell_writer::{Writer, primitive, put};
use super::decimal_text::DecimalText;
use super::fault::{Fault, Outcome};
use super::integers::put_whole;
use super::number::Number;
use super::numeric::{Digits, put_magnitude, put_number};
use super::short_text::ShortText;
use super::target::Target;

/// A column of decimals.
pub(super) fn writer<'a>(array: &'a dyn Array, target: &'a Target) -> Option<Writer<'a>> {
    let to = Destination::new(target)?;
    Some(match array.data_type() {
        DataType::Decimal32(_, scale) => {
            let scale = *scale;
            primitive(array.as_primitive::<Decimal32Type>(), move |value, out| {
                to.put(out, value.into(), scale)
            })
        }
        DataType::Decimal64(_, scale) => {
            let scale = *scale;
            primitive(array.as_primitive::<Decimal64Type>(), move |value, out| {
                to.put(out, value.into(), scale)
            })
        }
        DataType::Decimal128(_, scale) => {
            let scale = *scale;
            primitive(array.as_primitive::<Decimal128Type>(), move |value, out| to.put(out, value, scale))
        }
        DataType::Decimal256(_, scale) => {
            let scale = *scale;
            primitive(array.as_primitive::<Decimal256Type>(), move |value: i256, out| match value.to_i128() {
                Some(value) => to.put(out, value, scale),
                None => to.put_text(out, &value.to_string(), scale),
            })
        }
        _ => return None,
    })
}

/// Where decimals go.
#[derive(Clone, Copy)]
struct Destination<'a> {
    target: &'a Target,
    form: Form,
}

#[derive(Clone, Copy)]
enum Form {
    Numeric(Digits),
    Money(i8),
    Whole,
    Float4,
    Float8,
}

impl<'a> Destination<'a> {
    fn new(target: &'a Target) -> Option<Self> {
        let form = match target.kind {
            Kind::Decimal { .. } | Kind::Numeric => Form::Numeric(target.digits()),
            Kind::Money { scale } => Form::Money(scale),
            Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Oid => Form::Whole,
            Kind::Float4 => Form::Float4,
            Kind::Float8 => Form::Float8,
            _ => return None,
        };
        Some(Self { target, form })
    }

    /// Appends `value` times ten to the power of `-scale`.
    #[inline]
    fn put(&self, out: &mut Vec<u8>, value: i128, scale: i8) -> Outcome {
        if let (Form::Numeric(digits), Ok(places)) = (self.form, u8::try_from(scale)) {
            let magnitude = value.unsigned_abs();
            if !digits.hold_magnitude(magnitude, places) {
                return Err(self.refused(DecimalText(value, scale)));
            }
            put_magnitude(out, value < 0, magnitude, places, digits.shown(scale.into()));
            return Ok(());
        }
        let whole = match self.form {
            Form::Money(units) => rescale(value, i32::from(units) - i32::from(scale)),
            Form::Whole => rescale(value, -i32::from(scale)),
            Form::Numeric(_) | Form::Float4 | Form::Float8 => {
                return self.put_text(out, ShortText::new(format_args!("{value}")).as_str(), scale);
            }
        };
        let whole = whole.ok_or_else(|| self.refused(DecimalText(value, scale)))?;
        if matches!(self.form, Form::Whole) {
            return put_whole(out, whole, self.target);
        }
        put(out, i64::try_from(whole).map_err(|_| self.refused(DecimalText(value, scale)))?.to_be_bytes());
        Ok(())
    }

    /// Appends a number with these digits, of which `scale` are behind the point.
    fn put_text(&self, out: &mut Vec<u8>, digits: &str, scale: i8) -> Outcome {
        let refused = || self.refused(DecimalText(digits, scale));
        let (negative, unsigned) = match digits.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, digits),
        };
        let number = Number::new(negative, unsigned.as_bytes(), b"", -i64::from(scale));
        match self.form {
            Form::Numeric(digits) if digits.hold(&number) => {
                put_number(out, &number, digits.shown(number.scale))
            }
            Form::Float4 | Form::Float8 => {
                let text = format!("{digits}e{}", -i16::from(scale));
                let (shortest, wide) = match self.form {
                    Form::Float4 => {
                        let float: f32 = text.parse().map_err(|_| refused())?;
                        (ShortText::new(format_args!("{float:e}")), f64::from(float))
                    }
                    _ => {
                        let float: f64 = text.parse().map_err(|_| refused())?;
                        (ShortText::new(format_args!("{float:e}")), float)
                    }
                };
                if !Number::parse(shortest.as_bytes()).is_some_and(|shortest| shortest.equals(&number)) {
                    return Err(refused());
                }
                match self.form {
                    // Was an `f32` above.
                    Form::Float4 => put(out, (wide as f32).to_be_bytes()),
                    _ => put(out, wide.to_be_bytes()),
                }
                Ok(())
            }
            Form::Whole => put_whole(out, whole(&number, 0).ok_or_else(refused)?, self.target),
            Form::Money(units) => {
                let whole = whole(&number, units.into()).and_then(|whole| i64::try_from(whole).ok());
                put(out, whole.ok_or_else(refused)?.to_be_bytes());
                Ok(())
            }
            Form::Numeric(_) => Err(refused()),
        }
    }

    #[cold]
    fn refused(&self, value: impl Display) -> Box<Fault> {
        Fault::out_of_range(value, &self.target.name)
    }
}

/// `value` times ten to the power of `places`, if that is a whole number of 128 bits.
fn rescale(value: i128, places: i32) -> Option<i128> {
    if value == 0 {
        return Some(0);
    }
    let power = 10i128.checked_pow(places.unsigned_abs())?;
    if places >= 0 {
        return value.checked_mul(power);
    }
    (value % power == 0).then_some(value / power)
}

/// The number times ten to the power of `places`, if that is whole and has at most 20 digits.
fn whole(number: &Number<'_>, places: i64) -> Option<i128> {
    if number.count == 0 {
        return Some(0);
    }
    if number.last_place() < -places || number.point + places > 20 {
        return None;
    }
    let magnitude =
        (-places..number.point).rev().fold(0, |value, place| value * 10 + i128::from(number.digit(place)));
    Some(if number.negative { -magnitude } else { magnitude })
}
