use std::collections::BTreeMap;

use etl_raft_state::{Command, EncodingError, Envelope, Response, State};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::samples;
use crate::world::{Row, World};

/// The encoding of an envelope with this command, whatever it says.
fn envelope(command: Value) -> Vec<u8> {
    versioned(&json!({"time_ms": 1, "session": null, "command": command}))
}

fn versioned(value: &Value) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend(rmp_serde::to_vec_named(value).unwrap());
    bytes
}

fn error(bytes: &[u8]) -> EncodingError {
    Envelope::decode(bytes).unwrap_err()
}

#[test]
fn the_form_is_a_version_and_messagepack_with_names() {
    let bytes = envelope(json!({"DeleteUser": {"name": "ann", "expected_version": 3}}));
    let decoded = Envelope::decode(&bytes).unwrap();
    assert!(matches!(&decoded.command, Command::DeleteUser(delete) if delete.name == "ann"));
    assert_eq!(decoded.encode().unwrap(), bytes);
}

#[test]
fn a_command_of_newer_software_is_named() {
    let unknown = error(&envelope(json!({"TeleportNode": {"node": 1}})));
    assert_eq!(unknown, EncodingError::Unknown { what: "a command", name: "TeleportNode".to_owned() });
    assert!(unknown.needs_upgrade());
    assert!(unknown.to_string().ends_with("does not know `TeleportNode`; upgrade this node"), "{unknown}");
    let inside = error(&envelope(json!({"Batch": [{"TeleportNode": {"node": 1}}]})));
    assert_eq!(inside, unknown);
    let unit = error(&envelope(json!("Rest")));
    assert_eq!(unit, EncodingError::Unknown { what: "a command", name: "Rest".to_owned() });
}

#[test]
fn a_value_of_newer_software_is_named() {
    let unknown = error(&envelope(json!({"SetNodeState": {"node": 1, "from": "Up", "to": "Quarantined"}})));
    assert_eq!(unknown, EncodingError::Unknown { what: "a command", name: "Quarantined".to_owned() });
    let response = Response::decode(&versioned(&json!({"Rejected": {"TooTired": {}}}))).unwrap_err();
    assert_eq!(response, EncodingError::Unknown { what: "a response", name: "TooTired".to_owned() });
}

#[test]
fn a_field_of_newer_software_is_named() {
    let of = |name: &str| EncodingError::UnknownField { what: "a command", name: name.to_owned() };
    let in_command = json!({"DeleteUser": {"name": "ann", "expected_version": 3, "force": true}});
    assert_eq!(error(&envelope(in_command)), of("force"));
    assert!(of("force").needs_upgrade());
    let beside = json!({"time_ms": 1, "session": null, "command": {"Batch": []}, "trace": 7});
    assert_eq!(error(&versioned(&beside)), of("trace"));
    let in_session = json!({"client": [], "lane": 1});
    let in_session = json!({"time_ms": 1, "session": in_session, "command": {"Batch": []}});
    assert!(
        matches!(error(&versioned(&in_session)), EncodingError::Malformed { .. }),
        "the client comes first"
    );
    let in_session = json!({"time_ms": 1, "session": {"lane": 1}, "command": {"Batch": []}});
    assert_eq!(error(&versioned(&in_session)), of("lane"));
    let response = Response::decode(&versioned(&json!({"Assigned": {"epoch": 1, "since": 2}}))).unwrap_err();
    assert_eq!(response, EncodingError::UnknownField { what: "a response", name: "since".to_owned() });
}

#[test]
fn a_field_that_is_missing_is_named() {
    let missing = error(&envelope(json!({"DeleteUser": {"expected_version": 3}})));
    assert!(
        matches!(&missing, EncodingError::Malformed { problem, .. } if problem.contains("`name`")),
        "{missing}"
    );
    assert!(!missing.needs_upgrade());
}

#[test]
fn another_version_asks_for_an_upgrade() {
    let mut bytes = envelope(json!({"Batch": []}));
    bytes[0] = 2;
    let unknown = EncodingError::UnknownVersion { what: "a command", found: 2, known: 1 };
    assert_eq!(error(&bytes), unknown);
    assert!(unknown.needs_upgrade());
    bytes = Response::Done.encode().unwrap();
    bytes[0] = 0;
    assert!(Response::decode(&bytes).unwrap_err().needs_upgrade());
}

#[test]
fn what_is_cut_off_or_goes_on_is_refused() {
    for (name, command) in samples::commands() {
        let bytes = Envelope { time_ms: 5, session: None, command }.encode().unwrap();
        for end in 0..bytes.len() {
            let cut = error(&bytes[..end]);
            assert!(
                matches!(cut, EncodingError::Truncated { size, .. } if size <= end),
                "{name} {end}: {cut}"
            );
        }
        let mut longer = bytes.clone();
        longer.extend([0, 0, 0]);
        assert_eq!(error(&longer), EncodingError::Trailing { what: "a command", extra: 3 }, "{name}");
    }
    for (name, response) in samples::responses() {
        let bytes = response.encode().unwrap();
        for end in 0..bytes.len() {
            let cut = Response::decode(&bytes[..end]);
            assert!(matches!(cut, Err(EncodingError::Truncated { .. })), "{name} {end}");
        }
    }
}

#[test]
fn batches_without_end_are_refused_without_exhausting_the_stack() {
    let mut bytes = envelope(json!({"Batch": []}));
    let empty = bytes.pop().unwrap();
    let inside = rmp_serde::to_vec_named(&json!({"Batch": []})).unwrap();
    for _ in 0..100_000 {
        bytes.push(0x91);
        bytes.extend(&inside[..inside.len() - 1]);
    }
    bytes.push(empty);
    assert!(matches!(error(&bytes), EncodingError::Malformed { .. }));
}

#[test]
fn rows_that_are_missing_twice_there_or_out_of_order_are_refused() {
    let rows: Vec<Row> = samples::story().state.rows().collect();
    let piece = rows.iter().position(|(key, _)| key.ends_with(&[0, 0, 0, 1])).unwrap();
    for missing in [piece - 1, piece] {
        let mut damaged = rows.clone();
        damaged.remove(missing);
        assert!(matches!(State::load(damaged), Err(EncodingError::Malformed { .. })));
    }
    let mut damaged = rows.clone();
    damaged.insert(3, rows[3].clone());
    assert!(matches!(State::load(damaged), Err(EncodingError::Malformed { .. })));
    let mut damaged = rows.clone();
    damaged.swap(0, 1);
    assert!(matches!(State::load(damaged), Err(EncodingError::Malformed { .. })));
    assert!(State::load(rows).is_ok());
}

/// Why rows are not taken in.
fn problem(rows: impl IntoIterator<Item = Row>) -> String {
    match State::load(rows).map(|_| ()) {
        Err(EncodingError::Malformed { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rows_that_do_not_fit_together_are_refused() {
    const VERSION: u8 = 4;
    const DOCUMENT: u8 = 5;
    const RUN: u8 = 7;
    const CLIENT: u8 = 14;
    const PARTITION: u8 = 16;
    let story = samples::story();
    let rows: Vec<Row> = story.state.rows().collect();
    let without = |kind: u8| rows.iter().filter(move |(key, _)| key[0] != kind).cloned();
    assert!(problem(without(DOCUMENT)).contains("is missing"));
    assert!(problem(without(CLIENT)).contains("which is missing"));
    let first = |(key, value): &&Row| key[0] == PARTITION && contains(value, b"index\0");
    let first = rows.iter().find(first).unwrap();
    assert!(problem(rows.iter().filter(|row| *row != first).cloned()).contains("not numbered from 0"));

    let versions = |(key, _): &&Row| key[0] == VERSION;
    let last_of_orders =
        rows.iter().filter(versions).rfind(|(key, _)| key[1..].starts_with(b"orders")).unwrap();
    assert!(
        problem(rows.iter().filter(|row| *row != last_of_orders).cloned()).contains("version 2 of workflow")
    );

    let mut world = World::founded();
    world.put("orders", "one");
    let mut with_stray: BTreeMap<Vec<u8>, Vec<u8>> = world.state.rows().collect();
    let document = rows.iter().find(|(key, value)| key[0] == DOCUMENT && value.len() > 1000).unwrap();
    let stray = rows.iter().filter(|(key, _)| key[..key.len() - 4] == document.0[..document.0.len() - 4]);
    with_stray.extend(stray.cloned());
    assert!(problem(with_stray).contains("nothing refers to"));

    // The key of a second row with the same value.
    let twin = |kind: u8, wanted: &[u8]| {
        let (key, value) =
            rows.iter().find(|(key, value)| key[0] == kind && contains(value, wanted)).unwrap();
        let mut key = key.clone();
        key[16] ^= 0x40;
        let mut all: BTreeMap<Vec<u8>, Vec<u8>> = rows.iter().cloned().collect();
        assert_eq!(all.insert(key, value.clone()), None);
        all
    };
    assert!(problem(twin(RUN, b"Running")).contains("in the same place"));
    assert!(problem(twin(RUN, b"Halted")).contains("in the same place"));
    assert!(problem(twin(RUN, b"Queued")).contains("in the same place"));
    assert!(problem(twin(CLIENT, b"used_index")).contains("by the same entry"));
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[test]
fn a_row_of_newer_software_asks_for_an_upgrade() {
    let mut rows: Vec<Row> = samples::story().state.rows().collect();
    rows.push((vec![31, 0, 0, 0, 0], vec![1, 0, 0, 0, 1]));
    assert!(State::load(rows.clone()).unwrap_err().needs_upgrade());
    rows.pop();
    rows[0].1[0] = 2;
    assert!(State::load(rows).unwrap_err().needs_upgrade());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_are_no_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Envelope::decode(&bytes);
        let _ = Response::decode(&bytes);
        if let Some(version) = bytes.first_mut() {
            *version = 1;
        }
        let _ = Envelope::decode(&bytes);
        let _ = Response::decode(&bytes);
    }

    #[test]
    fn a_flipped_byte_is_no_panic(
        sample in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let samples = samples::commands();
        let (_, command) = sample.get(&samples).clone();
        let mut bytes = Envelope { time_ms: 5, session: None, command }.encode().unwrap();
        *at.get_mut(&mut bytes) = byte;
        if let Ok(decoded) = Envelope::decode(&bytes) {
            prop_assert_eq!(Envelope::decode(&decoded.encode().unwrap()).unwrap(), decoded);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_rows_are_no_panic(
        row in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        in_key in any::<bool>(),
    ) {
        let mut rows: Vec<Row> = samples::story().state.rows().collect();
        let (key, value) = row.get_mut(&mut rows);
        *at.get_mut(if in_key { key } else { value }) = byte;
        if let Ok(state) = State::load(rows) {
            let again = State::load(state.rows()).unwrap();
            prop_assert_eq!(again.digest(), state.digest());
        }
    }
}
