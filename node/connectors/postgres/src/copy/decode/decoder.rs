use arrow::array::{ArrayRef, NullBufferBuilder};
use arrow::datatypes as arrow_types;

use super::block::Cell;
use super::boolean::Booleans;
use super::decimal::Decimals;
use super::fault::Fault;
use super::fixed::{Fixed, date_from_postgres, time_from_postgres, timestamp_from_postgres};
use super::list::Lists;
use super::malformed::Flaw;
use super::text;
use super::variable::Variable;
use crate::types::Kind;

/// A flaw and the cell it was found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Index of the cell among all that were appended.
    pub(super) cell: usize,
    /// What is wrong.
    pub(super) flaw: Flaw,
}

impl Wrong {
    pub(super) fn new(cell: usize, flaw: Flaw) -> Self {
        Self { cell, flaw }
    }
}

/// Makes the array of one column.
pub(super) trait Decoder {
    /// Appends one value per cell. A value that Arrow cannot hold becomes null and is noted in `faults` with the index
    /// of its cell among all that were appended, at most once per cell and ascending.
    fn append(&mut self, cells: &[Cell<'_>], faults: &mut Vec<(usize, Fault)>) -> Result<(), Wrong>;

    /// The array of all values that were appended.
    fn finish(self: Box<Self>) -> Result<ArrayRef, Wrong>;
}

/// Notes which cells are null, of which there are as many as said.
pub(super) fn append_validity(nulls: &mut NullBufferBuilder, cells: &[Cell<'_>], null_count: usize) {
    if null_count == 0 {
        nulls.append_n_non_nulls(cells.len());
    } else {
        cells.iter().for_each(|cell| nulls.append(cell.is_some()));
    }
}

/// The decoder of a type, with room for so many values.
pub(super) fn decoder(kind: &Kind, capacity: usize) -> Result<Box<dyn Decoder>, Flaw> {
    let data_type = kind.arrow();
    Ok(match kind {
        Kind::Bool => Box::new(Booleans::new(capacity)),
        Kind::Int2 => Box::new(Fixed::<arrow_types::Int16Type, _, _>::new(data_type, capacity, |bytes| {
            Ok(i16::from_be_bytes(bytes))
        })),
        Kind::Int4 => Box::new(Fixed::<arrow_types::Int32Type, _, _>::new(data_type, capacity, |bytes| {
            Ok(i32::from_be_bytes(bytes))
        })),
        Kind::Int8 => Box::new(Fixed::<arrow_types::Int64Type, _, _>::new(data_type, capacity, |bytes| {
            Ok(i64::from_be_bytes(bytes))
        })),
        Kind::Oid => Box::new(Fixed::<arrow_types::UInt32Type, _, _>::new(data_type, capacity, |bytes| {
            Ok(u32::from_be_bytes(bytes))
        })),
        Kind::Float4 => {
            Box::new(Fixed::<arrow_types::Float32Type, _, _>::new(data_type, capacity, |bytes| {
                Ok(f32::from_be_bytes(bytes))
            }))
        }
        Kind::Float8 => {
            Box::new(Fixed::<arrow_types::Float64Type, _, _>::new(data_type, capacity, |bytes| {
                Ok(f64::from_be_bytes(bytes))
            }))
        }
        Kind::Tid => Box::new(Fixed::<arrow_types::UInt64Type, _, _>::new(
            data_type,
            capacity,
            |[a, b, c, d, e, f]: [u8; 6]| Ok(u64::from_be_bytes([0, 0, a, b, c, d, e, f])),
        )),
        Kind::Date => Box::new(Fixed::<arrow_types::Date32Type, _, _>::new(data_type, capacity, |bytes| {
            date_from_postgres(i32::from_be_bytes(bytes))
        })),
        Kind::Time => {
            Box::new(Fixed::<arrow_types::Time64MicrosecondType, _, _>::new(data_type, capacity, |bytes| {
                time_from_postgres(i64::from_be_bytes(bytes))
            }))
        }
        Kind::Timestamp | Kind::TimestampTz => Box::new(
            Fixed::<arrow_types::TimestampMicrosecondType, _, _>::new(data_type, capacity, |bytes| {
                timestamp_from_postgres(i64::from_be_bytes(bytes))
            }),
        ),
        Kind::Money { scale: 0..=19 } => {
            Box::new(Fixed::<arrow_types::Decimal128Type, _, _>::new(data_type, capacity, |bytes| {
                Ok(i128::from(i64::from_be_bytes(bytes)))
            }))
        }
        Kind::Decimal { precision: precision @ 1..=76, scale }
            if (0..=*precision as i16).contains(&i16::from(*scale)) =>
        {
            if *precision <= arrow_types::DECIMAL128_MAX_PRECISION {
                Box::new(Decimals::<arrow_types::Decimal128Type>::new(*precision, *scale, capacity)?)
            } else {
                Box::new(Decimals::<arrow_types::Decimal256Type>::new(*precision, *scale, capacity)?)
            }
        }
        Kind::Text | Kind::Json => Box::new(Variable::text(capacity, |bytes, out| {
            out.extend_from_slice(bytes);
            Ok(())
        })),
        Kind::Jsonb => Box::new(Variable::text(capacity, text::write_jsonb)),
        Kind::Bytea => Box::new(Variable::binary(capacity)),
        Kind::Numeric => Box::new(Variable::text(capacity, text::write_numeric)),
        Kind::Char => Box::new(Variable::text(capacity, text::write_char)),
        Kind::TimeTz => Box::new(Variable::text(capacity, text::write_timetz_full)),
        Kind::Interval => Box::new(Variable::text(capacity, text::write_interval)),
        Kind::Uuid => Box::new(Variable::text(capacity, text::write_uuid)),
        Kind::Inet { cidr: false } => Box::new(Variable::text(capacity, text::write_inet)),
        Kind::Inet { cidr: true } => Box::new(Variable::text(capacity, text::write_cidr)),
        Kind::Bit => Box::new(Variable::text(capacity, text::write_bit)),
        Kind::Array { element, dimensions: dimensions @ 1.. }
            if !matches!(element.kind, Kind::Array { .. }) =>
        {
            Box::new(Lists::new(&element.kind, *dimensions, capacity)?)
        }
        Kind::Money { .. } | Kind::Decimal { .. } | Kind::Array { .. } => return Err(Flaw::Type),
    })
}
