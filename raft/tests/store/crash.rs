//! Processes that are killed at any moment. What they have promised before must be there.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use etl_raft::store::{DataDir, Storage};
use openraft::RaftLogReader;
use openraft::storage::{RaftLogStorage, RaftLogStorageExt, RaftStateMachine};

use crate::model::{apply, assert_state, entry, log_id, replay, snapshot_at, vote};

const DIR: &str = "ETL_TEST_CRASH_DIRECTORY";
/// What a process says that has nothing more to do.
const DONE: &str = "done";

/// Runs a test of this file as a process of its own and kills it: a while after it has written so many sentences, or has nothing
/// more to do. Returns the lines it has written.
fn run_and_kill(test: &str, dir: &Path, sentences: usize, after: Duration) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(DIR, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut lines = Vec::new();
    while lines.iter().filter(|line: &&String| line.ends_with('.')).count() < sentences {
        let line = output.next().expect("the process ended before it was killed");
        if line.ends_with(DONE) {
            break;
        }
        lines.push(line);
    }
    let reader = std::thread::spawn(move || output.collect::<Vec<_>>());
    // The moment of the kill is the point of the test, so nothing can be waited for.
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    lines.extend(reader.join().unwrap());
    lines
}

/// What was promised last under a name.
fn promised(lines: &[String], name: &str) -> Option<u64> {
    // The last line may be cut short, and then nobody has been promised anything.
    lines.iter().rev().find_map(|line| line.strip_prefix(name)?.strip_suffix('.')?.parse().ok())
}

#[tokio::test]
async fn what_a_killed_process_has_promised_is_there() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("data");
    let mut random = fastrand::Rng::with_seed(11);
    let (mut appended, mut voted, mut kills) = (None, None, 0);
    for round in 0..25 {
        let (sentences, after) = (random.usize(1..60), Duration::from_micros(random.u64(..20_000)));
        let lines = run_and_kill("crash::write_until_killed", &path, sentences, after);
        appended = promised(&lines, "appended ").max(appended);
        voted = promised(&lines, "voted ").max(voted);
        kills += usize::from(promised(&lines, "appended ").is_some());

        let dir = DataDir::open(&path).unwrap();
        let mut storage = Storage::open(&dir).unwrap_or_else(|error| panic!("round {round}: {error}"));
        let state = storage.log.get_log_state().await.unwrap();
        assert!(
            state.last_log_id.map(|last| last.index) >= appended,
            "round {round}: {state:?} {appended:?}"
        );
        let vote = storage.log.read_vote().await.unwrap();
        assert!(vote.map(|vote| vote.leader_id.term) >= voted, "round {round}: {vote:?} {voted:?}");
        for found in storage.log.try_get_log_entries(..).await.unwrap() {
            assert_eq!(found, entry(found.log_id.index), "round {round}");
        }
        let applied = replay(&mut storage).await;
        assert_state(&storage, applied);
    }
    assert!(
        kills > 15 && appended > Some(300),
        "{kills} kills hit a process that wrote, {appended:?} entries"
    );
}

/// Run as a process of its own by the test above.
#[test]
#[ignore = "a process of its own for another test"]
fn write_until_killed() {
    let Ok(path) = std::env::var(DIR) else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let dir = DataDir::open(path).unwrap();
        let mut storage = Storage::open(&dir).unwrap();
        replay(&mut storage).await;
        let mut out = std::io::stdout();
        let term = storage.log.read_vote().await.unwrap().map_or(1, |vote| vote.leader_id.term);
        let state = storage.log.get_log_state().await.unwrap();
        let mut next = state.last_log_id.map_or(0, |last| last.index + 1);
        // Entries that were not committed when the process before was killed.
        let (applied, _) = storage.machine.applied_state().await.unwrap();
        let from = applied.map_or(0, |applied| applied.index + 1);
        if from < next {
            let rest = storage.log.try_get_log_entries(from..next).await.unwrap();
            storage.log.save_committed(Some(log_id(next - 1))).await.unwrap();
            storage.machine.apply(rest).await.unwrap();
        }
        for step in term + 1.. {
            let last = next + step % 5;
            apply(&mut storage, next..=last).await;
            writeln!(out, "appended {last}.").unwrap();
            next = last + 1;
            if step % 3 == 0 {
                storage.log.save_vote(&vote(step)).await.unwrap();
                writeln!(out, "voted {step}.").unwrap();
            }
            if step % 20 == 0 {
                storage.log.blocking_append((next..next + 3).map(entry)).await.unwrap();
                storage.log.truncate(log_id(next)).await.unwrap();
            }
            if step % 25 == 0 {
                storage.state.snapshot().await.unwrap();
                storage.log.purge(log_id(last.saturating_sub(10))).await.unwrap();
            }
        }
    });
}

#[tokio::test]
async fn an_installation_that_is_killed_leaves_one_state_or_the_other() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("data");
    for last in (100..=600).step_by(100) {
        snapshot_at(last, &temporary.path().join(format!("snapshot-{last}")));
    }
    let mut random = fastrand::Rng::with_seed(12);
    let mut found = std::collections::BTreeSet::new();
    for round in 0..25 {
        if random.u32(..4) == 0 {
            let _ = std::fs::remove_dir_all(&path);
        }
        let (sentences, after) = (random.usize(0..5), Duration::from_micros(random.u64(..20_000)));
        let lines = run_and_kill("crash::install_until_killed", &path, sentences, after);
        let dir = DataDir::open(&path).unwrap();
        let mut storage = Storage::open(&dir).unwrap_or_else(|error| panic!("round {round}: {error}"));
        let applied = replay(&mut storage).await;
        assert!(applied >= promised(&lines, "installed "), "round {round}: {applied:?} {lines:?}");
        assert!(
            applied.is_none_or(|applied| applied == 5 || applied % 100 == 0),
            "round {round}: {applied:?}"
        );
        assert_state(&storage, applied);
        found.insert(applied);
        let left = std::fs::read_dir(path.join("state")).unwrap().count();
        assert_eq!(left, 2, "a database that nobody uses is left");
    }
    assert!(found.len() > 2, "every kill came at the same moment: {found:?}");
}

/// Run as a process of its own by the test above.
#[test]
#[ignore = "a process of its own for another test"]
fn install_until_killed() {
    let Ok(path) = std::env::var(DIR) else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let dir = DataDir::open(&path).unwrap();
        let mut storage = Storage::open(&dir).unwrap();
        let mut out = std::io::stdout();
        let applied = replay(&mut storage).await;
        if applied.is_none() {
            apply(&mut storage, 0..=5).await;
        }
        for last in (100..=600_u64).step_by(100).filter(|last| Some(*last) > applied) {
            let file = Path::new(&path).with_file_name(format!("snapshot-{last}"));
            let (meta, _) = etl_raft::store::read_snapshot(&file).unwrap();
            let size = file.metadata().unwrap().len();
            storage.log.purge(log_id(last)).await.unwrap();
            let file = etl_raft::SnapshotFile { path: file, size };
            storage.machine.install_snapshot(&meta, Box::new(file)).await.unwrap();
            writeln!(out, "installed {last}.").unwrap();
        }
        writeln!(out, "{DONE}").unwrap();
        let _ = std::io::stdin().read_line(&mut String::new());
    });
}
