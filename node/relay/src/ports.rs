use std::sync::Arc;

use async_trait::async_trait;
use etl_model::{Retry, Shard, StepName};
use etl_sdk::{ConnectorError, Destination, Processor, RunContext};
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
    /// The step of a version of a run's workflow, configured; the same for every channel of the run. `shard` is the one it
    /// is asked for, where it is carried out by shards.
    async fn hosted(
        &self,
        run: Uuid,
        version: u64,
        step: &StepName,
        shard: Option<Shard>,
    ) -> Result<Hosted, Refused>;
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
