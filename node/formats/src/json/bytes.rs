use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

use super::run::push_run;

/// Texts one behind the other, as Arrow lays them out.
#[derive(Debug)]
pub(super) struct Texts {
    offsets: Vec<i32>,
    data: Vec<u8>,
}

impl Texts {
    pub fn new() -> Self {
        Self { offsets: vec![0], data: Vec::new() }
    }

    #[inline]
    pub fn push(&mut self, text: &[u8]) {
        self.data.extend_from_slice(text);
        self.close();
    }

    /// As [`Texts::push`] of `bytes[start..end]`, faster where bytes follow.
    #[inline]
    pub fn push_run(&mut self, bytes: &[u8], start: usize, end: usize) {
        push_run(&mut self.data, bytes, start, end);
        self.close();
    }

    /// Where a text in the making may be appended; [`Texts::close`] ends it.
    #[inline]
    pub fn open(&mut self) -> &mut Vec<u8> {
        &mut self.data
    }

    /// Ends the text in the making.
    #[inline]
    pub fn close(&mut self) {
        // The decoder ends a batch long before its records reach 2 GiB, and a text is never longer than its record.
        self.offsets.push(self.data.len() as i32);
    }

    /// Makes room for `total` texts, expecting the rest to be like the first `rows`.
    pub fn reserve(&mut self, rows: usize, total: usize) {
        let bytes = self.data.len() as u128 * total as u128 / rows.max(1) as u128;
        let more = usize::try_from(bytes).unwrap_or_default().saturating_sub(self.data.len());
        self.data.reserve(more);
        self.offsets.reserve(total.saturating_sub(rows));
    }

    pub fn pad(&mut self, rows: usize) {
        let end = self.data.len() as i32;
        self.offsets.resize(self.offsets.len() + rows, end);
    }

    pub fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        self.data.truncate(self.offsets.last().map_or(0, |&end| end as usize));
    }

    /// Offsets and bytes for an Arrow array; the caller adds `nulls`.
    pub fn finish(self) -> (OffsetBuffer<i32>, Buffer) {
        (OffsetBuffer::new(ScalarBuffer::from(self.offsets)), Buffer::from_vec(self.data))
    }

    /// A text array, checked to be UTF-8.
    pub fn into_array(
        self,
        nulls: Option<NullBuffer>,
    ) -> Result<arrow::array::StringArray, arrow::error::ArrowError> {
        let (offsets, data) = self.finish();
        arrow::array::StringArray::try_new(offsets, data, nulls)
    }
}
