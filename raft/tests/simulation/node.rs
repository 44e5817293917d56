//! The software of a host: the real consensus with its service, and a desk that takes orders.

use std::sync::Arc;

use etl_raft::consensus::{Consensus, Parts};
use etl_raft::network::server;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::log::Log;
use crate::machine::Machine;
use crate::network::{SimulatedDialer, listen};
use crate::site::{Place, Process};

/// Runs until the host crashes.
pub async fn run(place: Arc<Place>) -> turmoil::Result {
    let member = place.next_process();
    let (node, witness) = (member.node, place.witness.clone());
    let client = Uuid::from_u64_pair(member.incarnation, node);
    let machine = Machine::open(place.clone());
    let parts = Parts {
        log: Log::open(place.clone(), machine.clone(), place.damage),
        machine: machine.clone(),
        state: Arc::new(machine),
        dialer: Arc::new(SimulatedDialer { from: node, weather: place.weather.clone() }),
        clock: place.clock(),
        client,
    };
    let connections = listen(node, place.weather.clone()).await?;
    let consensus = Consensus::start_with(place.settings.clone(), member, parts).await?;
    let serving = server().add_service(consensus.service()).serve_with_incoming(connections);
    tokio::spawn({
        let witness = witness.clone();
        async move {
            if let Err(error) = serving.await {
                witness.violation(format!("node {node} serves no more: {error}"));
            }
        }
    });
    tokio::spawn(watch_leadership(consensus.clone(), place.clone()));
    let (orders, mut desk) = mpsc::unbounded_channel();
    place.started(Process { consensus: consensus.clone(), orders });
    let damage = place.damage;
    loop {
        tokio::select! {
            biased;
            reason = consensus.stopped() => {
                witness.violation(format!("node {node} has stopped: {reason}"));
                std::future::pending::<()>().await;
            }
            order = desk.recv() => {
                if let Some(order) = order {
                    tokio::spawn(order.carry_out(consensus.clone(), damage));
                }
            }
        }
    }
}

async fn watch_leadership(consensus: Consensus, place: Arc<Place>) {
    let mut changes = consensus.status_changes();
    loop {
        let (term, leads) = {
            let status = changes.borrow_and_update();
            (status.term, status.matched.is_some())
        };
        if leads {
            place.witness.leads(term, place.member.node);
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}
