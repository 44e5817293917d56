use serde::Serialize;

/// Where a read may come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    /// It sees every write that was acknowledged before the read began.
    #[default]
    Linearizable,
    /// It is what the node that answers knows, perhaps old; it needs no quorum.
    Stale,
}
