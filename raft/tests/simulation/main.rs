//! Consensus under faults that are drawn from a seed, in simulated time on a simulated network.
//!
//! Three to five hosts run the real `Consensus` with its real RPC service over the streams of `turmoil`, and the real state,
//! on disks that lose in a crash what was not synced ([`disk`]). Partitions, delays, crashes, pauses, wrong clocks, hand-overs and
//! changes of members ([`weather`], [`faults`]) strike while clients write, compare-and-set and read on all nodes
//! ([`clients`]). Checked are: every key is linearizable ([`history`]), no acknowledged write is lost and none acts twice, all nodes
//! apply the same entries and have the same state after them ([`witness`]), and when all faults are over every member can write
//! again within a bounded time ([`world`]).
//!
//! A seed that fails is printed with the command that repeats it alone. By default 200 seeds are run; `SEEDS=1000` runs
//! more, `SEED=7` that one, with its story.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod clients;
mod damage;
mod disk;
mod faults;
mod history;
mod links;
mod log;
mod machine;
mod network;
mod node;
mod orders;
mod runner;
mod site;
mod summary;
mod weather;
mod witness;
mod world;

use std::time::Instant;

use damage::Damage;
use runner::run;
use weather::Kind;
use world::{Plan, simulate};

const DEFAULT_SEEDS: u64 = 200;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

fn healthy(seed: u64) -> Plan {
    Plan { seed, damage: None, kinds: &Kind::ALL }
}

#[test]
fn a_thousand_seeds() {
    if let Some(seed) = number("SEED") {
        let outcome = simulate(healthy(seed));
        outcome.trace.iter().for_each(|line| println!("{line}"));
        assert_eq!(outcome.violations, Vec::<String>::new());
        return;
    }
    let started = Instant::now();
    let summary = run(number("SEEDS").unwrap_or(DEFAULT_SEEDS), healthy, |_| false);
    println!("{summary}\nin {:?}", started.elapsed());
    assert!(summary.failures.is_empty(), "seeds have failed");
    for kind in Kind::ALL {
        assert!(summary.struck(kind) > 0, "{kind:?} never struck");
    }
}

#[test]
fn the_same_seed_twice_gives_the_same_history() {
    for seed in 0..6 {
        let (first, second) = (simulate(healthy(seed)).trace, simulate(healthy(seed)).trace);
        let differs = first.iter().zip(&second).position(|(a, b)| a != b);
        if let Some(line) = differs {
            panic!("seed {seed}, line {line}: {:?} and {:?}", first[line], second[line]);
        }
        assert_eq!(first.len(), second.len(), "seed {seed}");
        assert!(first.iter().any(|line| line.contains("applies")), "something happens in seed {seed}");
    }
}

/// The checks must see this within some seeds.
fn is_noticed(damage: Damage, seeds: u64, kinds: &'static [Kind]) {
    let plan = |seed| Plan { seed, damage: Some(damage), kinds };
    let summary = run(seeds, plan, |outcome| !outcome.violations.is_empty());
    println!("{damage:?}: {summary}");
    assert!(!summary.failures.is_empty(), "nothing noticed {damage:?} in {seeds} seeds");
}

#[test]
fn a_log_that_acknowledges_before_it_syncs_is_noticed() {
    is_noticed(Damage::AcknowledgesBeforeSync, 100, &[Kind::DiskStall, Kind::PowerLoss, Kind::Crash]);
}

#[test]
fn a_leader_that_commits_what_it_has_not_synced_is_noticed() {
    is_noticed(Damage::CommitsAheadOfOwnSync, 300, &[Kind::DiskStall, Kind::PowerLoss, Kind::Crash]);
}

#[test]
fn reads_that_ask_nobody_are_noticed() {
    is_noticed(Damage::ReadsAskNobody, 20, &Kind::ALL);
}

#[test]
fn writes_that_are_repeated_outside_of_a_session_are_noticed() {
    is_noticed(Damage::RepeatsActTwice, 20, &Kind::ALL);
}
