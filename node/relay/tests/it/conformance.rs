use std::sync::Arc;

use arrow::json::ArrayWriter;
use async_trait::async_trait;
use etl_model::{Route, StepName, WorkflowName};
use etl_relay::{Hosted, HostedStep, Hosting, Refused, Relay, RelayedDestination, Wanted};
use etl_sdk::{
    ConnectorError, Destination, DestinationCapabilities, Encoder, RouteWriter, RunContext, conformance,
};

use crate::fakes::{HOST, Host, HostSetup, Memory, Steps};

/// Hosts one destination for every run.
struct Everyone(Memory);

#[async_trait]
impl Hosting for Everyone {
    async fn hosted(&self, wanted: &Wanted) -> Result<Hosted, Refused> {
        let workflow = WorkflowName::new("conformance").unwrap();
        let context = RunContext { workflow, run: wanted.run.into() };
        Ok(Hosted { context, step: HostedStep::Destination(Arc::new(self.0.clone())) })
    }
}

/// A relayed destination for whatever run it is used by.
struct ForEveryRun {
    relay: Relay,
    memory: Memory,
}

impl ForEveryRun {
    fn of(&self, run: &RunContext) -> RelayedDestination {
        let (relay, step) = (self.relay.clone(), StepName::new("target").unwrap());
        RelayedDestination::new(relay, HOST, run.run.into(), 1, step, Arc::new(self.memory.clone()))
    }

    fn of_any(&self) -> RelayedDestination {
        let workflow = WorkflowName::new("conformance").unwrap();
        self.of(&RunContext { workflow, run: etl_model::RunId::generate() })
    }
}

#[async_trait]
impl Destination for ForEveryRun {
    fn capabilities(&self) -> DestinationCapabilities {
        self.of_any().capabilities()
    }

    async fn check(&self, run: &RunContext) -> Result<(), ConnectorError> {
        self.of(run).check(run).await
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        self.of_any().encoder()
    }

    async fn open(
        &self,
        run: &RunContext,
        route: &Route,
        index: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        self.of(run).open(run, route, index).await
    }

    async fn complete(&self, run: &RunContext, routes: &[Route]) -> Result<(), ConnectorError> {
        self.of(run).complete(run, routes).await
    }
}

fn rows(memory: &Memory) -> Vec<serde_json::Value> {
    let content = memory.content.lock().unwrap();
    let mut writer = ArrayWriter::new(Vec::new());
    for batch in content.rows.values().flatten() {
        writer.write(batch.records()).unwrap();
    }
    writer.finish().unwrap();
    match writer.into_inner() {
        empty if empty.is_empty() => Vec::new(),
        json => serde_json::from_slice(&json).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relayed_destination_keeps_all_rules_of_a_destination() {
    let hosts = std::cell::RefCell::new(Vec::new());
    conformance::destination(|| {
        let memory = Memory::default();
        let host = Host::start_with(Arc::new(Everyone(memory.clone())), Steps::new(), HostSetup::default());
        let relay = host.relay();
        hosts.borrow_mut().push(host);
        let seen = memory.clone();
        conformance::Site::new(
            move || Arc::new(ForEveryRun { relay: relay.clone(), memory: memory.clone() }),
            move || rows(&seen),
        )
    })
    .await
    .unwrap();
    let hosts = hosts.into_inner();
    assert!(hosts.len() > 10);
    for host in hosts {
        host.stop().await;
    }
}
