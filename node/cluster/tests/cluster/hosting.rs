//! A destination that lies on one node, for partitions on all nodes.

use std::sync::Arc;

use async_trait::async_trait;
use etl_model::Route;
use etl_raft_state::NodeState;
use etl_raft_state::parts::RunPhase;
use etl_sdk::{ConnectorError, Destination, DestinationCapabilities, Encoder, RouteWriter, RunContext};

use crate::memory::Memory;
use crate::numbers::Numbers;
use crate::working::{PARTITIONS, RECORDS, Site, open};

/// The destination as nodes see it that do not have it.
pub struct Elsewhere(pub Memory);

fn not_here() -> ConnectorError {
    ConnectorError::user("not_here", "the destination is on another node", "ask there")
}

#[async_trait]
impl Destination for Elsewhere {
    fn capabilities(&self) -> DestinationCapabilities {
        self.0.capabilities()
    }

    async fn check(&self, _: &RunContext) -> Result<(), ConnectorError> {
        Err(not_here())
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        self.0.encoder()
    }

    async fn open(
        &self,
        _: &RunContext,
        _: &Route,
        _: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        Err(not_here())
    }

    async fn complete(&self, _: &RunContext, _: &[Route]) -> Result<(), ConnectorError> {
        Err(not_here())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_nodes_deliver_to_a_destination_that_one_has() {
    for host in 0..3 {
        let site = Site::hosted(Numbers::new(PARTITIONS, RECORDS), Some(host)).await;
        site.until_spread().await;
        open(&site.gate);
        site.until_completed(2).await;
        site.assert_complete(2);
        site.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_waits_for_the_node_that_has_its_destination() {
    let site = Site::hosted(Numbers::new(PARTITIONS, RECORDS), Some(2)).await;
    site.until_spread().await;
    let some = || {
        site.gate.add_permits(1);
        site.memory.rows().len() >= 400
    };
    site.nodes[0].until("some rows", some).await;
    let network = site.nodes[0].place.network.clone();
    network.cut(&site.nodes[2].place.addresses());
    let host = site.nodes[2].id();
    site.nodes[0].until_state(host, NodeState::Down).await;
    site.nodes[0].until("its partitions are elsewhere", || !site.owners(0).contains(&host)).await;
    open(&site.gate);
    assert_eq!(site.phase(0), Some(RunPhase::Running));
    network.heal();
    site.until_completed(0).await;
    site.assert_complete(0);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lost_node_delivered_to_another_goes_on_from_a_third() {
    let site = Site::hosted(Numbers::new(PARTITIONS, RECORDS), Some(0)).await;
    site.until_spread().await;
    let some = || {
        site.gate.add_permits(1);
        site.memory.rows().len() >= 400
    };
    site.nodes[0].until("some rows", some).await;
    let network = site.nodes[0].place.network.clone();
    network.cut(&site.nodes[2].place.addresses());
    let lost = site.nodes[2].id();
    site.nodes[0].until("its partitions are elsewhere", || !site.owners(0).contains(&lost)).await;
    open(&site.gate);
    site.until_completed(0).await;
    site.assert_complete(0);
    network.heal();
    site.until_completed(2).await;
    site.stop().await;
}
