use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use etl_model::{Claim, Counters, Marker, PartitionId, Position, Route, StepName, Unit};
use etl_relay::{
    HostedStep, Hosting, Relay, RelayService, RelaySettings, RelayedDestination, RelayedProcessor,
};
use etl_sdk::{ConnectorError, Destination, Processor, RouteWriter};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use uuid::Uuid;

use super::hosting::{Address, HOST, Steps};
use super::{Memory, Proxy};

/// A node that carries out steps, listening on a port of its own.
pub struct Host {
    pub steps: Steps,
    pub address: SocketAddr,
    pub settings: RelaySettings,
    pub service: RelayService,
    serving: tokio::task::JoinHandle<()>,
    stop: CancellationToken,
}

/// What differs between tests.
pub struct HostSetup {
    pub settings: RelaySettings,
}

impl Default for HostSetup {
    fn default() -> Self {
        let threads = NonZeroUsize::new(2).unwrap();
        Self { settings: RelaySettings { threads, ..RelaySettings::default() } }
    }
}

impl Host {
    /// A host of one destination, `sink`.
    pub fn of(memory: &Memory) -> Self {
        let steps = Steps::new().with("sink", HostedStep::Destination(Arc::new(memory.clone())));
        Self::start(steps, HostSetup::default())
    }

    pub fn start(steps: Steps, setup: HostSetup) -> Self {
        Self::start_with(Arc::new(steps.clone()), steps, setup)
    }

    /// A host of steps that somebody else knows.
    pub fn start_with(hosting: Arc<dyn Hosting>, steps: Steps, setup: HostSetup) -> Self {
        let settings = setup.settings;
        let service = RelayService::new(hosting, settings).unwrap();
        let local = "127.0.0.1:0".parse().unwrap();
        let incoming = TcpIncoming::bind(local).unwrap().with_nodelay(Some(true));
        let address = incoming.local_addr().unwrap();
        let stop = CancellationToken::new();
        let server = Server::builder()
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(8 << 20)
            .add_service(service.clone().into_server());
        let stopped = stop.clone();
        let serving = tokio::spawn(async move {
            let shutdown = async move { stopped.cancelled().await };
            server.serve_with_incoming_shutdown(incoming, shutdown).await.unwrap();
        });
        Self { steps, address, settings, service, serving, stop }
    }

    /// What reaches this host, directly.
    pub fn relay(&self) -> Relay {
        Relay::new(Arc::new(Address::new(self.address)), self.settings, Handle::current())
    }

    /// What reaches this host through a proxy.
    pub fn relay_through(&self, proxy: &Proxy) -> Relay {
        Relay::new(Arc::new(Address::new(proxy.address)), self.settings, Handle::current())
    }

    pub fn run(&self) -> Uuid {
        self.steps.context.run.into()
    }

    pub fn destination(&self, relay: Relay, memory: &Memory) -> RelayedDestination {
        let step = StepName::new("sink").unwrap();
        RelayedDestination::new(relay, HOST, self.run(), 1, step, Arc::new(memory.clone()))
    }

    pub fn processor(&self, relay: Relay, step: &str, real: Arc<dyn Processor>) -> RelayedProcessor {
        RelayedProcessor::new(relay, HOST, self.run(), 1, StepName::new(step).unwrap(), real)
    }

    pub fn route(&self, partition: usize) -> Route {
        Route {
            workflow: self.steps.context.workflow.clone(),
            source: StepName::new("source").unwrap(),
            partition: PartitionId(partition.to_string()),
            destination: StepName::new("sink").unwrap(),
            shard: None,
        }
    }

    pub fn claim(&self, epoch: u64) -> Claim {
        Claim { run: self.steps.context.run, epoch, start: None, replaces: Vec::new() }
    }

    /// A writer that has not fenced.
    pub async fn open(&self, destination: &RelayedDestination, partition: usize) -> Box<dyn RouteWriter> {
        destination.open(&self.steps.context, &self.route(partition), partition).await.unwrap()
    }

    /// A writer that has fenced, and its marker.
    pub async fn fenced(
        &self,
        destination: &RelayedDestination,
        partition: usize,
        epoch: u64,
    ) -> Result<(Box<dyn RouteWriter>, Marker), ConnectorError> {
        let mut writer = self.open(destination, partition).await;
        let marker = writer.fence(&self.claim(epoch)).await?;
        Ok((writer, marker))
    }

    /// The unit after a marker, up to a position.
    pub fn unit(marker: &Marker, next: u64) -> Unit {
        let position = Some(Position { next, cursor: serde_json::json!({ "at": next }) });
        let counters = Counters { read: next, delivered: next, ..Counters::default() };
        Unit { marker: Marker { seq: marker.seq + 1, position, counters, ..marker.clone() } }
    }

    /// Ends as a process does that is killed: streams break, channels are forgotten.
    pub async fn kill(self) {
        self.serving.abort();
        let _ = self.serving.await;
        self.service.shutdown().await;
    }

    /// Ends in order.
    pub async fn stop(self) {
        self.service.shutdown().await;
        self.stop.cancel();
        self.serving.await.unwrap();
    }
}

/// Waits until something is so.
pub async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what} does not become true");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
