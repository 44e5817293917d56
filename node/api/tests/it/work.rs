use std::time::Duration;

use etl_cluster::encode_marker;
use etl_model::{Counters, Marker, Position, RunId};
use etl_raft_state::command::{
    AddPartitions, AdvanceCheckpoints, Assign, CheckpointItem, Claim, FinishRun, Holder, NewPartition,
    Progress, Release,
};
use etl_raft_state::parts::AssignmentState;
use etl_raft_state::{Command, EpochKey, PartitionKey, Rejection, Response, RouteKey, RunOutcome, State};
use uuid::Uuid;

use crate::site::{Node, PATIENCE};

/// What a node that works on a run tells the cluster; here it is told by hand. Whoever places partitions in the meantime
/// is put up with.
pub struct Work<'a> {
    pub node: &'a Node,
    pub run: Uuid,
}

impl Work<'_> {
    fn incarnation(&self) -> u64 {
        self.node.consensus.member().incarnation
    }

    pub fn key(&self, source: &str, partition: &str) -> PartitionKey {
        PartitionKey { run: self.run, source: source.to_owned(), partition: partition.to_owned() }
    }

    async fn write(&self, command: impl Into<Command>) -> Response {
        let response = self.node.consensus.write(command).await.unwrap();
        assert_eq!(response.rejection(), None, "{response:?}");
        response
    }

    /// Has a partition assigned to the node and claims it; returns the epoch.
    pub async fn hold(&self, key: &PartitionKey) -> u64 {
        let claimed = async {
            loop {
                let epoch = give(self.node, key, self.node.id).await;
                let incarnation = self.incarnation();
                let claim = Claim { partition: key.clone(), epoch, node: self.node.id, incarnation };
                let response = self.node.consensus.write(claim).await.unwrap();
                match response.rejection() {
                    None => return epoch,
                    Some(Rejection::EpochConflict { .. } | Rejection::NotOwner { .. }) => {}
                    Some(other) => panic!("{other}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, claimed).await.expect("the partition is never this node's")
    }

    /// Makes partitions of the source `in` known, each with its size in records.
    pub async fn discover(&self, partitions: &[(&str, Option<u64>)], complete: bool) {
        let epoch = self.hold(&PartitionKey::coordinator(self.run)).await;
        let partition = |(name, records): &(&str, Option<u64>)| NewPartition {
            source: "in".to_owned(),
            partition: (*name).to_owned(),
            bytes: None,
            records: *records,
        };
        let partitions = partitions.iter().map(partition).collect();
        let (node, incarnation) = (self.node.id, self.incarnation());
        self.write(AddPartitions { run: self.run, epoch, node, incarnation, partitions, complete }).await;
    }

    /// Stores a checkpoint of a partition of the source `in`: `read` records, all of them delivered.
    pub async fn advance(&self, partition: &str, destination: &str, unit: u64, read: u64) {
        let marker = Marker {
            run: RunId::parse(&self.run.to_string()).unwrap(),
            epoch: 1,
            seq: unit,
            position: Some(Position { next: read, ..Position::start() }),
            counters: Counters { read, delivered: read, bytes_read: read * 10, ..Counters::default() },
            done: false,
        };
        self.store(partition, destination, unit, encode_marker(&marker).unwrap()).await;
    }

    /// Stores a checkpoint with these contents.
    pub async fn store(&self, partition: &str, destination: &str, unit: u64, position: Vec<u8>) {
        let key = self.key("in", partition);
        let epoch = self.hold(&key).await;
        let item = CheckpointItem {
            route: RouteKey { partition: key, destination: destination.to_owned() },
            epoch,
            progress: Progress { seq_from: unit - 1, seq_to: unit, position },
        };
        let (node, incarnation) = (self.node.id, self.incarnation());
        let response = self.write(AdvanceCheckpoints { node, incarnation, items: vec![item] }).await;
        assert_eq!(response, Response::Advanced(vec![etl_raft_state::Advance::Ok]));
    }

    /// Lets go of a partition of the source `in`, which is read to its end.
    pub async fn finish_partition(&self, partition: &str) {
        let key = self.key("in", partition);
        let epoch = self.hold(&key).await;
        let (node, incarnation) = (self.node.id, self.incarnation());
        let checkpoints = Vec::new();
        self.write(Release { partition: key, epoch, node, incarnation, checkpoints, done: true }).await;
    }

    /// Ends the run, all of whose partitions are done.
    pub async fn complete(&self) {
        let epoch = self.hold(&PartitionKey::coordinator(self.run)).await;
        let by = Holder { node: self.node.id, incarnation: self.incarnation(), epoch };
        self.write(FinishRun { run: self.run, outcome: RunOutcome::Completed, by: Some(by) }).await;
    }
}

/// Has a partition assigned to a node; returns the epoch.
pub async fn give(node: &Node, key: &PartitionKey, owner: u64) -> u64 {
    let given = async {
        loop {
            let look = |state: &State| {
                let workflow = state.runs().get(key.run).unwrap().workflow.clone();
                let (source, partition) = (key.source.clone(), key.partition.clone());
                let epoch = EpochKey { workflow, source, partition };
                let epoch = state.epochs().current(&epoch, state.meta());
                (epoch, state.assignments().get(key).cloned())
            };
            let (expected_epoch, known) = node.consensus.read(look).await.unwrap();
            if let Some(known) = known
                && known.owner == owner
                && known.state != AssignmentState::Released
            {
                return known.epoch;
            }
            let assign = Assign { partition: key.clone(), owner, expected_epoch };
            let response = node.consensus.write(assign).await.unwrap();
            match response.rejection() {
                None | Some(Rejection::EpochConflict { .. }) => {}
                Some(other) => panic!("{other}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE + Duration::from_secs(1), given).await.expect("it is never given")
}
