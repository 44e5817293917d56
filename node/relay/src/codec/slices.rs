use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{BinaryViewType, ByteViewType, DataType, StringViewType};
use etl_model::Batch;

use super::rows::rows_to_bytes;
use crate::RelayError;
use crate::link::FRAME_BODY;

/// Bytes aimed at where a batch has to be cut: rows differ in width, and a body should fit into one frame.
const AIM: usize = FRAME_BODY * 3 / 4;

/// Bytes of a stream beside the values, at a guess.
const FRAMING: usize = 4 << 10;

/// A batch as one Arrow IPC stream, or several one after the other, each small enough for one frame unless it holds a single
/// row.
#[derive(Debug)]
pub(crate) struct Slices {
    /// Where each one ends.
    pub ends: Vec<usize>,
}

/// Cuts and encodes a batch.
pub(crate) fn slice(batch: &Batch) -> Result<(Vec<u8>, Slices), RelayError> {
    let batch = compact(batch)?;
    let bytes = size(&batch);
    let pieces = if bytes + FRAMING <= FRAME_BODY { 1 } else { bytes.div_ceil(AIM) };
    let rows = batch.len().div_ceil(pieces.max(1)).max(1);
    let mut out = Vec::with_capacity(bytes + bytes / 16 + pieces * FRAMING);
    let mut ends = Vec::with_capacity(pieces);
    let mut offset = 0;
    while offset < batch.len() || ends.is_empty() {
        let piece = batch.slice(offset, rows.min(batch.len() - offset));
        offset += piece.len();
        encode(&piece, usize::MAX, &mut out, &mut ends)?;
    }
    Ok((out, Slices { ends }))
}

/// Encodes a batch in one piece, whatever its size.
pub(crate) fn whole(batch: &Batch) -> Result<Vec<u8>, RelayError> {
    let batch = compact(batch)?;
    let mut out = Vec::with_capacity(size(&batch) + FRAMING);
    rows_to_bytes(&batch, &mut out)?;
    Ok(out)
}

/// Encodes a piece. One that turns out too large is cut in two, as long as that makes it smaller: what its rows share (a
/// dictionary) stays in every piece.
fn encode(piece: &Batch, parent: usize, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Result<(), RelayError> {
    let start = out.len();
    rows_to_bytes(&compact(piece)?, out)?;
    let bytes = out.len() - start;
    if bytes <= FRAME_BODY || piece.len() < 2 || bytes > parent - parent / 4 {
        ends.push(out.len());
        return Ok(());
    }
    out.truncate(start);
    let half = piece.len() / 2;
    encode(&piece.slice(0, half), bytes, out, ends)?;
    encode(&piece.slice(half, piece.len() - half), bytes, out, ends)
}

/// The same rows where views point to no more bytes than they show: Arrow IPC writes whole buffers.
fn compact(batch: &Batch) -> Result<Batch, RelayError> {
    let is_view = |column: &ArrayRef| matches!(column.data_type(), DataType::Utf8View | DataType::BinaryView);
    let records = batch.records();
    if !records.columns().iter().any(is_view) {
        return Ok(batch.clone());
    }
    fn shown<T: ByteViewType>(column: &ArrayRef) -> ArrayRef {
        Arc::new(column.as_byte_view::<T>().gc())
    }
    let columns = records.columns().iter().map(|column| match column.data_type() {
        DataType::Utf8View => shown::<StringViewType>(column),
        DataType::BinaryView => shown::<BinaryViewType>(column),
        _ => Arc::clone(column),
    });
    let options = RecordBatchOptions::new().with_row_count(Some(records.num_rows()));
    let records = RecordBatch::try_new_with_options(records.schema(), columns.collect(), &options);
    batch
        .clone()
        .with_records(records.map_err(RelayError::rows)?)
        .map_err(|error| RelayError::malformed("rows", error))
}

/// Bytes that the values of a batch take on the wire, about.
fn size(batch: &Batch) -> usize {
    let of_column = |column: &ArrayRef| {
        let slice = |array: &dyn Array| {
            let data = array.to_data();
            data.get_slice_memory_size().unwrap_or_else(|_| array.get_array_memory_size())
        };
        match column.data_type() {
            // The values are in every piece; cutting does not make them less.
            DataType::Dictionary(..) => slice(column.as_any_dictionary().keys()),
            DataType::Utf8View | DataType::BinaryView => column.get_buffer_memory_size(),
            _ => slice(column.as_ref()),
        }
    };
    let columns: usize = batch.records().columns().iter().map(of_column).sum();
    columns + batch.len() * size_of::<u64>()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use arrow::array::{DictionaryArray, StringArray, StringViewArray, UInt64Array};
    use arrow::datatypes::{Field, Int32Type, Schema};
    use bytes::Bytes;

    use super::super::rows::rows_from_bytes;
    use super::*;

    fn batch(column: ArrayRef) -> Batch {
        let rows = column.len() as u64;
        let schema = Arc::new(Schema::new(vec![Field::new("a", column.data_type().clone(), true)]));
        let records = RecordBatch::try_new(schema, vec![column]).unwrap();
        Batch::new(records, UInt64Array::from_iter_values(0..rows)).unwrap()
    }

    /// The sizes of the pieces, which together must be the batch.
    fn sizes(batch: &Batch) -> Vec<usize> {
        let (bytes, slices) = slice(batch).unwrap();
        let bytes = Bytes::from(bytes);
        let (mut start, mut rows, mut sizes) = (0, 0, Vec::new());
        for end in slices.ends {
            let piece = rows_from_bytes(bytes.slice(start..end)).unwrap();
            assert_eq!(piece, batch.slice(rows, piece.len()));
            rows += piece.len();
            sizes.push(end - start);
            start = end;
        }
        assert_eq!((rows, start), (batch.len(), bytes.len()));
        sizes
    }

    #[test]
    fn small_batches_stay_whole_and_large_ones_fit_into_frames() {
        let texts = |rows: usize, width: usize| (0..rows).map(move |i| Some(format!("{i:width$}")));
        assert_eq!(sizes(&batch(Arc::new(texts(100, 10).collect::<StringArray>()))).len(), 1);
        assert_eq!(sizes(&batch(Arc::new(texts(0, 10).collect::<StringArray>()))).len(), 1);
        for column in [
            Arc::new(texts(100_000, 50).collect::<StringArray>()) as ArrayRef,
            Arc::new(texts(100_000, 50).collect::<StringViewArray>()),
        ] {
            let sizes = sizes(&batch(column));
            assert!(sizes.len() > 4 && sizes.iter().all(|&bytes| bytes <= FRAME_BODY), "{sizes:?}");
            assert!(sizes.iter().sum::<usize>() < 9 << 20, "{sizes:?}");
        }
    }

    #[test]
    fn rows_of_very_different_width_are_cut_where_they_can_be() {
        let wide = |i: usize| Some("x".repeat(if i == 40 { 3 << 20 } else { 10 }));
        let sizes = sizes(&batch(Arc::new((0..100).map(wide).collect::<StringArray>())));
        assert_eq!(sizes.iter().filter(|&&bytes| bytes > FRAME_BODY).count(), 1, "{sizes:?}");
    }

    #[test]
    fn a_large_dictionary_is_not_sent_with_every_row() {
        let values: StringArray = (0..2000).map(|i| Some(format!("{i:1000}"))).collect();
        let keys = (0..5000).map(|i| i % 2000).collect::<arrow::array::Int32Array>();
        let column = DictionaryArray::<Int32Type>::new(keys, Arc::new(values));
        assert!(sizes(&batch(Arc::new(column))).len() <= 2);
    }
}
