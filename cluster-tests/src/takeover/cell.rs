use clap::ValueEnum;

/// How records reach their destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Cell {
    /// A table without a key: whatever is written twice is there twice.
    #[value(name = "postgres_append")]
    Append,
    /// A table with a key; rows that are written twice are noted.
    #[value(name = "postgres_upsert")]
    Upsert,
}

impl Cell {
    pub fn name(self) -> &'static str {
        match self {
            Self::Append => "postgres_append",
            Self::Upsert => "postgres_upsert",
        }
    }

    /// Whether the destination's table has a key.
    pub fn has_key(self) -> bool {
        self == Self::Upsert
    }

    /// What says in the workflow how rows are written.
    pub fn mode(self) -> &'static str {
        match self {
            Self::Append => "mode: append",
            Self::Upsert => "mode: upsert, key: [id]",
        }
    }
}
