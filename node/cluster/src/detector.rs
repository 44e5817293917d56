use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use etl_raft::NodeId;
use etl_raft::consensus::Consensus;
use etl_raft_state::command::SetNodeState;
use etl_raft_state::{Node, NodeState};
use futures::future::join_all;
use tokio::time::{Instant, sleep, timeout};

use crate::clients::Clients;
use crate::{Roster, Settings};

/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(100);
/// When it has not got on for so long, this process was not running, and what others sent meanwhile was not
/// heard.
const ABSENCE: Duration = Duration::from_millis(1500);
/// A connection that takes longer was not refused.
const DIAL_PATIENCE: Duration = Duration::from_millis(300);
/// So many connections in a row must be refused.
const REFUSALS: u32 = 2;

/// Declares nodes down that are not heard of, and up that are heard again, for as long as this node leads.
///
/// Silence alone decides nothing: it leads to a command that is committed only if this node still leads, and
/// that is guarded by the state the node was in.
pub(crate) struct Detector {
    consensus: Consensus,
    /// In which this node leads.
    term: u64,
    clients: Arc<Clients>,
    roster: Roster,
    settings: Settings,
    /// From here on silence counts: nobody is blamed for what was before this node led, or while it did not
    /// run.
    since: Instant,
    got_on: Instant,
    refusals: BTreeMap<NodeId, u32>,
    /// When a node that is joining was first seen.
    joining: BTreeMap<NodeId, Instant>,
}

/// What is known of a node when it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sight {
    state: NodeState,
    /// Where it goes when it is heard again.
    back_to: NodeState,
    heard: Option<Instant>,
    /// Connections in a row that it has refused.
    refusals: u32,
    /// When it was first seen to be joining, if it is.
    joining: Option<Instant>,
}

/// How a node should be declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Down,
    /// Heard again.
    Back(NodeState),
}

impl Detector {
    pub fn new(
        consensus: Consensus,
        term: u64,
        clients: Arc<Clients>,
        roster: Roster,
        settings: Settings,
    ) -> Self {
        let now = Instant::now();
        Self {
            consensus,
            term,
            clients,
            roster,
            settings,
            since: now,
            got_on: now,
            refusals: BTreeMap::new(),
            joining: BTreeMap::new(),
        }
    }

    /// Never ends by itself.
    pub async fn run(mut self) {
        loop {
            self.look().await;
            sleep(INTERVAL).await;
        }
    }

    async fn look(&mut self) {
        self.was_absent();
        let me = self.consensus.member().node;
        let nodes: Vec<(NodeId, Node)> = self.consensus.peek(|state| {
            let others = state.nodes().members().filter(|(id, _)| *id != me);
            others.map(|(id, node)| (id, node.clone())).collect()
        });
        self.roster.retain(|id| id == me || nodes.iter().any(|(known, _)| *known == id));
        let joining = nodes.iter().filter(|(_, node)| node.state == NodeState::Joining).map(|(id, _)| *id);
        self.joining =
            joining.map(|id| (id, self.joining.get(&id).copied().unwrap_or(self.got_on))).collect();
        self.knock(&nodes).await;
        for (id, node) in nodes {
            if self.was_absent() {
                return;
            }
            let sight = Sight {
                state: node.state,
                back_to: node.down_from.unwrap_or(NodeState::Up),
                heard: self.roster.last(id),
                refusals: self.refusals.get(&id).copied().unwrap_or_default(),
                joining: self.joining.get(&id).copied(),
            };
            if let Some(verdict) = judge(self.got_on, self.since, &sight, &self.settings) {
                self.declare(id, &sight, verdict).await;
            }
        }
    }

    /// Notes that this process runs. When it did not for a while nobody is blamed for what was not heard.
    fn was_absent(&mut self) -> bool {
        let now = Instant::now();
        let is_late = now.saturating_duration_since(self.got_on) > ABSENCE;
        self.got_on = now;
        if is_late {
            self.since = now;
            self.refusals.clear();
        }
        is_late
    }

    /// Finds out of those that are silent whether anybody listens where they should.
    async fn knock(&mut self, nodes: &[(NodeId, Node)]) {
        let is_silent = |id: NodeId| {
            let silent = silence(self.got_on, self.since, self.roster.last(id));
            silent > self.settings.heartbeat * 2
        };
        let (silent, audible): (Vec<_>, Vec<_>) =
            nodes.iter().partition(|(id, node)| node.state != NodeState::Down && is_silent(*id));
        let dialled = silent.into_iter().map(|(id, node)| {
            let dialling = self.clients.dialer().dial(node.raft_address.clone());
            async move { (*id, timeout(DIAL_PATIENCE, dialling).await) }
        });
        let answers = join_all(dialled).await;
        for (id, _) in audible {
            self.refusals.remove(id);
        }
        for (id, answer) in answers {
            match answer {
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    let refusals = self.refusals.entry(id).or_default();
                    *refusals = refusals.saturating_add(1);
                }
                Ok(Ok(_)) => {
                    self.refusals.remove(&id);
                }
                // Nobody knows.
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }

    async fn declare(&mut self, node: NodeId, sight: &Sight, verdict: Verdict) {
        let from = sight.state;
        // A leader that was cut off must not decide on what it did not hear: this asks a quorum.
        let confirmed = self.consensus.read(|state| state.nodes().get(node).map(|node| node.state)).await;
        match confirmed {
            Ok(now) if now == Some(from) => {}
            Ok(_) => return,
            Err(error) => {
                tracing::debug!(node, %error, "cannot tell whether this node still leads");
                return;
            }
        }
        let status = self.consensus.status();
        let still_leads = status.leader == Some(self.consensus.member().node) && status.term == self.term;
        if !still_leads || self.was_absent() {
            return;
        }
        let to = match verdict {
            Verdict::Down if self.roster.last(node) != sight.heard => return,
            Verdict::Down => NodeState::Down,
            Verdict::Back(to) => to,
        };
        let written = self.consensus.write(SetNodeState { node, from, to }).await;
        match written.map(|response| response.into_result()) {
            Ok(Ok(_)) if to == NodeState::Down => {
                tracing::warn!(node, "the node is down: it is not heard of")
            }
            Ok(Ok(_)) => tracing::info!(node, %to, "the node is heard again"),
            Ok(Err(rejection)) => tracing::debug!(node, %rejection, "somebody was faster"),
            Err(error) => tracing::warn!(node, %to, %error, "the node could not be declared"),
        }
    }
}

/// For how long a node was silent since silence counts.
fn silence(now: Instant, since: Instant, heard: Option<Instant>) -> Duration {
    now.saturating_duration_since(heard.map_or(since, |heard| heard.max(since)))
}

fn judge(now: Instant, since: Instant, sight: &Sight, settings: &Settings) -> Option<Verdict> {
    let silent = silence(now, since, sight.heard);
    match sight.state {
        NodeState::Removed => None,
        NodeState::Down => {
            let is_heard =
                sight.heard.is_some_and(|heard| heard >= since) && silent <= settings.heartbeat * 2;
            is_heard.then_some(Verdict::Back(sight.back_to))
        }
        NodeState::Joining => {
            // Before it registered there was nothing to hear.
            let since = sight.joining.map_or(since, |joining| joining.max(since));
            let silent = silence(now, since, sight.heard);
            (silent > settings.joining_patience).then_some(Verdict::Down)
        }
        NodeState::Up | NodeState::Draining => {
            let is_gone = sight.refusals >= REFUSALS && silent > settings.down_after_refusal;
            (is_gone || silent > settings.down_after).then_some(Verdict::Down)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(state: NodeState, heard: Option<Instant>) -> Sight {
        Sight { state, back_to: NodeState::Up, heard, refusals: 0, joining: None }
    }

    fn after(since: Instant, millis: u64) -> Instant {
        since + Duration::from_millis(millis)
    }

    fn judged(now: u64, sight: impl Fn(Instant) -> Sight) -> Option<Verdict> {
        let since = Instant::now();
        judge(after(since, now), since, &sight(since), &Settings::default())
    }

    #[test]
    fn silence_makes_a_node_down() {
        for state in [NodeState::Up, NodeState::Draining] {
            assert_eq!(judged(4000, |t| sight(state, Some(after(t, 1000)))), None);
            assert_eq!(judged(4001, |t| sight(state, Some(after(t, 1000)))), Some(Verdict::Down));
        }
    }

    #[test]
    fn after_an_election_everybody_has_time_to_be_heard() {
        let long_ago = |t: Instant| t.checked_sub(Duration::from_secs(1));
        assert_eq!(judged(3000, |_| sight(NodeState::Up, None)), None);
        assert_eq!(judged(3000, |t| sight(NodeState::Up, long_ago(t))), None);
        assert_eq!(judged(3001, |_| sight(NodeState::Up, None)), Some(Verdict::Down));
    }

    #[test]
    fn refused_connections_shorten_the_wait() {
        let refusing = |refusals| move |t| Sight { refusals, ..sight(NodeState::Up, Some(t)) };
        assert_eq!(judged(1000, refusing(9)), None, "it may just be restarted");
        assert_eq!(judged(1001, refusing(1)), None, "once is not enough");
        assert_eq!(judged(1001, refusing(2)), Some(Verdict::Down));
    }

    #[test]
    fn who_is_being_started_has_more_time() {
        assert_eq!(judged(30_000, |_| sight(NodeState::Joining, None)), None);
        assert_eq!(judged(30_001, |_| sight(NodeState::Joining, None)), Some(Verdict::Down));
        // The leader has led for long when it registers.
        let registered =
            |t: Instant| Sight { joining: Some(after(t, 60_000)), ..sight(NodeState::Joining, None) };
        assert_eq!(judged(60_100, registered), None);
        assert_eq!(judged(90_000, registered), None);
        assert_eq!(judged(90_001, registered), Some(Verdict::Down));
    }

    #[test]
    fn who_is_heard_again_goes_back_to_what_it_was() {
        let draining =
            |t| Sight { back_to: NodeState::Draining, ..sight(NodeState::Down, Some(after(t, 500))) };
        assert_eq!(judged(600, draining), Some(Verdict::Back(NodeState::Draining)));
        assert_eq!(judged(2000, draining), None, "that was a while ago");
        let before = |t: Instant| sight(NodeState::Down, t.checked_sub(Duration::from_millis(1)));
        assert_eq!(judged(100, before), None, "that was before this node led");
    }

    #[test]
    fn the_removed_are_left_alone() {
        assert_eq!(judged(100_000, |_| sight(NodeState::Removed, None)), None);
    }
}
