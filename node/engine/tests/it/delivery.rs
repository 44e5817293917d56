use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use etl_engine::Outcome;

use crate::fakes::{Bed, KeepMultiples, Memory, Numbers};

#[test]
fn every_record_arrives_once_and_in_order() {
    let memory = Memory::default();
    let mut bed = Bed::new().source(Numbers::new(3, 1234)).destination("sink", &["source"], &memory);
    bed.options.workers = NonZeroUsize::new(4).unwrap();
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Completed);
    let expected: Vec<i64> = (0..3).flat_map(|p| (0..1234).map(move |i| p * 1_000_000 + i)).collect();
    assert_eq!(memory.rows(), expected);
    assert_eq!(report.partitions, (3, 3));
    assert_eq!(report.routes[0].counters.read, 3 * 1234);
    assert!(report.routes[0].counters.balanced());
    assert!(memory.markers().iter().all(|marker| marker.done));
    assert_eq!(memory.content.lock().unwrap().completed, 1);
}

#[test]
fn a_run_that_is_done_reads_nothing_again() {
    let memory = Memory::default();
    let source = Numbers::new(1, 100);
    let bed = Bed::new().source(source.clone()).destination("sink", &["source"], &memory);
    bed.run().unwrap();
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(report.routes[0].counters.delivered, 100);
    assert_eq!(memory.rows().len(), 100);
    assert_eq!(source.opened_at.lock().unwrap().len(), 1);
}

#[test]
fn the_source_is_acknowledged_only_up_to_the_checkpoint() {
    let memory = Memory::default();
    let mut source = Numbers::new(1, 1);
    source.records = None;
    let mut bed = Bed::new().source(source.clone()).destination("sink", &["source"], &memory);
    let (acknowledged, checkpoints) = (source.acknowledged.clone(), bed.state.checkpoints.clone());
    let stored = move || {
        let checkpoints = checkpoints.lock().unwrap();
        checkpoints.values().filter_map(|marker| Some(marker.position.as_ref()?.next)).max().unwrap_or(0)
    };
    let is_over = Arc::new(AtomicBool::new(false));
    // The destination is always ahead when the store tells that it has a checkpoint.
    let (ahead, over) = (
        {
            let (memory, stored) = (memory.clone(), stored.clone());
            move || {
                memory
                    .markers()
                    .iter()
                    .any(|marker| marker.position.as_ref().is_some_and(|position| position.next > stored()))
            }
        },
        is_over.clone(),
    );
    bed.state.after_store = Some(Arc::new(move || {
        while !ahead() && !over.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
    }));
    let report = bed.run_while(|stop| async move {
        while acknowledged.lock().unwrap().len() < 3 {
            let newest = acknowledged.lock().unwrap().last().copied().unwrap_or(0);
            assert!(newest <= stored(), "{newest} is acknowledged, {} stored", stored());
            tokio::task::yield_now().await;
        }
        is_over.store(true, Ordering::SeqCst);
        stop.send(etl_engine::StopMode::Drain).unwrap();
    });
    assert_eq!(report.unwrap().outcome, Outcome::Stopped);
}

#[test]
fn a_slow_destination_holds_the_source_back() {
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let memory = Memory { gate: Some(gate.clone()), ..Memory::default() };
    let mut source = Numbers::new(1, 200_000);
    source.memory = 100_000;
    let bed = Bed::new().source(source.clone()).destination("sink", &["source"], &memory);
    let read = source.read.clone();
    let report = bed.run_while(|_| async move {
        // Let it run until the source stands still, with nothing written.
        let mut before = u64::MAX;
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            let now = read.load(std::sync::atomic::Ordering::SeqCst);
            if now == before {
                break;
            }
            before = now;
        }
        assert!(before < 200_000, "{before} records were read although nothing was written");
        gate.add_permits(1_000_000);
    });
    assert_eq!(report.unwrap().outcome, Outcome::Completed);
    assert_eq!(memory.rows().len(), 200_000);
    let share = 16 * (1 << 20) / 4;
    let most = memory.most_held.load(std::sync::atomic::Ordering::SeqCst);
    assert!(most <= share, "{most} bytes were held, the budget is {share}");
}

#[test]
fn filtered_records_move_the_position_too() {
    let memory = Memory::default();
    let bed = Bed::new()
        .source(Numbers::new(1, 500))
        .processor("none", &["source"], KeepMultiples(1_000_000_007))
        .destination("sink", &["none"], &memory);
    let report = bed.run().unwrap();
    let counters = report.routes[0].counters;
    assert_eq!((counters.read, counters.delivered, counters.filtered), (500, 1, 499));
    assert_eq!(memory.markers()[0].position.as_ref().unwrap().next, 500);
}
