//! What was ever written can be read. The files are made once, with `ETL_WRITE_TESTDATA=1` for those that are missing,
//! and never change: later software has to read them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use etl_raft_state::parts::{Node, Run};
use etl_raft_state::{Envelope, Response, Session, State};
use uuid::Uuid;

use crate::samples;
use crate::world::Row;

const WRITE: &str = "ETL_WRITE_TESTDATA";

fn path(folder: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(folder).join(format!("{name}.hex"))
}

/// The text of a file, which is written when it is missing and that is asked for.
fn stored(folder: &str, name: &str, current: impl FnOnce() -> String) -> String {
    let path = path(folder, name);
    if !path.exists() && std::env::var_os(WRITE).is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, current()).unwrap();
    }
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run the test once with {WRITE}=1", path.display()))
}

fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(60) {
        line.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        text.push('\n');
    }
    text
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// Fails when a file is there that no sample reads any more.
fn assert_no_others(folder: &str, names: &BTreeSet<String>) {
    let files: BTreeSet<String> = fs::read_dir(path(folder, "x").parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(&files, names, "files and samples of {folder} do not match");
}

#[test]
fn commands_of_old_are_read() {
    let mut names = BTreeSet::new();
    for (name, command) in samples::commands() {
        let session = Session { client: Uuid::from_u128(6), seq: 12, acknowledged_below: 10 };
        let session = (name != "raise-feature-level").then_some(session);
        let envelope = Envelope { time_ms: 1_700_000_000_123, session, command };
        let text = stored("commands", name, || to_hex(&envelope.encode().unwrap()));
        assert_eq!(Envelope::decode(&from_hex(&text)).unwrap(), envelope, "{name}");
        assert_eq!(Envelope::decode(&envelope.encode().unwrap()).unwrap(), envelope, "{name}");
        assert!(names.insert(name.to_owned()), "{name} has two samples");
    }
    assert_no_others("commands", &names);
}

#[test]
fn responses_of_old_are_read() {
    let mut names = BTreeSet::new();
    for (name, response) in samples::responses() {
        let text = stored("responses", &name, || to_hex(&response.encode().unwrap()));
        assert_eq!(Response::decode(&from_hex(&text)).unwrap(), response, "{name}");
        assert_eq!(Response::decode(&response.encode().unwrap()).unwrap(), response, "{name}");
        assert!(names.insert(name.clone()), "{name} has two samples");
    }
    assert_no_others("responses", &names);
}

/// Each row is a line with its key and a paragraph with its value.
#[test]
fn rows_of_old_are_read() {
    let story = samples::story();
    let mut by_kind: BTreeMap<u8, Vec<Row>> = BTreeMap::new();
    for row in story.state.rows() {
        by_kind.entry(row.0[0]).or_default().push(row);
    }
    let kinds: Vec<u8> = by_kind.keys().copied().collect();
    assert_eq!(kinds, samples::ROW_KINDS.map(|(byte, _)| byte), "the story has rows of every kind");

    let mut old: Vec<Row> = Vec::new();
    for (byte, name) in samples::ROW_KINDS {
        let text = stored("rows", name, || {
            let row = |(key, value): &Row| format!("{}:\n{}\n", to_hex(key).replace('\n', ""), to_hex(value));
            by_kind[&byte].iter().map(row).collect()
        });
        for row in text.split_terminator("\n\n") {
            let (key, value) = row.split_once(':').unwrap();
            old.push((from_hex(key), from_hex(value)));
        }
    }
    let loaded = State::load(old).unwrap();
    let kind = |wanted: &str| samples::ROW_KINDS.iter().find(|(_, name)| *name == wanted).unwrap().0;
    let changed = ["node", "run"].map(kind);
    let others = |state: &State| state.rows().filter(|row| !changed.contains(&row.0[0])).collect::<Vec<_>>();
    assert!(others(&loaded) == others(&story.state), "rows of old mean what they meant");
    // When a node was lost was not written down then.
    let nodes = |state: &State| -> Vec<_> {
        let members = state.nodes().iter();
        members.map(|(id, node)| (id, Node { downs_ms: Vec::new(), ..node.clone() })).collect()
    };
    assert_eq!(nodes(&loaded), nodes(&story.state));
    assert!(loaded.nodes().iter().all(|(_, node)| node.downs_ms.is_empty()));
    // Nor was the tick that had started a run.
    let runs = |state: &State| -> Vec<_> {
        state.runs().iter().map(|(id, run)| (id, Run { tick_ms: None, ..run.clone() })).collect()
    };
    assert_eq!(runs(&loaded), runs(&story.state));
    assert!(loaded.runs().iter().all(|(_, run)| run.tick_ms.is_none() && run.parameters.is_empty()));
    assert!(story.state.runs().iter().any(|(_, run)| run.tick_ms.is_some()));
    let names = samples::ROW_KINDS.map(|(_, name)| name.to_owned());
    assert_no_others("rows", &BTreeSet::from(names));
}

#[test]
fn the_digest_of_nothing_is_known() {
    assert_eq!(State::load(std::iter::empty()).unwrap().digest(), 0xcbf2_9ce4_8422_2325);
}
