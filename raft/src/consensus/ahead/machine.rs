use std::sync::Arc;

use etl_raft_state::Response;
use openraft::storage::RaftStateMachine;
use openraft::{
    AnyError, Entry, OptionalSend, Snapshot, SnapshotMeta, StorageError, StorageIOError, StoredMembership,
};

use super::durability::Durability;
use crate::type_config::{LogId, NodeId, Peer, SnapshotFile, TypeConfig};

/// Applies an entry when it is on this node's disk.
pub(in crate::consensus) struct AheadMachine<M> {
    machine: M,
    durability: Arc<Durability>,
}

impl<M> AheadMachine<M> {
    pub fn new(machine: M, durability: Arc<Durability>) -> Self {
        Self { machine, durability }
    }
}

impl<M: RaftStateMachine<TypeConfig>> RaftStateMachine<TypeConfig> for AheadMachine<M> {
    type SnapshotBuilder = M::SnapshotBuilder;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<LogId>, StoredMembership<NodeId, Peer>), StorageError<NodeId>> {
        self.machine.applied_state().await
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Response>, StorageError<NodeId>>
    where
        I: IntoIterator<Item = Entry<TypeConfig>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<_> = entries.into_iter().collect();
        if let Some(last) = entries.last().map(|entry| entry.log_id) {
            let reached = self.durability.reached(last.index).await;
            reached.map_err(|error| StorageIOError::write_log_entry(last, AnyError::new(&error)))?;
        }
        self.machine.apply(entries).await
    }

    async fn get_snapshot_builder(&mut self) -> Self::SnapshotBuilder {
        self.machine.get_snapshot_builder().await
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<SnapshotFile>, StorageError<NodeId>> {
        self.machine.begin_receiving_snapshot().await
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<NodeId, Peer>,
        snapshot: Box<SnapshotFile>,
    ) -> Result<(), StorageError<NodeId>> {
        self.machine.install_snapshot(meta, snapshot).await
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<TypeConfig>>, StorageError<NodeId>> {
        self.machine.get_current_snapshot().await
    }
}
