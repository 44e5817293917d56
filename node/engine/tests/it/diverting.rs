//! Records that fail at a step and go on to the readers of its errors, and records that are tried again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::{AsArray, Int64Array, RecordBatch};
use etl_engine::{ERROR_COLUMN, EngineError, ErrorRecords, Outcome, RunReport, StepLimits};
use etl_model::{Batch, Counters, OnError, RecordError, Span, StepName};
use etl_sdk::{ConnectorError, Processed, Processor, ProcessorCapabilities, RetryPolicy};

use crate::fakes::{Bed, FailAt, FailMultiples, Fault, KeepMultiples, Memory, Numbers, Remainders, Repeat};

/// Of every record that has failed the number, checked against what is said of it.
struct Checked {
    step: &'static str,
    code: &'static str,
}

impl Processor for Checked {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let why = batch.records().column_by_name(ERROR_COLUMN).unwrap().as_struct().clone();
        let all_are = |column: &str, text: &str| {
            let column = why.column_by_name(column).unwrap().as_string::<i32>();
            assert!(column.iter().all(|value| value == Some(text)), "{column:?}");
        };
        all_are("step", self.step);
        all_are("code", self.code);
        if batch.records().column_by_name("n").is_some() {
            return Ok(Processed { batch, filtered: Vec::new(), errors: Vec::new() });
        }
        // What a source could not read: the ordinals stand for the numbers.
        let numbers = batch.ordinals().values().iter().map(|ordinal| *ordinal as i64);
        let column = Arc::new(Int64Array::from_iter_values(numbers));
        let records = RecordBatch::try_from_iter([("n", column as _)]).unwrap();
        let batch = Batch::new(records, batch.ordinals().clone()).unwrap();
        Ok(Processed { batch, filtered: Vec::new(), errors: Vec::new() })
    }
}

fn counters(report: &RunReport, destination: &str) -> Counters {
    let route = report.routes.iter().find(|route| route.destination.as_str() == destination);
    let counters = route.unwrap().counters;
    assert!(counters.balanced(), "{counters:?}");
    counters
}

fn sorted(memory: &Memory) -> Vec<i64> {
    let mut rows = memory.rows();
    rows.sort_unstable();
    rows
}

fn numbers(records: i64, keep: impl Fn(i64) -> bool) -> Vec<i64> {
    (0..records).filter(|n| keep(*n)).collect()
}

#[test]
fn what_fails_at_a_step_goes_to_the_readers_of_its_errors() {
    for fault in [None, Some(Fault::BeforeCommit(2)), Some(Fault::AfterCommit(2))] {
        let (good, bad) = (Memory::default(), Memory::default());
        bad.faults.lock().unwrap().extend(fault);
        let bed = Bed::new()
            .source(Numbers::new(1, 1000))
            .processor("picky", &["source"], FailMultiples(7))
            .processor("picky-errors", &["picky"], ErrorRecords)
            .processor("checked", &["picky-errors"], Checked { step: "picky", code: "multiple" })
            .destination("good", &["picky"], &good)
            .destination("bad", &["checked"], &bad);
        let report = bed.run().unwrap();
        assert_eq!(report.outcome, Outcome::Completed);
        assert_eq!(report.retries, u32::from(fault.is_some()));
        assert_eq!(good.rows(), numbers(1000, |n| n % 7 != 0));
        assert_eq!(bad.rows(), numbers(1000, |n| n % 7 == 0));
        for (name, delivered) in [("good", 857), ("bad", 143)] {
            let found = counters(&report, name);
            assert_eq!((found.read, found.delivered, found.filtered), (1000, delivered, 1000 - delivered));
        }
        assert!(bed.state.letters().is_empty());
    }
}

#[test]
fn what_a_source_cannot_read_goes_to_the_readers_of_its_errors() {
    let (good, all) = (Memory::default(), Memory::default());
    let source = Numbers { malformed: |i| i % 10 == 3, ..Numbers::new(1, 200) };
    let bed = Bed::new()
        .source(source)
        .processor("errors", &["source"], ErrorRecords)
        .processor("checked", &["errors"], Checked { step: "source", code: "malformed" })
        .destination("good", &["source"], &good)
        .destination("all", &["source", "checked"], &all);
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(good.rows(), numbers(200, |n| n % 10 != 3));
    assert_eq!(sorted(&all), numbers(200, |_| true));
    let found = counters(&report, "good");
    assert_eq!((found.read, found.delivered, found.filtered), (200, 180, 20));
    let found = counters(&report, "all");
    assert_eq!((found.read, found.delivered, found.filtered), (400, 200, 200), "it is met on two ways");
}

#[test]
fn of_records_with_one_ordinal_those_go_on_that_have_failed() {
    let (good, bad, unmade) = (Memory::default(), Memory::default(), Memory::default());
    let bed = Bed::new()
        .source(Numbers::new(1, 60))
        .processor("repeat", &["source"], Repeat(4))
        .processor("repeat-errors", &["repeat"], ErrorRecords)
        .processor("picky", &["repeat"], FailMultiples(5))
        .processor("picky-errors", &["picky"], ErrorRecords)
        .destination("good", &["picky"], &good)
        .destination("bad", &["picky-errors"], &bad)
        .destination("unmade", &["repeat-errors"], &unmade);
    let report = bed.run().unwrap();
    let repeated = |keep: fn(i64) -> bool| {
        let numbers = numbers(60, |n| n % 7 != 0 && keep(n)).into_iter();
        numbers.flat_map(|n| vec![n; n as usize % 4]).collect::<Vec<i64>>()
    };
    assert_eq!(good.rows(), repeated(|n| n % 5 != 0));
    assert_eq!(bad.rows(), repeated(|n| n % 5 == 0));
    assert_eq!(unmade.rows(), numbers(60, |n| n % 7 == 0));
    for (name, memory) in [("good", &good), ("bad", &bad), ("unmade", &unmade)] {
        let found = counters(&report, name);
        assert_eq!((found.read, found.delivered), (60, memory.rows().len() as u64), "{name}");
    }
}

#[test]
fn errors_of_a_repartition_are_whole_and_those_behind_it_are_divided() {
    let (good, keyless, bad) = (Memory::default(), Memory::default(), Memory::default());
    let bed = Bed::new()
        .source(Numbers::new(1, 1000))
        .processor("divide", &["source"], Remainders { keyless: 10, ..Remainders::of(3) })
        .processor("divide-errors", &["divide"], ErrorRecords)
        .processor("picky", &["divide"], FailMultiples(7))
        .processor("picky-errors", &["picky"], ErrorRecords)
        .processor("even", &["picky-errors"], KeepMultiples(2))
        .destination("good", &["picky"], &good)
        .destination("keyless", &["divide-errors"], &keyless)
        .destination("bad", &["even"], &bad);
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Completed);
    let is_keyless = |n: i64| n > 0 && n % 10 == 0;
    assert_eq!(sorted(&good), numbers(1000, |n| !is_keyless(n) && n % 7 != 0));
    assert_eq!(keyless.rows(), numbers(1000, is_keyless));
    assert_eq!(sorted(&bad), numbers(1000, |n| !is_keyless(n) && n % 14 == 0));
    assert_eq!((good.markers().len(), keyless.markers().len(), bad.markers().len()), (3, 1, 3));
    for (name, memory) in [("good", &good), ("keyless", &keyless), ("bad", &bad)] {
        let found = counters(&report, name);
        let delivered = memory.rows().len() as u64;
        assert_eq!(
            (found.read, found.delivered, found.filtered),
            (1000, delivered, 1000 - delivered),
            "{name}"
        );
    }
}

/// Fails on one number for so many times.
struct Late(Arc<AtomicU64>);

impl Processor for Late {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let is_there = batch.ordinals().values().contains(&500);
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match is_there.then_some(left) {
            Some(Ok(_)) => FailAt(500).process(batch),
            _ => Ok(Processed { batch, filtered: Vec::new(), errors: Vec::<RecordError>::new() }),
        }
    }
}

/// The report of a run with a record that is there only at the attempt after so many, and the destination.
fn late(times: u64, own: Option<RetryPolicy>) -> (RunReport, Memory) {
    let memory = Memory::default();
    let mut source = Numbers::new(1, 1000);
    // One batch has it, and no other uses the times up.
    source.per_chunk = 1000;
    let mut bed = Bed::new()
        .source(source)
        .processor("late", &["source"], Late(Arc::new(AtomicU64::new(times))))
        .on_error(OnError::Retry)
        .destination("sink", &["late"], &memory);
    if let Some(retry) = own {
        let limits = StepLimits { retry: Some(retry), ..StepLimits::default() };
        bed.pipeline.limits.insert(StepName::new("late").unwrap(), limits);
    }
    (bed.run().unwrap(), memory)
}

#[test]
fn a_record_that_is_tried_again_ends_the_run_only_when_it_goes_on_failing() {
    let (report, memory) = late(2, None);
    assert_eq!((report.outcome, report.retries), (Outcome::Completed, 2));
    assert_eq!(memory.rows(), numbers(1000, |_| true));
    let (report, memory) = late(3, None);
    assert_eq!((report.outcome, memory.rows().len()), (Outcome::Failed, 0));
    assert!(
        matches!(&report.failures[0].error, EngineError::Unsettled { error, .. } if error.ordinal == 500)
    );
    assert_eq!(report.failures[0].error.code(), "wrong");
}

#[test]
fn a_step_is_tried_again_as_its_own_policy_says() {
    let pause = Span(Duration::from_millis(1));
    let patient =
        RetryPolicy { max_attempts: 9, initial_backoff: pause, max_backoff: pause, ..RetryPolicy::default() };
    let (report, memory) = late(8, Some(patient.clone()));
    assert_eq!((report.outcome, report.retries), (Outcome::Completed, 8), "the run has three attempts");
    assert_eq!(memory.rows(), numbers(1000, |_| true));
    let (report, _) = late(1, Some(RetryPolicy { max_attempts: 1, ..patient }));
    assert_eq!((report.outcome, report.retries), (Outcome::Failed, 0));
}
