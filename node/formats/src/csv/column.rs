use std::sync::Arc;

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, TimeUnit};
use serde::de::IgnoredAny;

use super::Dialect;
use super::fault::{Fault, cut};
use super::number::{Refusal, boolean, decimal, float, int};
use super::scanner::BLOCK;
use super::table::{Table, unquote, unquote_into};
use super::temporal::{date, timestamp};
use crate::FormatError;

/// Fields up to this length are copied with a fixed length, which is faster.
const SHORT: usize = 32;

/// How the fields of a column become values.
#[derive(Debug, Clone)]
enum Kind {
    Text,
    Json,
    Int,
    Float,
    Boolean,
    Date,
    Timestamp(Option<Arc<str>>),
    Decimal(u8, i8),
}

/// One column of a decoder.
#[derive(Debug, Clone)]
pub(super) struct Column {
    name: String,
    kind: Kind,
    nullable: bool,
    /// Whether the user declared the type, so that other ways of writing its values are welcome.
    pub declared: bool,
}

/// The fields of one column in a run of records.
pub(super) struct Cells<'a> {
    pub data: &'a [u8],
    pub table: &'a Table,
    pub index: usize,
    pub dialect: &'a Dialect,
}

/// The records that have failed so far; later columns leave them alone.
pub(super) struct Failures {
    /// Per record of the table.
    pub rows: Vec<bool>,
    pub faults: Vec<Fault>,
}

/// What is wrong with one field: where in it, and why.
struct CellFault {
    at: usize,
    code: &'static str,
    what: Refusal,
}

impl Column {
    pub(super) fn new(field: &Field) -> Result<Self, FormatError> {
        let kind = match field.data_type() {
            DataType::Utf8 if etl_model::is_json(field) => Kind::Json,
            DataType::Utf8 => Kind::Text,
            DataType::Int64 => Kind::Int,
            DataType::Float64 => Kind::Float,
            DataType::Boolean => Kind::Boolean,
            DataType::Date32 => Kind::Date,
            DataType::Timestamp(TimeUnit::Microsecond, zone) => Kind::Timestamp(zone.clone()),
            DataType::Decimal128(precision, scale) if *scale >= 0 => Kind::Decimal(*precision, *scale),
            other => {
                return Err(FormatError::Unsupported {
                    format: "csv",
                    column: field.name().clone(),
                    data_type: other.to_string(),
                });
            }
        };
        Ok(Self { name: field.name().clone(), kind, nullable: field.is_nullable(), declared: false })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The column's values, one per record of the table; failed records get null or an arbitrary value.
    pub(super) fn build(&self, cells: &Cells<'_>, failures: &mut Failures) -> Result<ArrayRef, FormatError> {
        let canonical = !self.declared;
        Ok(match &self.kind {
            Kind::Text => self.texts(cells, failures, |_| Ok(()))?,
            Kind::Json => self.texts(cells, failures, |value| {
                serde_json::from_slice::<IgnoredAny>(value).map(drop).map_err(|_| "is not a JSON document")
            })?,
            Kind::Int => {
                let (values, nulls) = self.values(cells, failures, |field| int(field, canonical));
                Arc::new(Int64Array::try_new(values.into(), nulls)?)
            }
            Kind::Float => {
                let (values, nulls) = self.values(cells, failures, |field| float(field, canonical));
                Arc::new(Float64Array::try_new(values.into(), nulls)?)
            }
            Kind::Boolean => {
                let (values, nulls) = self.values(cells, failures, |field| boolean(field, canonical));
                Arc::new(BooleanArray::new(values.into(), nulls))
            }
            Kind::Date => {
                let (values, nulls) = self.values(cells, failures, date);
                Arc::new(Date32Array::try_new(values.into(), nulls)?)
            }
            Kind::Timestamp(zone) => {
                let (values, nulls) = self.values(cells, failures, timestamp);
                let array = TimestampMicrosecondArray::try_new(values.into(), nulls)?;
                Arc::new(array.with_timezone_opt(zone.clone()))
            }
            Kind::Decimal(precision, scale) => {
                let (values, nulls) =
                    self.values(cells, failures, |field| decimal(field, *precision, *scale));
                let array = Decimal128Array::try_new(values.into(), nulls)?;
                Arc::new(array.with_precision_and_scale(*precision, *scale)?)
            }
        })
    }

    fn values<T: Copy + Default>(
        &self,
        cells: &Cells<'_>,
        failures: &mut Failures,
        parse: impl Fn(&[u8]) -> Result<T, Refusal>,
    ) -> (Vec<T>, Option<NullBuffer>) {
        let rows = cells.table.rows();
        let mut values = Vec::with_capacity(rows);
        let mut nulls = NullBufferBuilder::new(rows);
        let mut scratch = Vec::new();
        for (row, (start, end)) in cells.table.fields(cells.index).enumerate() {
            let value = if failures.rows[row] {
                None
            } else {
                match self.value(&cells.data[start..end], cells.dialect, &mut scratch, &parse) {
                    Ok(value) => value,
                    Err(fault) => {
                        self.fail(cells, row, (start, end), fault, failures);
                        None
                    }
                }
            };
            match value {
                Some(value) => {
                    values.push(value);
                    nulls.append_non_null();
                }
                None => {
                    values.push(T::default());
                    nulls.append_null();
                }
            }
        }
        (values, nulls.finish())
    }

    #[inline]
    fn value<T>(
        &self,
        field: &[u8],
        dialect: &Dialect,
        scratch: &mut Vec<u8>,
        parse: &impl Fn(&[u8]) -> Result<T, Refusal>,
    ) -> Result<Option<T>, CellFault> {
        let Some(&first) = field.first() else {
            return self.null();
        };
        let text = if dialect.quote() == Some(first) {
            scratch.clear();
            unquote(field, first, scratch).map_err(CellFault::stray)?;
            if scratch.is_empty() {
                return self.null();
            }
            scratch.as_slice()
        } else if dialect.is_null(field) {
            return self.null();
        } else {
            field
        };
        // Spaces around a value that is not text mean nothing; where the type was only guessed they contradict it.
        let text = if self.declared { text.trim_ascii() } else { text };
        parse(text).map(Some).map_err(|what| CellFault { at: 0, code: "csv_invalid_value", what })
    }

    fn null<T>(&self) -> Result<Option<T>, CellFault> {
        if self.nullable {
            Ok(None)
        } else {
            Err(CellFault {
                at: 0,
                code: "csv_missing_value",
                what: "is null, which this column must not be",
            })
        }
    }

    fn texts(
        &self,
        cells: &Cells<'_>,
        failures: &mut Failures,
        check: impl Fn(&[u8]) -> Result<(), Refusal>,
    ) -> Result<ArrayRef, FormatError> {
        let rows = cells.table.rows();
        let bytes: usize = cells.table.fields(cells.index).map(|(start, end)| end - start).sum();
        // Room behind the last value lets every copy have a fixed length.
        let mut values = vec![0; bytes + BLOCK];
        let mut filled = 0;
        let mut offsets = Vec::with_capacity(rows + 1);
        let mut nulls = NullBufferBuilder::new(rows);
        offsets.push(0);
        for (row, (start, end)) in cells.table.fields(cells.index).enumerate() {
            let length = if failures.rows[row] {
                None
            } else {
                match self.text(cells.data, (start, end), cells.dialect, &mut values[filled..], &check) {
                    Ok(length) => length,
                    Err(fault) => {
                        self.fail(cells, row, (start, end), fault, failures);
                        None
                    }
                }
            };
            match length {
                Some(length) => {
                    filled += length;
                    nulls.append_non_null();
                }
                None => nulls.append_null(),
            }
            // At most `Table::MAX_BYTES` in all.
            offsets.push(filled as i32);
        }
        values.truncate(filled);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        Ok(Arc::new(StringArray::try_new(offsets, Buffer::from_vec(values), nulls.finish())?))
    }

    /// Writes the field's text to the beginning of `out`, which is at least [`BLOCK`] bytes longer than the field, and
    /// returns its length; `None` if it is null.
    #[inline]
    fn text(
        &self,
        data: &[u8],
        (start, end): (usize, usize),
        dialect: &Dialect,
        out: &mut [u8],
        check: &impl Fn(&[u8]) -> Result<(), Refusal>,
    ) -> Result<Option<usize>, CellFault> {
        let field = &data[start..end];
        let json = matches!(self.kind, Kind::Json);
        let length = match field.first() {
            Some(&first) if dialect.quote() == Some(first) => {
                let length =
                    unquote_into(&data[start..], field.len(), first, out).map_err(CellFault::stray)?;
                if length == 0 && json {
                    return self.null();
                }
                length
            }
            _ if dialect.is_null(field) || field.is_empty() && json => return self.null(),
            _ => {
                match data.get(start..start + SHORT) {
                    Some(short) if field.len() <= SHORT => out[..SHORT].copy_from_slice(short),
                    _ => out[..field.len()].copy_from_slice(field),
                }
                field.len()
            }
        };
        check(&out[..length]).map_err(|what| CellFault { at: 0, code: "csv_invalid_value", what })?;
        Ok(Some(length))
    }

    #[cold]
    fn fail(
        &self,
        cells: &Cells<'_>,
        row: usize,
        (field, field_end): (usize, usize),
        fault: CellFault,
        failures: &mut Failures,
    ) {
        let (start, end) = cells.table.record(row);
        let value = cut(&cells.data[field..field_end]);
        let help = match fault.code {
            "csv_text_after_quote" => {
                "double the quotes inside a quoted field, or set `quote` to \"\" if the file \
                                       does not use quotes"
            }
            _ if self.declared => "correct the value, or declare the column as string under `schema`",
            _ => {
                "the type was inferred from the beginning of the data; declare the column as string under `schema`"
            }
        };
        failures.rows[row] = true;
        failures.faults.push(Fault {
            start,
            end,
            at: field + fault.at,
            code: fault.code,
            message: format!("column `{}`: `{value}` {}", self.name, fault.what),
            field: Some(self.name.clone()),
            help: Some(help.to_owned()),
        });
    }
}

impl CellFault {
    fn stray(at: usize) -> Self {
        Self { at, code: "csv_text_after_quote", what: "goes on behind its closing quote" }
    }
}
