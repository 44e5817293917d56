use std::path::Path;

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
    /// A SQLite table of one node, to which all nodes relay.
    #[value(name = "sqlite_hosted")]
    Sqlite,
    /// A Parquet file of one node, to which all nodes relay.
    #[value(name = "parquet_hosted")]
    Parquet,
}

impl Cell {
    pub fn name(self) -> &'static str {
        match self {
            Self::Append => "postgres_append",
            Self::Upsert => "postgres_upsert",
            Self::Sqlite => "sqlite_hosted",
            Self::Parquet => "parquet_hosted",
        }
    }

    /// Whether the destination's table has a key.
    pub fn has_key(self) -> bool {
        self == Self::Upsert
    }

    /// Whether one node has the destination.
    pub fn is_hosted(self) -> bool {
        matches!(self, Self::Sqlite | Self::Parquet)
    }

    /// The file in that node's directory.
    pub fn file(self) -> &'static str {
        if self == Self::Parquet { "out.parquet" } else { "out.db" }
    }

    /// The destination in the workflow. `url` is where the database is; what one node has is in `directory`.
    pub fn destination(self, url: &str, directory: &Path) -> String {
        let path = directory.join(self.file());
        let path = path.display();
        match self {
            Self::Append => format!(
                "type: postgres\n    config: {{ url: \"{url}\", table: output.records, mode: append }}"
            ),
            Self::Upsert => format!(
                "type: postgres\n    config: {{ url: \"{url}\", table: output.records, mode: upsert, key: [id] }}"
            ),
            Self::Sqlite => format!("type: sqlite\n    config: {{ path: {path}, table: records }}"),
            Self::Parquet => format!("type: file\n    config: {{ path: {path} }}"),
        }
    }
}
