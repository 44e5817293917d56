use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use etl_model::Batch;

use crate::group::Error;

/// Rows of a batch: about a MiB on the wire.
const ROWS: usize = 8192;
/// Bytes of a row's text.
const TEXT: usize = 100;

/// Rows as they come out of a chain, and the same bytes as they go over the wire.
pub struct Load {
    pub batch: Batch,
    /// One batch on the wire, in pieces of a MiB at most.
    pub wire: Vec<Bytes>,
    pub batches: usize,
}

impl Load {
    /// So many rows, rounded up to whole batches, of which each takes `wire_bytes` on the wire.
    pub fn new(batch: Batch, wire_bytes: usize, rows: usize) -> Self {
        let wire = vec![0x5a_u8; wire_bytes];
        let wire = wire.chunks(1 << 20).map(Bytes::copy_from_slice).collect();
        Self { batch, wire, batches: rows.div_ceil(ROWS) }
    }

    /// One batch of the rows.
    pub fn batch() -> Result<Batch, Error> {
        let schema = Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("twice", DataType::Int64, false),
            Field::new("text", DataType::Utf8, false),
        ]));
        let ids = || 0..ROWS as i64;
        let text = (0..ROWS).map(|row| format!("{row:0>TEXT$}"));
        let records = RecordBatch::try_new(
            schema,
            vec![
                Arc::new(Int64Array::from_iter_values(ids())),
                Arc::new(Int64Array::from_iter_values(ids().map(|id| 2 * id))),
                Arc::new(StringArray::from_iter_values(text)),
            ],
        )
        .map_err(unexpected)?;
        let ordinals = UInt64Array::from_iter_values(0..ROWS as u64);
        Batch::new(records, ordinals).map_err(unexpected)
    }

    /// Rows in all.
    pub fn rows(&self) -> usize {
        self.batches * ROWS
    }

    /// Bytes in all.
    pub fn bytes(&self) -> usize {
        self.batches * self.wire.iter().map(Bytes::len).sum::<usize>()
    }

    /// Everything, piece by piece.
    pub fn pieces(&self) -> impl Iterator<Item = Bytes> + Send + use<> {
        let (wire, batches) = (self.wire.clone(), self.batches);
        (0..batches).flat_map(move |_| wire.clone())
    }
}

pub fn unexpected(error: impl std::fmt::Display) -> Error {
    Error::Unexpected(error.to_string())
}
