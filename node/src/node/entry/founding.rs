use etl_raft::consensus::Consensus;
use etl_raft::store::{DataDir, Identity};
use etl_raft_state::command::{AdoptCluster, RegisterNode};
use etl_raft_state::{Command, FEATURE_LEVEL};
use uuid::Uuid;

use super::Marker;
use crate::node::{Error, SOFTWARE_VERSION};

/// The founder's id.
const FOUNDER: u64 = 1;

/// Gives a directory the identity of a new cluster's founder, durably.
pub(in crate::node) fn begin_founding(dir: &DataDir) -> Result<Identity, Error> {
    let identity = Identity { cluster: Uuid::new_v4(), node: FOUNDER, store: dir.store() };
    Marker::Founding.write(dir)?;
    dir.write_identity(&identity)?;
    Ok(identity)
}

/// Founds the cluster; each step may have been done before, by a process that was interrupted.
pub(in crate::node) async fn finish_founding(
    dir: &DataDir,
    consensus: &Consensus,
    admin_address: &str,
    zone: &str,
) -> Result<(), Error> {
    let me = consensus.member().clone();
    match consensus.found().await {
        // Then it leads again after its election.
        Err(etl_raft::Error::Membership(founded)) => tracing::info!(founded, "going on with founding"),
        other => other?,
    }
    let register = RegisterNode {
        store: me.store,
        raft_address: me.address,
        admin_address: admin_address.to_owned(),
        software_version: SOFTWARE_VERSION.to_owned(),
        feature_level: FEATURE_LEVEL,
        zone: zone.to_owned(),
        founder: true,
    };
    write(consensus, register).await?;
    write(consensus, AdoptCluster { cluster: me.cluster, raise_epochs_by: 0 }).await?;
    Marker::remove(dir)?;
    tracing::info!(cluster = %me.cluster, "a cluster was founded; other nodes join it with --join");
    Ok(())
}

async fn write(consensus: &Consensus, command: impl Into<Command>) -> Result<(), Error> {
    let response = consensus.write(command).await?;
    response.into_result().map(drop).map_err(|rejection| Error::Refused(rejection.to_string()))
}
