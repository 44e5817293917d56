use std::sync::atomic::Ordering;
use std::time::Duration;

use etl_engine::{Outcome, StopMode};
use etl_model::ByteSize;

use crate::fakes::{Bed, Memory, Numbers};

#[test]
fn a_drained_run_has_committed_everything_it_read_and_is_continued() {
    drain_and_continue(Memory::default());
}

#[test]
fn a_destination_without_markers_is_continued_from_the_checkpoint() {
    drain_and_continue(Memory { forgets: true, ..Memory::default() });
}

fn drain_and_continue(memory: Memory) {
    let mut source = Numbers::new(2, 1);
    source.records = None;
    let bed = Bed::new().source(source.clone()).destination("sink", &["source"], &memory);
    let content = memory.content.clone();
    let report = bed.run_while(|stop| async move {
        while content.lock().unwrap().rows.len() < 2 {
            tokio::task::yield_now().await;
        }
        stop.send(StopMode::Drain).unwrap();
    });
    let report = report.unwrap();
    assert_eq!(report.outcome, Outcome::Stopped);
    assert_eq!(report.partitions, (0, 2));
    let read = source.read.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(memory.rows().len() as u64, read, "what was read is committed");
    assert_eq!(report.routes[0].counters.read, read);

    let ends: Vec<u64> = memory.markers().iter().map(|m| m.position.as_ref().unwrap().next).collect();
    bed.stop.0.send(StopMode::Running).unwrap();
    let finite = Numbers { records: Some(ends.iter().max().unwrap() + 500), ..source };
    let mut again = bed;
    again.pipeline.sources.clear();
    let again = again.source(finite.clone());
    assert_eq!(again.run().unwrap().outcome, Outcome::Completed);
    let total = finite.records.unwrap() as i64;
    let expected: Vec<i64> = (0..2).flat_map(|p| (0..total).map(move |i| p * 1_000_000 + i)).collect();
    assert_eq!(memory.rows(), expected);
}

#[test]
fn what_goes_on_commits_its_first_rows_soon_and_a_new_run_when_it_is_time() {
    // No unit is full before its time.
    let memory = Memory { row_bytes: Some(0), ..Memory::default() };
    let mut source = Numbers { memory: 8, ..Numbers::new(1, 1) };
    source.records = None;
    let mut bed = Bed::new().source(source.clone()).destination("sink", &["source"], &memory);
    bed.options.commit_interval = Duration::from_secs(3600);
    bed.options.memory = ByteSize(4 << 30);
    let read = source.read.clone();
    let run = |until: Box<dyn Fn() -> bool>| {
        bed.stop.0.send(StopMode::Running).unwrap();
        let report = bed.run_while(|stop| async move {
            let waited = tokio::time::timeout(Duration::from_secs(30), async {
                while !until() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            });
            // Without the commit that it waits for the run ends all the same, and the test says what is wrong.
            let _ = waited.await;
            stop.send(StopMode::Drain).unwrap();
        });
        assert_eq!(report.unwrap().outcome, Outcome::Stopped);
        memory.markers()[0].seq
    };
    assert_eq!(run(Box::new(move || read.load(Ordering::SeqCst) > 5_000)), 1, "its end alone");
    let content = memory.clone();
    assert_eq!(run(Box::new(move || content.markers()[0].seq == 2)), 3, "the first rows and its end");
}
