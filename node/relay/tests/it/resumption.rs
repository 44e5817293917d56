use std::sync::Arc;
use std::time::Duration;

use etl_model::{Marker, Retry};
use etl_relay::{HostedStep, RelayedDestination};
use etl_sdk::{ConnectorError, Destination, RouteWriter};
use tokio::sync::Semaphore;

use crate::fakes::{Host, HostSetup, Memory, Proxy, Steps, eventually, numbers};

const UNITS: i64 = 3;
const ROWS: i64 = 100;

async fn unit(
    sink: &RelayedDestination,
    writer: &mut Box<dyn RouteWriter>,
    marker: &Marker,
    width: usize,
) -> Result<Marker, ConnectorError> {
    let from = marker.seq as i64 * ROWS;
    for half in [from, from + ROWS / 2] {
        writer.write(sink.encoder().encode(numbers(half..half + ROWS / 2, width))?).await?;
    }
    let unit = Host::unit(marker, (from + ROWS) as u64);
    writer.stage(&unit).await?;
    writer.commit(&unit).await?;
    Ok(unit.marker)
}

/// Writes all units to a host behind a proxy that cuts its first connections after so many bytes.
async fn deliver_with_cuts(cuts: Vec<usize>, width: usize) -> (usize, usize) {
    let memory = Memory::default();
    let host = Host::of(&memory);
    let expected = cuts.len();
    let proxy = Proxy::before(host.address, cuts.clone()).await;
    let sink = host.destination(host.relay_through(&proxy), &memory);
    let (mut writer, mut marker) = host.fenced(&sink, 0, 1).await.unwrap();
    for _ in 0..UNITS {
        marker = unit(&sink, &mut writer, &marker, width).await.unwrap();
    }
    assert_eq!(memory.numbers(), (0..UNITS * ROWS).collect::<Vec<_>>(), "{cuts:?}");
    assert_eq!(memory.content.lock().unwrap().commits, UNITS as usize, "{cuts:?}");
    assert_eq!(memory.content.lock().unwrap().indexes, [0], "opened once: {cuts:?}");
    let bitten = proxy.connections() - 1;
    drop(writer);
    host.stop().await;
    (bitten, expected)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_cut_anywhere_is_resumed_and_nothing_is_lost_or_doubled() {
    let mut bitten = 0;
    for cut in (0..3000).step_by(100).chain((3000..60_000).step_by(2999)) {
        bitten += deliver_with_cuts(vec![cut], 60).await.0;
    }
    assert!(bitten > 30, "{bitten} cuts have bitten");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_cuts_in_a_row_are_survived() {
    for seed in 0..3 {
        let cuts: Vec<usize> = (0..8).map(|i| 400 + (seed * 977 + i * 3571) % 9000).collect();
        let (bitten, all) = deliver_with_cuts(cuts, 60).await;
        assert!(bitten >= all / 2, "{bitten}");
    }
    let (bitten, all) = deliver_with_cuts(vec![700_000; 8], 30_000).await;
    assert_eq!(bitten, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_not_executed_twice() {
    let gate = Arc::new(Semaphore::new(0));
    let memory = Memory { commit_gate: Some(gate.clone()), ..Memory::default() };
    let host = Host::of(&memory);
    let proxy = Proxy::before(host.address, Vec::new()).await;
    let sink = host.destination(host.relay_through(&proxy), &memory);
    let (mut writer, marker) = host.fenced(&sink, 0, 1).await.unwrap();
    let committing = tokio::spawn(async move { unit(&sink, &mut writer, &marker, 10).await });
    eventually("it is committed", || memory.content.lock().unwrap().commits == 1).await;
    proxy.close();
    gate.add_permits(10);
    proxy.open();
    committing.await.unwrap().unwrap();
    assert!(proxy.connections() > 1);
    assert_eq!(memory.content.lock().unwrap().commits, 1);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_was_restarted_has_forgotten_the_channel() {
    let memory = Memory::default();
    let host = Host::of(&memory);
    let proxy = Proxy::before(host.address, Vec::new()).await;
    let sink = host.destination(host.relay_through(&proxy), &memory);
    let (mut writer, marker) = host.fenced(&sink, 0, 1).await.unwrap();
    let marker = unit(&sink, &mut writer, &marker, 10).await.unwrap();
    writer.write(sink.encoder().encode(numbers(0..1, 1)).unwrap()).await.unwrap();
    let next = Host::start(host.steps.clone(), HostSetup::default());
    proxy.point_to(next.address);
    proxy.cut();
    let error = writer.stage(&Host::unit(&marker, 1)).await.unwrap_err();
    assert_eq!((error.code(), error.retry()), ("relay_forgotten", Retry::Backoff));
    assert!(error.to_string().contains("node 7: "), "{error}");
    drop(writer);
    host.kill().await;

    let (mut writer, found) = next.fenced(&sink, 0, 2).await.unwrap();
    assert_eq!((found.seq, found.epoch), (1, 2));
    unit(&sink, &mut writer, &found, 10).await.unwrap();
    assert_eq!(memory.numbers(), (0..2 * ROWS).collect::<Vec<_>>());
    next.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_stops_says_so() {
    let memory = Memory::default();
    let host = Host::of(&memory);
    let sink = host.destination(host.relay(), &memory);
    let (mut writer, marker) = host.fenced(&sink, 0, 1).await.unwrap();
    let route = host.route(0);
    let context = host.steps.context.clone();
    host.service.shutdown().await;
    assert_eq!(memory.writers(), 0);
    let error = writer.stage(&Host::unit(&marker, 1)).await.unwrap_err();
    assert_eq!((error.code(), error.retry()), ("relay_stopping", Retry::Backoff));
    let mut late = sink.open(&context, &route, 0).await.unwrap();
    assert_eq!(late.marker().await.unwrap_err().code(), "relay_stopping");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_does_not_come_back_in_time_is_given_up() {
    let memory = Memory::default();
    let steps = Steps::new().with("sink", HostedStep::Destination(Arc::new(memory.clone())));
    let mut setup = HostSetup::default();
    setup.settings.grace = Duration::from_millis(500);
    let mut host = Host::start(steps, setup);
    host.settings.grace = Duration::from_secs(20);
    let proxy = Proxy::before(host.address, Vec::new()).await;
    let sink = host.destination(host.relay_through(&proxy), &memory);
    let (mut writer, marker) = host.fenced(&sink, 0, 1).await.unwrap();
    writer.write(sink.encoder().encode(numbers(0..10, 5)).unwrap()).await.unwrap();
    assert_eq!(memory.writers(), 1);
    proxy.close();
    eventually("the writer was given up", || memory.writers() == 0).await;
    proxy.open();
    let error = writer.stage(&Host::unit(&marker, 10)).await.unwrap_err();
    assert_eq!((error.code(), error.retry()), ("relay_forgotten", Retry::Backoff));
    host.stop().await;
}
