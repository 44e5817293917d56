use etl_raft_state::command::{HaltRun, HostShards, ResumeRun, ShardMove};
use etl_raft_state::parts::Halt;
use etl_raft_state::{NodeId, NodeState, Rejection, RunOutcome};
use uuid::Uuid;

use crate::world::World;

fn shard_move(shard: &str, from: Option<NodeId>, to: NodeId) -> ShardMove {
    ShardMove { shard: shard.to_owned(), from, to }
}

fn host(run: Uuid, moves: Vec<ShardMove>) -> HostShards {
    HostShards { run, version: 1, moves }
}

fn hosts(world: &World, run: Uuid) -> Vec<(String, NodeId)> {
    let shards = &world.state.runs().get(run).unwrap().shards;
    shards.iter().map(|(shard, node)| (shard.clone(), *node)).collect()
}

#[test]
fn shards_go_where_they_are_expected_to_come_from() {
    let mut world = World::founded();
    let second = world.node_up(2);
    let run = world.run("orders", 1);
    let first = 1;
    let both = host(run, vec![shard_move("out.0of2", None, first), shard_move("out.1of2", None, second)]);
    world.ok(both.clone());
    world.ok(both);
    assert_eq!(hosts(&world, run), [("out.0of2".to_owned(), first), ("out.1of2".to_owned(), second)]);

    // All or nothing.
    let stale =
        host(run, vec![shard_move("out.0of2", Some(first), second), shard_move("out.1of2", None, first)]);
    assert!(matches!(world.refused(stale), Rejection::Invalid { what, .. } if what.contains("out.1of2")));
    assert_eq!(hosts(&world, run)[0].1, first);
    world.ok(host(run, vec![shard_move("out.0of2", Some(first), second)]));
    assert_eq!(hosts(&world, run)[0].1, second);
}

#[test]
fn only_nodes_that_are_up_get_shards_of_runs_that_are_not_over() {
    let mut world = World::founded();
    let second = world.node_up(2);
    let run = world.run("orders", 1);
    let to = |node| host(run, vec![shard_move("out.0of1", None, node)]);
    world.set_state(second, NodeState::Up, NodeState::Draining);
    let actual = NodeState::Draining;
    assert_eq!(world.refused(to(second)), Rejection::NodeNotUp { node: second, actual });
    assert_eq!(world.refused(to(99)), Rejection::UnknownNode { node: 99 });
    assert!(matches!(
        world.refused(HostShards { version: 2, ..to(1) }),
        Rejection::VersionConflict { expected: 2, actual: 1, .. }
    ));
    let unknown = HostShards { run: Uuid::from_u128(77), ..to(1) };
    assert!(matches!(world.refused(unknown), Rejection::NotFound { .. }));
    let many = (0..5000).map(|number| shard_move(&format!("out{number}.0of1"), None, 1)).collect();
    assert!(matches!(world.refused(host(run, many)), Rejection::TooLarge { .. }));

    world.ok(HaltRun { run, halt: Halt::Paused, by: None });
    world.ok(to(1));
    let finish = etl_raft_state::command::FinishRun { run, outcome: RunOutcome::Cancelled, by: None };
    world.ok(finish);
    assert_eq!(world.refused(to(1)), Rejection::RunFinished { run });
}

#[test]
fn another_version_of_the_workflow_has_other_shards() {
    let mut world = World::founded();
    let run = world.run("orders", 1);
    world.ok(host(run, vec![shard_move("out.0of1", None, 1)]));
    world.ok(HaltRun { run, halt: Halt::Paused, by: None });
    world.ok(ResumeRun { run, version: 1, takes_over: false });
    assert_eq!(hosts(&world, run).len(), 1);
    world.ok(HaltRun { run, halt: Halt::Paused, by: None });
    world.put("orders", "another");
    world.ok(ResumeRun { run, version: 2, takes_over: false });
    assert_eq!(hosts(&world, run), []);
}
