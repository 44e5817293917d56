use std::collections::BTreeSet;

use etl_raft::NodeId;
use etl_raft::membership::{Change, violations};
use etl_raft_state::NodeState;

use super::Rules;
use super::world::World;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    Register(NodeId),
    CatchUp(NodeId),
    Die(NodeId),
    Return(NodeId),
    /// The failure detector says what is so.
    Declare(NodeId),
    /// An operator removes a node, whether that is wise or not.
    Remove(NodeId),
    /// A node starts again with newer software.
    Upgrade(NodeId),
    Elect(NodeId),
    CarryOut(Change),
}

impl Rules {
    pub fn possible(&self, world: &World, actions: &mut Vec<Action>) {
        let newcomers = world.nodes.len() as u64 - world.founders;
        if newcomers < u64::from(self.bounds.registrations) && world.nodes.len() < 4 {
            actions.push(Action::Register(world.nodes.len() as u64 + 1));
        }
        for (id, node) in &world.nodes {
            if node.is_alive && world.deaths < self.bounds.deaths {
                actions.push(Action::Die(*id));
            }
            if !node.is_alive {
                actions.push(Action::Return(*id));
            }
            if self.bounds.upgrades && node.level == 1 {
                actions.push(Action::Upgrade(*id));
            }
            if world.leader.is_none() {
                let can_lead = node.is_alive && !node.is_behind && world.can_commit();
                if can_lead && world.configs.iter().all(|voters| voters.contains(id)) {
                    actions.push(Action::Elect(*id));
                }
                continue;
            }
            if node.is_alive && node.is_behind && world.members.contains(id) {
                actions.push(Action::CatchUp(*id));
            }
            let is_wrong = match node.state {
                NodeState::Up | NodeState::Joining => !node.is_alive,
                NodeState::Down => node.is_alive,
                _ => false,
            };
            if is_wrong {
                actions.push(Action::Declare(*id));
            }
            if node.state != NodeState::Removed && world.removals < self.bounds.removals {
                actions.push(Action::Remove(*id));
            }
        }
        if let Some(leader) = world.leader {
            self.changes(world, leader, actions);
        }
    }

    /// Every change that no guard stands against, except perhaps the missing one.
    fn changes(&self, world: &World, leader: NodeId, actions: &mut Vec<Action>) {
        let picture = world.picture(leader);
        let is_open = |change: &Change| {
            violations(&picture, change).into_iter().all(|guard| Some(guard) == self.missing)
        };
        let ids = || world.nodes.keys().copied();
        let mut wishes = Vec::new();
        if world.configs.len() > 1 {
            wishes.extend(world.configs.iter().cloned().map(|voters| Change::FinishJoint { voters }));
        }
        if world.changes < self.bounds.changes {
            let sets = subsets(world.members.iter().copied().collect());
            wishes.extend(sets.map(|voters| Change::SetVoters { voters }));
        }
        let strangers = ids().filter(|node| !world.members.contains(node));
        wishes.extend(strangers.map(|node| Change::AddLearner { node }));
        wishes.extend(world.members.iter().map(|node| Change::RemoveLearner { node: *node }));
        wishes.extend(ids().filter(|node| *node != leader).map(|to| Change::TransferLeader { to }));
        wishes.extend(
            (world.nodes.iter())
                .filter(|(_, node)| node.state == NodeState::Joining)
                .map(|(node, _)| Change::MarkUp { node: *node }),
        );
        if world.level == 1 {
            wishes.push(Change::RaiseFeatureLevel { to: 2 });
        }
        actions.extend(wishes.into_iter().filter(is_open).map(Action::CarryOut));
    }
}

fn subsets(of: Vec<NodeId>) -> impl Iterator<Item = BTreeSet<NodeId>> {
    (0..1_u32 << of.len()).map(move |mask| {
        of.iter().enumerate().filter(|(at, _)| mask & (1 << at) != 0).map(|(_, node)| *node).collect()
    })
}
