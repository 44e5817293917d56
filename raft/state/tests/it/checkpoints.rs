use etl_raft_state::command::{AdvanceCheckpoints, BeginDrain, CheckpointItem, FinishRun, Progress, Release};
use etl_raft_state::limits::MAX_POSITION;
use etl_raft_state::{Advance, NodeId, NodeState, PartitionKey, Rejection, Response, RouteKey, RunOutcome};

use crate::world::{World, partition};

pub fn route(partition: &PartitionKey) -> RouteKey {
    RouteKey { partition: partition.clone(), destination: "out".to_owned() }
}

pub fn item(partition: &PartitionKey, epoch: u64, seq_from: u64, seq_to: u64) -> CheckpointItem {
    let position = seq_to.to_be_bytes().to_vec();
    CheckpointItem { route: route(partition), epoch, progress: Progress { seq_from, seq_to, position } }
}

pub fn advance(
    partition: &PartitionKey,
    node: NodeId,
    incarnation: u64,
    epoch: u64,
    seq_from: u64,
    seq_to: u64,
) -> AdvanceCheckpoints {
    AdvanceCheckpoints { node, incarnation, items: vec![item(partition, epoch, seq_from, seq_to)] }
}

fn result(world: &mut World, command: AdvanceCheckpoints) -> Advance {
    let before = world.rows_without_facts();
    let Response::Advanced(results) = world.ok(command) else { panic!("no results") };
    assert_eq!(results.len(), 1);
    if results[0] != Advance::Ok {
        assert!(before == world.rows_without_facts(), "what is refused changes nothing");
    }
    results[0]
}

#[test]
fn checkpoints_follow_each_other() {
    let mut world = World::founded();
    let run = world.run("orders", 1);
    let key = partition(run, "a");
    let epoch = world.assign_and_claim(&key, 1, 7);
    let mut send = |from, to| result(&mut world, advance(&key, 1, 7, epoch, from, to));
    assert_eq!(send(0, 3), Advance::Ok);
    assert_eq!(send(0, 3), Advance::Duplicate { seq: 3 });
    assert_eq!(send(1, 2), Advance::Duplicate { seq: 3 });
    assert_eq!(send(4, 5), Advance::Gap { seq: 3 });
    assert_eq!(send(9, 4), Advance::Gap { seq: 3 });
    assert_eq!(send(0, 5), Advance::Ok, "what was sent before and what has come since");
    assert_eq!(send(5, 6), Advance::Ok);
    let stored = world.state.checkpoints().get(&route(&key)).unwrap();
    assert_eq!((stored.seq, stored.epoch, &stored.position[..]), (6, epoch, &6u64.to_be_bytes()[..]));
}

#[test]
fn only_the_process_that_holds_the_partition_moves_it() {
    let mut world = World::founded();
    let other = world.node_up(2);
    let run = world.run("orders", 1);
    let key = partition(run, "a");
    assert_eq!(result(&mut world, advance(&key, 1, 7, 1, 0, 1)), Advance::Fenced { epoch: 0 }, "nobody's");
    let epoch = world.assign(&key, 1);
    assert_eq!(
        result(&mut world, advance(&key, 1, 7, epoch, 0, 1)),
        Advance::Fenced { epoch },
        "not claimed"
    );

    let epoch = world.assign_and_claim(&key, 1, 7);
    let fenced = Advance::Fenced { epoch };
    assert_eq!(result(&mut world, advance(&key, 1, 7, epoch - 1, 0, 1)), fenced, "former epoch");
    assert_eq!(result(&mut world, advance(&key, 1, 7, epoch + 1, 0, 1)), fenced, "future epoch");
    assert_eq!(result(&mut world, advance(&key, 1, 8, epoch, 0, 1)), fenced, "other process");
    assert_eq!(result(&mut world, advance(&key, other, 7, epoch, 0, 1)), fenced, "other node");
    assert_eq!(result(&mut world, advance(&key, 1, 7, epoch, 0, 1)), Advance::Ok);

    world.ok(BeginDrain { partition: key.clone(), epoch, to: None });
    assert_eq!(result(&mut world, advance(&key, 1, 7, epoch, 1, 2)), Advance::Ok, "what was under way");
    world.ok(Release {
        partition: key.clone(),
        epoch,
        node: 1,
        incarnation: 7,
        checkpoints: vec![],
        done: false,
    });
    assert_eq!(result(&mut world, advance(&key, 1, 7, epoch, 2, 3)), fenced, "released");
}

#[test]
fn a_finished_run_moves_no_more() {
    let mut world = World::founded();
    let run = world.run("orders", 1);
    let key = partition(run, "a");
    let epoch = world.assign_and_claim(&key, 1, 7);
    world.ok(FinishRun { run, outcome: RunOutcome::Cancelled, by: None });
    assert_eq!(result(&mut world, advance(&key, 1, 7, epoch, 0, 1)), Advance::Fenced { epoch: 0 });
}

#[test]
fn one_refused_item_does_not_hold_up_the_others() {
    let mut world = World::founded();
    let run = world.run("orders", 1);
    let keys = ["a", "b", "c"].map(|name| partition(run, name));
    let epochs = keys.clone().map(|key| world.assign_and_claim(&key, 1, 7));
    let mut large = item(&keys[2], epochs[2], 0, 1);
    large.progress.position = vec![0; MAX_POSITION + 1];
    let mut elsewhere = item(&keys[0], epochs[0], 0, 1);
    elsewhere.route.destination = "x".repeat(129);
    let items = vec![
        item(&keys[0], epochs[0], 0, 1),
        item(&keys[1], epochs[1], 5, 6),
        large,
        item(&keys[2], epochs[2], 0, 2),
        elsewhere,
    ];
    assert_eq!(
        world.send(AdvanceCheckpoints { node: 1, incarnation: 7, items }),
        Response::Advanced(vec![
            Advance::Ok,
            Advance::Gap { seq: 0 },
            Advance::TooLarge { size: MAX_POSITION as u64 + 1, limit: MAX_POSITION as u64 },
            Advance::Ok,
            Advance::TooLarge { size: 129, limit: 128 },
        ])
    );
}

#[test]
fn a_node_that_is_gone_moves_nothing() {
    let mut world = World::founded();
    let id = world.node_up(2);
    let run = world.run("orders", 1);
    let key = partition(run, "a");
    let epoch = world.assign_and_claim(&key, id, 7);
    world.set_state(id, NodeState::Up, NodeState::Down);
    world.set_state(id, NodeState::Down, NodeState::Removed);
    assert_eq!(world.refused(advance(&key, id, 7, epoch, 0, 1)), Rejection::NodeRemoved { node: id });
    assert_eq!(world.refused(advance(&key, 99, 7, epoch, 0, 1)), Rejection::UnknownNode { node: 99 });
}
