//! Figures, not assertions: `cargo test --release -p etl-raft --lib speed -- --ignored --nocapture`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::rig::{Rig, entry};

const BYTES: usize = 256;

fn percentile(latencies: &mut [Duration], percent: usize) -> Duration {
    latencies.sort();
    latencies[(latencies.len() - 1) * percent / 100]
}

/// What the disk allows: as many bytes written to the end of a file and synced, by nobody else.
fn bare_syncs_per_second() {
    let dir = tempfile::tempdir().unwrap();
    let mut file = File::create(dir.path().join("file")).unwrap();
    let started = Instant::now();
    let mut latencies = Vec::new();
    while started.elapsed() < Duration::from_secs(4) {
        let begun = Instant::now();
        file.write_all(&[7; BYTES + 60]).and_then(|()| file.sync_data()).unwrap();
        latencies.push(begun.elapsed());
    }
    let rate = latencies.len() as f64 / started.elapsed().as_secs_f64();
    let (p50, p99) = (percentile(&mut latencies, 50), percentile(&mut latencies, 99));
    println!("bare write and sync: {rate:.0}/s, p50 {p50:?}, p99 {p99:?}");
}

#[test]
#[ignore = "a measurement"]
fn appends_per_second() {
    bare_syncs_per_second();
    for in_flight in [1, 16, 64] {
        let rig = Rig::new();
        let log = rig.open().unwrap();
        let (told, synced) = mpsc::channel::<io::Result<()>>();
        let started = Instant::now();
        let mut latencies = Vec::new();
        let mut begun = std::collections::VecDeque::new();
        let mut next = 0;
        while started.elapsed() < Duration::from_secs(4) {
            while begun.len() < in_flight {
                let told = told.clone();
                begun.push_back(Instant::now());
                let waiter = Box::new(move |result| {
                    // Those that come after the measurement are not counted.
                    let _ = told.send(result);
                });
                log.core.append(vec![entry(1, next, BYTES)], waiter).unwrap();
                next += 1;
            }
            synced.recv().unwrap().unwrap();
            latencies.push(begun.pop_front().unwrap().elapsed());
        }
        let rate = latencies.len() as f64 / started.elapsed().as_secs_f64();
        let (p50, p99) = (percentile(&mut latencies, 50), percentile(&mut latencies, 99));
        println!("{in_flight} in flight: {rate:.0} appends/s, p50 {p50:?}, p99 {p99:?}");
    }
}

#[test]
#[ignore = "a measurement"]
fn opening_a_million_entries() {
    let rig = Rig::new();
    let log = rig.open().unwrap();
    let started = Instant::now();
    for first in (0..1_000_000).step_by(1000) {
        log.append_synced((first..first + 1000).map(|index| entry(1, index, BYTES)).collect()).unwrap();
    }
    println!("written in {:?}, {} bytes", started.elapsed(), log.core.bytes());
    drop(log);
    let started = Instant::now();
    let log = rig.open().unwrap();
    println!("opened in {:?}", started.elapsed());
    assert_eq!(log.core.read(999_999.., u64::MAX).unwrap(), [entry(1, 999_999, BYTES)]);
}
