use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::content_hash::ContentHash;
use crate::keys::{NodeId, PartitionKey, RouteKey};
use crate::parts::NodeState;
use crate::response::Advance;

/// Why a command changed nothing. The answer is final: the same command may be proposed again, but only after what it
/// is guarded by has been read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(deny_unknown_fields)]
pub enum Rejection {
    #[error("entry {index} is not after the last one that was applied, {last}")]
    AlreadyApplied { index: u64, last: u64 },
    #[error("the cluster has not been founded yet; start its first node with --bootstrap")]
    NotFounded,
    #[error("the cluster has been founded already; join it instead")]
    AlreadyFounded,
    #[error(
        "this needs feature level {needs}, the cluster has {cluster}; upgrade all nodes, then the level is raised"
    )]
    FeatureLevel { needs: u32, cluster: u32 },
    #[error("a batch cannot hold a batch")]
    NestedBatch,
    #[error(
        "command {seq} of client {client} was answered before, or its session has ended; whether it acted must be read"
    )]
    SessionExpired { client: Uuid, seq: u64 },

    #[error("{what}: {problem}")]
    Invalid { what: String, problem: String },
    #[error("{what}: {size} is over the limit of {limit}")]
    TooLarge { what: String, size: u64, limit: u64 },
    #[error("{kind} `{name}` does not exist")]
    NotFound { kind: Kind, name: String },
    #[error(
        "{kind} `{name}` has version {actual}, not {expected}; read it again (version 0: it does not exist)"
    )]
    VersionConflict { kind: Kind, name: String, expected: u64, actual: u64 },
    #[error("another document is known under the hash {hash}")]
    HashConflict { hash: ContentHash },

    #[error("node {node} is not known")]
    UnknownNode { node: NodeId },
    #[error(
        "node {node} was removed for good; start it with an empty data directory so that it joins as a new node"
    )]
    NodeRemoved { node: NodeId },
    #[error("node {node} has another store; a wiped or copied data directory is a new node and has to join")]
    StoreMismatch { node: NodeId },
    #[error("node {node} is up at the raft address {address}; use another, or remove that node first")]
    AddressInUse { address: String, node: NodeId },
    #[error("the software has feature level {reported}, the cluster needs {cluster}; upgrade the node")]
    SoftwareTooOld { reported: u32, cluster: u32 },
    #[error("node {node} has feature level {reported}, less than {to}; upgrade it first")]
    NodeBehind { node: NodeId, reported: u32, to: u32 },
    #[error("node {node} is {actual}, not {expected}")]
    NodeStateConflict { node: NodeId, expected: NodeState, actual: NodeState },
    #[error("a node that is {from} cannot become {to}: node {node}")]
    NodeTransition { node: NodeId, from: NodeState, to: NodeState },
    #[error("node {node} is {actual}; only a node that is up can be given partitions")]
    NodeNotUp { node: NodeId, actual: NodeState },
    #[error("node {node} is the last one and cannot be removed")]
    LastNode { node: NodeId },

    #[error(
        "schedule `{schedule}` fires next at {actual} ms, not at {expected} ms; the tick has fired already"
    )]
    NextFireConflict { schedule: String, expected: u64, actual: u64 },
    #[error("schedule `{schedule}` fires at {next_fire_ms} ms, which is not reached yet")]
    NotDue { schedule: String, next_fire_ms: u64 },

    #[error("run {run} exists already")]
    RunExists { run: Uuid },
    #[error("run {run} has finished already")]
    RunFinished { run: Uuid },
    #[error("run {run} waits for the one before it")]
    RunQueued { run: Uuid },
    #[error("run {run} is halted; resume it first")]
    RunHalted { run: Uuid },
    #[error("run {run} is tied to node {node}, which has its files")]
    RunPinned { run: Uuid, node: NodeId },
    #[error("all partitions of run {run} are known already; `{partition}` of `{source_step}` comes too late")]
    RunDiscovered { run: Uuid, source_step: String, partition: String },
    #[error("run {run} is not complete: {}", Missing { discovered: *discovered, open: *open })]
    RunIncomplete { run: Uuid, discovered: bool, open: u64 },
    #[error("workflow `{workflow}` has the unfinished run {run}; finish it first")]
    RunNotFinished { workflow: String, run: Uuid },
    #[error("workflow `{workflow}` runs as {}, not as {}", RunOrNone(actual), RunOrNone(expected))]
    RunConflict { workflow: String, expected: Option<Uuid>, actual: Option<Uuid> },

    #[error("{}: the epoch is {actual}, not {expected}", Partition(partition))]
    EpochConflict { partition: PartitionKey, expected: u64, actual: u64 },
    #[error("{}: nobody holds it", Partition(partition))]
    NotAssigned { partition: PartitionKey },
    #[error("{}: it has not been claimed under this epoch", Partition(partition))]
    NotClaimed { partition: PartitionKey },
    #[error("{}: it is done", Partition(partition))]
    PartitionDone { partition: PartitionKey },
    #[error("{}: node {owner} holds it, not node {node}", Partition(partition))]
    NotOwner { partition: PartitionKey, node: NodeId, owner: NodeId },
    #[error(
        "{}: another process of the node has claimed it under this epoch; it has to be assigned again",
        Partition(partition)
    )]
    ClaimedByAnother { partition: PartitionKey },
    #[error("{}: it is being drained", Partition(partition))]
    Draining { partition: PartitionKey },
    #[error("{}: it has been released", Partition(partition))]
    Released { partition: PartitionKey },
    #[error("{} to {}: the final checkpoint is refused: {advance}", Partition(&route.partition), route.destination)]
    FinalCheckpoint { route: RouteKey, advance: Advance },

    #[error(
        "another cluster id can be taken only when the epochs are raised, or the former cluster is not fenced"
    )]
    EpochsNotRaised,
    #[error("epochs cannot be raised any further")]
    EpochsExhausted,
}

/// How a caller should take a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectionClass {
    /// The command itself is wrong and always will be.
    Invalid,
    /// What it names is not there.
    NotFound,
    /// It was decided on a state that is not the present one: read again, decide again.
    Conflict,
    /// It is not allowed in the present state; something else has to happen first.
    Precondition,
    /// Whether it acted cannot be told from the answer.
    Unknown,
}

/// What a name or version belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Workflow,
    Schedule,
    Run,
    Partition,
    Secret,
    User,
}

impl Rejection {
    /// How a caller should take it.
    pub fn class(&self) -> RejectionClass {
        match self {
            Self::SessionExpired { .. } => RejectionClass::Unknown,
            Self::Invalid { .. }
            | Self::TooLarge { .. }
            | Self::NestedBatch
            | Self::HashConflict { .. }
            | Self::EpochsNotRaised => RejectionClass::Invalid,
            Self::NotFound { .. } | Self::UnknownNode { .. } | Self::NotAssigned { .. } => {
                RejectionClass::NotFound
            }
            Self::AlreadyApplied { .. }
            | Self::VersionConflict { .. }
            | Self::NodeStateConflict { .. }
            | Self::NextFireConflict { .. }
            | Self::RunExists { .. }
            | Self::RunConflict { .. }
            | Self::EpochConflict { .. }
            | Self::NotOwner { .. }
            | Self::NotClaimed { .. }
            | Self::ClaimedByAnother { .. }
            | Self::Draining { .. }
            | Self::Released { .. }
            | Self::FinalCheckpoint { .. } => RejectionClass::Conflict,
            Self::NotFounded
            | Self::AlreadyFounded
            | Self::FeatureLevel { .. }
            | Self::NodeRemoved { .. }
            | Self::StoreMismatch { .. }
            | Self::AddressInUse { .. }
            | Self::SoftwareTooOld { .. }
            | Self::NodeBehind { .. }
            | Self::NodeTransition { .. }
            | Self::NodeNotUp { .. }
            | Self::LastNode { .. }
            | Self::NotDue { .. }
            | Self::RunFinished { .. }
            | Self::RunQueued { .. }
            | Self::RunHalted { .. }
            | Self::RunPinned { .. }
            | Self::RunDiscovered { .. }
            | Self::RunIncomplete { .. }
            | Self::RunNotFinished { .. }
            | Self::PartitionDone { .. }
            | Self::EpochsExhausted => RejectionClass::Precondition,
        }
    }
}

impl Kind {
    pub(crate) fn not_found(self, name: &str) -> Rejection {
        Rejection::NotFound { kind: self, name: name.to_owned() }
    }

    /// The guard of everything with a version; version 0 means that it does not exist.
    pub(crate) fn expect_version(
        self,
        name: &str,
        expected: Option<u64>,
        actual: u64,
    ) -> Result<(), Rejection> {
        match expected {
            Some(expected) if expected != actual => {
                Err(Rejection::VersionConflict { kind: self, name: name.to_owned(), expected, actual })
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Workflow => "workflow",
            Self::Schedule => "schedule",
            Self::Run => "run",
            Self::Partition => "partition",
            Self::Secret => "secret",
            Self::User => "user",
        })
    }
}

struct Partition<'a>(&'a PartitionKey);

impl fmt::Display for Partition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_coordinator() {
            return write!(f, "the coordinator of run {}", self.0.run);
        }
        write!(f, "partition {}[{}] of run {}", self.0.source, self.0.partition, self.0.run)
    }
}

struct Missing {
    discovered: bool,
    open: u64,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.discovered, self.open) {
            (false, 0) => f.write_str("not all of its partitions are known"),
            (false, open) => write!(f, "not all of its partitions are known, and {open} are not done"),
            (true, open) => write!(f, "{open} of its partitions are not done"),
        }
    }
}

struct RunOrNone<'a>(&'a Option<Uuid>);

impl fmt::Display for RunOrNone<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(run) => run.fmt(f),
            None => f.write_str("no run"),
        }
    }
}
