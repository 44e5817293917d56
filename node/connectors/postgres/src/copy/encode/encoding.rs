use arrow::array::{RecordBatch, new_empty_array};
use arrow::datatypes::{FieldRef, Schema};
use etl_model::is_json;

use crate::types::{CellFault, PgType};

use super::description::misfit;
use super::encode_error::EncodeError;
use super::fault::{Fault, shown};
use super::matrix;
use super::misfit::Misfit;
use super::target::Target;

/// How the columns of a schema become tuples of binary COPY for the columns of a table.
#[derive(Debug)]
pub struct Encoding {
    columns: Vec<(FieldRef, Target)>,
    /// The number of fields, which every tuple begins with.
    count: [u8; 2],
}

impl Encoding {
    /// One target per field of the schema, in order.
    ///
    /// `Kind::Text` stands for types whose binary form is their text; of types without such a form, which are only read
    /// as text, built-in ones are refused, while the caller must not pass those of extensions.
    ///
    /// # Errors
    /// All columns whose values their target cannot take, and all that have no target or no field.
    pub fn new(schema: &Schema, targets: &[PgType]) -> Result<Self, Vec<Misfit>> {
        let mut misfits = Vec::new();
        let mut columns = Vec::with_capacity(targets.len());
        for (index, field) in schema.fields().iter().enumerate() {
            let Some(ty) = targets.get(index) else {
                misfits.push(Misfit {
                    column: field.name().clone(),
                    message: format!("column `{}` of the rows has no column in the table", field.name()),
                    help: "leave the column out with a mapping, or add it to the table".to_owned(),
                });
                continue;
            };
            let target = Target::new(ty);
            if matrix::writer(field, &new_empty_array(field.data_type()), &target).is_none() {
                misfits.push(misfit(field, &target));
            }
            columns.push((field.clone(), target));
        }
        for ty in targets.iter().skip(schema.fields().len()) {
            misfits.push(Misfit {
                column: ty.name.clone(),
                message: format!("a column of type {} in the table has no column in the rows", ty.name),
                help: "add the column with a mapping".to_owned(),
            });
        }
        let Ok(count) = i16::try_from(columns.len()) else {
            misfits.push(Misfit {
                column: schema.fields().last().map(|field| field.name().clone()).unwrap_or_default(),
                message: format!("the rows have {} columns", columns.len()),
                help: "leave columns out with a mapping: tables of PostgreSQL have at most 1600".to_owned(),
            });
            return Err(misfits);
        };
        if misfits.is_empty() { Ok(Self { columns, count: count.to_be_bytes() }) } else { Err(misfits) }
    }

    /// Appends one tuple per row to `out`; a row with a value that cannot be represented is left out and is a fault (of
    /// its first such column). The faults are in the order of the rows.
    ///
    /// # Errors
    /// A batch of another schema; then nothing is appended.
    pub fn encode(&self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<Vec<CellFault>, EncodeError> {
        let schema = batch.schema_ref();
        if schema.fields().len() != self.columns.len() {
            return Err(EncodeError::Columns { expected: self.columns.len(), found: schema.fields().len() });
        }
        let mut writers = Vec::with_capacity(self.columns.len());
        let parts = self.columns.iter().zip(schema.fields()).zip(batch.columns());
        for (index, (((expected, target), field), values)) in parts.enumerate() {
            if is_json(expected) != is_json(field) {
                return Err(EncodeError::Json { index, name: expected.name().clone() });
            }
            let writer = Some(values)
                .filter(|_| expected.data_type() == field.data_type())
                .and_then(|values| matrix::writer(field, values.as_ref(), target));
            writers.push(writer.ok_or_else(|| EncodeError::Column {
                index,
                name: expected.name().clone(),
                expected: expected.data_type().clone(),
                found: field.data_type().clone(),
            })?);
        }
        let mut faults = Vec::new();
        // Most cells are numbers and moments of 8 bytes with a length of 4.
        out.reserve(batch.num_rows() * (2 + 12 * writers.len()));
        for row in 0..batch.num_rows() {
            let start = out.len();
            out.extend_from_slice(&self.count);
            for (column, writer) in writers.iter().enumerate() {
                if let Err(fault) = writer.write(row, out) {
                    out.truncate(start);
                    faults.push(cell_fault(batch, row, column, *fault));
                    break;
                }
            }
        }
        Ok(faults)
    }
}

#[cold]
fn cell_fault(batch: &RecordBatch, row: usize, column: usize, fault: Fault) -> CellFault {
    CellFault {
        row,
        column,
        code: fault.code,
        message: fault.full_message(),
        help: fault.help,
        shown: shown(batch.column(column).as_ref(), row),
    }
}
