use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use etl_model::StepName;
use etl_relay::{HostedStep, RelayedDestination};
use etl_sdk::Destination;
use tokio::sync::Semaphore;

use crate::fakes::{HOST, Host, HostSetup, Memory, Steps, eventually, numbers};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_much_larger_than_a_frame_passes() {
    let memory = Memory::default();
    let host = Host::of(&memory);
    let sink = host.destination(host.relay(), &memory);
    let (mut writer, marker) = host.fenced(&sink, 0, 1).await.unwrap();
    let batches = [numbers(0..5, 10), numbers(5..6, 20 << 20), numbers(6..7, 9 << 20), numbers(7..9, 10)];
    for batch in &batches {
        writer.write(sink.encoder().encode(batch.clone()).unwrap()).await.unwrap();
    }
    let unit = Host::unit(&marker, 9);
    writer.stage(&unit).await.unwrap();
    writer.commit(&unit).await.unwrap();
    assert_eq!(memory.content.lock().unwrap().rows[&host.route(0)], batches);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_too_large_is_refused_before_it_is_sent() {
    let memory = Memory::default();
    let steps = Steps::new().with("sink", HostedStep::Destination(Arc::new(memory.clone())));
    let mut setup = HostSetup::default();
    setup.settings.max_body = 2 << 20;
    let host = Host::start(steps, setup);
    let sink = host.destination(host.relay(), &memory);
    let (mut writer, _) = host.fenced(&sink, 0, 1).await.unwrap();
    let error = writer.write(sink.encoder().encode(numbers(0..1, 3 << 20)).unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "relay_too_large");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_destination_bounds_its_sender_and_disturbs_nobody() {
    const BATCH: i64 = 250;
    const BATCHES: i64 = 250;
    let gate = Arc::new(Semaphore::new(0));
    let (stalled, other) = (Memory { gate: Some(gate.clone()), ..Memory::default() }, Memory::default());
    let steps = Steps::new()
        .with("sink", HostedStep::Destination(Arc::new(stalled.clone())))
        .with("other", HostedStep::Destination(Arc::new(other.clone())));
    let host = Host::start(steps, HostSetup::default());
    let relay = host.relay();
    let sink = host.destination(relay.clone(), &stalled);
    let (mut writer, marker) = host.fenced(&sink, 0, 1).await.unwrap();
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let writing = tokio::spawn(async move {
        for batch in 0..BATCHES {
            let rows = numbers(batch * BATCH..(batch + 1) * BATCH, 1000);
            let encoded = sink.encoder().encode(rows).unwrap();
            let bytes = encoded.bytes;
            writer.write(encoded).await.unwrap();
            counter.fetch_add(bytes, Ordering::SeqCst);
        }
        let unit = Host::unit(&marker, (BATCH * BATCHES) as u64);
        writer.stage(&unit).await.unwrap();
        writer.commit(&unit).await.unwrap();
    });

    // Over the same connection, more than both windows of it together.
    let step = StepName::new("other").unwrap();
    let beside = RelayedDestination::new(relay, HOST, host.run(), 1, step, Arc::new(other.clone()));
    let (mut writer, mut marker) = host.fenced(&beside, 0, 1).await.unwrap();
    for unit in 0..30 {
        let rows = numbers(unit * 1000..(unit + 1) * 1000, 1000);
        writer.write(beside.encoder().encode(rows).unwrap()).await.unwrap();
        let unit = Host::unit(&marker, (unit as u64 + 1) * 1000);
        writer.stage(&unit).await.unwrap();
        writer.commit(&unit).await.unwrap();
        marker = unit.marker;
    }
    assert_eq!(other.numbers().len(), 30_000);
    let window = host.settings.window;
    eventually("the window is used", || sent.load(Ordering::SeqCst) >= window / 2).await;
    let held = sent.load(Ordering::SeqCst);
    assert!(held <= 2 * window && !writing.is_finished(), "{held} bytes left the sender");
    gate.add_permits(100_000);
    writing.await.unwrap();
    assert_eq!(stalled.numbers(), (0..BATCH * BATCHES).collect::<Vec<_>>());
    host.stop().await;
}
