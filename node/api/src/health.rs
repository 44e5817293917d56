use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use etl_raft::NodeId;
use etl_raft::consensus::{Consensus, Status};
use etl_raft_state::NodeState;
use tokio::time::{sleep, timeout};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::insight::Insight;
use crate::model::{HealthCheck, HealthStatus};

/// How often it is looked whether this node still takes part, when nothing changes.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long the leader may take to say so; longer than an election.
const PATIENCE: Duration = Duration::from_secs(2);

/// The services that an admin listener serves, and the whole node under the empty name.
const SERVICES: [&str; 3] = ["", "actix_etl.admin.v1.Admin", "actix_etl.cluster.v1.Cluster"];

/// Tells the standard health service whether this node takes part: it is a member, somebody leads, and a linearizable read
/// succeeds; and of each part of the node, by its name, whether it works. Ends when consensus has stopped.
pub(crate) async fn report(consensus: Consensus, insight: Arc<dyn Insight>, reporter: HealthReporter) {
    let me = consensus.member().node;
    let mut changes = consensus.status_changes();
    let mut told = Told { reporter, serving: None, parts: BTreeMap::new() };
    told.tell(false).await;
    loop {
        let seen = changes.borrow_and_update().clone();
        let serving = is_member(&seen, me) && answers(&consensus, me).await;
        told.tell(serving).await;
        let looking = Arc::clone(&insight);
        // What cannot be looked at now is looked at again.
        if let Ok(checks) = tokio::task::spawn_blocking(move || looking.checks()).await {
            told.tell_parts(checks).await;
        }
        let news = changes.wait_for(|now| part(now) != part(&seen));
        let led = timeout(INTERVAL, news).await.map(|news| news.map(|now| now.leader.is_some()));
        match led {
            Ok(Ok(false)) => told.tell(false).await,
            Ok(Ok(true)) | Err(_) => {}
            Ok(Err(_)) => break,
        }
    }
    told.tell(false).await;
}

/// What was told last; only news are told.
struct Told {
    reporter: HealthReporter,
    serving: Option<bool>,
    /// The parts of the node, by name.
    parts: BTreeMap<String, bool>,
}

impl Told {
    async fn tell(&mut self, serving: bool) {
        if self.serving == Some(serving) {
            return;
        }
        self.serving = Some(serving);
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in SERVICES {
            self.reporter.set_service_status(service, status).await;
        }
    }
}

impl Told {
    /// A part serves unless it is unhealthy.
    async fn tell_parts(&mut self, checks: Vec<HealthCheck>) {
        for check in checks {
            let serving = check.status != HealthStatus::Unhealthy;
            if self.parts.insert(check.component.clone(), serving) != Some(serving) {
                let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
                self.reporter.set_service_status(check.component, status).await;
            }
        }
    }
}

/// What decides whether a node takes part.
fn part(status: &Status) -> impl PartialEq + use<> {
    (status.leader, status.voters.clone(), status.learners.clone())
}

fn is_member(status: &Status, me: NodeId) -> bool {
    status.leader.is_some() && (status.voters.contains(&me) || status.learners.contains(&me))
}

/// A leader that is cut off still believes that it leads; a quorum knows better.
async fn answers(consensus: &Consensus, me: NodeId) -> bool {
    let state = consensus.read(|state| state.nodes().get(me).map(|node| node.state));
    match timeout(PATIENCE, state).await {
        Ok(Ok(state)) => state.is_some_and(|state| state != NodeState::Removed),
        Ok(Err(error)) => {
            tracing::debug!(%error, "this node does not take part at the moment");
            // Some errors come at once.
            sleep(Duration::from_millis(100)).await;
            false
        }
        Err(_) => false,
    }
}
