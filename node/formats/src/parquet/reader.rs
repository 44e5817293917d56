use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use etl_model::{Batch, json_field};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::LogicalType;
use parquet::file::reader::ChunkReader;
use parquet::schema::types::SchemaDescriptor;

use super::failure::{failure, invalid};
use crate::FormatError;

/// Reads the rows of a Parquet file from any row on, in order.
pub struct ParquetReader {
    records: Option<ParquetRecordBatchReader>,
    schema: SchemaRef,
    rows: u64,
    next: u64,
}

impl ParquetReader {
    /// Opens a file at row `from_row`; earlier row groups are not read, earlier rows of its row group are skipped.
    /// A batch holds at most `batch_rows` rows and, judged by the file's average row, about `target_bytes`.
    ///
    /// # Errors
    /// [`FormatError::Invalid`] for a file that is cut off or damaged, or has fewer than `from_row` rows;
    /// [`FormatError::Io`] if it cannot be read.
    pub fn open(
        file: impl ChunkReader + 'static,
        from_row: u64,
        batch_rows: usize,
        target_bytes: usize,
    ) -> Result<Self, FormatError> {
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(failure)?;
        let mut bytes = 0u64;
        let mut rows = 0u64;
        let mut wanted = Vec::new();
        let mut skipped = 0;
        for (index, group) in metadata.metadata().row_groups().iter().enumerate() {
            let count = u64::try_from(group.num_rows())
                .map_err(|_| invalid(format!("row group {index} has {} rows", group.num_rows())))?;
            bytes = bytes.saturating_add(u64::try_from(group.total_byte_size()).unwrap_or_default());
            rows =
                rows.checked_add(count).ok_or_else(|| invalid("it claims more rows than can be counted"))?;
            if rows > from_row {
                wanted.push(index);
            } else {
                skipped = rows;
            }
        }
        if from_row > rows {
            return Err(invalid(format!("it has {rows} rows, but reading was to go on at row {from_row}")));
        }
        let schema = with_json(metadata.schema(), metadata.parquet_schema());
        let average = usize::try_from(bytes / rows.max(1)).unwrap_or(usize::MAX).max(1);
        let batch_size = batch_rows.min(target_bytes / average).max(1);
        let records = if wanted.is_empty() {
            None
        } else {
            let offset =
                usize::try_from(from_row - skipped).map_err(|_| invalid("a row group is too long"))?;
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
                .with_row_groups(wanted)
                .with_offset(offset)
                .with_batch_size(batch_size);
            Some(builder.build().map_err(failure)?)
        };
        Ok(Self { records, schema, rows, next: from_row })
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows of the whole file.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The next rows; `None` behind the last one.
    ///
    /// # Errors
    /// [`FormatError::Invalid`] for damaged data, or fewer rows than the file's own count.
    #[allow(clippy::should_implement_trait)] // `Result<Option>` suits `?` better than `Option<Result>`
    pub fn next(&mut self) -> Result<Option<Batch>, FormatError> {
        let records = match self.records.as_mut().and_then(Iterator::next) {
            Some(records) => {
                records.map_err(|error| invalid(format!("behind row {}: {error}", self.next)))?
            }
            None if self.next == self.rows => return Ok(None),
            None => {
                return Err(invalid(format!(
                    "it ends behind row {}, but claims to have {}",
                    self.next, self.rows
                )));
            }
        };
        let end = self.next + records.num_rows() as u64;
        if end > self.rows {
            return Err(invalid(format!("it has more than the {} rows that it claims", self.rows)));
        }
        let ordinals: UInt64Array = (self.next..end).collect::<Vec<_>>().into();
        self.next = end;
        let records = RecordBatch::try_new(Arc::clone(&self.schema), records.columns().to_vec())?;
        Ok(Some(Batch::new(records, ordinals)?))
    }
}

/// The schema with the columns marked that Parquet itself calls JSON.
fn with_json(schema: &SchemaRef, parquet: &SchemaDescriptor) -> SchemaRef {
    let fields = schema.fields().iter().zip(parquet.root_schema().get_fields()).map(|(field, column)| {
        let json = matches!(column.get_basic_info().logical_type_ref(), Some(LogicalType::Json));
        if json && *field.data_type() == DataType::Utf8 && !etl_model::is_json(field) {
            let mut metadata = field.metadata().clone();
            metadata.extend(json_field(field.name(), true).metadata().clone());
            Arc::new(Field::clone(field).with_metadata(metadata))
        } else {
            Arc::clone(field)
        }
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}
