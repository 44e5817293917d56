use std::sync::Arc;
use std::time::Duration;

use etl_raft::consensus::Consensus;
use etl_raft_state::command::UpdateNode;
use etl_raft_state::{Node, NodeState};
use tokio::time::{sleep, timeout};

use crate::candidate::Candidate;
use crate::clients::Clients;
use crate::join::reason;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// No single node holds the others up for longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sees to it that the cluster knows this node as it is: where it listens and what software it runs.
pub(crate) struct Announcement {
    pub consensus: Consensus,
    pub clients: Arc<Clients>,
    pub candidate: Candidate,
}

impl Announcement {
    /// Ends when the cluster knows, or this node was removed.
    pub async fn run(self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.news() {
                News::None => return,
                News::Unregistered => {}
                News::Some(update) => match self.tell(update).await {
                    Ok(()) => return,
                    Err(reason) => tracing::warn!(
                        reason,
                        "the cluster does not know this node's address or software yet"
                    ),
                },
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn news(&self) -> News {
        let id = self.consensus.member().node;
        let known: Option<Node> = self.consensus.peek(|state| state.nodes().get(id).cloned());
        match known {
            None => News::Unregistered,
            Some(known) if known.state == NodeState::Removed => News::None,
            Some(known) => self.candidate.update(id, &known).map_or(News::None, News::Some),
        }
    }

    async fn tell(&self, update: UpdateNode) -> Result<(), String> {
        match self.consensus.write(update).await.map(|response| response.into_result()) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(rejection)) => Err(rejection.to_string()),
            // A leader cannot find a node that has moved, and a node that is not found hears of no leader.
            // The others do.
            Err(error) => self.tell_others().await.map_err(|others| format!("{error}; {others}")),
        }
    }

    async fn tell_others(&self) -> Result<(), String> {
        let me = self.consensus.member().node;
        let others: Vec<String> = self.consensus.peek(|state| {
            let others = state.nodes().members().filter(|(id, _)| *id != me);
            others.map(|(_, node)| node.admin_address.clone()).collect()
        });
        let mut failures = Vec::new();
        for address in others {
            let mut client = self.clients.to(&address);
            match timeout(PATIENCE, client.join(self.candidate.request(false))).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(status)) => failures.push(format!("{address}: {}", reason(&status))),
                Err(_) => failures.push(format!("{address}: it has not answered within {PATIENCE:?}")),
            }
        }
        Err(if failures.is_empty() { "there is no other node".to_owned() } else { failures.join("; ") })
    }
}

/// What the cluster does not know yet.
enum News {
    None,
    /// This node itself: it has not been given the state yet.
    Unregistered,
    Some(UpdateNode),
}
