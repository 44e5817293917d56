//! Transformations that remember the partition, that make several records of one, and that wait for something outside.

use std::num::NonZeroUsize;
use std::sync::{Arc, Barrier};

use etl_engine::Outcome;
use etl_model::OnError;

use crate::fakes::{Bed, FailMultiples, Fault, Memory, Numbers, OnlyNew, Remainders, Repeat, Together};

#[test]
fn a_step_that_remembers_sees_the_partition_in_order() {
    let memory = Memory::default();
    let bed = Bed::new()
        .source(Numbers::new(2, 1000))
        .processor("new", &["source"], OnlyNew(100))
        .destination("sink", &["new"], &memory);
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Completed, "{:?}", report.failures);
    let expected: Vec<i64> = (0..100).chain(1_000_000..1_000_100).collect();
    assert_eq!(memory.rows(), expected, "each partition is remembered by itself");
    let counters = report.routes[0].counters;
    assert_eq!((counters.read, counters.delivered, counters.filtered), (2000, 200, 1800));
}

/// Without the way back to the beginning of the partition what was seen before the failure would pass again.
#[test]
fn what_it_remembers_is_the_same_after_a_failure() {
    for unit in 1..8 {
        for fault in [Fault::BeforeCommit(unit), Fault::AfterCommit(unit), Fault::PanicInStage(unit)] {
            let (memory, other) = (Memory::with_fault(fault), Memory::default());
            let bed = Bed::new()
                .source(Numbers::new(1, 1000))
                .processor("new", &["source"], OnlyNew(700))
                .processor("picky", &["new"], FailMultiples(7))
                .on_error(OnError::DeadLetter)
                .destination("sink", &["picky"], &memory)
                .destination("other", &["source"], &other);
            let mut report = bed.run().unwrap();
            if report.outcome == Outcome::Failed {
                report = bed.run().unwrap();
            } else {
                assert_eq!(report.retries, 1, "{fault:?} did not bite");
            }
            assert_eq!(report.outcome, Outcome::Completed, "{fault:?} {:?}", report.failures);
            assert_eq!(memory.rows(), (0..700).filter(|n| n % 7 != 0).collect::<Vec<i64>>(), "{fault:?}");
            assert_eq!(bed.state.letters(), (0..700).step_by(7).collect::<Vec<u64>>(), "{fault:?}");
            assert_eq!(other.rows(), (0..1000).collect::<Vec<i64>>());
            assert!(report.routes.iter().all(|route| route.counters.read == 1000));
        }
    }
}

#[test]
fn a_step_that_remembers_a_partition_is_not_given_parts_of_it() {
    let memory = Memory::default();
    let bed = Bed::new()
        .source(Numbers::new(1, 10))
        .processor("divide", &["source"], Remainders::of(2))
        .processor("new", &["divide"], OnlyNew(5))
        .destination("sink", &["new"], &memory);
    let error = bed.run().unwrap_err();
    assert!(error.to_string().contains("step `new` remembers a partition"), "{error}");
}

#[test]
fn several_records_of_one_are_counted_and_survive_failures() {
    let times = |n: &i64| if n % 7 == 0 { 0 } else { n % 4 };
    let expected: Vec<i64> = (0..1000).flat_map(|n| std::iter::repeat_n(n, times(&n) as usize)).collect();
    let failed = (0..1000).filter(|n| n % 7 == 0).count() as u64;
    let filtered = (0..1000).filter(|n| n % 7 != 0 && n % 4 == 0).count() as u64;
    for unit in 1..8 {
        for fault in [Fault::BeforeCommit(unit), Fault::AfterCommit(unit)] {
            let (memory, left) = (Memory::with_fault(fault), Memory::default());
            let bed = Bed::new()
                .source(Numbers::new(1, 1000))
                .processor("repeat", &["source"], Repeat(4))
                .on_error(OnError::DeadLetter)
                .processor("again", &["repeat"], FailMultiples(11))
                .on_error(OnError::Skip)
                .destination("sink", &["repeat"], &memory)
                .destination("left", &["again"], &left);
            let report = bed.run().unwrap();
            assert_eq!((report.outcome, report.retries), (Outcome::Completed, 1), "{fault:?}");
            assert_eq!(memory.rows(), expected, "{fault:?}");
            assert_eq!(left.rows(), expected.iter().copied().filter(|n| n % 11 != 0).collect::<Vec<_>>());
            assert_eq!(bed.state.letters().len() as u64, failed);
            let of = |name: &str| {
                let route = report.routes.iter().find(|route| route.destination.as_str() == name);
                route.unwrap().counters
            };
            let counters = of("sink");
            assert_eq!((counters.read, counters.delivered), (1000, expected.len() as u64));
            assert_eq!((counters.filtered, counters.dead_lettered), (filtered, failed));
            assert_eq!(counters.created, expected.len() as u64 + filtered + failed - 1000);
            assert!(of("left").balanced() && of("left").failed > 0);
        }
    }
}

/// With one thread to compute on, two batches meet only when the one that waits lets the other have it.
#[test]
fn who_waits_outside_keeps_nobody_from_computing() {
    let memory = Memory::default();
    let mut bed = Bed::new()
        .source(Numbers::new(2, 100))
        .processor("together", &["source"], Together(Arc::new(Barrier::new(2))))
        .destination("sink", &["together"], &memory);
    bed.options.workers = NonZeroUsize::MIN;
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(memory.rows().len(), 200);
}
