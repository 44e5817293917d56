use std::collections::BTreeSet;

use etl_partitioning::{Member, Move, Partition, balance, place};
use etl_raft_state::command::{Assign, BeginDrain};
use etl_raft_state::parts::{Assignment, AssignmentState};
use etl_raft_state::{Command, NodeId, NodeState, PartitionKey};

use super::scene::{Item, Scene};

/// Partitions that may be on the move at once for the sake of balance.
const MOVING: usize = 4;

/// What has to be proposed so that everything has an owner that can work on it.
///
/// What has no owner, or one that is down, is assigned at once, to a node that comes and goes only if there is no other or
/// nowhere else to be. What belongs to a node that is being drained is asked
/// for first. When `settled`, partitions are asked for as well that should move for the sake of balance, a few at a time.
pub(crate) fn decide(scene: &Scene, settled: bool) -> Vec<Command> {
    let state_of = |node: NodeId| scene.nodes.iter().find(|(id, _)| *id == node).map(|(_, state)| *state);
    let up = scene.nodes.iter().filter(|(_, state)| *state == NodeState::Up).map(|(node, _)| *node);
    let (doubtful, trusted): (Vec<NodeId>, Vec<NodeId>) =
        up.partition(|node| scene.distrusted.contains(node));
    // Somebody has to do it.
    let (doubtful, trusted) = if trusted.is_empty() { (trusted, doubtful) } else { (doubtful, trusted) };
    let [doubtful, members] =
        [doubtful, trusted].map(|nodes| nodes.into_iter().map(Member::normal).collect::<Vec<_>>());
    let is_bound = |item: &&Item| {
        let is_there = |node: NodeId| doubtful.iter().any(|member| member.node == node);
        let owner = item.assignment.as_ref().filter(|known| known.state != AssignmentState::Released);
        // What such a node has it keeps: it works.
        item.pinned.or(owner.map(|known| known.owner)).is_some_and(is_there)
    };
    // Apart, because a coordinator is no load to speak of.
    let (bound, free): (Vec<&Item>, Vec<&Item>) = scene.items.iter().partition(is_bound);
    let (coordinators, partitions): (Vec<&Item>, Vec<&Item>) =
        free.into_iter().partition(|item| item.key.is_coordinator());
    let mut commands = Vec::new();
    Kind::of(&bound, state_of).decide(&doubtful, false, &mut commands);
    Kind::of(&coordinators, state_of).decide(&members, false, &mut commands);
    Kind::of(&partitions, state_of).decide(&members, settled, &mut commands);
    commands
}

/// Items that are placed together.
struct Kind<'a> {
    items: &'a [&'a Item],
    sights: Vec<Sight>,
    partitions: Vec<Partition>,
}

impl<'a> Kind<'a> {
    fn of(items: &'a [&'a Item], state_of: impl Fn(NodeId) -> Option<NodeState>) -> Self {
        let sights: Vec<Sight> = items.iter().map(|item| Sight::of(item, &state_of)).collect();
        let partition = |(item, sight): (&&Item, &Sight)| Partition {
            key: ring_key(&item.key),
            owner: sight.counts_for(),
            readable_at: item.pinned.map(|node| BTreeSet::from([node])),
        };
        let partitions = items.iter().zip(&sights).map(partition).collect();
        Self { items, sights, partitions }
    }

    fn decide(&self, members: &[Member], settled: bool, commands: &mut Vec<Command>) {
        let leaving = self.items.iter().zip(&self.sights).filter_map(|(item, sight)| match sight {
            Sight::Leaving(assignment) => Some(ask_for(item, assignment, None)),
            _ => None,
        });
        commands.extend(leaving);
        let placed = place(members, &self.partitions).moves;
        for (number, (item, sight)) in self.items.iter().zip(&self.sights).enumerate() {
            if let Sight::Promised(to) = sight
                && !placed.iter().any(|each| each.partition == number)
            {
                commands.push(assign(item, *to));
            }
        }
        let mut moves: Vec<Move> = Vec::new();
        for each in placed {
            match &self.sights[each.partition] {
                Sight::Free | Sight::Promised(_) => {
                    commands.push(assign(self.items[each.partition], each.to));
                }
                Sight::At(_) => moves.push(each),
                Sight::Leaving(_) | Sight::Moving { .. } => {}
            }
        }
        if !settled {
            return;
        }
        let moving = self.sights.iter().filter(|sight| matches!(sight, Sight::Moving { .. })).count();
        let room = MOVING.saturating_sub(moving);
        if moves.is_empty() {
            moves = balance(members, &self.partitions, room);
        }
        for each in moves.into_iter().take(room) {
            if let Sight::At(assignment) = &self.sights[each.partition] {
                commands.push(ask_for(self.items[each.partition], assignment, Some(each.to)));
            }
        }
    }
}

/// How an item stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sight {
    /// Nobody works on it, or somebody who is gone.
    Free,
    /// The same, and it was asked for on behalf of a node that is up.
    Promised(NodeId),
    /// It is where it can be worked on.
    At(Assignment),
    /// It is at a node that is to give everything away, and was not asked for yet.
    Leaving(Assignment),
    /// It was asked for.
    Moving { to: Option<NodeId> },
}

impl Sight {
    fn of(item: &Item, state_of: impl Fn(NodeId) -> Option<NodeState>) -> Self {
        let Some(known) = &item.assignment else { return Self::Free };
        let promised = item.promised.filter(|node| state_of(*node) == Some(NodeState::Up));
        match (known.state, state_of(known.owner)) {
            (AssignmentState::Released, _) => promised.map_or(Self::Free, Self::Promised),
            (_, None | Some(NodeState::Down | NodeState::Removed | NodeState::Joining)) => Self::Free,
            (AssignmentState::Assigned, Some(NodeState::Up)) => Self::At(known.clone()),
            (AssignmentState::Assigned, Some(NodeState::Draining)) => Self::Leaving(known.clone()),
            (AssignmentState::Draining { to }, Some(NodeState::Up | NodeState::Draining)) => {
                Self::Moving { to }
            }
        }
    }

    /// Whose load it is.
    fn counts_for(&self) -> Option<NodeId> {
        match self {
            Self::At(assignment) => Some(assignment.owner),
            Self::Promised(to) => Some(*to),
            Self::Moving { to } => *to,
            Self::Free | Self::Leaving(_) => None,
        }
    }
}

fn assign(item: &Item, owner: NodeId) -> Command {
    Assign { partition: item.key.clone(), owner, expected_epoch: item.epoch }.into()
}

fn ask_for(item: &Item, assignment: &Assignment, to: Option<NodeId>) -> Command {
    BeginDrain { partition: item.key.clone(), epoch: assignment.epoch, to }.into()
}

/// The same in all nodes; no part can be taken for another.
fn ring_key(key: &PartitionKey) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(17 + key.source.len() + key.partition.len());
    bytes.extend_from_slice(key.run.as_bytes());
    bytes.extend_from_slice(key.source.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(key.partition.as_bytes());
    bytes
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use std::collections::BTreeMap;

    use uuid::Uuid;

    use super::*;

    fn item(number: u64, assignment: Option<Assignment>) -> Item {
        let key = PartitionKey { run: Uuid::nil(), source: "s".to_owned(), partition: number.to_string() };
        Item { key, pinned: None, assignment, epoch: 5, promised: None }
    }

    fn at(owner: NodeId, state: AssignmentState) -> Option<Assignment> {
        Some(Assignment { owner, epoch: 5, state, claimed_by: Some(1), since_ms: 0 })
    }

    fn scene(nodes: &[(NodeId, NodeState)], items: Vec<Item>) -> Scene {
        Scene { nodes: nodes.to_vec(), distrusted: BTreeSet::new(), items }
    }

    const THREE_UP: [(NodeId, NodeState); 3] = [(1, NodeState::Up), (2, NodeState::Up), (3, NodeState::Up)];

    fn owners(commands: &[Command]) -> BTreeMap<NodeId, usize> {
        let mut owners = BTreeMap::new();
        for command in commands {
            match command {
                Command::Assign(assign) => *owners.entry(assign.owner).or_default() += 1,
                other => panic!("{other:?}"),
            }
        }
        owners
    }

    #[test]
    fn a_new_run_is_spread_over_the_nodes_that_are_up() {
        let items = (0..12).map(|number| item(number, None)).collect();
        let nodes = [(1, NodeState::Up), (2, NodeState::Down), (3, NodeState::Up), (4, NodeState::Draining)];
        let owners = owners(&decide(&scene(&nodes, items), false));
        assert_eq!(owners.keys().copied().collect::<Vec<_>>(), [1, 3]);
        assert!(owners.values().all(|count| (5..=8).contains(count)), "{owners:?}");
    }

    #[test]
    fn only_what_a_dead_node_had_is_given_away() {
        let assigned = AssignmentState::Assigned;
        let items = (0..12).map(|number| item(number, at(1 + number % 3, assigned))).collect();
        let mut nodes = THREE_UP;
        assert_eq!(decide(&scene(&nodes, items), true), []);
        nodes[1].1 = NodeState::Down;
        let items: Vec<Item> = (0..12).map(|number| item(number, at(1 + number % 3, assigned))).collect();
        let commands = decide(&scene(&nodes, items), false);
        assert_eq!(commands.len(), 4);
        assert!(owners(&commands).keys().all(|owner| *owner != 2));
        let of_the_dead = |command: &Command| match command {
            Command::Assign(Assign { partition, expected_epoch: 5, .. }) => {
                partition.partition.parse::<u64>().is_ok_and(|number| number % 3 == 1)
            }
            _ => false,
        };
        assert!(commands.iter().all(of_the_dead));
    }

    #[test]
    fn a_node_that_drains_is_asked_and_not_robbed() {
        let mut nodes = THREE_UP;
        nodes[0].1 = NodeState::Draining;
        let leaving = item(0, at(1, AssignmentState::Assigned));
        let commands = decide(&scene(&nodes, vec![leaving.clone()]), false);
        let asked = BeginDrain { partition: leaving.key.clone(), epoch: 5, to: None };
        assert_eq!(commands, [asked.into()]);
        let moving = item(0, at(1, AssignmentState::Draining { to: None }));
        assert_eq!(decide(&scene(&nodes, vec![moving]), true), []);
        let released = item(0, at(1, AssignmentState::Released));
        assert_eq!(owners(&decide(&scene(&nodes, vec![released]), false)).len(), 1);
    }

    #[test]
    fn what_was_asked_for_goes_to_whom_it_was_meant_for() {
        let released = |to| Item { promised: Some(to), ..item(0, at(1, AssignmentState::Released)) };
        for to in 1..=3 {
            assert_eq!(owners(&decide(&scene(&THREE_UP, vec![released(to)]), false)), [(to, 1)].into());
        }
        let mut nodes = THREE_UP;
        nodes[1].1 = NodeState::Down;
        assert!(!owners(&decide(&scene(&nodes, vec![released(2)]), false)).contains_key(&2));
    }

    #[test]
    fn a_run_that_is_tied_to_a_node_waits_for_it() {
        let mut nodes = THREE_UP;
        let pinned = Item { pinned: Some(2), ..item(0, None) };
        assert_eq!(owners(&decide(&scene(&nodes, vec![pinned.clone()]), false)), [(2, 1)].into());
        nodes[1].1 = NodeState::Down;
        assert_eq!(decide(&scene(&nodes, vec![pinned]), false), []);
    }

    #[test]
    fn a_node_that_comes_and_goes_is_given_nothing_new_and_keeps_what_it_has() {
        let mut free = scene(&THREE_UP, (0..12).map(|number| item(number, None)).collect());
        free.distrusted = [2].into();
        assert_eq!(owners(&decide(&free, true)).keys().copied().collect::<Vec<_>>(), [1, 3]);
        free.distrusted = [1, 2, 3].into();
        assert_eq!(owners(&decide(&free, true)).len(), 3, "somebody has to do it");
        let pinned = Item { pinned: Some(2), ..item(0, None) };
        let kept = (1..7).map(|number| item(number, at(1 + number % 3, AssignmentState::Assigned)));
        let mut busy = scene(&THREE_UP, kept.chain([pinned]).collect());
        busy.distrusted = [2].into();
        assert_eq!(owners(&decide(&busy, true)), [(2, 1)].into(), "its files are nowhere else");
    }

    #[test]
    fn a_node_that_joins_gets_its_share_a_few_at_a_time_and_only_when_all_is_quiet() {
        let items: Vec<Item> =
            (0..30).map(|number| item(number, at(1 + number % 2, AssignmentState::Assigned))).collect();
        assert_eq!(decide(&scene(&THREE_UP, items.clone()), false), []);
        let commands = decide(&scene(&THREE_UP, items), true);
        assert_eq!(commands.len(), MOVING);
        for command in commands {
            assert!(matches!(command, Command::BeginDrain(BeginDrain { to: Some(3), .. })), "{command:?}");
        }
    }
}
