use serde::{Deserialize, Serialize};

/// How a file is compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// RFC 1952; several members may follow one another.
    Gzip,
    /// RFC 8878; several frames may follow one another.
    Zstd,
}
