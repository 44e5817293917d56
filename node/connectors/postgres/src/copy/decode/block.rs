use super::malformed::{Flaw, Malformed};
use crate::types::Column;

/// The bytes of a field; none for null.
pub(super) type Cell<'a> = Option<&'a [u8]>;

/// Cuts a field, a length and its bytes, off the front.
#[inline]
pub(super) fn take_cell<'a>(rest: &mut &'a [u8]) -> Result<Cell<'a>, Flaw> {
    let (length, behind) = rest.split_first_chunk::<4>().ok_or(Flaw::Truncated)?;
    let length = i32::from_be_bytes(*length);
    match usize::try_from(length) {
        Ok(length) => {
            let (value, behind) = behind.split_at_checked(length).ok_or(Flaw::Truncated)?;
            *rest = behind;
            Ok(Some(value))
        }
        Err(_) if length == -1 => {
            *rest = behind;
            Ok(None)
        }
        Err(_) => Err(Flaw::Length(length)),
    }
}

/// The fields of some rows, column by column; few enough for the cache.
pub(super) struct Block<'a> {
    cells: Vec<Vec<Cell<'a>>>,
    capacity: usize,
    rows: usize,
}

impl<'a> Block<'a> {
    const CELLS: usize = 6144;

    /// An empty block.
    pub(super) fn new(columns: usize) -> Self {
        let capacity = (Self::CELLS / columns.max(1)).clamp(16, 1024);
        Self { cells: vec![Vec::with_capacity(capacity); columns], capacity, rows: 0 }
    }

    /// Replaces the rows by the next ones, which are cut off the front of `rest`. The block stays empty at the end.
    /// `first` is the index of the first of them, `columns` are those the block was made for.
    pub(super) fn fill(
        &mut self,
        rest: &mut &'a [u8],
        first: usize,
        columns: &[Column],
    ) -> Result<(), Malformed> {
        self.cells.iter_mut().for_each(Vec::clear);
        self.rows = 0;
        while self.rows < self.capacity && !rest.is_empty() {
            let row = first + self.rows;
            let Some((count, fields)) = rest.split_first_chunk::<2>() else {
                return Err(Malformed { row, column: None, flaw: Flaw::Truncated });
            };
            let count = i16::from_be_bytes(*count);
            if usize::try_from(count).ok() != Some(self.cells.len()) {
                let flaw = Flaw::FieldCount { expected: self.cells.len(), found: count };
                return Err(Malformed { row, column: None, flaw });
            }
            *rest = fields;
            for (index, column) in self.cells.iter_mut().enumerate() {
                match take_cell(rest) {
                    Ok(cell) => column.push(cell),
                    Err(flaw) => {
                        let column = columns.get(index).map(|column| column.name.clone());
                        return Err(Malformed { row, column, flaw });
                    }
                }
            }
            self.rows += 1;
        }
        Ok(())
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The fields of each column.
    pub(super) fn columns(&self) -> impl Iterator<Item = &[Cell<'a>]> {
        self.cells.iter().map(Vec::as_slice)
    }
}
