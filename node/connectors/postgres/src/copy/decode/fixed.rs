use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, NullBufferBuilder, PrimitiveArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::DataType;

use super::block::Cell;
use super::decoder::{Decoder, Wrong, append_validity};
use super::fault::Fault;
use super::malformed::Flaw;
use crate::copy::{DAY_MICROS, EPOCH_DAYS, EPOCH_MICROS};

/// Days since 1970 of days since 2000; the infinities stay what they are.
#[inline]
pub(super) fn date_from_postgres(days: i32) -> Result<i32, Fault> {
    match days {
        i32::MIN | i32::MAX => Ok(days),
        _ => days.checked_add(EPOCH_DAYS).filter(|&days| days != i32::MAX).ok_or(Fault::Date),
    }
}

/// Microseconds since 1970 of microseconds since 2000; the infinities stay what they are.
#[inline]
pub(super) fn timestamp_from_postgres(micros: i64) -> Result<i64, Fault> {
    match micros {
        i64::MIN | i64::MAX => Ok(micros),
        _ => micros.checked_add(EPOCH_MICROS).filter(|&micros| micros != i64::MAX).ok_or(Fault::Timestamp),
    }
}

/// Microseconds since midnight.
#[inline]
pub(super) fn time_from_postgres(micros: i64) -> Result<i64, Fault> {
    if (0..=DAY_MICROS).contains(&micros) { Ok(micros) } else { Err(Fault::Time) }
}

/// Values of `N` bytes each.
pub(super) struct Fixed<T: ArrowPrimitiveType, const N: usize, F> {
    data_type: DataType,
    values: Vec<T::Native>,
    nulls: NullBufferBuilder,
    convert: F,
}

impl<T, const N: usize, F> Fixed<T, N, F>
where
    T: ArrowPrimitiveType,
    F: Fn([u8; N]) -> Result<T::Native, Fault>,
{
    /// `data_type` is one that `T` stands for.
    pub(super) fn new(data_type: DataType, capacity: usize, convert: F) -> Self {
        Self {
            data_type,
            values: Vec::with_capacity(capacity),
            nulls: NullBufferBuilder::new(capacity),
            convert,
        }
    }

    /// What the loop over the values does not stop for: values of a wrong size, and those Arrow cannot hold.
    #[cold]
    fn append_odd(&mut self, cells: &[Cell<'_>], faults: &mut Vec<(usize, Fault)>) -> Result<(), Wrong> {
        let first = self.values.len() - cells.len();
        for (index, cell) in cells.iter().enumerate() {
            let Some(bytes) = cell else {
                self.nulls.append_null();
                continue;
            };
            let cell = first + index;
            let bytes = <[u8; N]>::try_from(*bytes)
                .map_err(|_| Wrong::new(cell, Flaw::Size { expected: N, found: bytes.len() }))?;
            let converted = (self.convert)(bytes);
            self.nulls.append(converted.is_ok());
            if let Err(fault) = converted {
                faults.push((cell, fault));
            }
        }
        Ok(())
    }
}

impl<T, const N: usize, F> Decoder for Fixed<T, N, F>
where
    T: ArrowPrimitiveType,
    F: Fn([u8; N]) -> Result<T::Native, Fault>,
{
    fn append(&mut self, cells: &[Cell<'_>], faults: &mut Vec<(usize, Fault)>) -> Result<(), Wrong> {
        let (mut odd, mut null_count) = (false, 0);
        let convert = &self.convert;
        self.values.extend(cells.iter().map(|cell| match cell {
            Some(bytes) => match <[u8; N]>::try_from(*bytes).ok().and_then(|bytes| convert(bytes).ok()) {
                Some(value) => value,
                None => {
                    odd = true;
                    T::Native::default()
                }
            },
            None => {
                null_count += 1;
                T::Native::default()
            }
        }));
        if odd {
            return self.append_odd(cells, faults);
        }
        append_validity(&mut self.nulls, cells, null_count);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<ArrayRef, Wrong> {
        let array = PrimitiveArray::<T>::new(ScalarBuffer::from(self.values), self.nulls.finish());
        Ok(Arc::new(array.with_data_type(self.data_type)))
    }
}
