use crate::member::Member;
use crate::partition::{Move, Partition};
use crate::ring::Ring;
use crate::room::Room;

/// Moves that give nodes with less than their fair share, such as one that has just joined, what they lack, from nodes
/// with more than theirs; at most `limit` of them, those first that the ring wants most.
///
/// Only partitions whose owner is a member are looked at; for the others there is [`crate::place`].
pub fn balance(members: &[Member], partitions: &[Partition], limit: usize) -> Vec<Move> {
    let ring = Ring::of(members);
    let mut room = Room::new(members, partitions.len());
    for owner in partitions.iter().filter_map(|partition| partition.owner) {
        room.put(owner);
    }
    // How soon the ring would offer each partition to a node that lacks some, then by key.
    let mut wishes = Vec::new();
    for (place, partition) in partitions.iter().enumerate() {
        let Some(from) = partition.owner.filter(|&owner| room.surplus(owner) > 0) else { continue };
        let mut wanted: Vec<u64> = Vec::new();
        for (rank, to) in ring.preferences(&partition.key).enumerate() {
            if room.lack(to) > 0 && partition.may_be_at(to) && !wanted.contains(&to) {
                wanted.push(to);
                wishes.push((rank, &partition.key, place, from, to));
            }
        }
    }
    wishes.sort_unstable();
    let mut moves: Vec<Move> = Vec::new();
    let mut moved = vec![false; partitions.len()];
    for (_, _, partition, from, to) in wishes {
        if moves.len() == limit {
            break;
        }
        if !moved[partition] && room.surplus(from) > 0 && room.lack(to) > 0 {
            room.take(from);
            room.put(to);
            moved[partition] = true;
            moves.push(Move { partition, from: Some(from), to });
        }
    }
    moves.sort_unstable();
    moves
}
