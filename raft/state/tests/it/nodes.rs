use etl_raft_state::NodeState::{Down, Draining, Joining, Removed, Up};
use etl_raft_state::command::{DeleteUser, RegisterNode, SetNodeState, UpdateNode};
use etl_raft_state::{Command, NodeId, NodeState, Rejection, Response};
use uuid::Uuid;

use crate::world::{World, founder, node};

fn update(node: NodeId, number: u128) -> UpdateNode {
    UpdateNode {
        node,
        store: Uuid::from_u128(number),
        raft_address: None,
        admin_address: "new:7002".to_owned(),
        software_version: "0.2.0".to_owned(),
        feature_level: 1,
    }
}

#[test]
fn the_founder_is_node_1_and_others_get_the_index_of_their_entry() {
    let mut world = World::empty();
    world.index = 2;
    assert_eq!(world.send(founder()), Response::Registered { node: 1 });
    world.index = 40;
    assert_eq!(world.node(2), 40);
    assert_eq!(world.node(3), 41);
}

#[test]
fn two_nodes_in_one_entry_get_different_ids_that_are_not_given_later() {
    let mut world = World::founded();
    world.index = 7;
    let batch = Command::Batch(vec![node(2).into(), node(3).into()]);
    let expected = [7, 8].map(|node| Response::Registered { node });
    assert_eq!(world.send(batch), Response::Batch(expected.to_vec()));
    assert_eq!(world.node(4), 9);
}

#[test]
fn nothing_happens_before_the_founder() {
    let mut world = World::empty();
    assert_eq!(world.refused(node(2)), Rejection::NotFounded);
    assert_eq!(
        world.refused(DeleteUser { name: "ann".to_owned(), expected_version: None }),
        Rejection::NotFounded
    );
}

#[test]
fn there_is_one_founder() {
    let mut world = World::founded();
    let second = RegisterNode { founder: true, ..node(2) };
    assert_eq!(world.refused(second), Rejection::AlreadyFounded);
    assert_eq!(world.send(founder()), Response::Registered { node: 1 });
}

#[test]
fn the_same_store_gets_the_same_id() {
    let mut world = World::founded();
    let id = world.node(2);
    let moved = RegisterNode { raft_address: "elsewhere:7001".to_owned(), ..node(2) };
    assert_eq!(world.send(moved.clone()), Response::Registered { node: id });
    assert_eq!(world.state.nodes().get(id).unwrap().raft_address, "elsewhere:7001");

    world.set_state(id, Joining, Up);
    assert_eq!(world.send(node(2)), Response::Registered { node: id });
    assert_eq!(world.state.nodes().get(id).unwrap().raft_address, "elsewhere:7001", "only while it joins");
}

#[test]
fn a_removed_store_never_comes_back() {
    let mut world = World::founded();
    let id = world.node_up(2);
    world.set_state(id, Up, Down);
    world.set_state(id, Down, Removed);
    assert_eq!(world.refused(node(2)), Rejection::NodeRemoved { node: id });
    assert_eq!(world.refused(update(id, 2)), Rejection::NodeRemoved { node: id });
    assert_eq!(world.state.nodes().get(id).unwrap().state, Removed);
    assert!(world.state.nodes().members().all(|(member, _)| member != id));
}

#[test]
fn an_address_belongs_to_one_live_node() {
    let mut world = World::founded();
    let id = world.node_up(2);
    let same_address = RegisterNode { store: Uuid::from_u128(3), ..node(2) };
    let refusal = Rejection::AddressInUse { address: "n2:7001".to_owned(), node: id };
    assert_eq!(world.refused(same_address.clone()), refusal);
    world.set_state(id, Up, Draining);
    assert_eq!(world.refused(same_address.clone()), refusal);

    let other = world.node(4);
    let take = UpdateNode { raft_address: Some("n2:7001".to_owned()), ..update(other, 4) };
    assert_eq!(world.refused(take), refusal);
    let take = RegisterNode { raft_address: "n2:7001".to_owned(), ..node(4) };
    assert_eq!(world.refused(take), refusal);

    world.set_state(id, Draining, Down);
    assert!(
        matches!(world.ok(same_address), Response::Registered { .. }),
        "a wiped node is back as a new one"
    );
}

#[test]
fn a_node_may_keep_its_own_address() {
    let mut world = World::founded();
    let id = world.node_up(2);
    let same = UpdateNode { raft_address: Some("n2:7001".to_owned()), ..update(id, 2) };
    assert_eq!(world.send(same), Response::Done);
}

#[test]
fn an_update_needs_the_nodes_own_store() {
    let mut world = World::founded();
    let id = world.node_up(2);
    assert_eq!(world.refused(update(id, 9)), Rejection::StoreMismatch { node: id });
    assert_eq!(world.refused(update(77, 2)), Rejection::UnknownNode { node: 77 });

    assert_eq!(world.send(update(id, 2)), Response::Done);
    let known = world.state.nodes().get(id).unwrap();
    assert_eq!((known.admin_address.as_str(), known.raft_address.as_str()), ("new:7002", "n2:7001"));
    assert_eq!(known.software_version, "0.2.0");
}

#[test]
fn software_below_the_clusters_level_is_refused() {
    let mut world = World::empty();
    let too_old = |cluster| Rejection::SoftwareTooOld { reported: 0, cluster };
    assert_eq!(world.refused(RegisterNode { feature_level: 0, ..founder() }), too_old(1));
    world.ok(founder());
    assert_eq!(world.refused(RegisterNode { feature_level: 0, ..node(2) }), too_old(1));
    let id = world.node(2);
    assert_eq!(world.refused(RegisterNode { feature_level: 0, ..node(2) }), too_old(1));
    assert_eq!(world.refused(UpdateNode { feature_level: 0, ..update(id, 2) }), too_old(1));
}

#[test]
fn texts_have_limits() {
    let mut world = World::founded();
    let long = "x".repeat(301);
    for bad in [
        RegisterNode { raft_address: long.clone(), ..node(2) },
        RegisterNode { admin_address: long.clone(), ..node(2) },
        RegisterNode { software_version: long.clone(), ..node(2) },
        RegisterNode { zone: long.clone(), ..node(2) },
    ] {
        assert!(matches!(world.refused(bad), Rejection::TooLarge { size: 301, .. }));
    }
    let id = world.node(2);
    for bad in [
        UpdateNode { raft_address: Some(long.clone()), ..update(id, 2) },
        UpdateNode { admin_address: long.clone(), ..update(id, 2) },
        UpdateNode { software_version: long.clone(), ..update(id, 2) },
    ] {
        assert!(matches!(world.refused(bad), Rejection::TooLarge { size: 301, .. }));
    }
    let empty = RegisterNode { raft_address: String::new(), ..node(3) };
    assert!(matches!(world.refused(empty), Rejection::Invalid { .. }));
}

#[test]
fn a_node_moves_only_as_the_table_says() {
    const ALL: [NodeState; 5] = [Joining, Up, Draining, Down, Removed];
    let allowed = [
        (Joining, Up),
        (Joining, Down),
        (Joining, Removed),
        (Up, Draining),
        (Up, Down),
        (Draining, Up),
        (Draining, Down),
        (Draining, Removed),
        (Down, Joining),
        (Down, Up),
        (Down, Draining),
        (Down, Removed),
    ];
    let ways: [&[NodeState]; 5] = [&[], &[Up], &[Up, Draining], &[Down], &[Removed]];
    for (from, way) in ALL.into_iter().zip(ways) {
        let mut world = World::founded();
        let id = world.node(2);
        let mut state = Joining;
        for &next in way {
            world.set_state(id, state, next);
            state = next;
        }
        assert_eq!(state, from);
        for to in ALL {
            let mut world = world.clone();
            let step = SetNodeState { node: id, from, to };
            if allowed.contains(&(from, to)) {
                assert_eq!(world.send(step), Response::Done, "{from} -> {to}");
                assert_eq!(world.state.nodes().get(id).unwrap().state, to);
            } else {
                assert_eq!(world.refused(step), Rejection::NodeTransition { node: id, from, to });
            }
        }
    }
}

#[test]
fn a_node_in_another_state_is_not_moved() {
    let mut world = World::founded();
    let id = world.node_up(2);
    let late = SetNodeState { node: id, from: Joining, to: Down };
    assert_eq!(world.refused(late), Rejection::NodeStateConflict { node: id, expected: Joining, actual: Up });
    let unknown = SetNodeState { node: 99, from: Up, to: Down };
    assert_eq!(world.refused(unknown), Rejection::UnknownNode { node: 99 });
}

#[test]
fn the_last_node_stays() {
    let mut world = World::founded();
    let id = world.node_up(2);
    world.set_state(1, Up, Draining);
    world.set_state(1, Draining, Removed);
    world.set_state(id, Up, Draining);
    let last = SetNodeState { node: id, from: Draining, to: Removed };
    assert_eq!(world.refused(last), Rejection::LastNode { node: id });
}

#[test]
fn a_node_that_is_down_remembers_what_it_was() {
    let mut world = World::founded();
    let id = world.node_up(2);
    world.set_state(id, Up, Draining);
    world.time_ms += 500;
    world.set_state(id, Draining, Down);
    let known = world.state.nodes().get(id).unwrap();
    assert_eq!((known.down_from, known.state_since_ms), (Some(Draining), world.time_ms));
    world.set_state(id, Down, Draining);
    assert_eq!(world.state.nodes().get(id).unwrap().down_from, None);
}

#[test]
fn the_last_times_that_a_node_was_lost_are_kept() {
    let mut world = World::founded();
    let id = world.node_up(2);
    let mut lost = Vec::new();
    for _ in 0..10 {
        world.time_ms += 500;
        world.set_state(id, Up, Down);
        lost.push(world.time_ms);
        world.time_ms += 500;
        world.set_state(id, Down, Up);
    }
    assert_eq!(world.state.nodes().get(id).unwrap().downs_ms, lost[2..]);
}
