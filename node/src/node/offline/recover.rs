use etl_raft::store::{DataDir, Storage};
use tokio::runtime::Runtime;

use super::{FreshCluster, fresh_cluster};
use crate::node::Error;
use crate::node::settings::NodeSettings;

/// Makes a new cluster of one node out of what the data directory of a node holds, which is moved aside and not deleted. Blocks.
///
/// # Errors
/// When the data directory is in use, damaged, or no node's.
pub(crate) fn recover(settings: &NodeSettings) -> Result<FreshCluster, Error> {
    let dir = DataDir::open(&settings.data_dir)?;
    if dir.identity()?.is_none() {
        return Err(Error::Unfit(format!(
            "{} belongs to no cluster; if it was being recovered when that was interrupted, move what is in its newest \
             `quarantine-N` back first",
            dir.path().display()
        )));
    }
    let runtime = Runtime::new().map_err(Error::io("the runtime"))?;
    // Entries that this node does not know to be committed count too: some of them may have been acknowledged, and nobody
    // is left who knows better.
    let (state, last, entries_in_doubt) =
        runtime.block_on(async { Storage::open(&dir)?.state_with_whole_log() })?;
    // With it ends everything that may still hold files of the directory open.
    drop(runtime);
    let former_data = dir.quarantine()?;
    let fresh = fresh_cluster::fill(&dir, state, last, settings, "cluster.recover")?;
    Ok(FreshCluster { former_data: Some(former_data), entries_in_doubt, ..fresh })
}
