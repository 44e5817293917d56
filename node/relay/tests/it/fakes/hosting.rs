use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use etl_model::{Retry, RunId, StepName, WorkflowName};
use etl_relay::{Hosted, HostedStep, Hosting, Reach, Refused, Wanted};
use etl_sdk::{ConnectorError, RunContext};
use tonic::transport::{Channel, Endpoint};

/// The id of the host in all tests.
pub const HOST: u64 = 7;

/// The steps of one run, by name.
#[derive(Clone)]
pub struct Steps {
    pub context: RunContext,
    pub steps: Arc<Mutex<HashMap<StepName, HostedStep>>>,
    /// Destinations with what leads to them from a repartition.
    pub shards: Option<Arc<Shards>>,
}

pub type Shards = dyn Fn(&Wanted) -> HostedStep + Send + Sync;

impl Steps {
    pub fn new() -> Self {
        let workflow = WorkflowName::new("orders").unwrap();
        Self { context: RunContext { workflow, run: RunId::generate() }, steps: Arc::default(), shards: None }
    }

    pub fn with(self, name: &str, step: HostedStep) -> Self {
        self.steps.lock().unwrap().insert(StepName::new(name).unwrap(), step);
        self
    }
}

#[async_trait]
impl Hosting for Steps {
    async fn hosted(&self, wanted: &Wanted) -> Result<Hosted, Refused> {
        let Wanted { version, step, .. } = wanted;
        if *version != 1 {
            let message = format!("version {version} is not known here yet");
            return Err(Refused { message, retry: Retry::Backoff });
        }
        if wanted.with_steps
            && let Some(shards) = &self.shards
        {
            return Ok(Hosted { context: self.context.clone(), step: shards(wanted) });
        }
        match self.steps.lock().unwrap().get(step) {
            Some(step) => Ok(Hosted { context: self.context.clone(), step: step.clone() }),
            None => Err(Refused { message: format!("`{step}` is not placed here"), retry: Retry::Never }),
        }
    }
}

/// One address, over one connection that all channels share.
pub struct Address(Channel);

impl Address {
    pub fn new(address: SocketAddr) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        Self(
            endpoint
                .connect_timeout(Duration::from_secs(2))
                .http2_keep_alive_interval(Duration::from_secs(1))
                .keep_alive_timeout(Duration::from_secs(1))
                .keep_alive_while_idle(true)
                .initial_stream_window_size(4 << 20)
                .initial_connection_window_size(8 << 20)
                .connect_lazy(),
        )
    }
}

#[async_trait]
impl Reach for Address {
    async fn channel(&self, node: u64) -> Result<Channel, ConnectorError> {
        assert_eq!(node, HOST);
        Ok(self.0.clone())
    }
}
