use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use arrow::array::{AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use etl_model::{Batch, RecordError, Retry};
use etl_relay::HostedStep;
use etl_sdk::{ConnectorError, Processed, Processor, ProcessorCapabilities};

use crate::fakes::{Host, HostSetup, Proxy, Steps, numbers};

/// Doubles the numbers, filters out multiples of 5 and fails on multiples of 7.
pub struct Doubling;

impl Processor for Doubling {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let values = batch.records().column(0).as_primitive::<Int64Type>().clone();
        if values.values().contains(&13_000_000) {
            panic!("unlucky");
        }
        if values.values().contains(&14_000_000) {
            return Err(ConnectorError::user("too_large", "14000000 is too large", "take less"));
        }
        let mask = values.values().iter().map(|n| Some(n % 5 != 0 && n % 7 != 0)).collect();
        let pairs: Vec<_> =
            values.values().iter().copied().zip(batch.ordinals().values().iter().copied()).collect();
        let filtered = pairs.iter().filter(|(n, _)| n % 5 == 0).map(|(_, ordinal)| *ordinal).collect();
        let errors = pairs.iter().filter(|(n, _)| n % 5 != 0 && n % 7 == 0);
        let errors = errors.map(|(n, ordinal)| RecordError::new(*ordinal, "seven", format!("{n}"))).collect();
        let kept = batch.filter(&mask).unwrap();
        let doubled = kept.records().column(0).as_primitive::<Int64Type>().values().iter().map(|n| n * 2);
        let column = Arc::new(Int64Array::from_iter_values(doubled));
        let schema = Arc::new(Schema::new(vec![Field::new("doubled", DataType::Int64, false)]));
        let records = RecordBatch::try_new(schema, vec![column]).unwrap();
        Ok(Processed { batch: kept.with_records(records).unwrap(), filtered, errors })
    }
}

/// Lets nobody through before several are there at once.
struct Meeting {
    wanted: usize,
    there: Mutex<usize>,
    met: Condvar,
}

impl Processor for Meeting {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let mut there = self.there.lock().unwrap();
        *there += 1;
        self.met.notify_all();
        while *there < self.wanted {
            there = self.met.wait(there).unwrap();
        }
        Ok(Processed { batch, filtered: Vec::new(), errors: Vec::new() })
    }
}

fn host(processor: impl Processor + 'static) -> Host {
    let steps = Steps::new().with("step", HostedStep::Processor(Arc::new(processor)));
    Host::start(steps, HostSetup::default())
}

/// The parts of a result, for comparison.
fn parts(processed: Processed) -> (Batch, Vec<u64>, Vec<RecordError>) {
    (processed.batch, processed.filtered, processed.errors)
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_of_many_threads_get_their_own_answers() {
    let host = host(Doubling);
    let relayed = Arc::new(host.processor(host.relay(), "step", Arc::new(Doubling)));
    assert!(relayed.capabilities().stateless);
    let done = Arc::new(AtomicUsize::new(0));
    let threads = (0..8).map(|thread| {
        let (relayed, done) = (Arc::clone(&relayed), Arc::clone(&done));
        tokio::task::spawn_blocking(move || {
            for call in 0..20 {
                let from = thread * 100_000 + call * 1000;
                let batch = numbers(from..from + 1 + call * 49, 100);
                let expected = parts(Doubling.process(batch.clone()).unwrap());
                assert_eq!(parts(relayed.process(batch).unwrap()), expected);
                done.fetch_add(1, Ordering::SeqCst);
            }
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.await.unwrap();
    }
    assert_eq!(done.load(Ordering::SeqCst), 160);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_computed_side_by_side() {
    let meeting = Meeting { wanted: 2, there: Mutex::default(), met: Condvar::new() };
    let host = host(meeting);
    let relayed = Arc::new(host.processor(host.relay(), "step", Arc::new(Doubling)));
    let call = |from| {
        let relayed = Arc::clone(&relayed);
        tokio::task::spawn_blocking(move || relayed.process(numbers(from..from + 1, 1)).unwrap())
    };
    let (first, second) = (call(1), call(2));
    assert_eq!(first.await.unwrap().batch, numbers(1..2, 1));
    assert_eq!(second.await.unwrap().batch, numbers(2..3, 1));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_batches_and_empty_ones_pass() {
    let host = host(Doubling);
    let relayed = host.processor(host.relay(), "step", Arc::new(Doubling));
    let calls = tokio::task::spawn_blocking(move || {
        for batch in [numbers(1..2, 20 << 20), numbers(0..20_000, 1000), numbers(0..0, 1)] {
            let expected = parts(Doubling.process(batch.clone()).unwrap());
            assert_eq!(parts(relayed.process(batch).unwrap()), expected);
        }
    });
    calls.await.unwrap();
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_and_panics_of_one_call_do_not_disturb_others() {
    let host = host(Doubling);
    let relayed = host.processor(host.relay(), "step", Arc::new(Doubling));
    let calls = tokio::task::spawn_blocking(move || {
        let error = relayed.process(numbers(13_000_000..13_000_001, 1)).unwrap_err();
        assert_eq!(error, ConnectorError::internal("node 7: panicked: unlucky"));
        let error = relayed.process(numbers(14_000_000..14_000_001, 1)).unwrap_err();
        assert_eq!(error, ConnectorError::user("too_large", "node 7: 14000000 is too large", "take less"));
        assert_eq!(relayed.process(numbers(1..2, 1)).unwrap().batch.len(), 1);
    });
    calls.await.unwrap();
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_survive_cut_links_and_fail_with_a_lost_host() {
    let steps = Steps::new().with("step", HostedStep::Processor(Arc::new(Doubling)));
    let mut setup = HostSetup::default();
    setup.settings.grace = std::time::Duration::from_secs(2);
    let host = Host::start(steps, setup);
    let proxy = Arc::new(Proxy::before(host.address, vec![50_000; 6]).await);
    let relayed = Arc::new(host.processor(host.relay_through(&proxy), "step", Arc::new(Doubling)));
    let calls = {
        let relayed = Arc::clone(&relayed);
        tokio::task::spawn_blocking(move || {
            for from in 0..200 {
                let batch = numbers(from * 100..from * 100 + 100, 30);
                let expected = parts(Doubling.process(batch.clone()).unwrap());
                assert_eq!(parts(relayed.process(batch).unwrap()), expected);
            }
        })
    };
    calls.await.unwrap();
    assert_eq!(proxy.connections(), 7, "all cuts have bitten");

    proxy.close();
    let again = Arc::clone(&relayed);
    let lost = tokio::task::spawn_blocking(move || again.process(numbers(0..10, 1)).unwrap_err()).await;
    assert_eq!(lost.unwrap().retry(), Retry::Backoff);
    proxy.open();
    let found = tokio::task::spawn_blocking(move || relayed.process(numbers(1..2, 1)).unwrap()).await;
    assert_eq!(found.unwrap().batch.len(), 1);
    host.stop().await;
}
