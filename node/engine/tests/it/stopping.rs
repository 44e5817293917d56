use etl_engine::{Outcome, StopMode};

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
