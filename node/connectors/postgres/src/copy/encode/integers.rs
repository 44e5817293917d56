use std::fmt::Display;

use arrow::array::{Array, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{
    DataType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use crate::types::Kind;

use super::cell_writer::{Writer, primitive, put};
use super::fault::{Fault, Outcome};
use super::numeric::put_magnitude;
use super::target::Target;

/// A column of whole numbers.
pub(super) fn writer<'a>(array: &'a dyn Array, target: &'a Target) -> Option<Writer<'a>> {
    match array.data_type() {
        DataType::Int8 => typed(array.as_primitive::<Int8Type>(), target),
        DataType::Int16 => typed(array.as_primitive::<Int16Type>(), target),
        DataType::Int32 => typed(array.as_primitive::<Int32Type>(), target),
        DataType::Int64 => typed(array.as_primitive::<Int64Type>(), target),
        DataType::UInt8 => typed(array.as_primitive::<UInt8Type>(), target),
        DataType::UInt16 => typed(array.as_primitive::<UInt16Type>(), target),
        DataType::UInt32 => typed(array.as_primitive::<UInt32Type>(), target),
        DataType::UInt64 => typed(array.as_primitive::<UInt64Type>(), target),
        _ => None,
    }
}

fn typed<'a, T>(array: &'a PrimitiveArray<T>, target: &'a Target) -> Option<Writer<'a>>
where
    T: ArrowPrimitiveType<
        Native: Copy + Display + Into<i128> + TryInto<i16> + TryInto<i32> + TryInto<i64> + TryInto<u32>,
    >,
{
    let refused = |value: T::Native| Err(Fault::out_of_range(value, &target.name));
    Some(match &target.kind {
        Kind::Int2 => primitive(array, move |value, out| match TryInto::<i16>::try_into(value) {
            Ok(value) => fixed(out, value.to_be_bytes()),
            Err(_) => refused(value),
        }),
        Kind::Int4 => primitive(array, move |value, out| match TryInto::<i32>::try_into(value) {
            Ok(value) => fixed(out, value.to_be_bytes()),
            Err(_) => refused(value),
        }),
        Kind::Int8 => primitive(array, move |value, out| match TryInto::<i64>::try_into(value) {
            Ok(value) => fixed(out, value.to_be_bytes()),
            Err(_) => refused(value),
        }),
        Kind::Oid => primitive(array, move |value, out| match TryInto::<u32>::try_into(value) {
            Ok(value) => fixed(out, value.to_be_bytes()),
            Err(_) => refused(value),
        }),
        Kind::Tid => primitive(array, move |value, out| put_whole(out, value.into(), target)),
        Kind::Money { .. } => primitive(array, move |value, out| put_whole(out, value.into(), target)),
        Kind::Float4 => primitive(array, move |value, out| put_whole(out, value.into(), target)),
        Kind::Float8 => primitive(array, move |value, out| put_whole(out, value.into(), target)),
        Kind::Decimal { .. } | Kind::Numeric => {
            let digits = target.digits();
            primitive(array, move |value, out| {
                let value: i128 = value.into();
                let magnitude = value.unsigned_abs();
                if !digits.hold_magnitude(magnitude, 0) {
                    return Err(Fault::out_of_range(value, &target.name));
                }
                put_magnitude(out, value < 0, magnitude, 0, digits.shown(0));
                Ok(())
            })
        }
        _ => return None,
    })
}

#[inline]
fn fixed<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N]) -> Outcome {
    put(out, bytes);
    Ok(())
}

/// Appends a whole number to a column of one of the kinds that are numbers, or `tid`.
pub(super) fn put_whole(out: &mut Vec<u8>, value: i128, target: &Target) -> Outcome {
    let refused = || Fault::out_of_range(value, &target.name);
    match &target.kind {
        Kind::Int2 => put(out, i16::try_from(value).map_err(|_| refused())?.to_be_bytes()),
        Kind::Int4 => put(out, i32::try_from(value).map_err(|_| refused())?.to_be_bytes()),
        Kind::Int8 => put(out, i64::try_from(value).map_err(|_| refused())?.to_be_bytes()),
        Kind::Oid => put(out, u32::try_from(value).map_err(|_| refused())?.to_be_bytes()),
        Kind::Tid => {
            // Six bytes: block and offset.
            let bytes = u64::try_from(value).map_err(|_| refused())?.to_be_bytes();
            let [0, 0, place @ ..] = bytes else { return Err(refused()) };
            put(out, place);
        }
        Kind::Money { scale } => {
            let units = u32::try_from(*scale).ok().and_then(|scale| 10i128.checked_pow(scale));
            let value = units.and_then(|units| value.checked_mul(units)).ok_or_else(refused)?;
            put(out, i64::try_from(value).map_err(|_| refused())?.to_be_bytes());
        }
        Kind::Float4 => {
            let float = value as f32;
            if float as i128 != value || !float.is_finite() {
                return Err(refused());
            }
            put(out, float.to_be_bytes());
        }
        Kind::Float8 => {
            let float = value as f64;
            if float as i128 != value || !float.is_finite() {
                return Err(refused());
            }
            put(out, float.to_be_bytes());
        }
        _ => return Err(refused()),
    }
    Ok(())
}
