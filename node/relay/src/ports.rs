use std::sync::Arc;

use async_trait::async_trait;
use etl_model::{NoTracer, PartitionId, Retry, Shard, StepName, Tracer};
use etl_sdk::{ConnectorError, Destination, Processor, RunContext, Steps};
use tonic::transport::Channel;
use uuid::Uuid;

/// Reaches the relay listener of a node.
#[async_trait]
pub trait Reach: Send + Sync {
    /// A connection to a node for rows: none that Raft or control uses, with HTTP/2 keep-alive so that a silent one is
    /// noticed. Called for every stream of every channel, so the connection should be a shared one, made on the runtime that
    /// the [`Relay`](crate::Relay) was given.
    async fn channel(&self, node: u64) -> Result<Channel, ConnectorError>;
}

/// What this node carries out for others.
#[async_trait]
pub trait Hosting: Send + Sync {
    /// The step that is wanted, configured; the same for every channel of the run that wants the same.
    async fn hosted(&self, wanted: &Wanted) -> Result<Hosted, Refused>;

    /// Who traces what is carried out for a run; nobody unless it is told.
    fn tracer(&self, _run: Uuid) -> Arc<dyn Tracer> {
        Arc::new(NoTracer)
    }
}

/// What a channel is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The run.
    pub run: Uuid,
    /// The version of its workflow.
    pub version: u64,
    /// The step.
    pub step: StepName,
    /// The rows that it is wanted for; `None` where that does not matter.
    pub rows: Option<OfRows>,
    /// Whether with the steps between a repartition and it, which needs to be for a shard.
    pub with_steps: bool,
}

/// Of which rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfRows {
    /// The source.
    pub source: StepName,
    /// The partition.
    pub partition: PartitionId,
    /// The part of its rows, where they are divided.
    pub shard: Option<Shard>,
}

impl Wanted {
    /// The shard, where rows are divided.
    pub fn shard(&self) -> Option<Shard> {
        self.rows.as_ref().and_then(|rows| rows.shard)
    }
}

/// A step that this node carries out.
#[derive(Clone)]
pub struct Hosted {
    /// The run on whose behalf.
    pub context: RunContext,
    /// The step.
    pub step: HostedStep,
}

/// The kinds of steps that can be carried out for another node.
#[derive(Clone)]
pub enum HostedStep {
    /// A destination.
    Destination(Arc<dyn Destination>),
    /// A transformation.
    Processor(Arc<dyn Processor>),
    /// A destination with what leads to it from a repartition, for the shard that is wanted.
    Shard {
        /// What leads to it.
        steps: Arc<dyn Steps>,
        /// The destination.
        destination: Arc<dyn Destination>,
    },
}

/// Why this node does not carry out a step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// What is wrong, with names.
    pub message: String,
    /// Whether it may do so later.
    pub retry: Retry,
}
