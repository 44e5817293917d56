#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};

use openraft::{Entry, Vote};

use super::open::Log;
use super::repair::chunks;
use super::rig::{Rig, entry, log_id, vote};
use crate::Error;
use crate::type_config::{LogId, NodeId, TypeConfig};

/// What a log should hold.
#[derive(Debug, Default)]
struct Model {
    entries: BTreeMap<u64, Entry<TypeConfig>>,
    purged: Option<LogId>,
    vote: Option<Vote<NodeId>>,
    committed: Option<LogId>,
}

impl Model {
    fn last(&self) -> Option<LogId> {
        self.entries.last_key_value().map(|(_, entry)| entry.log_id).max(self.purged)
    }

    fn next(&self) -> u64 {
        self.last().map_or(0, |last| last.index + 1)
    }

    fn assert_is(&self, log: &Log) {
        let state = log.core.state().unwrap();
        assert_eq!((state.last_purged_log_id, state.last_log_id), (self.purged, self.last()));
        assert_eq!(log.core.vote().unwrap(), self.vote);
        assert_eq!(log.core.committed().unwrap(), self.committed);
        assert!(log.all().iter().eq(self.entries.values()), "other entries than were written");
    }
}

#[test]
fn every_sequence_of_operations_is_there_after_each_reopening() {
    for seed in 0..30 {
        let mut random = fastrand::Rng::with_seed(seed);
        let rig = Rig::new();
        let mut model = Model::default();
        let mut term = 1;
        let mut log = rig.open().unwrap();
        for _ in 0..120 {
            match random.u32(..12) {
                0..=4 => {
                    let entries: Vec<_> = (0..random.u64(1..8))
                        .map(|n| entry(term, model.next() + n, random.usize(..600)))
                        .collect();
                    log.append_synced(entries.clone()).unwrap();
                    model.entries.extend(entries.into_iter().map(|entry| (entry.log_id.index, entry)));
                }
                5 => {
                    let first = model.committed.max(model.purged).map_or(0, |last| last.index + 1);
                    let from = random.u64(first..=model.next());
                    log.core.truncate(from).unwrap();
                    model.entries.split_off(&from);
                    term += 1;
                }
                6 => {
                    let Some(upto) = random.choice(model.entries.values()).map(|entry| entry.log_id) else {
                        continue;
                    };
                    log.core.purge(upto).unwrap();
                    log.core.purge_covered(Some(upto)).unwrap();
                    model.entries = model.entries.split_off(&(upto.index + 1));
                    model.purged = Some(upto);
                }
                7 => {
                    // A snapshot from beyond the end was installed.
                    let upto = log_id(term, model.next() + random.u64(..5));
                    log.core.purge(upto).unwrap();
                    model.entries.clear();
                    model.purged = Some(upto);
                    model.assert_is(&log);
                    log.core.purge_covered(Some(upto)).unwrap();
                }
                8 => {
                    term += 1;
                    model.vote = Some(vote(term));
                    log.save_vote_synced(vote(term)).unwrap();
                }
                9 => {
                    let Some(committed) = random.choice(model.entries.values()).map(|entry| entry.log_id)
                    else {
                        continue;
                    };
                    log.core.save_committed(committed).unwrap();
                    model.committed = model.committed.max(Some(committed));
                }
                _ => {
                    drop(log);
                    log = rig.open().unwrap();
                }
            }
            model.assert_is(&log);
        }
    }
}

#[test]
fn what_is_purged_stays_until_something_covers_it() {
    let rig = Rig::new();
    let log = rig.open().unwrap();
    log.append_synced((0..10).map(|index| entry(1, index, 10)).collect()).unwrap();
    log.core.purge(log_id(1, 4)).unwrap();
    log.core.purge_covered(Some(log_id(1, 3))).unwrap();
    assert_eq!(log.core.state().unwrap().last_purged_log_id, Some(log_id(1, 4)));
    assert_eq!(log.all().first().unwrap().log_id, log_id(1, 5));
    drop(log);

    let log = rig.open().unwrap();
    assert_eq!(log.all().first().unwrap().log_id, log_id(1, 0), "a crash would have left a hole");
    log.core.purge(log_id(2, 20)).unwrap();
    assert_eq!(log.core.hole().unwrap(), Some(log_id(2, 20)));
    assert!(log.all().is_empty());
    log.core.purge_covered(Some(log_id(2, 20))).unwrap();
    assert_eq!(log.core.hole().unwrap(), None);
    log.append_synced(vec![entry(2, 21, 10)]).unwrap();
    drop(log);
    assert_eq!(rig.open().unwrap().all(), [entry(2, 21, 10)]);
}

#[test]
fn entries_that_a_snapshot_has_replaced_are_gone() {
    let rig = Rig::new();
    let log = rig.open().unwrap();
    log.append_synced((0..10).map(|index| entry(1, index, 10)).collect()).unwrap();
    log.core.purge(log_id(3, 6)).unwrap();
    assert!(log.all().is_empty());
    log.core.purge_covered(Some(log_id(3, 6))).unwrap();
    log.append_synced(vec![entry(3, 7, 10)]).unwrap();
    assert_eq!(log.all(), [entry(3, 7, 10)]);
    drop(log);
    assert_eq!(rig.open().unwrap().all(), [entry(3, 7, 10)]);
}

#[test]
fn those_who_wait_are_told_in_order_and_after_the_sync() {
    let rig = Rig::new();
    let log = rig.open().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let (done, finished) = mpsc::channel();
    for index in 0..500 {
        let (told, done, core) = (told.clone(), done.clone(), Arc::downgrade(&log.core));
        let waiter = Box::new(move |result: Result<(), std::io::Error>| {
            result.unwrap();
            told.lock().unwrap().push((index, core.upgrade().unwrap().flow.synced()));
            done.send(()).unwrap();
        });
        log.core.append(vec![entry(1, index, 100)], waiter).unwrap();
        assert_eq!(log.core.read(index.., u64::MAX).unwrap().len(), 1, "it can be read at once");
    }
    finished.iter().take(500).for_each(drop);
    let told = told.lock().unwrap();
    // An entry of 100 bytes takes up at least that much, so this bounds from below what must have been synced.
    for (position, (index, synced)) in told.iter().enumerate() {
        assert_eq!(position as u64, *index);
        assert!(
            *synced > (index + 1) * 100,
            "entry {index} was promised when only {synced} bytes were on disk"
        );
    }
    let syncs: std::collections::BTreeSet<u64> = told.iter().map(|(_, synced)| *synced).collect();
    assert!(syncs.len() < 400, "{} syncs for 500 entries: they do not share syncs", syncs.len());
}

#[test]
fn a_long_log_is_cut_into_files_that_go_when_they_are_purged() {
    const COUNT: u64 = 100_000;
    let rig = Rig::new();
    let log = rig.open().unwrap();
    for first in (0..COUNT).step_by(1000) {
        log.append_synced((first..first + 1000).map(|index| entry(1, index, 400)).collect()).unwrap();
    }
    let check = |log: &Log, from: u64| {
        let mut next = from;
        while next < COUNT {
            for found in log.core.read(next..COUNT, 1 << 20).unwrap() {
                assert_eq!(found, entry(1, next, 400));
                next += 1;
            }
        }
    };
    check(&log, 0);
    drop(log);
    let log = rig.open().unwrap();
    check(&log, 0);
    let before = (chunks(&rig.dir.wal()).unwrap().len(), log.core.bytes());
    assert!(before.0 >= 3, "{before:?}");

    log.core.purge(log_id(1, 90_000)).unwrap();
    log.core.purge_covered(Some(log_id(1, 90_000))).unwrap();
    log.save_vote_synced(vote(2)).unwrap();
    check(&log, 90_001);
    drop(log);
    let log = rig.open().unwrap();
    check(&log, 90_001);
    let after = (chunks(&rig.dir.wal()).unwrap().len(), log.core.bytes());
    assert!(after.0 < before.0 && after.1 < before.1 / 2, "{before:?} {after:?}");
}

#[test]
fn an_entry_that_is_too_large_is_refused_and_changes_nothing() {
    let rig = Rig::new();
    let log = rig.open().unwrap();
    log.append_synced(vec![entry(1, 0, 10)]).unwrap();
    let large = entry(1, 1, super::record::MAX_ENTRY_BYTES + 1);
    assert!(matches!(log.append_synced(vec![large]), Err(Error::TooLarge { .. })));
    log.append_synced(vec![entry(1, 1, 10)]).unwrap();
    drop(log);
    assert_eq!(rig.open().unwrap().all().len(), 2);
}

/// Failing once is failing for ever, also for those who only read.
#[test]
fn a_log_that_has_failed_refuses_everything() {
    let rig = Rig::new();
    let log = rig.open().unwrap();
    log.append_synced(vec![entry(1, 0, 10)]).unwrap();
    log.core.flow.fail(&std::io::Error::from(std::io::ErrorKind::StorageFull));
    assert!(
        !rig.dir.path().join("reserve").exists(),
        "the room set aside is given back when the disk is full"
    );
    assert!(log.append_synced(vec![entry(1, 1, 10)]).is_err());
    assert!(log.save_vote_synced(vote(1)).is_err());
    assert!(log.core.truncate(0).is_err());
    assert!(log.core.purge(log_id(1, 0)).is_err());
    assert!(log.core.save_committed(log_id(1, 0)).is_err());
    assert!(log.core.read(.., u64::MAX).is_err());
    assert!(log.core.vote().is_err());
    assert!(log.core.state().is_err());
}

/// One who is told and dies of it takes the log down with it, but nobody waits for ever.
#[test]
fn a_waiter_that_panics_is_a_failure_and_no_deadlock() {
    let rig = Rig::new();
    let log = rig.open().unwrap();
    log.core.append(vec![entry(1, 0, 10)], Box::new(|_| panic!("as this test wants it"))).unwrap();
    for index in 1..20 {
        assert!(log.append_synced(vec![entry(1, index, 10)]).is_err());
    }
    drop(log);
    rig.open().unwrap();
}

/// Those who wait behind a sync that fails are told too.
#[test]
fn everyone_who_waits_is_told_of_a_failure() {
    let rig = Rig::new();
    let log = rig.open().unwrap();
    let (told, results) = mpsc::channel();
    let (go_on, stopped) = mpsc::sync_channel::<()>(1);
    let stopped = Mutex::new(stopped);
    // The worker stops at the first waiter until all others wait.
    let first = Box::new(move |_| stopped.lock().unwrap().recv().unwrap());
    log.core.append(vec![entry(1, 0, 10)], first).unwrap();
    for index in 1..10 {
        let told = told.clone();
        let waiter = Box::new(move |result: Result<(), std::io::Error>| told.send(result.is_err()).unwrap());
        log.core.append(vec![entry(1, index, 10)], waiter).unwrap();
    }
    log.core.flow.fail(&std::io::Error::other("the disk is gone"));
    go_on.send(()).unwrap();
    drop(told);
    assert_eq!(results.iter().collect::<Vec<_>>(), [true; 9]);
}

#[test]
fn what_openraft_must_never_do_is_an_error_and_not_written() {
    let rig = Rig::new();
    let log = rig.open().unwrap();
    log.append_synced(vec![entry(1, 0, 10), entry(1, 1, 10)]).unwrap();
    assert!(matches!(log.append_synced(vec![entry(1, 5, 10)]), Err(Error::Io { .. })), "a hole");
    drop(log);
    let log = rig.open().unwrap();
    assert_eq!(log.all().len(), 2);
    log.save_vote_synced(vote(5)).unwrap();
    assert!(log.save_vote_synced(vote(4)).is_err(), "a vote that goes back");
    drop(log);
    assert_eq!(rig.open().unwrap().core.vote().unwrap(), Some(vote(5)));
}
