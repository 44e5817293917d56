use std::collections::BTreeSet;

use etl_raft_state::command::{DeleteSecret, DeleteUser, PutSecret, PutUser, RecordAudit};
use etl_raft_state::limits::{AUDIT_KEPT, MAX_CREDENTIAL, MAX_ROLES, MAX_SECRET, MAX_TEXT};
use etl_raft_state::{Kind, Rejection, RejectionClass, Response};

use crate::world::World;

fn secret(expected_version: Option<u64>) -> PutSecret {
    PutSecret { name: "pg".to_owned(), envelope: b"sealed".to_vec(), expected_version }
}

fn user(expected_version: Option<u64>) -> PutUser {
    PutUser {
        name: "ann".to_owned(),
        credential: b"hashed".to_vec(),
        roles: BTreeSet::from(["admin".to_owned()]),
        expected_version,
    }
}

fn event(detail: &str) -> RecordAudit {
    RecordAudit {
        actor: "ann".to_owned(),
        action: "workflow.apply".to_owned(),
        subject: "orders".to_owned(),
        detail: detail.to_owned(),
    }
}

#[test]
fn a_secret_is_guarded_by_its_version() {
    let mut world = World::founded();
    let conflict = |expected, actual| Rejection::VersionConflict {
        kind: Kind::Secret,
        name: "pg".to_owned(),
        expected,
        actual,
    };
    let delete = |expected_version| DeleteSecret { name: "pg".to_owned(), expected_version };
    assert_eq!(world.refused(secret(Some(5))), conflict(5, 0));
    let first = world.index;
    assert_eq!(world.send(secret(Some(0))), Response::Stored { version: first });
    assert_eq!(world.refused(secret(Some(0))), conflict(0, first));
    let second = world.index;
    assert_eq!(world.send(secret(Some(first))), Response::Stored { version: second });
    assert_eq!(world.state.secrets().get("pg").unwrap().envelope, b"sealed");
    assert_eq!(world.refused(delete(Some(first))), conflict(first, second));
    assert_eq!(world.send(delete(Some(second))), Response::Done);
    let gone = Rejection::NotFound { kind: Kind::Secret, name: "pg".to_owned() };
    assert_eq!(gone.class(), RejectionClass::NotFound);
    assert_eq!(world.refused(delete(None)), gone);
    let third = world.index;
    assert_eq!(world.send(secret(None)), Response::Stored { version: third }, "no version comes twice");
}

#[test]
fn a_user_is_guarded_by_the_version() {
    let mut world = World::founded();
    let conflict = |expected, actual| Rejection::VersionConflict {
        kind: Kind::User,
        name: "ann".to_owned(),
        expected,
        actual,
    };
    let delete = |expected_version| DeleteUser { name: "ann".to_owned(), expected_version };
    assert_eq!(world.refused(user(Some(5))), conflict(5, 0));
    let first = world.index;
    assert_eq!(world.send(user(Some(0))), Response::Stored { version: first });
    assert_eq!(world.refused(user(Some(0))), conflict(0, first));
    assert!(world.state.users().get("ann").unwrap().roles.contains("admin"));
    assert_eq!(world.refused(delete(Some(first + 1))), conflict(first + 1, first));
    assert_eq!(world.send(delete(Some(first))), Response::Done);
    assert_eq!(world.refused(delete(None)), Rejection::NotFound { kind: Kind::User, name: "ann".to_owned() });
}

#[test]
fn secrets_and_users_have_limits() {
    let mut world = World::founded();
    let large = PutSecret { envelope: vec![0; MAX_SECRET + 1], ..secret(None) };
    assert!(matches!(world.refused(large), Rejection::TooLarge { .. }));
    world.ok(PutSecret { envelope: vec![0; MAX_SECRET], ..secret(None) });
    world.ok(secret(None));
    let large = PutUser { credential: vec![0; MAX_CREDENTIAL + 1], ..user(None) };
    assert!(matches!(world.refused(large), Rejection::TooLarge { .. }));
    let many = (0..=MAX_ROLES).map(|number| format!("role-{number}")).collect();
    assert!(matches!(world.refused(PutUser { roles: many, ..user(None) }), Rejection::TooLarge { .. }));
    let bad = BTreeSet::from(["Admin".to_owned()]);
    assert!(matches!(world.refused(PutUser { roles: bad, ..user(None) }), Rejection::Invalid { .. }));
    let nameless = PutSecret { name: String::new(), ..secret(None) };
    assert!(matches!(world.refused(nameless), Rejection::Invalid { .. }));
    let nameless = PutUser { name: String::new(), ..user(None) };
    assert!(matches!(world.refused(nameless), Rejection::Invalid { .. }));
}

#[test]
fn what_is_sealed_is_not_printed() {
    let secret = PutSecret { envelope: vec![83; 6], ..secret(None) };
    assert!(!format!("{secret:?}").contains("83, 83"), "{secret:?}");
    let user = PutUser { credential: vec![83; 6], ..user(None) };
    assert!(!format!("{user:?}").contains("83, 83"), "{user:?}");
    let mut world = World::founded();
    world.ok(secret);
    world.ok(user);
    assert!(!format!("{:?}", world.state).contains("83, 83"));
}

#[test]
fn the_audit_is_a_ring() {
    let mut world = World::founded();
    let first = world.index;
    for number in 0..AUDIT_KEPT + 3 {
        world.ok(event(&number.to_string()));
    }
    let kept: Vec<(u64, u64, String)> = world
        .state
        .audit()
        .newest_first()
        .map(|(number, event)| (number, event.index, event.detail.clone()))
        .collect();
    assert_eq!(kept.len(), AUDIT_KEPT);
    let last = AUDIT_KEPT as u64 + 2;
    assert_eq!(kept[0], (last + 1, first + last, last.to_string()));
    assert_eq!(kept[AUDIT_KEPT - 1].2, "3", "the oldest are gone");
}

#[test]
fn audit_texts_have_limits() {
    let mut world = World::founded();
    let long = "x".repeat(MAX_TEXT + 1);
    for bad in [
        RecordAudit { actor: long.clone(), ..event("") },
        RecordAudit { action: long.clone(), ..event("") },
        RecordAudit { subject: long.clone(), ..event("") },
        RecordAudit { detail: long.clone(), ..event("") },
    ] {
        assert!(matches!(world.refused(bad), Rejection::TooLarge { .. }));
    }
}
