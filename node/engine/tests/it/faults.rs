use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use etl_engine::{EngineError, Outcome};
use etl_model::{OnError, Span};
use etl_sdk::ErrorClass;

use crate::fakes::{Bed, FailMultiples, Fault, Flaky, Memory, Numbers};

fn expected(n: i64) -> Vec<i64> {
    (0..n).collect()
}

#[test]
fn an_error_around_the_commit_neither_loses_nor_doubles() {
    for unit in 1..8 {
        for fault in [Fault::BeforeCommit(unit), Fault::AfterCommit(unit)] {
            let memory = Memory::with_fault(fault);
            let bed = Bed::new().source(Numbers::new(1, 1000)).destination("sink", &["source"], &memory);
            let report = bed.run().unwrap();
            assert_eq!(report.outcome, Outcome::Completed, "{fault:?}");
            assert_eq!(memory.rows(), expected(1000), "{fault:?}");
            assert_eq!(report.retries, 1, "{fault:?} did not bite");
        }
    }
}

#[test]
fn one_destination_failing_leaves_the_other_exact() {
    let (good, bad) = (Memory::default(), Memory::with_fault(Fault::AfterCommit(3)));
    let bed = Bed::new().source(Numbers::new(2, 1000)).destination("good", &["source"], &good).destination(
        "bad",
        &["source"],
        &bad,
    );
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Completed);
    assert!(report.retries > 0);
    assert_eq!(good.rows(), bad.rows());
    assert_eq!(good.rows().len(), 2000);
    assert!(report.routes.iter().all(|route| route.counters.read == 2000 && route.counters.balanced()));
}

#[test]
fn dead_letters_survive_a_failed_commit_exactly_once() {
    for fault in [Fault::BeforeCommit(2), Fault::AfterCommit(2)] {
        let memory = Memory::with_fault(fault);
        let bed = Bed::new()
            .source(Numbers::new(1, 1000))
            .processor("picky", &["source"], FailMultiples(7))
            .on_error(OnError::DeadLetter)
            .destination("sink", &["picky"], &memory);
        let report = bed.run().unwrap();
        let multiples: Vec<u64> = (0..1000).filter(|n| n % 7 == 0).collect();
        assert_eq!(bed.state.letters(), multiples, "{fault:?}");
        assert_eq!(report.routes[0].counters.dead_lettered, multiples.len() as u64);
        assert_eq!(memory.rows().len(), 1000 - multiples.len());
    }
}

#[test]
fn a_panic_is_a_failed_step_and_the_next_run_goes_on() {
    let memory = Memory::with_fault(Fault::PanicInStage(3));
    let bed = Bed::new().source(Numbers::new(1, 1000)).destination("sink", &["source"], &memory);
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Failed);
    let error = &report.failures[0].error;
    assert!(matches!(error, EngineError::Panicked { step, .. } if step.as_str() == "sink"), "{error}");
    assert_eq!(bed.run().unwrap().outcome, Outcome::Completed);
    assert_eq!(memory.rows(), expected(1000));
}

#[test]
fn a_panic_in_a_source_names_it() {
    let memory = Memory::default();
    let mut source = Numbers::new(1, 1000);
    source.panic_at = Some(500);
    let report = Bed::new().source(source).destination("sink", &["source"], &memory).run().unwrap();
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(report.failures[0].error.to_string(), "source: panicked: panic at 500");
}

#[test]
fn a_call_that_hangs_is_killed_and_the_chain_reopened() {
    let memory = Memory::default();
    let mut source = Numbers::new(1, 1000);
    source.hang_at = Some(500);
    let mut bed = Bed::new().source(source.clone()).destination("sink", &["source"], &memory);
    bed.options.stall_timeout = Duration::from_millis(50);
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(report.retries, 1);
    assert_eq!(memory.rows(), expected(1000));
}

#[test]
fn a_later_owner_stops_this_one_for_good() {
    let memory = Memory::with_fault(Fault::Overtaken(2));
    let bed = Bed::new().source(Numbers::new(1, 1000)).destination("sink", &["source"], &memory);
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(report.failures[0].error.code(), "fenced");
    assert_eq!(report.retries, 0);
    assert_eq!(memory.markers()[0].seq, 1, "nothing was committed after the fence");
}

#[test]
fn a_destination_that_went_back_in_time_halts_the_run() {
    let memory = Memory::with_fault(Fault::PanicInStage(4));
    let bed = Bed::new().source(Numbers::new(1, 1000)).destination("sink", &["source"], &memory);
    assert_eq!(bed.run().unwrap().outcome, Outcome::Failed);
    {
        let mut content = memory.content.lock().unwrap();
        let marker = content.markers.values_mut().next().unwrap();
        marker.seq -= 1;
        marker.position.as_mut().unwrap().next -= 10;
    }
    let rows = memory.rows();
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(report.failures[0].error.code(), "destination_rewound");
    assert_eq!(memory.rows(), rows, "nothing was written");
}

#[test]
fn completion_is_tried_again() {
    let memory = Memory::default();
    memory.failing_completions.store(2, std::sync::atomic::Ordering::SeqCst);
    let bed = Bed::new().source(Numbers::new(1, 10)).destination("sink", &["source"], &memory);
    assert_eq!(bed.run().unwrap().outcome, Outcome::Completed);
    memory.failing_completions.store(3, std::sync::atomic::Ordering::SeqCst);
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(report.failures[0].source.is_none());
}

#[test]
fn errors_that_do_not_go_away_end_the_run_after_the_policy() {
    let memory = Memory::default();
    memory.faults.lock().unwrap().extend([Fault::BeforeCommit(1); 9]);
    let bed = Bed::new().source(Numbers::new(1, 100)).destination("sink", &["source"], &memory);
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(memory.faults.lock().unwrap().len(), 6, "three attempts");
}

/// Attempts that are made while a destination fails in a way that may go away.
fn attempts(change: impl FnOnce(&mut etl_sdk::RetryPolicy)) -> (Outcome, usize) {
    let flaky = Flaky::down();
    let mut bed = Bed::new().source(Numbers::new(1, 10)).destination("sink", &["source"], &flaky);
    bed.options.retry.max_attempts = 20;
    change(&mut bed.options.retry);
    (bed.run().unwrap().outcome, flaky.calls())
}

#[test]
fn the_policy_says_after_what_and_for_how_long_it_is_tried_again() {
    assert_eq!(attempts(|_| {}), (Outcome::Failed, 20));
    let classes = |class| attempts(|policy| policy.retry_on = Some(vec![class]));
    assert_eq!(classes(ErrorClass::Other), (Outcome::Failed, 20), "its code is `down`");
    assert_eq!(classes(ErrorClass::Connection), (Outcome::Failed, 1));
    let (outcome, made) = attempts(|policy| policy.budget = Some(Span(Duration::ZERO)));
    assert_eq!((outcome, made), (Outcome::Failed, 1));
}

#[test]
fn a_chain_that_is_killed_while_it_puts_letters_is_opened_again_only_then() {
    let (left, right) = (Memory::default(), Memory::with_fault(Fault::BeforeCommit(1)));
    let mut bed = Bed::new()
        .source(Numbers::new(1, 100))
        .processor("picky", &["source"], FailMultiples(10))
        .on_error(OnError::DeadLetter)
        .destination("left", &["picky"], &left)
        .destination("right", &["picky"], &right);
    let (is_first, is_reopened) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
    let (epochs, reopened) = (bed.state.epochs.clone(), is_reopened.clone());
    bed.state.before_put = Some(Arc::new(move || {
        if !is_first.swap(false, Ordering::SeqCst) {
            return;
        }
        // Long enough for the other destination to fail and for the chain to be opened again if it could be.
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(400) && !reopened.load(Ordering::SeqCst) {
            let has_other = epochs.lock().unwrap().values().any(|epoch| *epoch > 1);
            reopened.fetch_or(has_other, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(1));
        }
    }));
    let report = bed.run().unwrap();
    assert_eq!((report.outcome, report.retries), (Outcome::Completed, 1));
    assert!(!is_reopened.load(Ordering::SeqCst), "others began while letters were put");
    assert_eq!(bed.state.letters(), (0..100).step_by(10).collect::<Vec<u64>>());
}
