use std::path::Path;

use etl_raft::store::{DataDir, read_snapshot};

use super::{FreshCluster, fresh_cluster};
use crate::node::Error;
use crate::node::settings::NodeSettings;

/// Makes a new cluster of one node out of a backup. Blocks.
///
/// # Errors
/// When the backup is damaged, or the data directory is in use or holds something. A directory in which it failed half-way holds
/// nothing that is of use.
pub(crate) fn restore(file: &Path, settings: &NodeSettings) -> Result<FreshCluster, Error> {
    let (meta, state) = read_snapshot(file)?;
    let dir = DataDir::open(&settings.data_dir)?;
    if !dir.is_pristine()? {
        return Err(Error::Unfit(format!(
            "{} holds a node's data already; restore into an empty data directory",
            dir.path().display()
        )));
    }
    let last_index = meta.last_log_id.map_or(0, |last| last.index);
    fresh_cluster::fill(&dir, state, last_index, settings, "cluster.restore")
}
