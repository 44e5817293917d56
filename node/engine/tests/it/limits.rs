//! Rate limits and circuit breakers of one process, which leases to itself.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use etl_engine::{Outcome, PartitionEnd, StepLimits, StopMode};
use etl_model::{ByteSize, CircuitBreaker, RateAmount, RateLimit, Span, StepName};

use crate::crew::workplace;
use crate::fakes::{Bed, Caller, Fault, Flaky, Memory, Numbers};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn rate(amount: RateAmount, per: Duration) -> StepLimits {
    StepLimits { rate: Some(RateLimit { amount, per: Span(per), name: None }), ..StepLimits::default() }
}

fn breaker(failures: u32, open_for: Duration) -> StepLimits {
    let within = Span(Duration::from_secs(30));
    let breaker = CircuitBreaker { failures, within, open_for: Span(open_for), name: None };
    StepLimits { breaker: Some(breaker), ..StepLimits::default() }
}

fn limited(mut bed: Bed, step: &str, limits: StepLimits) -> Bed {
    bed.pipeline.limits.insert(StepName::new(step).unwrap(), limits);
    bed
}

fn expected(partitions: i64, records: i64) -> Vec<i64> {
    (0..partitions).flat_map(|p| (0..records).map(move |i| p * 1_000_000 + i)).collect()
}

/// 2,000 records take half a second at least, because a budget begins with nothing.
#[test]
fn a_rate_holds_at_either_end_and_nothing_is_lost() {
    let records = || rate(RateAmount::Records(2000), ms(500));
    // The fake source counts 8 bytes a record, the fake destination 100.
    let cases = [
        ("sink", records()),
        ("source", records()),
        ("sink", rate(RateAmount::Bytes(ByteSize(200_000)), ms(500))),
        ("source", rate(RateAmount::Bytes(ByteSize(16_000)), ms(500))),
    ];
    for (step, limits) in cases {
        for per_chunk in [10, 1000] {
            let memory = Memory::default();
            let source = Numbers { per_chunk, ..Numbers::new(2, 1000) };
            let bed = Bed::new().source(source).destination("sink", &["source"], &memory);
            let report = limited(bed, step, limits.clone()).run().unwrap();
            assert_eq!(report.outcome, Outcome::Completed);
            assert_eq!(memory.rows(), expected(2, 1000), "{step} {limits:?}");
            assert!(report.elapsed >= ms(495), "{step} {limits:?}: {:?}", report.elapsed);
            assert!(report.elapsed < ms(5000), "{step} {limits:?}: {:?}", report.elapsed);
        }
    }
}

#[test]
fn two_steps_that_name_a_budget_share_it() {
    let memory = Memory::default();
    let shared = || {
        let mut limits = rate(RateAmount::Records(2000), ms(500));
        limits.rate.as_mut().unwrap().name = Some("crm".to_owned());
        limits
    };
    let bed = Bed::new().source(Numbers::new(1, 1000)).destination("sink", &["source"], &memory);
    let report = limited(limited(bed, "source", shared()), "sink", shared()).run().unwrap();
    assert_eq!(memory.rows().len(), 1000);
    assert!(report.elapsed >= ms(495), "2,000 records pass in all: {:?}", report.elapsed);
}

#[test]
fn a_run_that_waits_at_a_slow_limit_is_stopped_soon_and_continued_exactly() {
    for step in ["sink", "source"] {
        let memory = Memory::default();
        let bed = Bed::new().source(Numbers::new(2, 500)).destination("sink", &["source"], &memory);
        let mut bed = limited(bed, step, rate(RateAmount::Records(100), ms(1000)));
        let content = memory.clone();
        let begin = Instant::now();
        let report = bed.run_while(|stop| async move {
            while content.rows().is_empty() {
                tokio::time::sleep(ms(5)).await;
            }
            stop.send(StopMode::Drain).unwrap();
        });
        assert_eq!(report.unwrap().outcome, Outcome::Stopped, "{step}");
        assert!(begin.elapsed() < Duration::from_secs(5), "{step}: {:?}", begin.elapsed());
        let committed = memory.rows().len();
        assert!((1..900).contains(&committed), "{step}: {committed}");
        bed.pipeline.limits.clear();
        bed.stop.0.send(StopMode::Running).unwrap();
        assert_eq!(bed.run().unwrap().outcome, Outcome::Completed);
        assert_eq!(memory.rows(), expected(2, 500), "{step}");
    }
}

#[test]
fn an_outage_is_waited_out_however_often_calls_fail() {
    for unit in [1, 3] {
        let memory = Memory::default();
        memory.faults.lock().unwrap().extend([Fault::BeforeCommit(unit); 9]);
        let bed = Bed::new().source(Numbers::new(1, 1000)).destination("sink", &["source"], &memory);
        // Of itself the policy gives up at the third.
        let bed = limited(bed, "sink", breaker(2, ms(20)));
        let report = bed.run().unwrap();
        assert_eq!(report.outcome, Outcome::Completed);
        assert_eq!(report.retries, 9, "every failure was one");
        assert_eq!(memory.rows(), expected(1, 1000));
    }
}

#[test]
fn failures_below_the_threshold_count_as_ever() {
    let memory = Memory::default();
    memory.faults.lock().unwrap().extend([Fault::BeforeCommit(1); 9]);
    let bed = Bed::new().source(Numbers::new(1, 100)).destination("sink", &["source"], &memory);
    let report = limited(bed, "sink", breaker(100, ms(20))).run().unwrap();
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(memory.faults.lock().unwrap().len(), 6, "three attempts");
}

#[test]
fn while_it_is_open_one_chain_at_a_time_looks_whether_the_system_is_back() {
    const OPEN_FOR: Duration = Duration::from_millis(200);
    let flaky = Flaky::down();
    let mut bed = Bed::new().source(Numbers::new(8, 100)).destination("sink", &["source"], &flaky);
    bed.options.parallelism = std::num::NonZeroUsize::new(8).unwrap();
    // A chain that waits for its breaker is not stuck.
    bed.options.stall_timeout = ms(100);
    let bed = limited(bed, "sink", breaker(3, OPEN_FOR));
    let seen = flaky.clone();
    let report = bed.run_while(|_| async move {
        // What is under way when it opens goes on; then there are probes alone.
        let are_probes = || seen.gaps(4).iter().all(|gap| *gap >= OPEN_FOR - ms(20));
        while seen.calls() < 8 || !are_probes() {
            tokio::time::sleep(ms(10)).await;
        }
        let before = seen.calls();
        assert!(before < 40, "{before} calls");
        seen.heal();
    });
    let report = report.unwrap();
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(flaky.memory.rows(), expected(8, 100));
}

#[test]
fn a_run_that_waits_for_a_breaker_is_stopped_at_once_and_is_not_done() {
    let flaky = Flaky::down();
    let bed = Bed::new().source(Numbers::new(2, 100)).destination("sink", &["source"], &flaky);
    let bed = limited(bed, "sink", breaker(1, Duration::from_secs(3600)));
    let seen = flaky.clone();
    let report = bed.run_while(|stop| async move {
        while seen.calls() < 2 {
            tokio::time::sleep(ms(5)).await;
        }
        stop.send(StopMode::Drain).unwrap();
    });
    let report = report.unwrap();
    assert_eq!((report.outcome, report.partitions), (Outcome::Stopped, (0, 2)));
    flaky.heal();
    bed.stop.0.send(StopMode::Running).unwrap();
    assert_eq!(bed.run().unwrap().outcome, Outcome::Completed);
    assert_eq!(flaky.memory.rows(), expected(2, 100));
}

/// Without a limit: its destination could not be reached even once.
fn unreached() -> (Flaky, Bed) {
    let flaky = Flaky::down();
    let mut bed = Bed::new().source(Numbers::new(1, 100)).destination("sink", &["source"], &flaky);
    bed.options.retry.initial_backoff = Span(Duration::from_secs(3600));
    bed.options.retry.max_backoff = Span(Duration::from_secs(3600));
    (flaky, bed)
}

#[test]
fn a_run_that_is_stopped_before_its_destination_was_reached_is_not_done() {
    let (flaky, mut bed) = unreached();
    let seen = flaky.clone();
    let report = bed.run_while(|stop| async move {
        while seen.calls() < 1 {
            tokio::time::sleep(ms(5)).await;
        }
        stop.send(StopMode::Drain).unwrap();
    });
    let report = report.unwrap();
    assert_ne!(report.outcome, Outcome::Completed, "nothing was delivered");
    assert_eq!(report.partitions, (0, 1));
    flaky.heal();
    bed.stop.0.send(StopMode::Running).unwrap();
    bed.options.retry.initial_backoff = Span(ms(1));
    assert_eq!(bed.run().unwrap().outcome, Outcome::Completed);
    assert_eq!(flaky.memory.rows(), expected(1, 100));
}

#[test]
fn a_partition_that_is_drained_before_its_destination_was_reached_is_not_done() {
    let (flaky, bed) = unreached();
    let mut place = workplace(&bed);
    place.begin(0);
    place.until_it_pauses();
    place.crew.drain(0);
    match place.next() {
        (0, PartitionEnd::Drained { markers }) => assert!(markers.is_empty()),
        other => panic!("{other:?}"),
    }
    assert_eq!(flaky.memory.rows(), expected(0, 0));
}

#[test]
fn a_crew_whose_limits_nobody_keeps_refuses_its_partitions() {
    let bed = Bed::new().source(Numbers::new(1, 100)).destination("sink", &["source"], &Memory::default());
    let place = workplace(&limited(bed, "sink", rate(RateAmount::Records(1), ms(1000))));
    let refused = place.try_to_begin(0).unwrap_err();
    assert!(refused.to_string().contains("nobody keeps the limits"), "{refused}");
}

fn calling(partitions: usize, records: u64, caller: &Caller, memory: &Memory) -> Bed {
    Bed::new()
        .source(Numbers::new(partitions, records))
        .processor("call", &["source"], caller.clone())
        .destination("sink", &["call"], memory)
}

#[test]
fn a_rate_holds_for_the_calls_of_a_transformation() {
    for limits in
        [rate(RateAmount::Records(2000), ms(500)), rate(RateAmount::Bytes(ByteSize(16_000)), ms(500))]
    {
        let (caller, memory) = (Caller::default(), Memory::default());
        let report = limited(calling(2, 1000, &caller, &memory), "call", limits.clone()).run().unwrap();
        assert_eq!((report.outcome, memory.rows()), (Outcome::Completed, expected(2, 1000)));
        assert!(report.elapsed >= ms(495), "{limits:?}: {:?}", report.elapsed);
    }
}

#[test]
fn a_transformation_that_waits_at_a_limit_is_stopped_soon_and_continued_exactly() {
    for limits in [rate(RateAmount::Records(100), ms(1000)), breaker(1, Duration::from_secs(3600))] {
        let (caller, memory) = (Caller::default(), Memory::default());
        caller.spared.store(30, Ordering::SeqCst);
        caller.failures.store(1, Ordering::SeqCst);
        let mut bed = limited(calling(2, 500, &caller, &memory), "call", limits.clone());
        let (seen, begin) = (caller.clone(), Instant::now());
        let report = bed.run_while(|stop| async move {
            while seen.failures.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(ms(5)).await;
            }
            stop.send(StopMode::Drain).unwrap();
        });
        let report = report.unwrap();
        assert_eq!(report.outcome, Outcome::Stopped, "{limits:?} {:?}", report.failures);
        assert!(begin.elapsed() < Duration::from_secs(10), "{limits:?}: {:?}", begin.elapsed());
        bed.pipeline.limits.clear();
        bed.stop.0.send(StopMode::Running).unwrap();
        assert_eq!(bed.run().unwrap().outcome, Outcome::Completed);
        assert_eq!(memory.rows(), expected(2, 500), "{limits:?}");
    }
}

#[test]
fn a_call_that_takes_longer_than_its_step_allows_is_given_up_and_made_again() {
    let memory = Memory::default();
    let mut source = Numbers::new(2, 1000);
    source.hang_at = Some(500);
    let limits = StepLimits { timeout: Some(ms(50)), ..StepLimits::default() };
    let bed = Bed::new().source(source).destination("sink", &["source"], &memory);
    let mut bed = limited(bed, "source", limits);
    bed.options.retry.max_attempts = 1;
    let report = bed.run().unwrap();
    assert_eq!((report.outcome, report.failures[0].error.code()), (Outcome::Failed, "timeout"));
    assert_eq!(report.failures[0].error.to_string(), "source: `next` has taken longer than 50ms");
    bed.options.retry.max_attempts = 2;
    assert_eq!(bed.run().unwrap().outcome, Outcome::Completed);
    assert_eq!(memory.rows(), expected(2, 1000));
}

#[test]
fn an_outage_behind_a_transformation_is_waited_out() {
    let (caller, memory) = (Caller::default(), Memory::default());
    caller.failures.store(30, Ordering::SeqCst);
    let report = limited(calling(1, 1000, &caller, &memory), "call", breaker(2, ms(20))).run().unwrap();
    assert_eq!(report.outcome, Outcome::Completed);
    // Of itself the policy gives up at the third; several batches fail at once.
    assert!(report.retries > 3 && caller.failures.load(Ordering::SeqCst) == 0, "{}", report.retries);
    assert_eq!(memory.rows(), expected(1, 1000));
}
