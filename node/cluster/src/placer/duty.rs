use std::time::Duration;

use etl_raft::consensus::Consensus;
use etl_raft_state::{Command, NodeId, NodeState, Response};
use tokio::time::{Instant, sleep, timeout};

use super::decide::decide;
use super::scene::Scene;

/// How often it looks even though nothing has changed.
const LOOK: Duration = Duration::from_millis(500);
/// The shortest time between two looks.
const REST: Duration = Duration::from_millis(20);
/// Commands of one entry.
const COMMANDS: usize = 200;

/// Sees to it that everything that should run has an owner, for as long as this node leads.
pub(crate) struct Placer {
    consensus: Consensus,
    /// For how long the nodes must have stayed as they are before partitions move for the sake of balance.
    settled: Duration,
    /// The nodes as they were last seen, and since when.
    nodes: (Vec<(NodeId, NodeState)>, Instant),
}

impl Placer {
    pub fn new(consensus: Consensus, settled: Duration) -> Self {
        Self { consensus, settled, nodes: (Vec::new(), Instant::now()) }
    }

    /// Never ends by itself.
    pub async fn run(mut self) {
        let mut applied = self.consensus.applied();
        loop {
            applied.mark_unchanged();
            let scene = self.consensus.peek(Scene::of);
            let commands = decide(&scene, self.is_settled(&scene));
            match commands.is_empty() {
                // It is looked at in any case, soon enough.
                true => drop(timeout(LOOK, applied.changed()).await),
                false => self.propose(commands).await,
            }
            sleep(REST).await;
        }
    }

    fn is_settled(&mut self, scene: &Scene) -> bool {
        let now = Instant::now();
        if self.nodes.0 != scene.nodes {
            self.nodes = (scene.nodes.clone(), now);
        }
        now.saturating_duration_since(self.nodes.1) >= self.settled
    }

    async fn propose(&self, commands: Vec<Command>) {
        for part in commands.chunks(COMMANDS) {
            match self.consensus.write(Command::Batch(part.to_vec())).await {
                Ok(Response::Batch(answers)) => {
                    let refused = answers.iter().filter_map(Response::rejection);
                    refused.for_each(|rejection| tracing::debug!(%rejection, "a placement came too late"));
                }
                Ok(other) => tracing::warn!(?other, "a placement was answered strangely"),
                // What is still to be done shows in the state.
                Err(error) => tracing::warn!(%error, "partitions could not be placed"),
            }
        }
    }
}
