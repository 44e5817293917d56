use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use etl_model::Retry;
use etl_sdk::{ConnectorError, Destination};
use tokio::sync::Semaphore;

use crate::fakes::{Host, Memory, eventually, numbers};

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_opening_ends_the_older_at_once() {
    let memory = Memory { gate: Some(Arc::new(Semaphore::new(0))), ..Memory::default() };
    let host = Host::of(&memory);
    let sink = host.destination(host.relay(), &memory);
    let (mut older, marker) = host.fenced(&sink, 0, 3).await.unwrap();
    older.write(sink.encoder().encode(numbers(0..10, 5)).unwrap()).await.unwrap();
    eventually("the older is writing", || memory.writes.load(Ordering::SeqCst) == 1).await;

    // Its write would never return; the newer does not wait for that.
    let (_newer, newer_marker) = host.fenced(&sink, 0, 4).await.unwrap();
    assert_eq!((newer_marker.epoch, memory.writers()), (4, 1));
    let error = older.stage(&Host::unit(&marker, 10)).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Fenced { found: 4, held: 3, .. }), "{error:?}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_epoch_is_refused_and_does_no_harm() {
    let memory = Memory::default();
    let host = Host::of(&memory);
    let sink = host.destination(host.relay(), &memory);
    let (mut newer, marker) = host.fenced(&sink, 0, 4).await.unwrap();
    let error = host.fenced(&sink, 0, 3).await.map(|_| ()).unwrap_err();
    assert!(
        matches!(&error, ConnectorError::Fenced { place, found: 4, held: 3, .. }
        if place.contains("node 7: ") && place.contains("source[0], epoch 3")),
        "{error:?}"
    );
    // Other partitions, and those who only look, are not concerned.
    let (_other, _) = host.fenced(&sink, 1, 1).await.unwrap();
    assert_eq!(host.open(&sink, 0).await.marker().await.unwrap().as_ref(), Some(&marker));
    newer.stage(&Host::unit(&marker, 1)).await.unwrap();
    newer.commit(&Host::unit(&marker, 1)).await.unwrap();
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_attempt_of_the_same_epoch_takes_over() {
    let memory = Memory::default();
    let host = Host::of(&memory);
    let sink = host.destination(host.relay(), &memory);
    let (mut older, marker) = host.fenced(&sink, 0, 3).await.unwrap();
    let (_newer, _) = host.fenced(&sink, 0, 3).await.unwrap();
    let error = older.commit(&Host::unit(&marker, 1)).await.unwrap_err();
    assert_eq!((error.code(), error.retry()), ("relay_replaced", Retry::Backoff));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_writer_rolls_back() {
    let memory = Memory::default();
    let host = Host::of(&memory);
    let sink = host.destination(host.relay(), &memory);
    let (mut writer, marker) = host.fenced(&sink, 0, 1).await.unwrap();
    writer.write(sink.encoder().encode(numbers(0..10, 5)).unwrap()).await.unwrap();
    writer.stage(&Host::unit(&marker, 10)).await.unwrap();
    assert_eq!(memory.writers(), 1);
    drop(writer);
    eventually("the real writer is gone", || memory.writers() == 0).await;
    assert_eq!(memory.rolled_back.load(Ordering::SeqCst), 10);
    assert_eq!(memory.numbers(), [] as [i64; 0]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_dropped_inside_a_call_rolls_back() {
    let memory = Memory { commit_gate: Some(Arc::new(Semaphore::new(0))), ..Memory::default() };
    let host = Host::of(&memory);
    let sink = host.destination(host.relay(), &memory);
    let (mut writer, marker) = host.fenced(&sink, 0, 1).await.unwrap();
    let unit = Host::unit(&marker, 10);
    let committed = memory.content.clone();
    tokio::select! {
        result = writer.commit(&unit) => panic!("{result:?}"),
        () = eventually("it is committing", || committed.lock().unwrap().commits == 1) => {}
    }
    drop(writer);
    eventually("the real writer is gone", || memory.writers() == 0).await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_writers_than_allowed_have_a_unit_open() {
    let two = NonZeroUsize::new(2).unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let memory = Memory { max_writers: Some(two), gate: Some(gate.clone()), ..Memory::default() };
    let host = Host::of(&memory);
    let sink = Arc::new(host.destination(host.relay(), &memory));
    assert_eq!(sink.capabilities().max_writers, None);
    let mut open = Vec::new();
    for partition in 0..6 {
        open.push((partition, host.fenced(&sink, partition, 1).await.unwrap()));
    }
    let mut writing = Vec::new();
    for (partition, (mut writer, mut marker)) in open {
        let sink = Arc::clone(&sink);
        writing.push(tokio::spawn(async move {
            let first = partition as i64 * 1000;
            for unit in 0..5 {
                let from = first + unit * 10;
                writer.write(sink.encoder().encode(numbers(from..from + 10, 5)).unwrap()).await.unwrap();
                let unit = Host::unit(&marker, (from + 10) as u64);
                writer.stage(&unit).await.unwrap();
                writer.commit(&unit).await.unwrap();
                marker = unit.marker;
            }
        }));
    }
    eventually("two are writing", || memory.open_units.load(Ordering::SeqCst) == 2).await;
    gate.add_permits(1000);
    for writing in writing {
        writing.await.unwrap();
    }
    assert_eq!(memory.most_open.load(Ordering::SeqCst), 2);
    assert_eq!(memory.numbers().len(), 6 * 50);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_is_free_again_when_its_holder_is_gone() {
    let memory = Memory { max_writers: Some(NonZeroUsize::MIN), ..Memory::default() };
    let host = Host::of(&memory);
    let sink = host.destination(host.relay(), &memory);
    let (mut first, _) = host.fenced(&sink, 0, 1).await.unwrap();
    let (mut second, marker) = host.fenced(&sink, 1, 1).await.unwrap();
    first.write(sink.encoder().encode(numbers(0..10, 5)).unwrap()).await.unwrap();
    eventually("the first is writing", || memory.open_units.load(Ordering::SeqCst) == 1).await;
    let unit = Host::unit(&marker, 10);
    {
        let staging = second.stage(&unit);
        tokio::pin!(staging);
        assert!(futures::poll!(&mut staging).is_pending());
        drop(first);
        staging.await.unwrap();
    }
    second.commit(&unit).await.unwrap();
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_openings_at_once_the_newest_is_left() {
    let memory = Memory::default();
    let host = Host::of(&memory);
    let sink = Arc::new(host.destination(host.relay(), &memory));
    let openings = (1..=20).map(|epoch| {
        let (sink, route, claim) = (Arc::clone(&sink), host.route(0), host.claim(epoch));
        let context = host.steps.context.clone();
        tokio::spawn(async move {
            let mut writer = sink.open(&context, &route, 0).await.unwrap();
            writer.fence(&claim).await.map(|marker| (epoch, writer, marker))
        })
    });
    let mut fenced = Vec::new();
    for opening in openings.collect::<Vec<_>>() {
        match opening.await.unwrap() {
            Ok(opened) => fenced.push(opened),
            Err(error) => assert_eq!(error.code(), "fenced"),
        }
    }
    let (epoch, mut newest, marker) = fenced.pop().unwrap();
    assert_eq!((epoch, memory.writers()), (20, 1));
    for (_, mut older, marker) in fenced {
        assert!(older.commit(&Host::unit(&marker, 1)).await.is_err());
    }
    newest.stage(&Host::unit(&marker, 1)).await.unwrap();
    newest.commit(&Host::unit(&marker, 1)).await.unwrap();
    assert_eq!(memory.content.lock().unwrap().commits, 1);
    host.stop().await;
}
