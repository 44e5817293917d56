//! Functions of `math` on single numbers.

use crate::failure::Failure;
use crate::functions::{BitOperation, Function};

/// A function with one double and a double as its value.
pub(crate) fn real(function: Function, value: f64) -> Option<f64> {
    Some(match function {
        Function::Round => value.round(),
        Function::Floor => value.floor(),
        Function::Ceil => value.ceil(),
        Function::Trunc => value.trunc(),
        Function::Abs => value.abs(),
        Function::Sign if value == 0.0 || value.is_nan() => value,
        Function::Sign => value.signum(),
        Function::Sqrt => value.sqrt(),
        Function::Exp => value.exp(),
        Function::Ln => value.ln(),
        Function::Log10 => value.log10(),
        Function::Log2 => value.log2(),
        _ => return None,
    })
}

/// A question about one double.
pub(crate) fn test(function: Function, value: f64) -> Option<bool> {
    Some(match function {
        Function::IsNan => value.is_nan(),
        Function::IsInf => value.is_infinite(),
        Function::IsFinite => value.is_finite(),
        _ => return None,
    })
}

pub(crate) fn abs(value: i64) -> Result<i64, Failure> {
    value.checked_abs().ok_or_else(|| Failure::overflow(format_args!("the absolute value of {value}")))
}

/// An operation on bits; the second operand of a shift is an int in the bits of the uint.
pub(crate) fn bits(operation: BitOperation, a: u64, b: u64) -> Result<u64, Failure> {
    Ok(match operation {
        BitOperation::And => a & b,
        BitOperation::Or => a | b,
        BitOperation::Xor => a ^ b,
        BitOperation::ShiftLeft => places(b)?.map_or(0, |places| a << places),
        BitOperation::ShiftRight => places(b)?.map_or(0, |places| a >> places),
    })
}

/// The places of a shift; `None` where all bits leave.
fn places(bits: u64) -> Result<Option<u32>, Failure> {
    let count = i64::from_ne_bytes(bits.to_ne_bytes());
    if count < 0 {
        return Err(Failure::new(
            "invalid_shift",
            format!("bits are moved by 0 places or more, not {count}"),
        ));
    }
    Ok(u32::try_from(count).ok().filter(|places| *places < 64))
}

/// The bits of an int.
pub(crate) fn as_bits(value: i64) -> u64 {
    u64::from_ne_bytes(value.to_ne_bytes())
}

/// The int of these bits.
pub(crate) fn from_bits(bits: u64) -> i64 {
    i64::from_ne_bytes(bits.to_ne_bytes())
}
