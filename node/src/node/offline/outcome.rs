use std::path::PathBuf;

use serde::Serialize;
use uuid::Uuid;

/// A cluster of one node that was made out of another one's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FreshCluster {
    pub cluster: Uuid,
    pub node: u64,
    pub former_cluster: Option<Uuid>,
    /// Nodes of the former cluster.
    pub left_behind: Vec<u64>,
    pub data_dir: PathBuf,
    /// Where the former data was moved to; `None` when there was none.
    pub former_data: Option<PathBuf>,
    /// Entries at the end of the log of which it was not known whether a majority had them; they are part of the state.
    pub entries_in_doubt: u64,
}
