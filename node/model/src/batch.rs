use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, UInt64Array};
use arrow::compute::FilterBuilder;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::Position;

/// A batch whose parts do not fit together.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// Rows and ordinals differ in number.
    #[error("{rows} rows with {ordinals} ordinals")]
    Ordinals {
        /// Rows of the record batch.
        rows: usize,
        /// Ordinals beside it.
        ordinals: usize,
    },
    /// An Arrow kernel refused.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

/// Records in columns, each with its ordinal in the partition.
///
/// The ordinals ride beside the columns, so no user column can hide or rename them and every filter keeps both in
/// step. They ascend; a record that reaches a step over two paths appears twice with one ordinal.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    records: RecordBatch,
    ordinals: UInt64Array,
}

impl Batch {
    /// Joins rows and their ordinals, one per row.
    pub fn new(records: RecordBatch, ordinals: UInt64Array) -> Result<Self, BatchError> {
        if records.num_rows() != ordinals.len() {
            return Err(BatchError::Ordinals { rows: records.num_rows(), ordinals: ordinals.len() });
        }
        Ok(Self { records, ordinals })
    }

    /// The rows.
    pub fn records(&self) -> &RecordBatch {
        &self.records
    }

    /// One ordinal per row.
    pub fn ordinals(&self) -> &UInt64Array {
        &self.ordinals
    }

    /// The schema of the rows.
    pub fn schema(&self) -> SchemaRef {
        self.records.schema()
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.records.num_rows()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes the columns hold in memory.
    pub fn memory(&self) -> usize {
        self.records.get_array_memory_size() + self.ordinals.get_array_memory_size()
    }

    /// The same rows with other columns; the number of rows must stay.
    pub fn with_records(self, records: RecordBatch) -> Result<Self, BatchError> {
        Self::new(records, self.ordinals)
    }

    /// Keeps the rows whose mask is true (a null mask value drops the row).
    pub fn filter(&self, mask: &BooleanArray) -> Result<Self, BatchError> {
        // Read once for the ordinals and all columns.
        let kept = FilterBuilder::new(mask).optimize().build();
        let ordinals = kept.filter(&self.ordinals)?;
        Self::new(kept.filter_record_batch(&self.records)?, ordinals.as_primitive().clone())
    }

    /// Rows `offset .. offset + length`, without copying.
    pub fn slice(&self, offset: usize, length: usize) -> Self {
        Self { records: self.records.slice(offset, length), ordinals: self.ordinals.slice(offset, length) }
    }

    /// Drops the rows that lie before the position.
    pub fn after(&self, position: &Position) -> Self {
        let covered = self.ordinals.values().partition_point(|&ordinal| position.covers(ordinal));
        self.slice(covered, self.len() - covered)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    fn batch() -> Batch {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        let records =
            RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from(vec![1, 2, 3, 4]))]).unwrap();
        Batch::new(records, UInt64Array::from(vec![10, 20, 30, 40])).unwrap()
    }

    #[test]
    fn filters_keep_rows_and_ordinals_in_step() {
        let kept =
            batch().filter(&BooleanArray::from(vec![Some(true), None, Some(false), Some(true)])).unwrap();
        assert_eq!(kept.ordinals().values(), &[10, 40]);
        assert_eq!(kept.len(), 2);
    }

    #[test]
    fn a_position_drops_exactly_what_it_covers() {
        let position = Position { next: 21, cursor: serde_json::Value::Null };
        assert_eq!(batch().after(&position).ordinals().values(), &[30, 40]);
        assert!(batch().after(&Position { next: 41, cursor: serde_json::Value::Null }).is_empty());
        assert_eq!(batch().after(&Position::start()).len(), 4);
    }

    #[test]
    fn rows_and_ordinals_must_agree() {
        let records = batch().records().clone();
        assert!(matches!(
            Batch::new(records, UInt64Array::from(vec![1])),
            Err(BatchError::Ordinals { rows: 4, ordinals: 1 })
        ));
    }
}
