use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::datatypes::SchemaRef;
use etl_model::{Batch, RecordError};

use super::Dialect;
use super::column::{Cells, Column, Failures};
use super::fault::{Fault, cut, record_errors};
use super::splitter::{CsvSplitter, first_record_end};
use super::table::{Misshapen, Table};
use crate::{Decoder, FormatError, Section, Splitter};

/// Turns CSV records into columns.
///
/// A record is malformed if it has too few or too many fields, bytes that are not UTF-8, text behind a closing quote
/// or a value that its column's type cannot hold; it is then one record error and the others are decoded all the
/// same.
#[derive(Debug, Clone)]
pub struct CsvDecoder {
    schema: SchemaRef,
    columns: Vec<Column>,
    dialect: Dialect,
}

impl CsvDecoder {
    /// A decoder of records with these columns, in this order. All types count as inferred: a value must be written
    /// the way the type would be written again.
    ///
    /// # Errors
    /// [`FormatError::Unsupported`] for a type that is not of [`super::ColumnType`].
    pub fn new(schema: SchemaRef, dialect: Dialect) -> Result<Self, FormatError> {
        let columns = schema.fields().iter().map(|field| Column::new(field)).collect::<Result<_, _>>()?;
        Ok(Self { schema, columns, dialect })
    }

    /// Marks the columns whose types the user declared. Values of these may also be written in other ways: `+7`,
    /// `007`, spaces around a number, `yes` for true, floats that have to be rounded.
    pub fn with_declared<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: HashSet<_> = names.into_iter().collect();
        for column in &mut self.columns {
            column.declared = names.contains(column.name());
        }
        self
    }

    /// The columns of every batch.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Decodes `section.data[range]`, a run of whole records that offsets can address.
    fn run(
        &self,
        section: &Section<'_>,
        start: usize,
        end: usize,
        faults: &mut Vec<Fault>,
    ) -> Result<Option<Batch>, FormatError> {
        let data = &section.data[start..end];
        let table = Table::read(data, &self.dialect, self.columns.len());
        let mut failures = Failures { rows: vec![false; table.rows()], faults: Vec::new() };
        failures.faults.extend(table.misshapen().iter().map(|record| self.misshapen(record, data)));
        if simdutf8::basic::from_utf8(data).is_err() {
            self.refuse_invalid_utf8(data, &table, &mut failures);
        }
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (index, column) in self.columns.iter().enumerate() {
            let cells = Cells { data, table: &table, index, dialect: &self.dialect };
            arrays.push(column.build(&cells, &mut failures)?);
        }
        let Failures { rows: failed, faults: found } = failures;
        faults.extend(found.into_iter().map(|fault| Fault {
            start: fault.start + start,
            end: fault.end + start,
            at: fault.at + start,
            ..fault
        }));
        let rows = failed.iter().filter(|&&failed| !failed).count();
        if rows == 0 {
            return Ok(None);
        }
        let offset = section.offset + start as u64;
        let ordinals: UInt64Array =
            table.starts().iter().map(|&start| offset + u64::from(start)).collect::<Vec<_>>().into();
        // A failed value may be null where its column allows none, so those records go before the schema is checked.
        let (arrays, ordinals) = if rows == failed.len() {
            (arrays, ordinals)
        } else {
            let kept = BooleanArray::from(failed.iter().map(|&failed| !failed).collect::<Vec<_>>());
            let kept = arrow::compute::FilterBuilder::new(&kept).optimize().build();
            let arrays = arrays.iter().map(|array| kept.filter(array)).collect::<Result<Vec<_>, _>>()?;
            let ordinals = kept.filter(&ordinals)?;
            (arrays, arrow::array::AsArray::as_primitive(ordinals.as_ref()).clone())
        };
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let records = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?;
        Ok(Some(Batch::new(records, ordinals)?))
    }

    #[cold]
    fn misshapen(&self, record: &Misshapen, data: &[u8]) -> Fault {
        let &Misshapen { start, end, fields, surplus, open } = record;
        let wanted = self.columns.len();
        let (code, message, help) = if open {
            (
                "csv_open_quote",
                "a quoted field is never closed".to_owned(),
                "close the quote; the data may be cut off",
            )
        } else {
            let fields = if fields == 1 { "1 field".to_owned() } else { format!("{fields} fields") };
            let mut message = format!("the record has {fields}, not {wanted}");
            if let Some(surplus) = surplus {
                message.push_str(&format!("; the first one too many begins `{}`", cut(&data[surplus..end])));
            }
            (
                "csv_field_count",
                message,
                "quote fields that hold the delimiter or a line end; check `delimiter` and `quote`",
            )
        };
        Fault {
            start,
            end,
            at: surplus.unwrap_or(start),
            code,
            message,
            field: None,
            help: Some(help.to_owned()),
        }
    }

    #[cold]
    fn refuse_invalid_utf8(&self, data: &[u8], table: &Table, failures: &mut Failures) {
        for row in 0..table.rows() {
            let (start, end) = table.record(row);
            let Err(error) = std::str::from_utf8(&data[start..end]) else {
                continue;
            };
            let at = start + error.valid_up_to();
            let field = (0..self.columns.len()).zip(&self.columns).find_map(|(index, column)| {
                let (start, end) = table.field(row, index);
                (at <= end).then(|| (column.name(), cut(&data[start..end])))
            });
            let (name, value) = field.unwrap_or_default();
            failures.rows[row] = true;
            failures.faults.push(Fault {
                start,
                end,
                at,
                code: "csv_invalid_utf8",
                message: format!("column `{name}`: `{value}` is not UTF-8"),
                field: Some(name.to_owned()),
                help: Some(
                    "convert the file to UTF-8, for example with `iconv -f WINDOWS-1252 -t UTF-8`".to_owned(),
                ),
            });
        }
    }

    /// Ends of the runs into which data beyond the reach of offsets is cut; a record that is itself too long is
    /// refused.
    fn runs(
        &self,
        data: &[u8],
        faults: &mut Vec<Fault>,
        limit: usize,
    ) -> Result<Vec<(usize, usize)>, FormatError> {
        if data.len() <= limit {
            return Ok(vec![(0, data.len())]);
        }
        let mut runs = Vec::new();
        let mut start = 0;
        while data.len() - start > limit {
            let mut splitter = CsvSplitter::new(&self.dialect);
            let length = splitter.split(&data[start..start + limit], false)?;
            if length > 0 {
                runs.push((start, start + length));
                start += length;
                continue;
            }
            let length = first_record_end(&data[start..], &self.dialect);
            faults.push(Fault {
                start,
                end: start + length,
                at: start,
                code: "csv_record_too_long",
                message: format!("the record is {length} bytes long; at most {limit} can be read"),
                field: None,
                help: Some(
                    "a quote that is never closed joins all records behind it; check `quote`".to_owned(),
                ),
            });
            start += length;
        }
        if start < data.len() {
            runs.push((start, data.len()));
        }
        Ok(runs)
    }
}

impl Decoder for CsvDecoder {
    fn decode(&self, section: Section<'_>) -> Result<(Vec<Batch>, Vec<RecordError>), FormatError> {
        let mut faults = Vec::new();
        let mut batches = Vec::new();
        for (start, end) in self.runs(section.data, &mut faults, Table::MAX_BYTES)? {
            batches.extend(self.run(&section, start, end, &mut faults)?);
        }
        Ok((batches, record_errors(faults, section)))
    }
}
