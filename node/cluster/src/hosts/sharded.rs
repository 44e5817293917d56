use std::sync::Arc;

use async_trait::async_trait;
use etl_model::{Claim, Marker, RecordError, Route, StepName, Unit};
use etl_raft::consensus::Consensus;
use etl_raft_state::NodeId;
use etl_relay::{Relay, RelayedDestination};
use etl_sdk::{
    ConnectorError, Destination, DestinationCapabilities, Encoded, Encoder, RouteWriter, RunContext,
};
use uuid::Uuid;

/// The code of an error that is there only because a shard has another host now, or none.
pub(super) const MOVED: &str = "shard_moved";

/// A destination whose shards are carried out by the nodes that the state of the run names. Who that is, is looked up each
/// time that a chain is opened.
#[derive(Clone)]
pub(super) struct ShardedDestination {
    pub consensus: Consensus,
    pub relay: Relay,
    pub run: Uuid,
    /// Of the workflow.
    pub version: u64,
    pub step: StepName,
    /// The step as it is configured here.
    pub real: Arc<dyn Destination>,
}

/// A shard of it, with the host that it had when its chain was opened.
struct ShardAtHost {
    seat: Seat,
    host: Option<NodeId>,
    /// What carries it out; the real step when there is no host.
    at_host: Arc<dyn Destination>,
}

/// What the state says of a shard.
#[derive(Clone)]
struct Seat {
    consensus: Consensus,
    run: Uuid,
    /// As in `orders.3of8`.
    shard: String,
}

impl Seat {
    fn host(&self) -> Option<NodeId> {
        self.consensus.peek(|state| state.runs().get(self.run)?.shards.get(&self.shard).copied())
    }

    /// Returns when the shard has another host than this one.
    async fn left(&self, host: NodeId) -> ConnectorError {
        let mut applied = self.consensus.applied();
        loop {
            applied.mark_unchanged();
            let now = self.host();
            if now != Some(host) {
                return self.moved(now);
            }
            if applied.changed().await.is_err() {
                // Consensus has stopped, and all work with it.
                return std::future::pending().await;
            }
        }
    }

    fn moved(&self, now: Option<NodeId>) -> ConnectorError {
        let Self { run, shard, .. } = self;
        let who = now.map_or("no node carries it out yet".to_owned(), |node| {
            format!("node {node} carries it out now")
        });
        ConnectorError::transient(MOVED, format!("shard `{shard}` of run {run}: {who}"))
    }
}

#[async_trait]
impl Destination for ShardedDestination {
    fn capabilities(&self) -> DestinationCapabilities {
        self.real.capabilities()
    }

    fn is_local(&self) -> bool {
        self.real.is_local()
    }

    fn delegate(&self, route: &Route) -> Option<Arc<dyn Destination>> {
        route.shard?;
        let me = self.consensus.member().node;
        let seat = Seat { consensus: self.consensus.clone(), run: self.run, shard: route.end().to_string() };
        let host = seat.host();
        let at_host: Arc<dyn Destination> = match host.filter(|host| *host != me) {
            None => Arc::clone(&self.real),
            Some(host) => {
                let (relay, step) = (self.relay.clone(), self.step.clone());
                let real = Arc::clone(&self.real);
                Arc::new(RelayedDestination::new(relay, host, self.run, self.version, step, real))
            }
        };
        Some(Arc::new(ShardAtHost { seat, host, at_host }))
    }

    async fn check(&self, run: &RunContext) -> Result<(), ConnectorError> {
        self.real.check(run).await
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        self.real.encoder()
    }

    async fn open(
        &self,
        run: &RunContext,
        route: &Route,
        index: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        self.real.open(run, route, index).await
    }

    async fn complete(&self, run: &RunContext, routes: &[Route]) -> Result<(), ConnectorError> {
        self.real.complete(run, routes).await
    }
}

#[async_trait]
impl Destination for ShardAtHost {
    fn capabilities(&self) -> DestinationCapabilities {
        self.at_host.capabilities()
    }

    async fn check(&self, run: &RunContext) -> Result<(), ConnectorError> {
        self.at_host.check(run).await
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        self.at_host.encoder()
    }

    async fn open(
        &self,
        run: &RunContext,
        route: &Route,
        index: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        let Some(host) = self.host else { return Err(self.seat.moved(None)) };
        let writer = self.at_host.open(run, route, index).await?;
        Ok(Box::new(SeatedWriter { writer, seat: self.seat.clone(), host }))
    }

    async fn complete(&self, run: &RunContext, routes: &[Route]) -> Result<(), ConnectorError> {
        self.at_host.complete(run, routes).await
    }
}

/// A writer that fails as soon as its shard has another host, so that its chain is opened again, with that one. What was
/// under way has an unknown outcome then, which the marker tells.
struct SeatedWriter {
    writer: Box<dyn RouteWriter>,
    seat: Seat,
    host: NodeId,
}

impl SeatedWriter {
    /// Makes a call for as long as the shard has the same host.
    async fn seated<T>(
        seat: &Seat,
        host: NodeId,
        call: impl Future<Output = Result<T, ConnectorError>>,
    ) -> Result<T, ConnectorError> {
        tokio::select! {
            biased;
            moved = seat.left(host) => Err(moved),
            result = call => result,
        }
    }
}

#[async_trait]
impl RouteWriter for SeatedWriter {
    async fn marker(&mut self) -> Result<Option<Marker>, ConnectorError> {
        Self::seated(&self.seat, self.host, self.writer.marker()).await
    }

    async fn fence(&mut self, claim: &Claim) -> Result<Marker, ConnectorError> {
        Self::seated(&self.seat, self.host, self.writer.fence(claim)).await
    }

    async fn write(&mut self, rows: Encoded) -> Result<(), ConnectorError> {
        Self::seated(&self.seat, self.host, self.writer.write(rows)).await
    }

    async fn stage(&mut self, unit: &Unit) -> Result<Vec<RecordError>, ConnectorError> {
        Self::seated(&self.seat, self.host, self.writer.stage(unit)).await
    }

    async fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        Self::seated(&self.seat, self.host, self.writer.commit(unit)).await
    }
}
