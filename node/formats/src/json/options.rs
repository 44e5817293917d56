use serde::{Deserialize, Serialize};

/// How records follow one another in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// One object per line; blank lines are allowed.
    #[default]
    Lines,
    /// The file is one array of objects.
    Array,
}

/// What becomes of objects and arrays inside a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nested {
    /// Structs and lists: paths into them are checked and fast, Parquet gets real columns. A key that one object has
    /// and another lacks is null in the other.
    #[default]
    Columns,
    /// JSON-typed text, byte for byte as in the file. The fastest where no step looks inside.
    Json,
}

/// How null fields are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nulls {
    /// As `"field":null`.
    #[default]
    Explicit,
    /// Not at all, also inside nested objects.
    Omit,
}

/// How a JSON file is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JsonOptions {
    /// Lines or one array.
    pub framing: Framing,
    /// Structs and lists, or JSON text.
    pub nested: Nested,
}
