use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, NullBufferBuilder, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use super::block::Cell;
use super::decoder::{Decoder, Wrong, append_validity};
use super::fault::Fault;
use super::malformed::Flaw;

/// Text and bytes of any length.
pub(super) struct Variable<F> {
    values: Vec<u8>,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
    capacity: usize,
    text: bool,
    write: F,
}

impl<F> Variable<F>
where
    F: Fn(&[u8], &mut Vec<u8>) -> Result<(), Flaw>,
{
    /// A column of text; `write` appends the text of a value.
    pub(super) fn text(capacity: usize, write: F) -> Self {
        Self::new(capacity, true, write)
    }

    fn new(capacity: usize, text: bool, write: F) -> Self {
        let mut offsets = Vec::with_capacity(capacity.saturating_add(1));
        offsets.push(0);
        let nulls = NullBufferBuilder::new(capacity);
        Self { values: Vec::new(), offsets, nulls, capacity, text, write }
    }

    /// Index of the first value that is not UTF-8 by itself.
    fn not_utf8(offsets: &[i32], values: &[u8]) -> usize {
        let ends = offsets.iter().filter_map(|&offset| usize::try_from(offset).ok());
        let starts = ends.clone();
        starts
            .zip(ends.skip(1))
            .position(|(start, end)| {
                values.get(start..end).is_none_or(|value| std::str::from_utf8(value).is_err())
            })
            .unwrap_or_default()
    }
}

/// What a column of bytes does to a value.
type Copy = fn(&[u8], &mut Vec<u8>) -> Result<(), Flaw>;

impl Variable<Copy> {
    /// A column of bytes as they are.
    pub(super) fn binary(capacity: usize) -> Self {
        Self::new(capacity, false, |bytes, out| {
            out.extend_from_slice(bytes);
            Ok(())
        })
    }
}

impl<F> Decoder for Variable<F>
where
    F: Fn(&[u8], &mut Vec<u8>) -> Result<(), Flaw>,
{
    fn append(&mut self, cells: &[Cell<'_>], _: &mut Vec<(usize, Fault)>) -> Result<(), Wrong> {
        if self.values.capacity() == 0 && !cells.is_empty() {
            let bytes: usize = cells.iter().flatten().map(|bytes| bytes.len()).sum();
            self.values.reserve(bytes.saturating_mul(self.capacity.max(cells.len())) / cells.len());
        }
        let mut null_count = 0;
        for cell in cells {
            match cell {
                Some(bytes) => {
                    let written = (self.write)(bytes, &mut self.values);
                    let end =
                        written.and_then(|()| i32::try_from(self.values.len()).map_err(|_| Flaw::TooLarge));
                    // There is one offset more than values.
                    self.offsets.push(end.map_err(|flaw| Wrong::new(self.offsets.len() - 1, flaw))?);
                }
                None => {
                    null_count += 1;
                    self.offsets.push(self.offsets.last().copied().unwrap_or_default());
                }
            }
        }
        append_validity(&mut self.nulls, cells, null_count);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<ArrayRef, Wrong> {
        // The offsets begin at 0 and ascend, and null buffer and offsets grew together, as these constructors demand.
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        let values = Buffer::from_vec(self.values);
        let nulls = self.nulls.finish();
        if !self.text {
            return Ok(Arc::new(BinaryArray::new(offsets, values, nulls)));
        }
        match StringArray::try_new(offsets.clone(), values.clone(), nulls) {
            Ok(array) => Ok(Arc::new(array)),
            Err(_) => Err(Wrong::new(Self::not_utf8(&offsets, &values), Flaw::Utf8)),
        }
    }
}
