use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use etl_model::{Claim, Marker, RecordError, Route, StepName, Unit};
use etl_raft::consensus::Consensus;
use etl_raft_state::{NodeId, NodeState};
use etl_relay::{Relay, RelayedDestination};
use etl_sdk::{
    Account, ConnectorError, Destination, DestinationCapabilities, Encoded, Encoder, RouteWriter, RunContext,
};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

/// The code of an error that is there only because a shard has another host now, or none.
pub(super) const MOVED: &str = "shard_moved";
/// How long a chain may go on with a host that has given a shard away, to commit what is under way.
const GRACE: Duration = Duration::from_secs(10);

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
    /// Whether a host carries out what leads from the repartition to it, too.
    pub carries_steps: bool,
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

    /// Who carries it out, and whether a node is there to commit what is under way.
    fn look(&self, node: NodeId) -> (Option<NodeId>, bool) {
        let is_there = |known: NodeState| matches!(known, NodeState::Up | NodeState::Draining);
        self.consensus.peek(|state| {
            let host = state.runs().get(self.run).and_then(|run| run.shards.get(&self.shard).copied());
            (host, state.nodes().get(node).is_some_and(|known| is_there(known.state)))
        })
    }

    /// Returns when the shard has another host than this one, and either this one is gone, or its chain has had time to end in
    /// good order. `until` tells till when it has.
    async fn left(&self, host: NodeId, until: &mut Option<Instant>) -> ConnectorError {
        let mut applied = self.consensus.applied();
        loop {
            applied.mark_unchanged();
            let (now, is_there) = self.look(host);
            match now == Some(host) {
                true => *until = None,
                false => {
                    let until = *until.get_or_insert_with(|| Instant::now() + GRACE);
                    if !is_there || Instant::now() >= until {
                        return self.moved(now);
                    }
                }
            }
            let late = async {
                match *until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = applied.changed() => {
                    if changed.is_err() {
                        // Consensus has stopped, and all work with it.
                        return std::future::pending().await;
                    }
                }
                () = late => {}
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
                let relayed = RelayedDestination::new(relay, host, self.run, self.version, step, real);
                Arc::new(if self.carries_steps { relayed.carrying_steps() } else { relayed })
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

    fn carries_steps(&self) -> bool {
        self.at_host.carries_steps()
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
        Ok(Box::new(SeatedWriter { writer, seat: self.seat.clone(), host, until: None }))
    }

    async fn complete(&self, run: &RunContext, routes: &[Route]) -> Result<(), ConnectorError> {
        self.at_host.complete(run, routes).await
    }
}

/// A writer that fails when its shard has another host, so that its chain is opened again, with that one: at once when the host
/// of before is gone, else when it has not ended by itself in time. What was under way has an unknown outcome then, which the
/// marker tells.
struct SeatedWriter {
    writer: Box<dyn RouteWriter>,
    seat: Seat,
    host: NodeId,
    /// Till when it may go on although the shard has another host.
    until: Option<Instant>,
}

impl SeatedWriter {
    /// Makes a call for as long as the host may be called.
    async fn seated<T>(
        (seat, host, until): (&Seat, NodeId, &mut Option<Instant>),
        call: impl Future<Output = Result<T, ConnectorError>>,
    ) -> Result<T, ConnectorError> {
        tokio::select! {
            biased;
            moved = seat.left(host, until) => Err(moved),
            result = call => result,
        }
    }
}

#[async_trait]
impl RouteWriter for SeatedWriter {
    async fn marker(&mut self) -> Result<Option<Marker>, ConnectorError> {
        Self::seated((&self.seat, self.host, &mut self.until), self.writer.marker()).await
    }

    async fn fence(&mut self, claim: &Claim) -> Result<Marker, ConnectorError> {
        Self::seated((&self.seat, self.host, &mut self.until), self.writer.fence(claim)).await
    }

    async fn write(&mut self, rows: Encoded) -> Result<(), ConnectorError> {
        Self::seated((&self.seat, self.host, &mut self.until), self.writer.write(rows)).await
    }

    async fn stage(&mut self, unit: &Unit) -> Result<Vec<RecordError>, ConnectorError> {
        Self::seated((&self.seat, self.host, &mut self.until), self.writer.stage(unit)).await
    }

    fn account(&mut self) -> Account {
        self.writer.account()
    }

    async fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        Self::seated((&self.seat, self.host, &mut self.until), self.writer.commit(unit)).await
    }
}
