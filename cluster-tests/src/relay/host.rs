use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use etl_model::{Batch, Claim, Fence, Marker, RecordError, Retry, Route, RunId, Unit, WorkflowName};
use etl_relay::{Hosted, HostedStep, Hosting, Reach, Refused, RelayService, RelaySettings, Wanted};
use etl_sdk::{
    CommitKind, ConnectorError, Destination, DestinationCapabilities, Encoded, Encoder, Payload, RouteWriter,
    RunContext,
};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use uuid::Uuid;

use super::load::unexpected;
use crate::group::Error;

/// Windows of HTTP/2 as nodes have them, of a stream and of a connection.
const WINDOWS: (u32, u32) = (4 << 20, 8 << 20);

/// Takes rows and forgets them, counting.
#[derive(Clone, Default)]
pub struct Sink {
    pub rows: Arc<AtomicU64>,
}

struct AsItIs;

impl Encoder for AsItIs {
    fn encode(&self, batch: Batch) -> Result<Encoded, ConnectorError> {
        let (rows, bytes) = (batch.len() as u64, batch.records().get_array_memory_size());
        Ok(Encoded { payload: Payload::Columns(batch), rows, bytes, errors: Vec::new() })
    }
}

struct Forgetting {
    rows: Arc<AtomicU64>,
    marker: Option<Marker>,
}

#[async_trait]
impl Destination for Sink {
    fn capabilities(&self) -> DestinationCapabilities {
        DestinationCapabilities {
            commit: CommitKind::Transactional,
            max_writers: None,
            holds_rows: false,
            rejects_rows: false,
            unit_bytes: None,
        }
    }

    async fn check(&self, _: &RunContext) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        Arc::new(AsItIs)
    }

    async fn open(
        &self,
        _: &RunContext,
        _: &Route,
        _: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        Ok(Box::new(Forgetting { rows: Arc::clone(&self.rows), marker: None }))
    }

    async fn complete(&self, _: &RunContext, _: &[Route]) -> Result<(), ConnectorError> {
        Ok(())
    }
}

#[async_trait]
impl RouteWriter for Forgetting {
    async fn marker(&mut self) -> Result<Option<Marker>, ConnectorError> {
        Ok(self.marker.clone())
    }

    async fn fence(&mut self, claim: &Claim) -> Result<Marker, ConnectorError> {
        match claim.decide(self.marker.as_ref()) {
            Fence::Store(marker) | Fence::Held(marker) => {
                self.marker = Some(marker.clone());
                Ok(marker)
            }
            Fence::Fenced { .. } | Fence::Stranger { .. } => Err(ConnectorError::internal("fenced")),
        }
    }

    async fn write(&mut self, rows: Encoded) -> Result<(), ConnectorError> {
        self.rows.fetch_add(rows.rows, Ordering::Relaxed);
        Ok(())
    }

    async fn stage(&mut self, _: &Unit) -> Result<Vec<RecordError>, ConnectorError> {
        Ok(Vec::new())
    }

    async fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        self.marker = Some(unit.marker.clone());
        Ok(())
    }
}

/// The steps of one run, of which there is one.
pub struct OneStep {
    pub context: RunContext,
    pub sink: Sink,
}

impl OneStep {
    pub fn new() -> Result<Self, Error> {
        let workflow = WorkflowName::new("relay").map_err(unexpected)?;
        Ok(Self { context: RunContext { workflow, run: RunId::generate() }, sink: Sink::default() })
    }
}

#[async_trait]
impl Hosting for OneStep {
    async fn hosted(&self, wanted: &Wanted) -> Result<Hosted, Refused> {
        let Wanted { run, step, .. } = wanted;
        if Uuid::from(self.context.run) != *run {
            return Err(Refused { message: format!("run {run}, step `{step}`"), retry: Retry::Never });
        }
        let destination = Arc::new(self.sink.clone());
        Ok(Hosted { context: self.context.clone(), step: HostedStep::Destination(destination) })
    }
}

/// A connection for all channels.
pub struct Connection(pub Channel);

#[async_trait]
impl Reach for Connection {
    async fn channel(&self, _: u64) -> Result<Channel, ConnectorError> {
        Ok(self.0.clone())
    }
}

/// A server with the windows of a node, for as long as the process lives.
pub fn server() -> Server {
    Server::builder().initial_stream_window_size(WINDOWS.0).initial_connection_window_size(WINDOWS.1)
}

/// Connections as a node accepts them: what a host answers must not wait for an acknowledgement of what it answered before.
pub async fn listener() -> Result<(TcpIncoming, SocketAddr), Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    Ok((TcpIncoming::from(listener).with_nodelay(Some(true)), address))
}

/// A connection to it.
pub fn connection(address: SocketAddr) -> Result<Channel, Error> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(unexpected)?;
    Ok(endpoint
        .tcp_nodelay(true)
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .connect_lazy())
}

/// Serves what another node would host.
pub async fn host(step: Arc<OneStep>, settings: RelaySettings) -> Result<(RelayService, SocketAddr), Error> {
    let service = RelayService::new(step, settings)?;
    let (listener, address) = listener().await?;
    let serving = server().add_service(service.clone().into_server());
    tokio::spawn(serving.serve_with_incoming(listener));
    Ok((service, address))
}
