/// Why bytes could not be turned into a value of this crate, or a value into bytes. Never worth a retry: the same bytes
/// fail again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// The end is missing.
    #[error(
        "{what} is cut off after {size} bytes; the data is damaged, restore it from another node or a backup"
    )]
    Truncated { what: &'static str, size: usize },
    /// Bytes follow where the end should be.
    #[error("{what} is followed by {extra} bytes that do not belong to it; the data is damaged")]
    Trailing { what: &'static str, extra: usize },
    /// Written by software that encodes in another way.
    #[error("{what} has encoding version {found}, this software knows version {known}; upgrade this node")]
    UnknownVersion { what: &'static str, found: u8, known: u8 },
    /// A command, a state or a kind of row that this software does not know. Skipping it would let this node diverge
    /// from the others.
    #[error("{what}: this software does not know `{name}`; upgrade this node")]
    Unknown { what: &'static str, name: String },
    /// A field that this software does not know. Ignoring it would let this node diverge from the others.
    #[error("{what}: this software does not know the field `{name}`; upgrade this node")]
    UnknownField { what: &'static str, name: String },
    /// The state was written by a cluster whose commands this software does not all know.
    #[error("the state needs feature level {level}, this software has {known}; upgrade this node")]
    FeatureLevel { level: u32, known: u32 },
    /// The bytes mean nothing.
    #[error(
        "{what} cannot be read: {problem}; the data is damaged, restore it from another node or a backup"
    )]
    Malformed { what: &'static str, problem: String },
    /// A value that has no encoding: a defect of this program.
    #[error("{what} cannot be encoded: {problem}")]
    Encode { what: &'static str, problem: String },
}

impl EncodingError {
    /// Whether newer software would read the bytes, so that upgrading this node is the remedy.
    pub fn needs_upgrade(&self) -> bool {
        matches!(
            self,
            Self::UnknownVersion { .. }
                | Self::Unknown { .. }
                | Self::UnknownField { .. }
                | Self::FeatureLevel { .. }
        )
    }
}
