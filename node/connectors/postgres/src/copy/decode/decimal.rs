use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowNativeTypeOp, NullBufferBuilder, PrimitiveArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{ArrowNativeType, DecimalType};

use super::block::Cell;
use super::decoder::{Decoder, Wrong};
use super::fault::Fault;
use super::malformed::Flaw;
use super::numeric::Numeric;

/// Values of a decimal column.
pub(super) struct Decimals<T: DecimalType> {
    precision: u8,
    scale: i8,
    /// The first number with too many digits.
    bound: T::Native,
    values: Vec<T::Native>,
    nulls: NullBufferBuilder,
}

impl<T: DecimalType> Decimals<T> {
    /// `precision` is one that `T` can hold, `scale` is between 0 and `precision`.
    pub(super) fn new(precision: u8, scale: i8, capacity: usize) -> Result<Self, Flaw> {
        let ten = T::Native::usize_as(10);
        let bound = ten.pow_checked(u32::from(precision)).map_err(|_| Flaw::Type)?;
        let (values, nulls) = (Vec::with_capacity(capacity), NullBufferBuilder::new(capacity));
        Ok(Self { precision, scale, bound, values, nulls })
    }

    fn convert(&self, bytes: &[u8]) -> Result<Result<T::Native, Fault>, Flaw> {
        let Numeric::Finite(number) = Numeric::parse(bytes)? else { return Ok(Err(Fault::NotANumber)) };
        let value = number.scaled::<T::Native>(self.scale).filter(|value| value.is_lt(self.bound));
        Ok(match value {
            Some(value) if number.is_negative() => Ok(value.neg_wrapping()),
            Some(value) => Ok(value),
            None => Err(Fault::Decimal { precision: self.precision, scale: self.scale }),
        })
    }
}

impl<T: DecimalType> Decoder for Decimals<T> {
    fn append(&mut self, cells: &[Cell<'_>], faults: &mut Vec<(usize, Fault)>) -> Result<(), Wrong> {
        for cell in cells {
            let value = match cell {
                Some(bytes) => {
                    match self.convert(bytes).map_err(|flaw| Wrong::new(self.values.len(), flaw))? {
                        Ok(value) => Some(value),
                        Err(fault) => {
                            faults.push((self.values.len(), fault));
                            None
                        }
                    }
                }
                None => None,
            };
            self.nulls.append(value.is_some());
            self.values.push(value.unwrap_or_default());
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<ArrayRef, Wrong> {
        let array = PrimitiveArray::<T>::new(ScalarBuffer::from(self.values), self.nulls.finish());
        let array = array.with_precision_and_scale(self.precision, self.scale);
        Ok(Arc::new(array.map_err(|_| Wrong::new(0, Flaw::Type))?))
    }
}
