/// What is wrong with bytes that are not what PostgreSQL sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A tuple has another number of fields than there are columns.
    #[error("the tuple has {found} fields instead of {expected}")]
    FieldCount {
        /// Number of columns.
        expected: usize,
        /// The number that stands before the fields; -1 marks the end of a COPY.
        found: i16,
    },
    /// The bytes end inside a tuple or inside a value.
    #[error("the data ends in the middle")]
    Truncated,
    /// Bytes follow the last field of a tuple that should be the last of its message.
    #[error("bytes follow the last field")]
    Trailing,
    /// A length that is negative and not -1.
    #[error("{0} is not a length")]
    Length(i32),
    /// A value of a type of fixed size has another size.
    #[error("the value has {found} bytes instead of {expected}")]
    Size {
        /// Bytes a value of the type has.
        expected: usize,
        /// Bytes it has.
        found: usize,
    },
    /// Text that is not UTF-8.
    #[error("the text is not UTF-8")]
    Utf8,
    /// A form of `jsonb` that is not known.
    #[error("version {0} of jsonb is not known")]
    JsonbVersion(u8),
    /// A `numeric` whose parts contradict each other.
    #[error("the value is not a numeric")]
    Numeric,
    /// A `time with time zone` outside of the day, or with an offset of 16 hours or more.
    #[error("the value is not a time with time zone")]
    TimeTz,
    /// An `inet` or `cidr` whose parts contradict each other.
    #[error("the value is not a network address")]
    Inet,
    /// A `bit` or `varbit` whose length does not go with its bytes.
    #[error("the value is not a bit string")]
    Bit,
    /// An array whose parts contradict each other.
    #[error("the value is not an array")]
    Array,
    /// A column would hold more than Arrow can address (2^31 - 1 bytes of text, or elements of lists).
    #[error("the column's values take more than 2 GiB; read fewer rows at a time")]
    TooLarge,
    /// A text would be longer than PostgreSQL itself can write (1 GiB).
    #[error("the text of the value takes more than 1 GiB")]
    TooLong,
    /// The column's type has parameters that no type of PostgreSQL has; not the data is wrong but the column.
    #[error("the column's type does not exist")]
    Type,
}

/// Data that is not what PostgreSQL sends for these columns. Nothing of it can be trusted, so it concerns the whole
/// read and not one row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {row}{}: {flaw}", .column.as_ref().map(|name| format!(", column `{name}`")).unwrap_or_default())]
pub struct Malformed {
    /// Index of the row among the tuples.
    pub row: usize,
    /// Name of the column, where it concerns one.
    pub column: Option<String>,
    /// What is wrong.
    pub flaw: Flaw,
}
