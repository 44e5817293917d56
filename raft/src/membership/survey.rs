use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use etl_raft_state::{NodeState, State};
use tokio::time::Instant;

use super::tracker::{Glance, Tracker};
use super::{Limits, NodeFacts, Picture};
use crate::consensus::Status;
use crate::type_config::{NodeId, Peer};

/// Who was heard of, kept by whoever takes the heartbeats in.
pub trait Roster: Send + Sync + 'static {
    /// The last sign of life of each node since this node has led.
    fn heard(&self) -> BTreeMap<NodeId, Pulse>;
}

/// A sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    pub at: Instant,
    /// Of the process that gave it.
    pub incarnation: u64,
}

/// Makes pictures of the cluster, one after the other.
pub(super) struct Surveyor {
    /// The node that looks.
    pub me: NodeId,
    pub limits: Limits,
    /// From which on moments are counted.
    pub origin: Instant,
    pub tracker: Tracker,
}

impl Surveyor {
    /// The cluster now; none when this node does not lead it.
    pub fn picture(
        &mut self,
        now: Instant,
        status: &Status,
        state: &State,
        heard: &BTreeMap<NodeId, Pulse>,
    ) -> Option<Picture> {
        let matched = status.matched.as_ref().filter(|_| status.leader == Some(self.me))?;
        let last = status.last_index.unwrap_or_default();
        let moment = |at: Instant| at.saturating_duration_since(self.origin);
        let now = moment(now);
        let tracker = &mut self.tracker;
        let silence = self.limits.silence;
        let nodes = state.nodes().iter().map(|(id, node)| {
            let pulse = heard.get(&id);
            let glance = Glance {
                is_down: node.state == NodeState::Down,
                heard: pulse.map(|pulse| (moment(pulse.at), pulse.incarnation)),
            };
            let known = tracker.observe(now, silence, id, glance);
            let facts = NodeFacts {
                state: node.state,
                peer: Peer { address: node.raft_address.clone(), store: node.store },
                heard: pulse.map(|pulse| moment(pulse.at)),
                healthy_since: known.healthy_since,
                down_since: known.down_since,
                lag: matched.get(&id).map(|matched| last.saturating_sub(*matched)),
                feature_level: node.feature_level,
            };
            (id, facts)
        });
        Some(Picture {
            now,
            leader: self.me,
            nodes: nodes.collect(),
            configs: configs(status),
            members: status.peers.iter().map(|(id, peer)| (*id, peer.store)).collect(),
            feature_level: state.meta().feature_level(),
            postponed: BTreeSet::new(),
            limits: self.limits,
        })
    }

    /// Moments are counted from the same origin.
    pub fn moment(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.origin)
    }
}

/// Of a change of voters that is not finished the status tells the voters of both sets together. They are
/// taken for either: finishing with all of them is safe, and whoever is one too many is let go of by the next
/// change.
fn configs(status: &Status) -> Vec<BTreeSet<NodeId>> {
    let voters = &status.voters;
    if status.is_joint { vec![voters.clone(), voters.clone()] } else { vec![voters.clone()] }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use etl_raft_state::Envelope;
    use etl_raft_state::command::RegisterNode;
    use uuid::Uuid;

    use super::*;

    fn store(node: NodeId) -> Uuid {
        Uuid::from_u128(u128::from(node))
    }

    /// A founder and a node that has joined as 5.
    fn state() -> State {
        let mut state = State::default();
        for (index, founder) in [(1, true), (5, false)] {
            let command = RegisterNode {
                store: store(index),
                raft_address: format!("node-{index}:7001"),
                admin_address: format!("node-{index}:7002"),
                software_version: "1".to_owned(),
                feature_level: 1,
                zone: String::new(),
                founder,
            };
            let envelope = Envelope { time_ms: 1, session: None, command: command.into() };
            let response = state.apply(index, &envelope);
            assert!(response.rejection().is_none(), "{response:?}");
        }
        state
    }

    fn status() -> Status {
        let peer = |node| Peer { address: String::new(), store: store(node) };
        Status {
            leader: Some(1),
            last_index: Some(100),
            voters: [1].into(),
            learners: [5].into(),
            peers: [(1, peer(1)), (5, peer(5))].into(),
            matched: Some([(1, 100), (5, 60)].into()),
            ..Status::default()
        }
    }

    fn surveyor(origin: Instant) -> Surveyor {
        Surveyor { me: 1, limits: Limits::default(), origin, tracker: Tracker::default() }
    }

    #[test]
    fn lag_health_and_members_are_told_apart() {
        let origin = Instant::now();
        let at = |seconds| origin + Duration::from_secs(seconds);
        let heard = BTreeMap::from([(5, Pulse { at: at(9), incarnation: 3 })]);
        let picture = surveyor(origin).picture(at(10), &status(), &state(), &heard).unwrap();
        assert_eq!(picture.configs, [BTreeSet::from([1])]);
        assert_eq!(picture.members, BTreeMap::from([(1, store(1)), (5, store(5))]));
        let facts = &picture.nodes[&5];
        assert_eq!(facts.lag, Some(40));
        assert_eq!(facts.heard, Some(Duration::from_secs(9)));
        assert_eq!(facts.healthy_since, Some(Duration::from_secs(10)));
        assert_eq!(facts.state, NodeState::Joining);
        assert_eq!(picture.nodes[&1].lag, Some(0));
    }

    #[test]
    fn who_does_not_lead_sees_nothing() {
        let now = Instant::now();
        let none = BTreeMap::new();
        let follower = Status { leader: Some(5), matched: None, ..status() };
        assert_eq!(surveyor(now).picture(now, &follower, &state(), &none), None);
        let deposed = Status { matched: None, ..status() };
        assert_eq!(surveyor(now).picture(now, &deposed, &state(), &none), None);
    }

    #[test]
    fn what_is_not_known_of_a_log_is_not_taken_for_nothing() {
        let now = Instant::now();
        let status = Status { matched: Some([(1, 100)].into()), ..status() };
        let picture = surveyor(now).picture(now, &status, &state(), &BTreeMap::new()).unwrap();
        assert_eq!(picture.nodes[&5].lag, None);
    }

    #[test]
    fn an_unfinished_change_of_voters_shows() {
        let now = Instant::now();
        let status = Status { is_joint: true, ..status() };
        let picture = surveyor(now).picture(now, &status, &state(), &BTreeMap::new()).unwrap();
        assert!(picture.is_joint());
    }
}
