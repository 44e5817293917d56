use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use etl_engine::{EngineError, Outcome, StopMode};
use etl_model::{Marker, OnError, Route, Shard};
use tokio::sync::Semaphore;

use crate::fakes::{Bed, FailAt, FailMultiples, Fault, KeepMultiples, Memory, Numbers, Remainders};

fn divided(source: Numbers, memory: &Memory) -> Bed {
    Bed::new().source(source).processor("divide", &["source"], Remainders::of(3)).destination(
        "sink",
        &["divide"],
        memory,
    )
}

fn shard(route: &Route) -> usize {
    route.shard.map(Shard::number).unwrap()
}

/// Every shard of every partition has its numbers, each once and in order, up to its end.
fn assert_exact(memory: &Memory, partitions: i64, records: i64) {
    let content = memory.content.lock().unwrap();
    assert_eq!(content.markers.len() as i64, partitions * 3);
    for (route, marker) in &content.markers {
        let partition: i64 = route.partition.0.parse().unwrap();
        let all = (0..records).map(|i| partition * 1_000_000 + i);
        let expected: Vec<i64> = all.filter(|n| *n as usize % 3 == shard(route)).collect();
        assert_eq!(content.rows.get(route).cloned().unwrap_or_default(), expected, "{route}");
        let position = marker.position.as_ref().map(|position| position.next as i64);
        assert_eq!((marker.done, position), (true, Some(records)), "{route}");
        assert!(marker.counters.balanced());
    }
}

fn markers(memory: &Memory) -> Vec<Marker> {
    memory.content.lock().unwrap().markers.values().cloned().collect()
}

#[test]
fn rows_with_equal_keys_meet_in_one_shard_in_their_order() {
    let memory = Memory::default();
    let report = divided(Numbers::new(2, 1000), &memory).run().unwrap();
    assert_eq!((report.outcome, report.partitions), (Outcome::Completed, (2, 2)));
    assert_exact(&memory, 2, 1000);
    assert_eq!(report.routes.len(), 1, "a destination is told once");
    let counters = report.routes[0].counters;
    assert_eq!((counters.read, counters.delivered, counters.bytes_read), (2000, 2000, 16_000));
    let content = memory.content.lock().unwrap();
    let indexes: Vec<usize> = content.completed_routes.iter().map(|route| content.opened[route]).collect();
    assert_eq!(indexes, (0..6).collect::<Vec<_>>(), "all routes at once, in the order of their indexes");
    let first = &content.completed_routes[4];
    assert_eq!((first.partition.0.as_str(), shard(first)), ("1", 1));
    assert_eq!(content.completed, 1);
}

#[test]
fn a_fault_around_a_commit_of_any_shard_neither_loses_nor_doubles() {
    for unit in 1..6 {
        for fault in [Fault::BeforeCommit(unit), Fault::AfterCommit(unit)] {
            for faulty in 0..3 {
                let memory = Memory { faulty_shard: Some(faulty), ..Memory::with_fault(fault) };
                let report = divided(Numbers::new(1, 1000), &memory).run().unwrap();
                assert_eq!(report.outcome, Outcome::Completed, "{fault:?}");
                assert_eq!(report.retries, 1, "{fault:?} did not bite in shard {faulty}");
                assert_exact(&memory, 1, 1000);
                let counters = report.routes[0].counters;
                assert_eq!((counters.read, counters.delivered), (1000, 1000));
            }
        }
    }
}

/// A run that ended with shard 1 behind the others, whose units are a race of its last moments.
fn one_shard_behind() -> (Memory, Numbers, Bed, Vec<u64>) {
    for _ in 0..200 {
        let memory = Memory { faulty_shard: Some(1), ..Memory::default() };
        memory.faults.lock().unwrap().extend([Fault::BeforeCommit(3); 9]);
        let source = Numbers::new(1, 1000);
        let bed = divided(source.clone(), &memory);
        assert_eq!(bed.run().unwrap().outcome, Outcome::Failed);
        let positions: Vec<u64> =
            markers(&memory).iter().map(|marker| marker.position.as_ref().map_or(0, |at| at.next)).collect();
        if positions[1] < positions[0] && positions[1] < positions[2] {
            return (memory, source, bed, positions);
        }
    }
    panic!("the others are never ahead");
}

#[test]
fn what_is_read_again_is_dropped_only_where_it_is_covered() {
    let (memory, source, bed, positions) = one_shard_behind();
    memory.faults.lock().unwrap().clear();
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(source.opened_at.lock().unwrap().last(), Some(&positions[1]), "from the smallest marker");
    assert_exact(&memory, 1, 1000);
    assert_eq!(report.routes[0].counters.read, 1000);
}

#[test]
fn a_panic_and_a_later_owner_strike_one_shard_and_stop_all() {
    let panicked = Memory { faulty_shard: Some(2), ..Memory::with_fault(Fault::PanicInStage(2)) };
    let bed = divided(Numbers::new(1, 1000), &panicked);
    let report = bed.run().unwrap();
    assert!(matches!(report.failures[0].error, EngineError::Panicked { .. }));
    assert_eq!(bed.run().unwrap().outcome, Outcome::Completed);
    assert_exact(&panicked, 1, 1000);

    let overtaken = Memory { faulty_shard: Some(0), ..Memory::with_fault(Fault::Overtaken(2)) };
    let report = divided(Numbers::new(1, 1000), &overtaken).run().unwrap();
    assert_eq!((report.failures[0].error.code(), report.retries), ("fenced", 0));
    assert_eq!(markers(&overtaken)[0].seq, 1, "nothing was committed after the fence");
}

#[test]
fn what_is_lost_in_front_is_counted_and_kept_by_the_first_shard() {
    for (on_error, fault) in [
        (OnError::DeadLetter, None),
        (OnError::Skip, None),
        (OnError::DeadLetter, Some(Fault::AfterCommit(2))),
    ] {
        let memory = Memory::default();
        memory.faults.lock().unwrap().extend(fault);
        let bed = Bed::new()
            .source(Numbers::new(1, 1000))
            .processor("picky", &["source"], FailMultiples(7))
            .on_error(on_error)
            .processor("even", &["picky"], KeepMultiples(2))
            .processor("divide", &["even"], Remainders { keyless: 100, ..Remainders::of(3) })
            .on_error(on_error)
            .destination("sink", &["divide"], &memory);
        let report = bed.run().unwrap();
        assert_eq!(report.outcome, Outcome::Completed);
        let is_failed = |n: &u64| n.is_multiple_of(7) || (*n > 0 && n.is_multiple_of(100));
        let failed: Vec<u64> = (0..1000).filter(is_failed).collect();
        let set_aside = on_error == OnError::DeadLetter;
        assert_eq!(bed.state.letters(), if set_aside { failed.clone() } else { Vec::new() });
        let counters = report.routes[0].counters;
        let lost = if set_aside { counters.dead_lettered } else { counters.failed };
        assert_eq!((counters.read, lost), (1000, failed.len() as u64));
        let gone = (0..1000).filter(|n| n % 7 != 0 && n % 2 != 0).count() as u64;
        assert_eq!((counters.filtered, counters.delivered), (gone, 1000 - gone - failed.len() as u64));
        for (number, marker) in markers(&memory).iter().enumerate() {
            let of = marker.counters;
            assert!(of.balanced() && of.delivered > 0);
            let lost = (of.filtered, of.dead_lettered + of.failed);
            assert_eq!(lost, if number == 0 { (gone, failed.len() as u64) } else { (0, 0) });
        }
        let kept = bed.state.letters.lock().unwrap();
        assert!(kept.iter().all(|((route, _), letters)| letters.is_empty() || shard(route) == 0));
    }
}

#[test]
fn what_is_lost_behind_is_counted_and_kept_by_its_shard() {
    let memory = Memory { rejects: Some(5), ..Memory::default() };
    let bed = Bed::new()
        .source(Numbers::new(1, 900))
        .processor("divide", &["source"], Remainders::of(3))
        .processor("picky", &["divide"], FailMultiples(7))
        .on_error(OnError::DeadLetter)
        .processor("even", &["picky"], KeepMultiples(2))
        .destination("sink", &["even"], &memory)
        .on_error(OnError::DeadLetter);
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Completed);
    let is_failed = |n: &u64| n.is_multiple_of(7) || n.is_multiple_of(10);
    assert_eq!(bed.state.letters(), (0..900).filter(is_failed).collect::<Vec<_>>());
    for (number, marker) in markers(&memory).iter().enumerate() {
        let mine = || (0..900_u64).filter(|n| *n as usize % 3 == number);
        let counters = marker.counters;
        assert_eq!((counters.read, counters.dead_lettered), (300, mine().filter(is_failed).count() as u64));
        assert_eq!(counters.filtered, mine().filter(|n| n % 7 != 0 && n % 2 != 0).count() as u64);
        assert!(counters.balanced());
    }
    let kept = bed.state.letters.lock().unwrap();
    for ((route, _), letters) in kept.iter() {
        assert!(letters.iter().all(|letter| letter.error.ordinal as usize % 3 == shard(route)));
    }
    assert_eq!(report.routes[0].counters.read, 900);
}

#[test]
fn nothing_is_committed_past_a_record_that_fails_the_run_in_any_shard() {
    for in_front in [true, false] {
        let memory = Memory::default();
        let bed = Bed::new().source(Numbers::new(1, 5000));
        let (bed, last) = match in_front {
            true => {
                let bed = bed.processor("picky", &["source"], FailAt(1501));
                (bed.processor("divide", &["picky"], Remainders::of(3)), "divide")
            }
            false => {
                let bed = bed.processor("divide", &["source"], Remainders::of(3));
                (bed.processor("picky", &["divide"], FailAt(1501)), "picky")
            }
        };
        let mut bed = bed.destination("sink", &[last], &memory);
        bed.options.commit_interval = Duration::from_millis(1);
        assert_eq!(bed.run().unwrap().outcome, Outcome::Failed);
        assert!(memory.rows().iter().all(|n| *n < 1501), "in front: {in_front}");
    }
}

#[test]
fn paths_that_meet_behind_are_counted_per_path() {
    let memory = Memory::default();
    let bed = Bed::new()
        .source(Numbers::new(1, 60))
        .processor("divide", &["source"], Remainders::of(3))
        .processor("twos", &["divide"], KeepMultiples(2))
        .processor("threes", &["divide"], KeepMultiples(3))
        .processor("all", &["twos", "threes"], KeepMultiples(1))
        .destination("sink", &["all"], &memory)
        .destination("whole", &["source"], &Memory::default());
    let report = bed.run().unwrap();
    let counters: Vec<_> = report.routes.iter().map(|route| route.counters).collect();
    assert_eq!((counters[0].read, counters[0].delivered, counters[0].filtered), (120, 50, 70));
    assert_eq!((counters[1].read, counters[1].delivered), (60, 60));
}

#[test]
fn shards_without_rows_commit_their_end_and_little_else() {
    let memory = Memory::default();
    let mut bed = Bed::new()
        .source(Numbers::new(1, 2000))
        .processor("divide", &["source"], Remainders { is_uneven: true, ..Remainders::of(3) })
        .destination("sink", &["divide"], &memory);
    bed.options.commit_interval = Duration::from_secs(3600);
    assert_eq!(bed.run().unwrap().outcome, Outcome::Completed);
    let units: Vec<u64> = markers(&memory).iter().map(|marker| marker.seq).collect();
    assert!(units[0] > 10, "{units:?}");
    assert_eq!(units[1..], [1, 1]);
    assert!(markers(&memory).iter().all(|marker| marker.done));
}

#[test]
fn shards_without_rows_do_not_hold_the_source_position_back() {
    let memory = Memory::default();
    let source = Numbers { records: None, ..Numbers::new(1, 0) };
    let bed = Bed::new()
        .source(source.clone())
        .processor("divide", &["source"], Remainders { is_uneven: true, ..Remainders::of(3) })
        .destination("sink", &["divide"], &memory);
    let acknowledged = source.acknowledged.clone();
    let report = bed.run_while(|stop| async move {
        while acknowledged.lock().unwrap().iter().collect::<BTreeSet<_>>().len() < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.send(StopMode::Drain).unwrap();
    });
    assert_eq!(report.unwrap().outcome, Outcome::Stopped);
    let units: Vec<u64> = markers(&memory).iter().map(|marker| marker.seq).collect();
    assert!(units[1] < units[0] && units[2] < units[0], "{units:?}");
}

#[test]
fn a_destination_with_fewer_writers_than_shards_is_written_to_in_turns() {
    for writers in [1, 2] {
        let memory = Memory { max_writers: NonZeroUsize::new(writers), ..Memory::default() };
        let mut bed = divided(Numbers::new(2, 1000), &memory);
        // Nobody keeps a unit open while others wait.
        bed.options.commit_interval = Duration::from_secs(3600);
        assert_eq!(bed.run().unwrap().outcome, Outcome::Completed);
        assert_exact(&memory, 2, 1000);
        let most = memory.most_writing.load(Ordering::SeqCst);
        assert!(most <= writers, "{most} writers at once instead of {writers}");
    }
}

#[test]
fn all_shards_together_stay_inside_the_budget() {
    let gate = Arc::new(Semaphore::new(0));
    let memory = Memory { gate: Some(gate.clone()), ..Memory::default() };
    let source = Numbers { memory: 100_000, ..Numbers::new(1, 200_000) };
    let read = source.read.clone();
    let report = divided(source, &memory).run_while(|_| async move {
        // Let it run until the source stands still, with nothing written.
        let mut before = u64::MAX;
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let now = read.load(Ordering::SeqCst);
            if now == before {
                break;
            }
            before = now;
        }
        assert!(before < 200_000, "{before} records were read although nothing was written");
        gate.add_permits(10_000_000);
    });
    assert_eq!(report.unwrap().outcome, Outcome::Completed);
    assert_eq!(memory.rows().len(), 200_000);
    let share = 16 * (1 << 20) / 4;
    let most = memory.most_held.load(Ordering::SeqCst);
    assert!(most <= share, "{most} bytes were held, the budget is {share}");
}

#[test]
fn rows_cannot_be_divided_twice_or_in_different_ways() {
    let twice = Bed::new()
        .source(Numbers::new(1, 10))
        .processor("first", &["source"], Remainders::of(3))
        .processor("second", &["first"], Remainders::of(3))
        .destination("sink", &["second"], &Memory::default());
    let mixed = Bed::new()
        .source(Numbers::new(1, 10))
        .processor("divide", &["source"], Remainders::of(3))
        .destination("sink", &["divide", "source"], &Memory::default());
    for (bed, expected) in [(twice, "step `second` divides rows"), (mixed, "step `sink` reads rows")] {
        let error = bed.run().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
