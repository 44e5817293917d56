/// A column whose type in the table cannot take what the rows have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {help}")]
pub struct Misfit {
    /// Its name.
    pub column: String,
    /// Both types, such as "column `age` is smallint in the table, the rows have text".
    pub message: String,
    /// What the user can do.
    pub help: String,
}
