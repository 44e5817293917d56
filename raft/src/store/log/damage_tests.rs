#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use openraft::Entry;

use super::end_marker::EndMarker;
use super::open::Log;
use super::rig::{Files, Rig, entry, log_id, vote};
use crate::Error;
use crate::type_config::TypeConfig;

/// A small log of everything that can be in one, in several syncs, with the entries it holds.
fn fill(log: &Log) -> Vec<Entry<TypeConfig>> {
    log.save_vote_synced(vote(1)).unwrap();
    for index in 0..6 {
        log.append_synced(vec![entry(1, index, 30)]).unwrap();
    }
    log.core.save_committed(log_id(1, 2)).unwrap();
    log.core.truncate(5).unwrap();
    log.append_synced(vec![entry(2, 5, 30), entry(2, 6, 30)]).unwrap();
    log.save_vote_synced(vote(3)).unwrap();
    log.append_synced(vec![entry(3, 7, 30), entry(3, 8, 30)]).unwrap();
    log.all()
}

/// A log whose end is marked, as a clean stop or a moment of rest leaves it.
fn marked(rig: &Rig) -> (Files, Vec<Entry<TypeConfig>>) {
    let log = rig.open().unwrap();
    let entries = fill(&log);
    drop(log);
    (rig.files(), entries)
}

/// A log whose end is only marked before the first entry, as a crash right after the last one leaves it.
fn unmarked(rig: &Rig) -> (Files, Vec<Entry<TypeConfig>>) {
    let log = rig.open().unwrap();
    let log_end = rig.files().log_end;
    let entries = fill(&log);
    drop(log);
    (Files { log_end, ..rig.files() }, entries)
}

fn is_damage_of(result: Result<Log, Error>, name: &str) -> bool {
    match result {
        Err(Error::Damaged { path, .. }) => path.ends_with(name),
        Err(other) => panic!("{other}"),
        Ok(_) => false,
    }
}

#[test]
fn a_cut_below_the_mark_is_damage_at_every_byte() {
    let rig = Rig::new();
    let (mut files, entries) = marked(&rig);
    let whole = files.last().1.clone();
    for length in 0..whole.len() {
        files.last().1.truncate(length);
        rig.put_back(&files);
        let name = files.last().0.clone();
        assert!(is_damage_of(rig.open(), &name), "length {length}");
        *files.last().1 = whole.clone();
    }
    rig.put_back(&files);
    assert_eq!(rig.open().unwrap().all(), entries);
}

#[test]
fn a_cut_above_the_mark_is_torn_at_every_byte() {
    let rig = Rig::new();
    let (mut files, _) = unmarked(&rig);
    let whole = files.last().1.clone();
    rig.put_back(&files);
    let start = EndMarker::open(&rig.dir.log_end()).unwrap().unwrap().end() as usize;
    let mut most = 0;
    for length in start..=whole.len() {
        *files.last().1 = whole[..length].to_vec();
        rig.put_back(&files);
        let log = rig.open().unwrap_or_else(|error| panic!("length {length}: {error}"));
        let found = log.all();
        for found in &found {
            let written = [1, 2, 3].map(|term| entry(term, found.log_id.index, 30));
            assert!(written.contains(found), "length {length} makes up {found}");
        }
        most = most.max(found.len());
        // It can be written on, and what is written then is there after the next start.
        if length % 5 == 0 {
            let next = log.core.state().unwrap().last_log_id.map_or(0, |last| last.index + 1);
            log.append_synced(vec![entry(9, next, 30)]).unwrap();
            drop(log);
            assert_eq!(rig.open().unwrap().all().last(), Some(&entry(9, next, 30)), "length {length}");
        }
    }
    assert_eq!(most, 9);
}

#[test]
fn a_flipped_bit_below_the_mark_is_damage_at_every_byte() {
    let rig = Rig::new();
    let (mut files, _) = marked(&rig);
    let mut random = fastrand::Rng::with_seed(1);
    for byte in 0..files.last().1.len() {
        let bit = 1 << random.u32(..8);
        files.last().1[byte] ^= bit;
        rig.put_back(&files);
        let name = files.last().0.clone();
        assert!(is_damage_of(rig.open(), &name), "byte {byte}");
        files.last().1[byte] ^= bit;
    }
}

/// Without the mark, records of later syncs still prove that all but the last sync was on disk.
#[test]
fn a_flipped_bit_above_the_mark_costs_at_most_the_last_sync() {
    let rig = Rig::new();
    let (mut files, entries) = unmarked(&rig);
    let mut random = fastrand::Rng::with_seed(2);
    let (mut refused, mut cut) = (0, 0);
    for byte in 0..files.last().1.len() {
        let bit = 1 << random.u32(..8);
        files.last().1[byte] ^= bit;
        rig.put_back(&files);
        match rig.open() {
            Err(Error::Damaged { path, .. }) => {
                assert!(path.ends_with(files.last().0), "{}", path.display());
                refused += 1;
            }
            Err(other) => panic!("byte {byte}: {other}"),
            Ok(log) => {
                let found = log.all();
                assert!(
                    found.len() >= entries.len() - 2,
                    "byte {byte} loses what an earlier sync has promised"
                );
                assert_eq!(found, entries[..found.len()], "byte {byte}");
                assert_eq!(log.core.vote().unwrap(), Some(vote(3)));
                cut += 1;
            }
        }
        files.last().1[byte] ^= bit;
    }
    assert!(refused > 500 && cut > 50, "{refused} refused, {cut} cut");
}

/// A crash may leave any mixture of the bytes that were not synced: old ones, new ones and zeros.
#[test]
fn any_mixture_in_the_last_sync_is_torn_and_not_damage() {
    let rig = Rig::new();
    let log = rig.open().unwrap();
    for index in 0..4 {
        log.append_synced(vec![entry(1, index, 50)]).unwrap();
    }
    let before = rig.files();
    let length = before.wal.values().next_back().unwrap().len();
    log.append_synced((4..40).map(|index| entry(1, index, 50)).collect()).unwrap();
    let after = Files { log_end: before.log_end.clone(), ..rig.files() };
    drop(log);
    let mut random = fastrand::Rng::with_seed(3);
    for round in 0..300 {
        let mut torn = Files { log_end: after.log_end.clone(), wal: after.wal.clone() };
        let (_, bytes) = torn.last();
        if random.bool() {
            bytes.truncate(random.usize(length..=bytes.len()));
        }
        for _ in 0..random.usize(..4) {
            let begin = random.usize(length..=bytes.len());
            let end = random.usize(begin..=bytes.len());
            bytes[begin..end].fill(0);
        }
        rig.put_back(&torn);
        let log = rig.open().unwrap_or_else(|error| panic!("round {round}: {error}"));
        let found = log.all();
        assert!(found.len() >= 4, "round {round}");
        for (index, found) in found.iter().enumerate() {
            assert_eq!(*found, entry(1, index as u64, 50), "round {round}");
        }
    }
}

#[test]
fn files_that_are_missing_are_noticed() {
    let rig = Rig::new();
    let log = rig.open().unwrap();
    for first in (0..100_000).step_by(1000) {
        log.append_synced((first..first + 1000).map(|index| entry(1, index, 400)).collect()).unwrap();
    }
    drop(log);
    let files = rig.files();
    assert!(files.wal.len() >= 3);
    for name in files.wal.keys() {
        rig.put_back(&files);
        std::fs::remove_file(rig.dir.wal().join(name)).unwrap();
        assert!(matches!(rig.open(), Err(Error::Damaged { .. })), "without {name}");
    }
    rig.put_back(&files);
    std::fs::remove_file(rig.dir.log_end()).unwrap();
    assert!(is_damage_of(rig.open(), "log-end"));
    rig.put_back(&Files { log_end: files.log_end.clone(), wal: Default::default() });
    assert!(matches!(rig.open(), Err(Error::Damaged { .. })), "without any");
    rig.put_back(&files);
    assert_eq!(rig.open().unwrap().all().len(), 100_000);
}

/// The next file is made before the last one is synced, and a crash may leave it empty, cut short or full of zeros.
#[test]
fn a_file_that_a_crash_has_left_without_a_record_is_removed() {
    let rig = Rig::new();
    let (files, entries) = marked(&rig);
    let end: u64 = files.wal.values().map(|file| file.len() as u64).sum();
    let name = raft_log::chunked_wal::Config::chunk_file_name(raft_log::ChunkId(end));
    for content in [vec![], vec![0, 0, 0], vec![0; 100], vec![0, 0, 0, 5, 1, 1]] {
        let mut crashed = Files { log_end: files.log_end.clone(), wal: files.wal.clone() };
        crashed.wal.insert(name.clone(), content);
        rig.put_back(&crashed);
        let log = rig.open().unwrap();
        assert_eq!(log.all(), entries);
        log.append_synced(vec![entry(9, 9, 30)]).unwrap();
        drop(log);
        assert_eq!(rig.open().unwrap().all().len(), entries.len() + 1);
    }
}
