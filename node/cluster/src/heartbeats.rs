use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use etl_engine::Desk;
use etl_proto::cluster as wire;
use etl_raft::NodeId;
use etl_raft::consensus::Consensus;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tonic::Status;

use crate::candidate::Software;
use crate::clients::Clients;
use crate::join::reason;
use crate::refusal::REMOVED;
use crate::{Health, Heard, Roster};

/// An answer that takes longer is as good as none: the next heartbeat is due.
const PATIENCE: Duration = Duration::from_secs(1);

/// Tells the leader how this node is, whoever that is.
pub(crate) struct Heartbeats {
    pub consensus: Consensus,
    pub clients: Arc<Clients>,
    pub roster: Roster,
    pub software: Software,
    /// How this node is, as it has last looked.
    pub health: watch::Receiver<Health>,
    /// What its work waits for.
    pub desk: Desk,
    pub every: Duration,
    /// When the leader has last answered; it answers itself.
    pub answered: watch::Sender<Instant>,
    /// Becomes true when the cluster has removed this node.
    pub removed: watch::Sender<bool>,
}

/// Where heartbeats go while nobody is known to lead.
#[derive(Debug, Default)]
struct Search {
    /// What another node has said.
    told: Option<NodeId>,
    asked: usize,
}

impl Heartbeats {
    /// Never ends by itself.
    pub async fn run(self) {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut search = Search::default();
        let mut last_failure = None;
        let mut changes = self.consensus.status_changes();
        let mut leader = None;
        loop {
            // A new leader knows nothing of anybody until it has heard of all.
            tokio::select! {
                _ = ticks.tick() => {}
                Ok(status) = changes.wait_for(|status| status.leader.is_some() && status.leader != leader) => {
                    leader = status.leader;
                }
            }
            let before = Instant::now();
            let told = self.beat(&mut search).await;
            if matches!(told, Ok(true)) {
                self.answered.send_replace(before);
            }
            let failure = told.err().map(|status| reason(&status));
            if failure != last_failure {
                match &failure {
                    Some(reason) => tracing::warn!(reason, "the leader does not hear this node"),
                    None => tracing::info!("the leader hears this node"),
                }
                last_failure = failure;
            }
        }
    }

    /// Whether the leader has heard it.
    async fn beat(&self, search: &mut Search) -> Result<bool, Status> {
        let me = self.consensus.member();
        let status = self.consensus.status();
        let mut health =
            Health { applied_index: status.applied.unwrap_or_default(), ..self.health.borrow().clone() };
        health.problems.extend(self.desk.waiting());
        if status.leader == Some(me.node) {
            let (since, incarnation) = (Instant::now(), me.incarnation);
            self.roster.note(me.node, Heard { since, incarnation, software: self.software.clone(), health });
            return Ok(true);
        }
        let Some((target, address)) = self.target(status.leader, search) else { return Ok(false) };
        let mut client = self.clients.to(&address);
        let beat = client.heartbeat(self.request(health));
        match timeout(PATIENCE, beat).await {
            Ok(Ok(answer)) => {
                let leader = answer.into_inner().leader;
                search.told = (leader != 0 && leader != me.node).then_some(leader);
                Ok(leader == target)
            }
            Ok(Err(status)) => {
                search.told = search.told.filter(|told| *told != target);
                if status.code() == REMOVED {
                    self.removed.send_replace(true);
                }
                Err(status)
            }
            Err(_) => {
                search.told = search.told.filter(|told| *told != target);
                Err(Status::unavailable(format!("{address} has not answered within {PATIENCE:?}")))
            }
        }
    }

    fn request(&self, health: Health) -> wire::HeartbeatRequest {
        let me = self.consensus.member();
        wire::HeartbeatRequest {
            cluster_id: Bytes::copy_from_slice(me.cluster.as_bytes()),
            node: me.node,
            store: Bytes::copy_from_slice(me.store.as_bytes()),
            incarnation: me.incarnation,
            software_version: self.software.version.clone(),
            feature_level: self.software.feature_level,
            health: Some(health.into()),
        }
    }

    /// The leader that consensus knows, or another node says there is; otherwise everybody in turn. A node
    /// that has moved, or was removed while it was away, hears nothing of consensus: it finds out this way.
    fn target(&self, leader: Option<NodeId>, search: &mut Search) -> Option<(NodeId, String)> {
        let me = self.consensus.member().node;
        self.consensus.peek(|state| {
            let nodes = state.nodes();
            let known = leader.or(search.told).filter(|leader| *leader != me);
            if let Some((leader, node)) = known.and_then(|leader| Some((leader, nodes.get(leader)?))) {
                return Some((leader, node.admin_address.clone()));
            }
            let others: Vec<_> = nodes.members().filter(|(id, _)| *id != me).collect();
            let (id, node) = others.get(search.asked.checked_rem(others.len())?)?;
            search.asked = search.asked.wrapping_add(1);
            Some((*id, node.admin_address.clone()))
        })
    }
}
