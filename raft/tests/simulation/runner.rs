//! Runs many seeds on all cores that a CI machine has.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::summary::{Summary, command_for};
use crate::world::{Outcome, Plan, simulate};

const THREADS: usize = 2;

/// A simulation takes about half a second. One in which something runs in circles, so that simulated time stands still, would
/// never end by itself.
const PATIENCE: Duration = Duration::from_secs(120);

struct Progress {
    /// Seeds, and since when they run.
    running: BTreeMap<u64, Instant>,
    threads_left: usize,
    summary: Summary,
}

/// Runs the seeds below `seeds`, each simulation on one thread, until `stop` says so.
pub fn run(seeds: u64, plan: impl Fn(u64) -> Plan + Sync, stop: impl Fn(&Outcome) -> bool + Sync) -> Summary {
    let (next, end) = (AtomicU64::new(0), AtomicU64::new(seeds));
    let progress =
        Mutex::new(Progress { running: BTreeMap::new(), threads_left: THREADS, summary: Summary::default() });
    let news = Condvar::new();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= end.load(Ordering::SeqCst) {
                        break;
                    }
                    progress.lock().unwrap().running.insert(seed, Instant::now());
                    let outcome = simulate(plan(seed));
                    if stop(&outcome) {
                        end.store(0, Ordering::SeqCst);
                    }
                    let mut progress = progress.lock().unwrap();
                    progress.running.remove(&seed);
                    progress.summary.add(seed, &outcome);
                }
                progress.lock().unwrap().threads_left -= 1;
                news.notify_all();
            });
        }
        let mut seen = progress.lock().unwrap();
        while seen.threads_left > 0 {
            seen = news.wait_timeout(seen, Duration::from_secs(1)).unwrap().0;
            if let Some((seed, _)) = seen.running.iter().find(|(_, since)| since.elapsed() > PATIENCE) {
                eprintln!("seed {seed} does not end; repeat it alone: {}", command_for(*seed));
                std::process::abort();
            }
        }
    });
    progress.into_inner().unwrap().summary
}
