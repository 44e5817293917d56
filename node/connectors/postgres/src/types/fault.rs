/// A value that one side can hold and the other cannot; concerns its row only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellFault {
    /// Index of the row in the batch.
    pub row: usize,
    /// Index of the column in the batch.
    pub column: usize,
    /// Stable code, snake case.
    pub code: &'static str,
    /// What is wrong, with the value, without the column's name.
    pub message: String,
    /// What the user can do.
    pub help: &'static str,
    /// The value as text.
    pub shown: String,
}
