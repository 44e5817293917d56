use std::time::{SystemTime, UNIX_EPOCH};

use etl_raft::store::{DataDir, Identity, Storage};
use etl_raft_state::State;
use uuid::Uuid;

use super::FreshCluster;
use super::alone::{Survivor, begin};
use crate::node::Error;
use crate::node::settings::NodeSettings;

/// Fills an empty data directory with a state, as that of the one node of a new cluster.
pub(super) fn fill(
    dir: &DataDir,
    state: State,
    last_index: u64,
    settings: &NodeSettings,
    action: &str,
) -> Result<FreshCluster, Error> {
    let former_cluster = state.meta().cluster();
    let survivor = Survivor {
        cluster: Uuid::new_v4(),
        store: dir.store(),
        raft_address: settings.raft.advertised.address(settings.raft.listen),
        admin_address: settings.admin.advertised.address(settings.admin.listen),
        zone: settings.zone.clone(),
    };
    let begun = begin(state, last_index, &survivor, now_ms(), action)?;
    Storage::seed(dir, &begun.meta, &begun.state)?;
    dir.write_identity(&Identity { cluster: survivor.cluster, node: begun.node, store: survivor.store })?;
    Ok(FreshCluster {
        cluster: survivor.cluster,
        node: begun.node,
        former_cluster,
        left_behind: begun.left_behind,
        data_dir: dir.path().to_owned(),
        former_data: None,
        entries_in_doubt: 0,
    })
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
