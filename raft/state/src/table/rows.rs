use super::kind::RowKind;
use super::pieces::Change;
use crate::encoding_error::EncodingError;

/// A table as rows of bytes, whatever it holds.
pub(crate) trait Rows {
    fn kind(&self) -> RowKind;

    /// All rows, in the order of their keys.
    fn rows(&self) -> Box<dyn Iterator<Item = (Vec<u8>, Vec<u8>)> + '_>;

    /// Adds the rows that have changed since the last call, in the order of their keys.
    fn take_changes(&mut self, changes: &mut Vec<Change>);

    /// Takes in a value that was read, from the part of its key behind the kind, and the number of rows it came in.
    fn load(&mut self, key: &[u8], value: &[u8], rows: u32) -> Result<(), EncodingError>;
}
