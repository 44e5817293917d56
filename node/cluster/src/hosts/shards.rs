use std::collections::{BTreeMap, BTreeSet};

use etl_engine::Pipeline;
use etl_model::{RouteEnd, Shard, StepName};
use etl_partitioning::{Member, Move, Partition, balance, place};
use etl_raft_state::NodeId;
use etl_raft_state::command::ShardMove;
use uuid::Uuid;

use crate::work::Prepared;

/// The destinations whose shards nodes carry out for each other, with their number: those that every node can reach. What lies
/// on one machine, or has a node already, stays where it is, with all shards.
pub(super) fn hosted_by_shard(
    pipeline: &Pipeline,
    placed: &BTreeSet<StepName>,
    hosts: &BTreeMap<String, NodeId>,
) -> BTreeMap<StepName, u16> {
    let mut divided = pipeline.divided();
    divided.retain(|name, _| {
        let step = pipeline.destinations.iter().find(|step| step.name == *name);
        step.is_some_and(|step| !step.destination.is_local())
            && !placed.contains(name)
            && !hosts.contains_key(name.as_str())
    });
    divided
}

/// The shards of a run that nodes carry out for each other, as texts.
pub(crate) fn shards_of(prepared: &Prepared, hosts: &BTreeMap<String, NodeId>) -> BTreeSet<String> {
    let by_shard = hosted_by_shard(&prepared.pipeline, &prepared.placed, hosts);
    let end =
        |destination: &StepName, shard| RouteEnd { destination: destination.clone(), shard: Some(shard) };
    by_shard.iter().flat_map(|(step, of)| Shard::all(*of).map(|shard| end(step, shard).to_string())).collect()
}

/// Finds a node for every shard that none of the members carries out; those that are with one stay there. Nothing when there
/// are no members.
pub(crate) fn place_shards(
    run: Uuid,
    wanted: &BTreeSet<String>,
    known: &BTreeMap<String, NodeId>,
    members: &[NodeId],
) -> Vec<ShardMove> {
    let is_open = |shard: &str| known.get(shard).is_none_or(|node| !members.contains(node));
    if !wanted.iter().any(|shard| is_open(shard)) {
        return Vec::new();
    }
    let shards: Vec<&String> = wanted.iter().collect();
    let partitions = partitions(run, &shards, known, members);
    let members: Vec<Member> = members.iter().map(|node| Member::normal(*node)).collect();
    let mut moves = place(&members, &partitions).moves;
    moves.retain(|each| is_open(shards[each.partition]));
    shard_moves(&shards, known, moves)
}

/// What has to move so that shards, all with one of the members or on a node that is given nothing, are spread evenly.
pub(crate) fn balance_shards(
    run: Uuid,
    known: &BTreeMap<String, NodeId>,
    members: &[NodeId],
) -> Vec<ShardMove> {
    // What a node has that is given nothing it keeps: it works.
    let shards: Vec<&String> =
        known.iter().filter(|(_, node)| members.contains(node)).map(|(shard, _)| shard).collect();
    let partitions = partitions(run, &shards, known, members);
    let members: Vec<Member> = members.iter().map(|node| Member::normal(*node)).collect();
    let moves = balance(&members, &partitions, shards.len());
    shard_moves(&shards, known, moves)
}

fn partitions(
    run: Uuid,
    shards: &[&String],
    known: &BTreeMap<String, NodeId>,
    members: &[NodeId],
) -> Vec<Partition> {
    let partition = |shard: &&String| Partition {
        key: [run.as_bytes(), shard.as_bytes()].concat(),
        owner: known.get(*shard).copied().filter(|node| members.contains(node)),
        readable_at: None,
    };
    shards.iter().map(partition).collect()
}

fn shard_moves(shards: &[&String], known: &BTreeMap<String, NodeId>, moves: Vec<Move>) -> Vec<ShardMove> {
    let shard_move = |each: Move| {
        let shard = (*shards.get(each.partition)?).clone();
        Some(ShardMove { from: known.get(&shard).copied(), to: each.to, shard })
    };
    moves.into_iter().filter_map(shard_move).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shards(count: u16) -> BTreeSet<String> {
        (0..count).map(|number| format!("sink.{number}of{count}")).collect()
    }

    fn carried_out(known: &mut BTreeMap<String, NodeId>, moves: Vec<ShardMove>) {
        for ShardMove { shard, from, to } in moves {
            assert_eq!(known.insert(shard, to), from);
        }
    }

    #[test]
    fn shards_are_spread_and_only_those_of_a_lost_node_move() {
        let (run, wanted, mut known) = (Uuid::from_u128(7), shards(8), BTreeMap::new());
        let moves = place_shards(run, &wanted, &known, &[1, 2, 3]);
        carried_out(&mut known, moves);
        let count = |known: &BTreeMap<String, NodeId>, node| known.values().filter(|at| **at == node).count();
        assert_eq!(known.len(), 8);
        assert!((1..=3).all(|node| (2..=4).contains(&count(&known, node))), "{known:?}");
        assert_eq!(place_shards(run, &wanted, &known, &[1, 2, 3]), []);
        assert_eq!(place_shards(run, &wanted, &known, &[1, 2, 3, 4]), [], "nothing moves but what has to");

        let mut spread = known.clone();
        let moves = balance_shards(run, &known, &[1, 2, 3, 4]);
        assert!(!moves.is_empty() && moves.iter().all(|each| each.to == 4), "{moves:?}");
        carried_out(&mut spread, moves);
        assert_eq!(count(&spread, 4), 2, "{spread:?}");
        assert_eq!(balance_shards(run, &spread, &[1, 2, 3, 4]), []);
        assert_eq!(
            balance_shards(run, &spread, &[1, 2, 3]),
            [],
            "a node that is given nothing keeps what it has"
        );
        assert_eq!(balance_shards(run, &known, &[]), []);

        let before = known.clone();
        let moves = place_shards(run, &wanted, &known, &[1, 3]);
        assert!(moves.iter().all(|each| each.from == Some(2) && each.to != 2));
        assert_eq!(moves.len(), count(&before, 2));
        carried_out(&mut known, moves);
        assert_eq!(place_shards(run, &wanted, &known, &[1, 3]), []);
        assert_eq!(place_shards(run, &wanted, &known, &[]), [], "there is nobody");
    }
}
