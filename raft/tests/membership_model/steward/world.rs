use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use etl_raft::membership::{Change, Limits, NodeFacts, Picture};
use etl_raft::{NodeId, Peer};
use etl_raft_state::NodeState;
use uuid::Uuid;

use super::actions::Action;

/// What is so, and which harm was done on the way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// How many voters there were at first.
    pub founders: u64,
    pub leader: Option<NodeId>,
    pub configs: Vec<BTreeSet<NodeId>>,
    pub members: BTreeSet<NodeId>,
    pub nodes: BTreeMap<NodeId, Node>,
    pub level: u32,
    pub deaths: u8,
    pub removals: u8,
    pub changes: u8,
    pub has_begun_in_vain: bool,
    pub has_stalled: bool,
    pub is_weakened: bool,
    pub has_stranger: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node {
    pub state: NodeState,
    pub is_alive: bool,
    pub is_behind: bool,
    pub level: u32,
}

impl World {
    /// So many voters, all up, of which the first leads.
    pub fn founded(voters: u64) -> Self {
        let all = 1..=voters;
        let node = Node { state: NodeState::Up, is_alive: true, is_behind: false, level: 1 };
        Self {
            founders: voters,
            leader: Some(1),
            configs: vec![all.clone().collect()],
            members: all.clone().collect(),
            nodes: all.map(|id| (id, node.clone())).collect(),
            level: 1,
            deaths: 0,
            removals: 0,
            changes: 0,
            has_begun_in_vain: false,
            has_stalled: false,
            is_weakened: false,
            has_stranger: false,
        }
    }

    pub fn voters(&self) -> BTreeSet<NodeId> {
        self.configs.last().cloned().unwrap_or_default()
    }

    /// As the leader sees it.
    pub fn picture(&self, leader: NodeId) -> Picture {
        let now = Duration::from_secs(3600);
        Picture {
            now,
            leader,
            configs: self.configs.clone(),
            members: self.members.iter().map(|id| (*id, store(*id))).collect(),
            nodes: self.nodes.iter().map(|(id, node)| (*id, node.facts(*id, now, self))).collect(),
            feature_level: self.level,
            postponed: BTreeSet::new(),
            limits: Limits::default(),
        }
    }

    pub fn is_alive(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.is_alive)
    }

    fn is_ready(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.is_alive && !node.is_behind)
    }

    /// How many of those that are ready may fail before writes stop; negative when they have stopped.
    fn margin(&self, voters: &BTreeSet<NodeId>) -> i64 {
        let ready = voters.iter().filter(|node| self.is_ready(**node)).count() as i64;
        ready - (voters.len() as i64 / 2 + 1)
    }

    /// Whether the living are a majority of each set.
    pub fn can_commit(&self) -> bool {
        (self.configs.iter())
            .all(|voters| voters.iter().filter(|node| self.is_alive(**node)).count() * 2 > voters.len())
    }

    /// None when nothing happens.
    pub fn take(&mut self, action: &Action) -> Option<()> {
        match action {
            Action::Register(id) => {
                let level = self.level;
                let newcomer = Node { state: NodeState::Joining, is_alive: true, is_behind: true, level };
                self.nodes.insert(*id, newcomer);
            }
            Action::CatchUp(id) => self.nodes.get_mut(id)?.is_behind = false,
            Action::Die(id) => {
                self.deaths += 1;
                self.nodes.get_mut(id)?.is_alive = false;
                self.leader = self.leader.filter(|leader| leader != id);
            }
            Action::Return(id) => {
                let node = self.nodes.get_mut(id)?;
                (node.is_alive, node.is_behind) = (true, true);
            }
            Action::Declare(id) => {
                let node = self.nodes.get_mut(id)?;
                node.state = if node.is_alive { NodeState::Up } else { NodeState::Down };
            }
            Action::Remove(id) => {
                self.removals += 1;
                self.nodes.get_mut(id)?.state = NodeState::Removed;
            }
            Action::Upgrade(id) => self.nodes.get_mut(id)?.level = 2,
            Action::Elect(id) => self.leader = Some(*id),
            Action::CarryOut(change) => self.carry_out(change),
        }
        Some(())
    }

    fn carry_out(&mut self, change: &Change) {
        match change {
            Change::SetVoters { voters } => {
                let before = self.voters();
                self.changes += 1;
                self.has_begun_in_vain |= !self.can_commit();
                self.has_stalled |= self.margin(voters) < 0;
                self.is_weakened |= before.is_subset(voters) && self.margin(voters) < self.margin(&before);
                self.has_stranger |= voters.difference(&before).any(|node| self.is_stranger(*node));
                self.configs.push(voters.clone());
            }
            Change::FinishJoint { voters } => {
                self.configs = vec![voters.clone()];
                self.has_stalled |= !self.can_commit();
            }
            Change::AddLearner { node } => {
                self.members.insert(*node);
                self.has_stranger |= self.is_stranger(*node);
            }
            Change::RemoveLearner { node } => {
                self.members.remove(node);
            }
            Change::TransferLeader { to } => self.leader = Some(*to),
            Change::MarkUp { node } => {
                if let Some(node) = self.nodes.get_mut(node) {
                    node.state = NodeState::Up;
                }
            }
            Change::RaiseFeatureLevel { to } => self.level = *to,
        }
    }

    fn is_stranger(&self, id: NodeId) -> bool {
        self.nodes.get(&id).is_none_or(|node| node.state == NodeState::Removed)
    }

    pub fn leader_votes(&self) -> bool {
        self.leader.is_none_or(|leader| self.configs.iter().all(|voters| voters.contains(&leader)))
    }

    pub fn voters_are_members(&self) -> bool {
        self.configs.iter().flatten().all(|voter| self.members.contains(voter))
    }

    pub fn level_is_known(&self) -> bool {
        self.nodes.values().all(|node| node.state == NodeState::Removed || node.level >= self.level)
    }
}

impl Node {
    fn facts(&self, id: NodeId, now: Duration, world: &World) -> NodeFacts {
        NodeFacts {
            state: self.state,
            peer: Peer { address: String::new(), store: store(id) },
            heard: self.is_alive.then_some(now),
            healthy_since: self.is_alive.then_some(Duration::ZERO),
            down_since: (self.state == NodeState::Down).then_some(Duration::ZERO),
            lag: world.members.contains(&id).then_some(if self.is_behind { 10_000 } else { 0 }),
            feature_level: self.level,
        }
    }
}

fn store(id: NodeId) -> Uuid {
    Uuid::from_u128(u128::from(id))
}
