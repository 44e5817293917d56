use etl_raft_state::command::{
    AddPartitions, Assign, BeginDrain, FinishRun, Holder, NewPartition, Release, StartRun,
};
use etl_raft_state::limits::MAX_PARTITION;
use etl_raft_state::parts::{AssignmentState, Partition};
use etl_raft_state::{Kind, NodeState, PartitionKey, Rejection, RejectionClass, Response, RunOutcome, State};
use uuid::Uuid;

use crate::world::{COORDINATOR, World, add, partition, start, told};

const HOLDER: Holder = Holder { node: 1, incarnation: COORDINATOR, epoch: 1 };

/// A run whose coordinator is held by node 1.
fn coordinated() -> (World, Uuid) {
    let mut world = World::founded();
    let run = world.run("orders", 1);
    assert_eq!(world.coordinate(run), HOLDER);
    (world, run)
}

fn indexes(state: &State, run: Uuid) -> Vec<(String, u64)> {
    let rows = state.partitions().of_run(run);
    rows.map(|(key, row)| (format!("{}/{}", key.source, key.partition), row.index)).collect()
}

fn release(partition: PartitionKey, epoch: u64, done: bool) -> Release {
    Release { partition, epoch, node: 1, incarnation: 7, checkpoints: vec![], done }
}

fn completed(run: Uuid, by: Option<Holder>) -> FinishRun {
    FinishRun { run, outcome: RunOutcome::Completed, by }
}

/// Every way not to be the holder, and what each is told.
fn impostors(run: Uuid) -> Vec<(Holder, Rejection)> {
    let partition = || PartitionKey::coordinator(run);
    vec![
        (Holder { node: 9, ..HOLDER }, Rejection::UnknownNode { node: 9 }),
        (Holder { node: 2, ..HOLDER }, Rejection::NotOwner { partition: partition(), node: 2, owner: 1 }),
        (Holder { incarnation: 8, ..HOLDER }, Rejection::ClaimedByAnother { partition: partition() }),
        (
            Holder { epoch: 2, ..HOLDER },
            Rejection::EpochConflict { partition: partition(), expected: 2, actual: 1 },
        ),
        (
            Holder { epoch: 0, ..HOLDER },
            Rejection::EpochConflict { partition: partition(), expected: 0, actual: 1 },
        ),
    ]
}

#[test]
fn the_coordinator_is_no_partition_and_comes_before_all() {
    let run = Uuid::from_u128(5);
    let coordinator = PartitionKey::coordinator(run);
    assert!(coordinator.is_coordinator());
    assert!(!partition(run, "").is_coordinator());
    assert!(coordinator < partition(run, ""));
    let refused = Rejection::NotAssigned { partition: coordinator };
    assert_eq!(refused.to_string(), format!("the coordinator of run {run}: nobody holds it"));
}

#[test]
fn partitions_are_numbered_as_they_become_known() {
    let (mut world, run) = coordinated();
    assert_eq!(world.send(add(run, HOLDER, &["b", "c"], false)), Response::Done);
    let more = AddPartitions {
        partitions: vec![told("orders", "c"), told("users", "b"), told("orders", "a"), told("orders", "a")],
        ..add(run, HOLDER, &[], false)
    };
    for _ in 0..2 {
        assert_eq!(world.send(more.clone()), Response::Done);
        let expected = [("orders/a", 3), ("orders/b", 0), ("orders/c", 1), ("users/b", 2)];
        assert_eq!(indexes(&world.state, run), expected.map(|(name, index)| (name.to_owned(), index)));
        assert_eq!((world.state.partitions().count(run), world.state.partitions().open(run)), (4, 4));
    }
    assert!(!world.state.runs().get(run).unwrap().discovered);
    let other = world.run("users", 2);
    world.add(other, &["z"], false);
    assert_eq!(indexes(&world.state, other), [("orders/z".to_owned(), 0)], "each run counts by itself");
}

#[test]
fn a_partition_takes_the_size_that_was_told_last_until_it_is_done() {
    let (mut world, run) = coordinated();
    let key = partition(run, "a");
    let sized = |bytes, records| AddPartitions {
        partitions: vec![NewPartition { bytes, records, ..told("orders", "a") }],
        ..add(run, HOLDER, &[], false)
    };
    let row = |bytes, records, done| Partition { index: 0, bytes, records, done };
    for (bytes, records) in [(None, Some(3)), (Some(u64::MAX), Some(4)), (Some(5), None)] {
        world.ok(sized(bytes, records));
        assert_eq!(world.state.partitions().get(&key), Some(&row(bytes, records, false)));
    }
    let epoch = world.assign_and_claim(&key, 1, 7);
    world.ok(release(key.clone(), epoch, true));
    world.ok(sized(Some(6), None));
    assert_eq!(world.state.partitions().get(&key), Some(&row(Some(5), None, true)));
}

#[test]
fn a_complete_list_takes_no_more() {
    let (mut world, run) = coordinated();
    world.ok(add(run, HOLDER, &["a"], true));
    assert!(world.state.runs().get(run).unwrap().discovered);
    for (names, complete) in [(&["a"][..], true), (&["a"], false), (&[], false)] {
        assert_eq!(world.send(add(run, HOLDER, names, complete)), Response::Done, "nothing new");
        assert!(world.state.runs().get(run).unwrap().discovered);
    }
    let late = Rejection::RunDiscovered { run, source_step: "orders".to_owned(), partition: "b".to_owned() };
    assert_eq!(late.class(), RejectionClass::Precondition);
    assert_eq!(world.refused(add(run, HOLDER, &["a", "b"], true)), late);
    assert_eq!(indexes(&world.state, run).len(), 1);
}

#[test]
fn only_the_holder_of_the_coordinator_adds_partitions() {
    let mut world = World::founded();
    let other = world.node_up(2);
    let run = world.run("orders", 1);
    let coordinator = PartitionKey::coordinator(run);
    let partition = || coordinator.clone();
    let more = |holder| add(run, holder, &["a"], true);
    assert_eq!(world.refused(more(HOLDER)), Rejection::NotAssigned { partition: partition() });
    world.assign(&coordinator, 1);
    assert_eq!(world.refused(more(HOLDER)), Rejection::NotClaimed { partition: partition() });
    world.ok(etl_raft_state::command::Claim {
        partition: partition(),
        epoch: 1,
        node: 1,
        incarnation: COORDINATOR,
    });
    for (holder, rejection) in impostors(run) {
        let holder = Holder { node: if holder.node == 2 { other } else { holder.node }, ..holder };
        let rejection = match rejection {
            Rejection::NotOwner { partition, owner, .. } => {
                Rejection::NotOwner { partition, node: other, owner }
            }
            rejection => rejection,
        };
        assert_eq!(world.refused(more(holder)), rejection);
    }
    world.ok(BeginDrain { partition: partition(), epoch: 1, to: None });
    assert_eq!(world.send(add(run, HOLDER, &["a"], false)), Response::Done, "it still holds it");
    world.ok(Release { incarnation: COORDINATOR, ..release(partition(), 1, false) });
    assert_eq!(world.refused(more(HOLDER)), Rejection::Released { partition: partition() });

    let epoch = world.assign_and_claim(&coordinator, other, 8);
    assert!(matches!(world.refused(more(HOLDER)), Rejection::EpochConflict { .. }), "it has a new holder");
    assert_eq!(world.send(more(Holder { node: other, incarnation: 8, epoch })), Response::Done);
    world.set_state(other, NodeState::Up, NodeState::Down);
    world.set_state(other, NodeState::Down, NodeState::Removed);
    let gone = add(run, Holder { node: other, incarnation: 8, epoch }, &[], true);
    assert_eq!(world.refused(gone), Rejection::NodeRemoved { node: other });
}

#[test]
fn names_of_partitions_have_limits_and_one_bad_one_adds_none() {
    let (mut world, run) = coordinated();
    let long = "x".repeat(MAX_PARTITION + 1);
    let long_source = "x".repeat(129);
    for (bad, is_invalid) in
        [(told("", "b"), true), (told("orders", &long), false), (told(&long_source, "b"), false)]
    {
        let some =
            AddPartitions { partitions: vec![told("orders", "a"), bad], ..add(run, HOLDER, &[], true) };
        let refused = world.refused(some);
        match is_invalid {
            true => assert!(matches!(refused, Rejection::Invalid { .. })),
            false => assert!(matches!(refused, Rejection::TooLarge { .. })),
        }
    }
    assert_eq!(world.state.partitions().count(run), 0);
    world.ok(add(run, HOLDER, &["", &long[1..]], true));
    assert_eq!(world.state.partitions().count(run), 2);
}

#[test]
fn a_run_that_does_not_run_takes_no_partitions() {
    let (mut world, run) = coordinated();
    let unknown = Uuid::from_u128(77);
    assert_eq!(
        world.refused(add(unknown, HOLDER, &["a"], true)),
        Rejection::NotFound { kind: Kind::Run, name: unknown.to_string() }
    );
    world.ok(FinishRun { run, outcome: RunOutcome::Cancelled, by: None });
    assert_eq!(world.refused(add(run, HOLDER, &["a"], true)), Rejection::RunFinished { run });
}

#[test]
fn only_known_partitions_that_are_not_done_are_assigned() {
    let (mut world, run) = coordinated();
    let key = partition(run, "a");
    let assign = |expected_epoch| Assign { partition: key.clone(), owner: 1, expected_epoch };
    let unknown = Rejection::NotFound { kind: Kind::Partition, name: "a".to_owned() };
    assert_eq!(world.refused(assign(0)), unknown);
    let nameless = PartitionKey { source: String::new(), ..key.clone() };
    assert_eq!(world.refused(Assign { partition: nameless, ..assign(0) }), unknown);
    let epoch = world.assign_and_claim(&key, 1, 7);
    world.ok(release(key.clone(), epoch, false));
    assert_eq!(world.send(assign(1)), Response::Assigned { epoch: 2 });
    let epoch = world.assign_and_claim(&key, 1, 7);
    assert_eq!(world.state.partitions().open(run), 1);
    world.ok(release(key.clone(), epoch, true));
    assert_eq!(world.state.partitions().open(run), 0);
    assert_eq!(world.refused(assign(epoch)), Rejection::PartitionDone { partition: key });
}

#[test]
fn a_partition_is_done_when_its_holder_says_so() {
    let (mut world, run) = coordinated();
    let key = partition(run, "a");
    let epoch = world.assign(&key, 1);
    let not_claimed = Rejection::NotClaimed { partition: key.clone() };
    assert_eq!(world.refused(release(key.clone(), epoch, true)), not_claimed, "nobody has read it");
    let epoch = world.assign_and_claim(&key, 1, 7);
    let other = Release { incarnation: 8, ..release(key.clone(), epoch, true) };
    assert_eq!(world.refused(other), Rejection::ClaimedByAnother { partition: key.clone() });
    for _ in 0..2 {
        assert_eq!(world.send(release(key.clone(), epoch, true)), Response::Done);
        assert!(world.state.partitions().get(&key).unwrap().done);
        assert_eq!(world.state.assignments().get(&key).unwrap().state, AssignmentState::Released);
    }
    assert_eq!(world.send(release(key.clone(), epoch, false)), Response::Done, "less than is known");
    assert!(world.state.partitions().get(&key).unwrap().done);
}

#[test]
fn what_was_released_undone_is_not_done_afterwards() {
    let (mut world, run) = coordinated();
    let key = partition(run, "a");
    let epoch = world.assign_and_claim(&key, 1, 7);
    world.ok(release(key.clone(), epoch, false));
    assert_eq!(world.refused(release(key.clone(), epoch, true)), Rejection::Released { partition: key });
}

#[test]
fn the_coordinator_is_never_done() {
    let (mut world, run) = coordinated();
    let done = Release { incarnation: COORDINATOR, ..release(PartitionKey::coordinator(run), 1, true) };
    assert!(matches!(world.refused(done.clone()), Rejection::NotFound { kind: Kind::Partition, .. }));
    assert_eq!(world.send(Release { done: false, ..done }), Response::Done);
}

#[test]
fn a_run_is_complete_when_every_partition_is_done() {
    let (mut world, run) = coordinated();
    let incomplete = |discovered, open| Rejection::RunIncomplete { run, discovered, open };
    let by = Some(HOLDER);
    assert_eq!(world.refused(completed(run, by)), incomplete(false, 0), "none is known");
    world.add(run, &["a", "b"], false);
    assert_eq!(world.refused(completed(run, by)), incomplete(false, 2));
    world.add(run, &[], true);
    assert_eq!(world.refused(completed(run, by)), incomplete(true, 2));
    for (name, open) in [("a", 1), ("b", 0)] {
        assert_eq!(world.refused(completed(run, by)), incomplete(true, open + 1));
        let key = partition(run, name);
        let epoch = world.assign_and_claim(&key, 1, 7);
        world.ok(release(key, epoch, true));
        assert_eq!(world.state.partitions().open(run), open as usize);
    }
    for _ in 0..2 {
        assert_eq!(world.send(completed(run, by)), Response::Done);
    }
    assert!(world.state.partitions().get(&partition(run, "a")).unwrap().done, "kept after the end");
    assert_eq!(world.state.assignments().of_run(run).count(), 0);
}

#[test]
fn only_the_holder_of_the_coordinator_completes_a_run() {
    let mut world = World::founded();
    world.node(2);
    let run = world.run("orders", 1);
    world.add(run, &[], true);
    let refused = world.refused(completed(run, None));
    assert!(
        matches!(&refused, Rejection::Invalid { what, .. } if what == "outcome `completed`"),
        "{refused}"
    );
    let failed = |by| FinishRun { run, outcome: RunOutcome::Cancelled, by };
    for (mut holder, _) in impostors(run) {
        if holder.node == 2 {
            holder.node = world.state.nodes().iter().map(|(id, _)| id).max().unwrap();
        }
        let rejection = world.refused(completed(run, Some(holder)));
        assert_eq!(world.refused(failed(Some(holder))), rejection, "whatever the outcome");
    }
    world.ok(completed(run, Some(HOLDER)));
    let next = world.run("orders", 2);
    assert_eq!(
        world.refused(completed(next, Some(HOLDER))),
        Rejection::NotAssigned { partition: PartitionKey::coordinator(next) }
    );
    world.ok(FinishRun { run: next, outcome: RunOutcome::Cancelled, by: None });
}

#[test]
fn a_pinned_run_stays_on_its_node() {
    let mut world = World::founded();
    let other = world.node_up(2);
    world.put("orders", "one");
    let run = Uuid::from_u128(1);
    let pinned = |node| StartRun { pinned: Some(node), ..start(run, "orders") };
    assert_eq!(world.refused(pinned(99)), Rejection::UnknownNode { node: 99 });
    world.set_state(other, NodeState::Up, NodeState::Down);
    assert_eq!(world.send(pinned(other)), Response::RunStarted { version: 1 }, "it waits for its node");
    assert_eq!(world.state.runs().get(run).unwrap().pinned, Some(other));
    let coordinator = PartitionKey::coordinator(run);
    let assign = |owner| Assign { partition: coordinator.clone(), owner, expected_epoch: 0 };
    assert_eq!(world.refused(assign(1)), Rejection::RunPinned { run, node: other });
    assert!(matches!(world.refused(assign(other)), Rejection::NodeNotUp { .. }));
    world.set_state(other, NodeState::Down, NodeState::Up);
    assert_eq!(world.send(assign(other)), Response::Assigned { epoch: 1 });
}

#[test]
fn a_run_is_not_pinned_to_a_node_that_is_gone() {
    let mut world = World::founded();
    let gone = world.node(2);
    world.set_state(gone, NodeState::Joining, NodeState::Removed);
    world.put("orders", "one");
    let pinned = StartRun { pinned: Some(gone), ..start(Uuid::from_u128(1), "orders") };
    assert_eq!(world.refused(pinned), Rejection::NodeRemoved { node: gone });
}

#[test]
fn a_step_is_carried_out_by_a_member() {
    let mut world = World::founded();
    let [other, gone] = [world.node_up(2), world.node(3)];
    world.set_state(gone, NodeState::Joining, NodeState::Removed);
    world.put("orders", "one");
    let run = Uuid::from_u128(1);
    let hosted = |node| StartRun { hosts: [("sink".to_owned(), node)].into(), ..start(run, "orders") };
    assert_eq!(world.refused(hosted(99)), Rejection::UnknownNode { node: 99 });
    assert_eq!(world.refused(hosted(gone)), Rejection::NodeRemoved { node: gone });
    assert_eq!(world.send(hosted(other)), Response::RunStarted { version: 1 });
    assert_eq!(world.state.runs().get(run).unwrap().hosts, [("sink".to_owned(), other)].into());
    let coordinator = PartitionKey::coordinator(run);
    let assign = Assign { partition: coordinator, owner: 1, expected_epoch: 0 };
    assert_eq!(world.send(assign), Response::Assigned { epoch: 1 }, "its partitions may be anywhere");
}

#[test]
fn the_partitions_of_a_node_are_found() {
    let mut world = World::founded();
    let other = world.node_up(2);
    let run = world.run("orders", 1);
    let names = |world: &World, node| -> Vec<String> {
        world.state.assignments().of_owner(node).map(|(key, _)| key.partition.clone()).collect()
    };
    world.assign_and_claim(&partition(run, "b"), 1, 7);
    world.assign(&partition(run, "a"), other);
    assert_eq!(names(&world, 1), ["", "b"], "with the coordinator");
    assert_eq!(names(&world, other), ["a"]);
    world.ok(release(partition(run, "b"), 1, false));
    assert_eq!(names(&world, 1), ["", "b"], "with what it has released");
    world.assign(&partition(run, "b"), other);
    assert_eq!((names(&world, 1), names(&world, other)), (vec![String::new()], vec!["a".into(), "b".into()]));
    assert_eq!(names(&world, 99), [""; 0]);
    world.ok(FinishRun { run, outcome: RunOutcome::Cancelled, by: None });
    assert_eq!(names(&world, other), [""; 0]);
}
