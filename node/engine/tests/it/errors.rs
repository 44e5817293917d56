use std::time::Duration;

use etl_engine::{EngineError, Outcome};
use etl_model::OnError;

use crate::fakes::{Bed, FailMultiples, Memory, Numbers};

fn malformed() -> Numbers {
    Numbers { malformed: |i| i % 10 == 3, ..Numbers::new(1, 100) }
}

#[test]
fn a_malformed_record_fails_the_run_by_default() {
    let memory = Memory::default();
    let report = Bed::new().source(malformed()).destination("sink", &["source"], &memory).run().unwrap();
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(matches!(&report.failures[0].error, EngineError::Record { error, .. } if error.ordinal == 3));
    assert!(report.failures[0].error.help().unwrap().contains("on_error: dead_letter"));
    assert_eq!(report.failures[0].partition.as_ref().unwrap().0, "0");
}

#[test]
fn nothing_is_committed_past_a_record_that_fails_the_run() {
    let memory = Memory::default();
    let mut bed = Bed::new()
        .source(Numbers { malformed: |i| i == 503, ..Numbers::new(1, 5000) })
        .destination("sink", &["source"], &memory);
    bed.options.commit_interval = Duration::from_millis(1);
    assert_eq!(bed.run().unwrap().outcome, Outcome::Failed);
    let rows = memory.rows();
    assert_eq!(rows, (0..rows.len() as i64).collect::<Vec<_>>());
    assert!(rows.len() <= 500, "{} rows", rows.len());
}

#[test]
fn dead_letters_and_skipped_records_are_counted() {
    for (on_error, letters, failed) in [(OnError::DeadLetter, 10, 0), (OnError::Skip, 0, 10)] {
        let memory = Memory::default();
        let bed =
            Bed::new().source_with("source", on_error, malformed()).destination("sink", &["source"], &memory);
        let report = bed.run().unwrap();
        assert_eq!(report.outcome, Outcome::Completed);
        let counters = report.routes[0].counters;
        assert_eq!(
            (counters.read, counters.delivered, counters.dead_lettered, counters.failed),
            (100, 90, letters, failed)
        );
        assert_eq!(bed.state.letters().len() as u64, letters);
    }
}

#[test]
fn rows_a_destination_refuses_follow_its_own_policy() {
    let refusing = |on_error| {
        let memory = Memory { rejects: Some(5), ..Memory::default() };
        let bed = Bed::new()
            .source(Numbers::new(1, 100))
            .destination("sink", &["source"], &memory)
            .on_error(on_error);
        (bed.run().unwrap(), bed.state.letters(), memory)
    };
    let (report, letters, memory) = refusing(OnError::DeadLetter);
    assert_eq!((report.outcome, letters.len(), memory.rows().len()), (Outcome::Completed, 20, 80));
    assert_eq!(report.routes[0].counters.dead_lettered, 20);
    let (report, letters, memory) = refusing(OnError::Skip);
    assert_eq!((report.outcome, letters.len(), memory.rows().len()), (Outcome::Completed, 0, 80));
    assert_eq!(report.routes[0].counters.failed, 20);
    let (report, _, memory) = refusing(OnError::Fail);
    assert_eq!((report.outcome, memory.rows().len()), (Outcome::Failed, 0));
    assert_eq!(report.failures[0].error.to_string(), "sink: 0 is refused");
}

#[test]
fn a_record_set_aside_before_a_fan_out_is_kept_once() {
    let (left, right) = (Memory::default(), Memory::default());
    let bed = Bed::new()
        .source(Numbers::new(1, 100))
        .processor("picky", &["source"], FailMultiples(10))
        .on_error(OnError::DeadLetter)
        .destination("left", &["picky"], &left)
        .destination("right", &["picky"], &right);
    let report = bed.run().unwrap();
    assert_eq!(bed.state.letters(), (0..100).step_by(10).collect::<Vec<u64>>());
    assert!(report.routes.iter().all(|r| r.counters.delivered == 90 && r.counters.dead_lettered == 10));
}
