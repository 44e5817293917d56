use etl_raft_state::command::{
    AdoptCluster, AdvanceCheckpoints, CheckpointItem, Claim, Progress, RaiseFeatureLevel, RegisterNode,
};
use etl_raft_state::{Advance, Command, NodeState, Rejection, Response, RouteKey};
use uuid::Uuid;

use crate::world::{World, founder, node, partition};

fn adopt(cluster: u128, raise_epochs_by: u64) -> AdoptCluster {
    AdoptCluster { cluster: Uuid::from_u128(cluster), raise_epochs_by }
}

#[test]
fn an_entry_is_not_applied_twice() {
    let mut world = World::founded();
    let last = world.index - 1;
    for index in [last, 0] {
        world.index = index;
        assert_eq!(world.refused(node(2)), Rejection::AlreadyApplied { index, last });
    }
}

#[test]
fn the_level_rises_when_every_node_has_it() {
    let mut world = World::empty();
    world.ok(RegisterNode { feature_level: 3, ..founder() });
    assert_eq!(world.state.meta().feature_level(), 3, "a new cluster begins with its founder's");
    let behind = world.ok(RegisterNode { feature_level: 4, ..node(2) });
    assert_eq!(behind, Response::Registered { node: 2 });
    assert_eq!(
        world.refused(RaiseFeatureLevel { to: 4 }),
        Rejection::NodeBehind { node: 1, reported: 3, to: 4 }
    );
    assert_eq!(world.send(RaiseFeatureLevel { to: 2 }), Response::Done);
    assert_eq!(world.state.meta().feature_level(), 3, "it never goes down");

    world.set_state(1, NodeState::Joining, NodeState::Removed);
    assert_eq!(world.send(RaiseFeatureLevel { to: 4 }), Response::Done, "removed nodes do not count");
    assert_eq!(world.state.meta().feature_level(), 4);
    assert_eq!(
        world.refused(RegisterNode { feature_level: 3, ..node(3) }),
        Rejection::SoftwareTooOld { reported: 3, cluster: 4 }
    );
}

#[test]
fn a_new_cluster_takes_its_first_id() {
    let mut world = World::empty();
    assert_eq!(world.state.meta().cluster(), None);
    assert!(matches!(world.refused(adopt(0, 0)), Rejection::Invalid { .. }));
    assert_eq!(world.send(adopt(7, 0)), Response::Done);
    assert_eq!(world.state.meta().cluster(), Some(Uuid::from_u128(7)));
}

#[test]
fn another_id_is_taken_only_with_raised_epochs() {
    let mut world = World::founded();
    world.ok(adopt(7, 0));
    assert_eq!(world.refused(adopt(8, 0)), Rejection::EpochsNotRaised);
    assert_eq!(world.send(adopt(7, 0)), Response::Done, "the same again");
}

#[test]
fn what_the_former_cluster_still_runs_is_fenced() {
    let mut world = World::founded();
    world.ok(adopt(7, 0));
    let run = world.run("orders", 1);
    let known = partition(run, "a");
    assert_eq!(world.assign_and_claim(&known, 1, 5), 1);

    let raise = 1 << 20;
    for _ in 0..2 {
        assert_eq!(world.send(adopt(8, raise)), Response::Done);
        assert_eq!(world.epoch(&known), raise + 1, "raised once");
    }
    let assignment = world.state.assignments().get(&known).unwrap();
    assert_eq!((assignment.epoch, assignment.claimed_by), (raise + 1, None));
    let progress = Progress { seq_from: 0, seq_to: 1, position: vec![] };
    let route = RouteKey { partition: known.clone(), destination: "out".to_owned() };
    let items = vec![CheckpointItem { route, epoch: 1, progress }];
    assert_eq!(
        world.send(AdvanceCheckpoints { node: 1, incarnation: 5, items }),
        Response::Advanced(vec![Advance::Fenced { epoch: raise + 1 }])
    );
    world.ok(Claim { partition: known.clone(), epoch: raise + 1, node: 1, incarnation: 5 });
    let unknown = partition(run, "never seen by the backup");
    assert_eq!(world.assign(&unknown, 1), raise + 1, "the former cluster may have assigned it since");
}

#[test]
fn epochs_do_not_wrap() {
    let mut world = World::founded();
    world.ok(adopt(7, 0));
    world.ok(adopt(8, u64::MAX - 1));
    let run = world.run("orders", 1);
    assert_eq!(world.assign(&partition(run, "a"), 1), u64::MAX);
    assert_eq!(world.refused(adopt(9, 1)), Rejection::EpochsExhausted);
    let again = etl_raft_state::command::Assign {
        partition: partition(run, "a"),
        owner: 1,
        expected_epoch: u64::MAX,
    };
    assert_eq!(world.refused(again), Rejection::EpochsExhausted);
}

#[test]
fn a_batch_does_each_of_its_commands_on_its_own() {
    let mut world = World::founded();
    let nested = Command::Batch(vec![node(4).into()]);
    let commands =
        vec![node(2).into(), founder().into(), nested, RegisterNode { founder: true, ..node(3) }.into()];
    let index = world.index;
    assert_eq!(
        world.send(Command::Batch(commands)),
        Response::Batch(vec![
            Response::Registered { node: index },
            Response::Registered { node: 1 },
            Response::Rejected(Rejection::NestedBatch),
            Response::Rejected(Rejection::AlreadyFounded),
        ])
    );
    assert_eq!(world.state.nodes().iter().count(), 2);
    assert_eq!(world.send(Command::Batch(vec![])), Response::Batch(vec![]));
}

#[test]
fn a_batch_needs_the_highest_level_of_its_commands() {
    assert_eq!(Command::Batch(vec![]).feature_level(), 0);
    assert_eq!(Command::from(founder()).feature_level(), 0);
    let mixed = Command::Batch(vec![founder().into(), RaiseFeatureLevel { to: 2 }.into()]);
    assert_eq!(mixed.feature_level(), 1);
}
