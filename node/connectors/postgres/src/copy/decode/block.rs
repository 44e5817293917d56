use super::malformed::{Flaw, Malformed};
use super::supply::Supply;
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

    /// Replaces the rows by the next ones of `supply`. The block stays empty at the end. `first` is the index of the
    /// first of them, `columns` are those the block was made for.
    pub(super) fn fill(
        &mut self,
        supply: &mut impl Supply<'a>,
        first: usize,
        columns: &[Column],
    ) -> Result<(), Malformed> {
        self.cells.iter_mut().for_each(Vec::clear);
        self.rows = 0;
        while self.rows < self.capacity
            && let Some(tuple) = supply.begin()
        {
            let row = first + self.rows;
            let of_row = |flaw| Malformed { row, column: None, flaw };
            let (count, mut rest) = tuple.split_first_chunk::<2>().ok_or_else(|| of_row(Flaw::Truncated))?;
            let count = i16::from_be_bytes(*count);
            if usize::try_from(count).ok() != Some(self.cells.len()) {
                return Err(of_row(Flaw::FieldCount { expected: self.cells.len(), found: count }));
            }
            for (index, column) in self.cells.iter_mut().enumerate() {
                match take_cell(&mut rest) {
                    Ok(cell) => column.push(cell),
                    Err(flaw) => {
                        let column = columns.get(index).map(|column| column.name.clone());
                        return Err(Malformed { row, column, flaw });
                    }
                }
            }
            supply.end(rest).map_err(of_row)?;
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
