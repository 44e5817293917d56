use std::collections::BTreeMap;
use std::time::Duration;

use etl_raft::consensus::{Clock, Consensus};
use etl_raft_state::command::BeginDrain;
use etl_raft_state::{Command, NodeId, NodeState, PartitionKey, Response};
use tokio::time::{Instant, sleep, timeout};

use super::decide::decide;
use super::lost::halt_lost;
use super::scene::Scene;
use super::shards::{move_shards, spread_shards};

/// How often it looks even though nothing has changed.
const LOOK: Duration = Duration::from_millis(500);
/// The shortest time between two looks.
const REST: Duration = Duration::from_millis(20);
/// How often balance is looked after, once the nodes have settled.
const BALANCE: Duration = Duration::from_millis(500);
/// The shortest time between two times that shards move for the sake of balance.
const SPREAD: Duration = Duration::from_secs(5);
/// Commands of one entry.
const COMMANDS: usize = 200;

/// Sees to it that everything that should run has an owner, for as long as this node leads.
pub(crate) struct Placer {
    consensus: Consensus,
    clock: Clock,
    /// For how long the nodes must have stayed as they are before partitions move for the sake of balance.
    settled: Duration,
    /// The nodes as they were last seen, and since when.
    nodes: (Vec<(NodeId, NodeState)>, Instant),
    /// When balance is looked after next.
    balance_at: Instant,
    /// When shards may move next for the sake of balance.
    spread_at: Instant,
    promises: BTreeMap<PartitionKey, NodeId>,
}

impl Placer {
    pub fn new(consensus: Consensus, clock: Clock, settled: Duration) -> Self {
        Self {
            consensus,
            clock,
            settled,
            nodes: (Vec::new(), Instant::now()),
            balance_at: Instant::now(),
            spread_at: Instant::now(),
            promises: BTreeMap::new(),
        }
    }

    /// Never ends by itself.
    pub async fn run(mut self) {
        let mut applied = self.consensus.applied();
        loop {
            applied.mark_unchanged();
            let commands = self.look();
            match commands.is_empty() {
                // It is looked at in any case, soon enough.
                true => drop(timeout(LOOK, applied.changed()).await),
                false => self.propose(commands).await,
            }
            sleep(REST).await;
        }
    }

    fn look(&mut self) -> Vec<Command> {
        let now_ms = (self.clock)();
        let (nodes, is_calm, lost) = self.consensus.peek(|state| {
            let nodes = state.nodes().members().map(|(id, node)| (id, node.state)).collect::<Vec<_>>();
            let lost = [halt_lost(state), move_shards(state, now_ms)].concat();
            (nodes, Scene::is_calm(state), lost)
        });
        if !lost.is_empty() {
            return lost;
        }
        let now = Instant::now();
        if self.nodes.0 != nodes {
            self.nodes = (nodes, now);
        }
        let is_settled = now.saturating_duration_since(self.nodes.1) >= self.settled;
        let balance = is_settled && now >= self.balance_at;
        if is_calm && !balance {
            return Vec::new();
        }
        if balance {
            self.balance_at = now + BALANCE;
            if now >= self.spread_at
                && let Some(spread) = self.consensus.peek(|state| spread_shards(state, now_ms))
            {
                self.spread_at = now + SPREAD;
                return vec![spread];
            }
        }
        let promises = &mut self.promises;
        let scene = self.consensus.peek(|state| {
            promises.retain(|key, _| state.partitions().get(key).is_some_and(|row| !row.done));
            Scene::of(state, promises, now_ms)
        });
        let commands = decide(&scene, balance);
        self.note(&commands);
        commands
    }

    /// Remembers for whom partitions are asked for, until somebody is given them.
    fn note(&mut self, commands: &[Command]) {
        for command in commands {
            match command {
                Command::BeginDrain(BeginDrain { partition, to: Some(to), .. }) => {
                    self.promises.insert(partition.clone(), *to);
                }
                Command::Assign(assign) => {
                    self.promises.remove(&assign.partition);
                }
                _ => {}
            }
        }
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
