use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, BooleanBufferBuilder, NullBufferBuilder};

use super::block::Cell;
use super::decoder::{Decoder, Wrong, append_validity};
use super::fault::Fault;
use super::malformed::Flaw;

/// Values of one byte; all but 0 are true.
pub(super) struct Booleans {
    values: BooleanBufferBuilder,
    nulls: NullBufferBuilder,
}

impl Booleans {
    pub(super) fn new(capacity: usize) -> Self {
        Self { values: BooleanBufferBuilder::new(capacity), nulls: NullBufferBuilder::new(capacity) }
    }
}

impl Decoder for Booleans {
    fn append(&mut self, cells: &[Cell<'_>], _: &mut Vec<(usize, Fault)>) -> Result<(), Wrong> {
        let mut null_count = 0;
        for cell in cells {
            match cell {
                Some([byte]) => self.values.append(*byte != 0),
                None => {
                    null_count += 1;
                    self.values.append(false);
                }
                Some(bytes) => {
                    return Err(Wrong::new(
                        self.values.len(),
                        Flaw::Size { expected: 1, found: bytes.len() },
                    ));
                }
            }
        }
        append_validity(&mut self.nulls, cells, null_count);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<ArrayRef, Wrong> {
        Ok(Arc::new(BooleanArray::new(self.values.finish(), self.nulls.finish())))
    }
}
