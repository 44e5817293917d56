use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use etl_model::{Route, StepName};
use etl_proto::relay::Kind;
use etl_sdk::{ConnectorError, Destination, DestinationCapabilities, Encoder, RouteWriter, RunContext};
use uuid::Uuid;

use super::caller::Caller;
use super::encoder::IpcEncoder;
use super::relay::Relay;
use super::writer::RelayedWriter;
use crate::channel::{ChannelId, OfPartition, Role};
use crate::codec::{Answer, routes_to_body};

/// How much more than the row itself what is told of a row may take that has failed.
const ROOM_FOR_ERRORS: usize = 8;

/// A destination whose writers run on another node.
///
/// Opening a route does no IO: only the claim, which comes with the fence, says for which epoch. What the real destination says
/// to being opened, the fence says.
pub struct RelayedDestination {
    pub(super) target: Arc<Target>,
    real: Arc<dyn Destination>,
    /// Whether the host carries out what leads from a repartition to it, too.
    carries_steps: bool,
}

/// The step on its host.
pub(super) struct Target {
    pub relay: Relay,
    pub host: u64,
    pub run: Uuid,
    pub version: u64,
    pub step: StepName,
}

impl Target {
    /// Opens a channel to the step.
    pub fn open(&self, workflow: String, partition: Option<OfPartition>, epoch: u64, role: Role) -> Caller {
        let id = ChannelId {
            run: self.run,
            workflow,
            version: self.version,
            step: self.step.clone(),
            partition,
            epoch,
            role,
            attempt: Uuid::new_v4(),
        };
        Caller::open(&self.relay, self.host, id)
    }
}

impl RelayedDestination {
    /// `host` carries out the step of that version of the run's workflow. `real` is the same step as it is configured here; it
    /// is asked for what it promises and never opened.
    pub fn new(
        relay: Relay,
        host: u64,
        run: Uuid,
        version: u64,
        step: StepName,
        real: Arc<dyn Destination>,
    ) -> Self {
        let target = Arc::new(Target { relay, host, run, version, step });
        Self { target, real, carries_steps: false }
    }

    /// The same with the steps between a repartition and it: where its rows are divided, they are relayed as they leave the
    /// repartition, and the host carries out the rest.
    #[must_use]
    pub fn carrying_steps(self) -> Self {
        Self { carries_steps: true, ..self }
    }

    /// A call that belongs to no partition, over a channel of its own.
    async fn once(&self, run: &RunContext, kind: Kind, body: Bytes) -> Result<(), ConnectorError> {
        let caller = self.target.open(run.workflow.to_string(), None, 0, Role::Destination);
        match caller.call(kind, body).await? {
            Answer::Done => Ok(()),
            other => Err(caller.unexpected(&other)),
        }
    }
}

#[async_trait]
impl Destination for RelayedDestination {
    fn capabilities(&self) -> DestinationCapabilities {
        let real = self.real.capabilities();
        // What steps set aside of a unit comes back in one answer.
        let most = (self.target.relay.settings.max_body / ROOM_FOR_ERRORS) as u64;
        let unit_bytes = match self.carries_steps {
            true => Some(real.unit_bytes.map_or(most, |bytes| bytes.min(most))),
            false => real.unit_bytes,
        };
        // The host lets no more write than the real one allows, over all nodes.
        DestinationCapabilities { max_writers: None, unit_bytes, ..real }
    }

    fn carries_steps(&self) -> bool {
        self.carries_steps
    }

    async fn check(&self, run: &RunContext) -> Result<(), ConnectorError> {
        self.once(run, Kind::Check, Bytes::new()).await
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        Arc::new(IpcEncoder)
    }

    async fn open(
        &self,
        run: &RunContext,
        route: &Route,
        index: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        let partition = OfPartition {
            source: route.source.clone(),
            partition: route.partition.clone(),
            shard: route.shard,
            index,
        };
        let workflow = run.workflow.to_string();
        let role = match route.shard {
            Some(_) if self.carries_steps => Role::Shard,
            _ => Role::Destination,
        };
        Ok(Box::new(RelayedWriter::new(Arc::clone(&self.target), workflow, partition, role)))
    }

    async fn complete(&self, run: &RunContext, routes: &[Route]) -> Result<(), ConnectorError> {
        self.once(run, Kind::Complete, routes_to_body(routes)).await
    }
}
