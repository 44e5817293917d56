use etl_raft_state::limits::{ANSWERS_KEPT, SESSION_IDLE_MS, SESSION_STEP_MS, SESSIONS_KEPT};
use etl_raft_state::{Command, Rejection, RejectionClass, Response};
use uuid::Uuid;

use crate::world::{World, node, put};

fn expired(client: u128, seq: u64) -> Response {
    Response::Rejected(Rejection::SessionExpired { client: Uuid::from_u128(client), seq })
}

/// Rows of clients and their answers.
fn session_rows(world: &World) -> usize {
    world.state.rows().filter(|(key, _)| matches!(key[0], 14 | 15)).count()
}

/// Moves the sessions' clock by `by_ms`, as a leader does that has something to do now and then.
fn pass(world: &mut World, by_ms: u64) {
    let mut rest = by_ms;
    while rest > 0 {
        let step = rest.min(SESSION_STEP_MS);
        world.time_ms += step;
        rest -= step;
        world.ok(Command::Batch(vec![]));
    }
}

#[test]
fn a_command_that_is_sent_again_acts_once() {
    let mut world = World::founded();
    let first = world.send_in(5, 1, 1, node(2));
    let Response::Registered { node: id } = first else { panic!("{first:?}") };
    let put_a = |world: &mut World| world.send_in(5, 2, 1, put("orders", "a", Some(0)));
    let created = put_a(&mut world);
    assert!(matches!(created, Response::WorkflowPut { version: 1, .. }));
    assert_eq!(put_a(&mut world), created, "and not a conflict");
    world.put("orders", "b");
    assert_eq!(put_a(&mut world), created, "whatever has happened since");
    assert_eq!(world.state.workflows().current_version("orders"), 2);
    assert_eq!(world.send_in(5, 1, 1, node(2)), Response::Registered { node: id });
}

#[test]
fn a_refusal_is_an_answer_too() {
    let mut world = World::founded();
    let refused = world.send_in(5, 1, 0, put("orders", "a", Some(3)));
    assert!(refused.rejection().is_some());
    world.put("orders", "1");
    world.put("orders", "2");
    world.put("orders", "3");
    assert_eq!(world.send_in(5, 1, 0, put("orders", "a", Some(3))), refused);
}

#[test]
fn clients_do_not_share_numbers() {
    let mut world = World::founded();
    assert!(world.send_in(5, 1, 0, put("a", "x", Some(0))).rejection().is_none());
    assert!(world.send_in(6, 1, 0, put("b", "x", Some(0))).rejection().is_none());
    assert_eq!(world.state.workflows().iter().count(), 2);
}

#[test]
fn what_is_acknowledged_is_forgotten_and_refused() {
    let mut world = World::founded();
    for seq in 0..5 {
        world.send_in(5, seq, 0, put("orders", &seq.to_string(), None));
    }
    assert_eq!(world.state.sessions().answers_of(Uuid::from_u128(5)), 5);
    world.send_in(5, 5, 4, put("orders", "5", None));
    assert_eq!(world.state.sessions().answers_of(Uuid::from_u128(5)), 2);
    let version = world.state.workflows().current_version("orders");
    let late = world.send_in(5, 3, 0, put("orders", "again", None));
    assert_eq!(late, expired(5, 3));
    assert_eq!(late.rejection().unwrap().class(), RejectionClass::Unknown);
    assert_eq!(world.state.workflows().current_version("orders"), version);
    assert!(world.send_in(5, 4, 0, put("orders", "4", None)).rejection().is_none(), "still known");
}

#[test]
fn a_number_below_its_own_acknowledgement_is_refused() {
    let mut world = World::founded();
    assert_eq!(world.send_in(5, 1, 2, put("orders", "a", None)), expired(5, 1));
    assert!(world.state.sessions().is_empty(), "and begins no session");
    assert_eq!(world.state.workflows().iter().count(), 0);
}

#[test]
fn an_unused_session_is_dropped_after_an_hour() {
    let mut world = World::founded();
    world.send_in(5, 1, 1, put("a", "x", None));
    pass(&mut world, SESSION_IDLE_MS - 1);
    assert_eq!(world.state.sessions().len(), 1);
    world.send_in(5, 1, 1, put("a", "x", None));
    pass(&mut world, SESSION_IDLE_MS - 1);
    assert_eq!(world.state.sessions().len(), 1, "being asked again is use");
    for client in 6..9 {
        world.send_in(client, 1, 1, Command::Batch(vec![]));
    }
    pass(&mut world, 1);
    assert_eq!(world.state.sessions().len(), 3, "the others are younger");
    assert_eq!(world.state.sessions().answers_of(Uuid::from_u128(5)), 0);
    pass(&mut world, SESSION_IDLE_MS);
    assert_eq!(session_rows(&world), 0, "several at once");
    assert!(world.send_in(5, 9, 9, put("b", "x", None)).rejection().is_none(), "a client may go on");
}

#[test]
fn a_clock_that_jumps_does_not_end_sessions() {
    let mut world = World::founded();
    let first = world.send_in(5, 1, 1, put("orders", "a", Some(0)));
    world.time_ms += 100 * SESSION_IDLE_MS;
    assert_eq!(world.send_in(5, 1, 1, put("orders", "a", Some(0))), first);
}

#[test]
fn the_sessions_unused_for_longest_are_dropped_first() {
    let mut world = World::founded();
    let most = SESSIONS_KEPT as u128;
    for client in 1..=most {
        world.send_in(client, 1, 1, Command::Batch(vec![]));
    }
    world.send_in(1, 2, 2, Command::Batch(vec![]));
    world.send_in(most + 1, 1, 1, Command::Batch(vec![]));
    let sessions = world.state.sessions();
    assert_eq!(sessions.len(), SESSIONS_KEPT);
    let known = |client: u128| sessions.answers_of(Uuid::from_u128(client)) > 0;
    assert_eq!((known(1), known(2), known(3), known(most + 1)), (true, false, true, true));
}

#[test]
fn a_client_that_acknowledges_nothing_loses_its_oldest_answers() {
    let mut world = World::founded();
    let kept = ANSWERS_KEPT as u64;
    for seq in 0..=kept {
        world.send_in(5, seq, 0, Command::Batch(vec![]));
    }
    assert_eq!(world.state.sessions().answers_of(Uuid::from_u128(5)), ANSWERS_KEPT);
    assert_eq!(world.send_in(5, 0, 0, put("a", "x", None)), expired(5, 0), "rather than acting twice");
    assert_eq!(world.send_in(5, 1, 0, put("a", "x", None)), Response::Batch(vec![]));
}

#[test]
fn the_highest_number_is_a_number_like_any_other() {
    let mut world = World::founded();
    let first = world.send_in(5, u64::MAX, u64::MAX, put("orders", "a", Some(0)));
    assert_eq!(world.send_in(5, u64::MAX, u64::MAX, put("orders", "a", Some(0))), first);
    pass(&mut world, SESSION_IDLE_MS);
    assert!(world.state.sessions().is_empty());
    assert_eq!(session_rows(&world), 0);
}
