use std::collections::BTreeSet;

use crate::member::Member;
use crate::partition::{Move, Partition};
use crate::ring::Ring;
use crate::room::Room;

/// Where partitions should be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placement {
    /// Only what has to change: partitions without an owner, with one that is gone, that cannot read their source or that
    /// has too many. In the order of the partitions.
    pub moves: Vec<Move>,
    /// Partitions whose source no member can read, by their place in the list.
    pub homeless: Vec<usize>,
}

/// Finds an owner for every partition that needs another one, and leaves all others where they are.
///
/// No node gets more than 1.25 of its fair share (with few partitions: its fair share, rounded up), unless partitions that
/// can be read in few places leave no choice. A node with weight 0 loses what it has.
pub fn place(members: &[Member], partitions: &[Partition]) -> Placement {
    let ring = Ring::of(members);
    let mut room = Room::new(members, partitions.len());
    let usable: BTreeSet<u64> = members.iter().filter(|each| each.weight > 0).map(|each| each.node).collect();
    let mut placement = Placement::default();
    let mut open = Vec::new();
    // Partitions that can be read in few places first, then by key: the order of the list must not matter.
    let mut order: Vec<usize> = (0..partitions.len()).collect();
    let choices = |place: usize| partitions[place].readable_at.as_ref().map_or(usize::MAX, BTreeSet::len);
    order.sort_by(|&a, &b| {
        choices(a).cmp(&choices(b)).then_with(|| partitions[a].key.cmp(&partitions[b].key))
    });
    // Of a node with too many those stay that the ring would give it anyway.
    let is_home = |place: usize| ring.preferences(&partitions[place].key).next() == partitions[place].owner;
    let (home, away): (Vec<_>, Vec<_>) = order.into_iter().partition(|&place| is_home(place));
    for place in home.into_iter().chain(away) {
        let partition = &partitions[place];
        match partition.owner.filter(|owner| usable.contains(owner) && partition.may_be_at(*owner)) {
            Some(owner) if room.has_room(owner) => room.put(owner),
            _ => open.push(place),
        }
    }
    for place in open {
        let partition = &partitions[place];
        let may = |node: u64| usable.contains(&node) && partition.may_be_at(node);
        let preferred = ring.preferences(&partition.key).find(|&node| may(node) && room.has_room(node));
        match preferred.or_else(|| room.emptiest(may)) {
            Some(to) => {
                room.put(to);
                let from = partition.owner.filter(|owner| members.iter().any(|each| each.node == *owner));
                if from != Some(to) {
                    placement.moves.push(Move { partition: place, from, to });
                }
            }
            None => placement.homeless.push(place),
        }
    }
    placement.moves.sort_unstable();
    placement.homeless.sort_unstable();
    placement
}
