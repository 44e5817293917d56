use etl_raft_state::command::{Assign, BeginDrain, Claim, FinalCheckpoint, FinishRun, Progress, Release};
use etl_raft_state::limits::MAX_PARTITION;
use etl_raft_state::parts::AssignmentState;
use etl_raft_state::{Advance, Kind, NodeState, PartitionKey, Rejection, Response, RunOutcome};
use uuid::Uuid;

use crate::checkpoints::{advance, route};
use crate::world::{World, partition};

struct Scene {
    world: World,
    key: PartitionKey,
}

impl Scene {
    fn new() -> Self {
        let mut world = World::founded();
        let run = world.run("orders", 1);
        world.add(run, &["a"], false);
        Self { key: partition(run, "a"), world }
    }

    fn assign(&self, owner: u64, expected_epoch: u64) -> Assign {
        Assign { partition: self.key.clone(), owner, expected_epoch }
    }

    fn claim(&self, epoch: u64, node: u64, incarnation: u64) -> Claim {
        Claim { partition: self.key.clone(), epoch, node, incarnation }
    }

    fn drain(&self, epoch: u64, to: Option<u64>) -> BeginDrain {
        BeginDrain { partition: self.key.clone(), epoch, to }
    }

    fn release(&self, epoch: u64, node: u64, incarnation: u64) -> Release {
        Release { partition: self.key.clone(), epoch, node, incarnation, checkpoints: vec![], done: false }
    }

    fn epoch_conflict(&self, expected: u64, actual: u64) -> Rejection {
        Rejection::EpochConflict { partition: self.key.clone(), expected, actual }
    }

    fn since(&self) -> u64 {
        self.world.state.assignments().get(&self.key).unwrap().since_ms
    }

    fn state(&self) -> AssignmentState {
        self.world.state.assignments().get(&self.key).unwrap().state
    }
}

fn last(seq_from: u64, seq_to: u64) -> FinalCheckpoint {
    let progress = Progress { seq_from, seq_to, position: vec![1] };
    FinalCheckpoint { destination: "out".to_owned(), progress }
}

#[test]
fn every_assignment_raises_the_epoch_by_one() {
    let mut scene = Scene::new();
    assert_eq!(scene.world.send(scene.assign(1, 0)), Response::Assigned { epoch: 1 });
    assert_eq!(scene.world.refused(scene.assign(1, 0)), scene.epoch_conflict(0, 1));
    assert_eq!(scene.world.refused(scene.assign(1, 2)), scene.epoch_conflict(2, 1));
    assert_eq!(scene.world.send(scene.assign(1, 1)), Response::Assigned { epoch: 2 });
}

#[test]
fn the_next_run_does_not_reuse_epochs() {
    let mut scene = Scene::new();
    scene.world.ok(scene.assign(1, 0));
    scene.world.ok(FinishRun { run: scene.key.run, outcome: RunOutcome::Cancelled, by: None });
    let run = scene.world.run("orders", 2);
    scene.world.add(run, &["a"], false);
    scene.key = partition(run, "a");
    assert_eq!(scene.world.refused(scene.assign(1, 0)), scene.epoch_conflict(0, 1));
    assert_eq!(scene.world.send(scene.assign(1, 1)), Response::Assigned { epoch: 2 });
}

#[test]
fn only_a_node_that_is_up_is_given_partitions() {
    let mut scene = Scene::new();
    let id = scene.world.node(2);
    let refused = |actual| Rejection::NodeNotUp { node: id, actual };
    assert_eq!(scene.world.refused(scene.assign(99, 0)), Rejection::UnknownNode { node: 99 });
    assert_eq!(scene.world.refused(scene.assign(id, 0)), refused(NodeState::Joining));
    let way = [NodeState::Joining, NodeState::Up, NodeState::Draining, NodeState::Down, NodeState::Removed];
    for (from, to) in way.iter().zip(&way[1..]) {
        scene.world.set_state(id, *from, *to);
        if *to == NodeState::Up {
            scene.world.ok(scene.assign(id, 0));
        } else {
            assert_eq!(scene.world.refused(scene.assign(id, 1)), refused(*to));
            assert_eq!(scene.world.refused(scene.drain(1, Some(id))), refused(*to));
        }
    }
}

#[test]
fn only_a_running_run_is_assigned() {
    let mut scene = Scene::new();
    let unknown = Uuid::from_u128(77);
    let of = |run| Assign { partition: partition(run, "a"), owner: 1, expected_epoch: 0 };
    assert_eq!(
        scene.world.refused(of(unknown)),
        Rejection::NotFound { kind: Kind::Run, name: unknown.to_string() }
    );
    let run = scene.key.run;
    scene.world.ok(FinishRun { run, outcome: RunOutcome::Cancelled, by: None });
    assert_eq!(scene.world.refused(of(run)), Rejection::RunFinished { run });
}

#[test]
fn a_waiting_run_is_not_assigned() {
    let mut world = World::founded();
    world.put("orders", "one");
    world.ok(etl_raft_state::command::PutSchedule {
        overlap: etl_raft_state::parts::Overlap::Queue,
        ..crate::schedules::schedule("nightly", "orders")
    });
    world.run("orders", 1);
    let run = Uuid::from_u128(2);
    world.ok(etl_raft_state::command::FireSchedule {
        name: "nightly".to_owned(),
        expected_next_fire_ms: world.time_ms,
        next_fire_ms: world.time_ms + 1,
        run,
    });
    let assign = Assign { partition: partition(run, "a"), owner: 1, expected_epoch: 0 };
    assert_eq!(world.refused(assign), Rejection::RunQueued { run });
}

#[test]
fn names_have_limits() {
    let mut scene = Scene::new();
    scene.key.partition = "x".repeat(MAX_PARTITION + 1);
    assert!(matches!(scene.world.refused(scene.assign(1, 0)), Rejection::TooLarge { .. }));
    scene.key.partition = "x".repeat(MAX_PARTITION);
    scene.key.source = "x".repeat(129);
    assert!(matches!(scene.world.refused(scene.assign(1, 0)), Rejection::TooLarge { .. }));
}

#[test]
fn a_claim_checks_epoch_node_and_process() {
    let mut scene = Scene::new();
    let id = scene.world.node_up(2);
    let partition = scene.key.clone();
    assert_eq!(
        scene.world.refused(scene.claim(1, 1, 7)),
        Rejection::NotAssigned { partition: partition.clone() }
    );
    scene.world.ok(scene.assign(1, 0));
    assert_eq!(scene.world.refused(scene.claim(2, 1, 7)), scene.epoch_conflict(2, 1));
    assert_eq!(
        scene.world.refused(scene.claim(1, id, 7)),
        Rejection::NotOwner { partition: partition.clone(), node: id, owner: 1 }
    );
    assert_eq!(scene.world.send(scene.claim(1, 1, 7)), Response::Done);
    assert_eq!(scene.world.send(scene.claim(1, 1, 7)), Response::Done, "the same again");
    assert_eq!(scene.world.refused(scene.claim(1, 1, 8)), Rejection::ClaimedByAnother { partition });
    scene.world.ok(scene.assign(1, 1));
    assert_eq!(scene.world.refused(scene.claim(1, 1, 7)), scene.epoch_conflict(1, 2), "it has a new owner");
    assert_eq!(scene.world.send(scene.claim(2, 1, 8)), Response::Done, "under a new epoch");
}

#[test]
fn a_removed_node_claims_nothing() {
    let mut scene = Scene::new();
    let id = scene.world.node_up(2);
    scene.world.ok(scene.assign(id, 0));
    scene.world.set_state(id, NodeState::Up, NodeState::Down);
    scene.world.set_state(id, NodeState::Down, NodeState::Removed);
    assert_eq!(scene.world.refused(scene.claim(1, id, 7)), Rejection::NodeRemoved { node: id });
}

#[test]
fn a_partition_is_handed_over_in_order() {
    let mut scene = Scene::new();
    let to = scene.world.node_up(2);
    let key = scene.key.clone();
    scene.world.assign_and_claim(&key, 1, 7);
    assert_eq!(scene.world.refused(scene.drain(9, None)), scene.epoch_conflict(9, 1));
    assert_eq!(scene.world.send(scene.drain(1, Some(to))), Response::Done);
    let since = scene.since();
    scene.world.time_ms += 10;
    assert_eq!(scene.world.send(scene.drain(1, Some(to))), Response::Done, "the same again");
    assert_eq!(scene.since(), since);
    assert_eq!(scene.state(), AssignmentState::Draining { to: Some(to) });
    assert_eq!(scene.world.send(scene.claim(1, 1, 7)), Response::Done, "it still holds it");

    scene.world.ok(Release { checkpoints: vec![last(0, 4)], ..scene.release(1, 1, 7) });
    let since = scene.since();
    scene.world.time_ms += 10;
    scene.world.ok(Release { checkpoints: vec![last(0, 4)], ..scene.release(1, 1, 7) });
    assert_eq!(scene.since(), since, "the same again");
    assert_eq!(scene.state(), AssignmentState::Released);
    assert_eq!(scene.world.state.checkpoints().get(&route(&key)).unwrap().seq, 4);
    let released = Rejection::Released { partition: key.clone() };
    assert_eq!(scene.world.refused(scene.drain(1, None)), released);
    assert_eq!(scene.world.refused(scene.claim(1, 1, 7)), released);
    let more = Release { checkpoints: vec![last(4, 5)], ..scene.release(1, 1, 7) };
    assert_eq!(scene.world.refused(more), released, "what came after the release is not lost in silence");
    assert_eq!(scene.world.send(scene.assign(to, 1)), Response::Assigned { epoch: 2 });
}

#[test]
fn what_is_being_drained_is_not_claimed_anew() {
    let mut scene = Scene::new();
    scene.world.ok(scene.assign(1, 0));
    scene.world.ok(scene.drain(1, None));
    let partition = scene.key.clone();
    assert_eq!(scene.world.refused(scene.claim(1, 1, 7)), Rejection::Draining { partition });
    assert_eq!(scene.world.send(scene.release(1, 1, 7)), Response::Done, "there is nothing to finish");
}

#[test]
fn only_its_holder_releases_a_partition() {
    let mut scene = Scene::new();
    let id = scene.world.node_up(2);
    let partition = scene.key.clone();
    assert_eq!(
        scene.world.refused(scene.release(1, 1, 7)),
        Rejection::NotAssigned { partition: partition.clone() }
    );
    let key = scene.key.clone();
    scene.world.assign_and_claim(&key, 1, 7);
    assert_eq!(scene.world.refused(scene.release(2, 1, 7)), scene.epoch_conflict(2, 1));
    assert_eq!(
        scene.world.refused(scene.release(1, id, 7)),
        Rejection::NotOwner { partition: partition.clone(), node: id, owner: 1 }
    );
    assert_eq!(scene.world.refused(scene.release(1, 1, 8)), Rejection::ClaimedByAnother { partition });
}

#[test]
fn a_final_checkpoint_follows_the_last() {
    let mut scene = Scene::new();
    let key = scene.key.clone();
    scene.world.assign_and_claim(&key, 1, 7);
    scene.world.ok(advance(&key, 1, 7, 1, 0, 3));
    let gap = Release { checkpoints: vec![last(4, 5)], ..scene.release(1, 1, 7) };
    let refusal = |advance| Rejection::FinalCheckpoint { route: route(&key), advance };
    assert_eq!(scene.world.refused(gap), refusal(Advance::Gap { seq: 3 }));
    assert_eq!(scene.state(), AssignmentState::Assigned);
    let same = Release { checkpoints: vec![last(0, 3)], ..scene.release(1, 1, 7) };
    assert_eq!(scene.world.send(same), Response::Done);

    scene.world.ok(scene.assign(1, 1));
    let unclaimed = Release { checkpoints: vec![last(3, 5)], ..scene.release(2, 1, 7) };
    assert_eq!(scene.world.refused(unclaimed), refusal(Advance::Fenced { epoch: 2 }));
}
