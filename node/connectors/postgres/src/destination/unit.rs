use std::sync::Arc;

use arrow::array::UInt64Array;
use bytes::Bytes;

use super::layout::Layout;

/// Tuples of one batch.
#[derive(Clone)]
pub(super) struct Piece {
    pub(super) layout: Arc<Layout>,
    pub(super) tuples: Bytes,
    /// One per tuple.
    pub(super) ordinals: UInt64Array,
}

impl Piece {
    /// Number of tuples.
    pub(super) fn rows(&self) -> u64 {
        self.ordinals.len() as u64
    }

    /// Where each tuple begins, and the end of the last one.
    pub(super) fn offsets(&self) -> Option<Vec<usize>> {
        let mut offsets = Vec::with_capacity(self.ordinals.len() + 1);
        let mut at = 0;
        for _ in 0..self.ordinals.len() {
            offsets.push(at);
            at += tuple_length(self.tuples.get(at..)?)?;
        }
        offsets.push(at);
        (at == self.tuples.len()).then_some(offsets)
    }
}

fn tuple_length(tuple: &[u8]) -> Option<usize> {
    let (count, mut rest) = tuple.split_first_chunk::<2>()?;
    for _ in 0..i16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<4>()?;
        rest = match usize::try_from(i32::from_be_bytes(*length)) {
            Ok(length) => after.get(length..)?,
            Err(_) => after,
        };
    }
    Some(tuple.len() - rest.len())
}
