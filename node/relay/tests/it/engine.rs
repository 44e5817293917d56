//! A whole run of the engine, a transformation and a destination of which are on another node.

use std::sync::Arc;
use std::time::Duration;

use etl_engine::{DestinationStep, Outcome, ProcessorStep, RunReport};
use etl_model::{OnError, StepName};
use etl_relay::HostedStep;

use crate::fakes::{Host, HostSetup, Proxy, Steps};

#[allow(dead_code, unused_imports, reason = "the engine's own tests use the rest")]
#[path = "../../../engine/tests/it/fakes/mod.rs"]
pub mod engine_fakes;

use engine_fakes::{Bed, FailMultiples, Fault, Memory, Numbers, Remainders};

pub fn step(name: &str) -> StepName {
    StepName::new(name).unwrap()
}

/// A node that hosts the steps of a bed, and a runtime for both.
pub struct Site {
    pub runtime: tokio::runtime::Runtime,
    pub host: Host,
    pub proxy: Proxy,
}

fn setup(grace: Duration) -> HostSetup {
    let mut setup = HostSetup::default();
    setup.settings.grace = grace;
    setup
}

impl Site {
    fn new(bed: &Bed, memory: &Memory, cuts: Vec<usize>, grace: Duration) -> Self {
        let steps = Steps { context: bed.run.clone(), ..Steps::new() }
            .with("sink", HostedStep::Destination(Arc::new(memory.clone())))
            .with("picky", HostedStep::Processor(Arc::new(FailMultiples(7))));
        Self::of(steps, cuts, grace)
    }

    /// A node that hosts these steps.
    pub fn of(steps: Steps, cuts: Vec<usize>, grace: Duration) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (host, proxy) = runtime.block_on(async {
            let host = Host::start(steps, setup(grace));
            let proxy = Proxy::before(host.address, cuts).await;
            (host, proxy)
        });
        Self { runtime, host, proxy }
    }

    /// Puts the relayed steps into a bed.
    fn relayed(&self, mut bed: Bed, memory: &Memory) -> Bed {
        let relay = self.runtime.block_on(async { self.host.relay_through(&self.proxy) });
        let (run, id) = (self.host.run(), crate::fakes::HOST);
        let processor = etl_relay::RelayedProcessor::new(
            relay.clone(),
            id,
            run,
            1,
            step("picky"),
            Arc::new(FailMultiples(7)),
        );
        let destination =
            etl_relay::RelayedDestination::new(relay, id, run, 1, step("sink"), Arc::new(memory.clone()));
        bed.pipeline.processors.push(ProcessorStep {
            name: step("picky"),
            inputs: vec![step("source")],
            on_error: OnError::DeadLetter,
            processor: Arc::new(processor),
        });
        bed.pipeline.destinations.push(DestinationStep {
            name: step("sink"),
            inputs: vec![step("picky")],
            on_error: OnError::DeadLetter,
            destination: Arc::new(destination),
        });
        bed
    }
}

/// Numbers that are neither malformed nor failed by the transformation.
fn delivered(partitions: i64, records: i64) -> Vec<i64> {
    let all = (0..partitions).flat_map(|p| (0..records).map(move |i| p * 1_000_000 + i));
    all.filter(|n| n % 7 != 0 && n % 10 != 3).collect()
}

fn is_exact(report: &RunReport, bed: &Bed, memory: &Memory, partitions: i64, records: i64) {
    assert_eq!(report.outcome, Outcome::Completed, "{:?}", report.failures);
    let expected = delivered(partitions, records);
    let letters = (partitions * records) as usize - expected.len();
    let counters = report.routes[0].counters;
    assert_eq!(memory.rows(), expected);
    assert_eq!(bed.state.letters().len(), letters);
    assert_eq!((counters.delivered as usize, counters.dead_lettered as usize), (expected.len(), letters));
    assert!(counters.balanced());
    assert_eq!(memory.content.lock().unwrap().completed, 1);
}

/// Numbers of which those that end with 3 are malformed.
fn source(partitions: usize, records: u64) -> Numbers {
    Numbers { malformed: |i| i % 10 == 3, ..Numbers::new(partitions, records) }
}

fn bed(partitions: usize, records: u64) -> Bed {
    Bed::new().source_with("source", OnError::DeadLetter, source(partitions, records))
}

#[test]
fn a_run_over_two_nodes_is_exact() {
    let memory = Memory::default();
    let bed = bed(3, 2000);
    let site = Site::new(&bed, &memory, Vec::new(), Duration::from_secs(10));
    let bed = site.relayed(bed, &memory);
    let report = bed.run().unwrap();
    is_exact(&report, &bed, &memory, 3, 2000);
    assert_eq!(report.retries, 0);
    drop(bed);
    site.runtime.block_on(site.host.stop());
}

#[test]
fn cut_links_are_not_even_noticed() {
    let mut cut = 0;
    for bytes in (200..40_000).step_by(5501) {
        let memory = Memory::default();
        let bed = bed(2, 600);
        let site = Site::new(&bed, &memory, vec![bytes; 3], Duration::from_secs(10));
        let bed = site.relayed(bed, &memory);
        let report = bed.run().unwrap();
        is_exact(&report, &bed, &memory, 2, 600);
        assert_eq!(report.retries, 0, "after {bytes} bytes");
        cut += site.proxy.connections() - 1;
        drop(bed);
        site.runtime.block_on(site.host.stop());
    }
    assert!(cut > 12, "{cut} links were cut");
}

#[test]
fn faults_at_the_destination_are_as_exact_as_without_a_relay() {
    for unit in 1..5 {
        for fault in [Fault::BeforeCommit(unit), Fault::AfterCommit(unit)] {
            let memory = Memory::with_fault(fault);
            let bed = bed(1, 1000);
            let site = Site::new(&bed, &memory, vec![3000 * unit as usize], Duration::from_secs(10));
            let bed = site.relayed(bed, &memory);
            let report = bed.run().unwrap();
            is_exact(&report, &bed, &memory, 1, 1000);
            assert_eq!(report.retries, 1, "{fault:?} did not bite");
            drop(bed);
            site.runtime.block_on(site.host.stop());
        }
    }
}

#[test]
fn a_host_that_is_replaced_in_the_middle_costs_a_retry_and_no_record() {
    let memory = Memory::default();
    let mut bed = bed(2, 5000);
    bed.options.retry.max_attempts = 20;
    let site = Site::new(&bed, &memory, Vec::new(), Duration::from_secs(10));
    let bed = site.relayed(bed, &memory);
    let next = site.runtime.block_on(async { Host::start(site.host.steps.clone(), HostSetup::default()) });
    let content = Arc::clone(&memory.content);
    let (proxy, target) = (&site.proxy, next.address);
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            // As soon as something is committed.
            while content.lock().unwrap().rows.is_empty() {
                std::thread::yield_now();
            }
            proxy.point_to(target);
            proxy.cut();
        });
        bed.run().unwrap()
    });
    is_exact(&report, &bed, &memory, 2, 5000);
    assert!(report.retries > 0, "the host was replaced too late");
    drop(bed);
    let Site { runtime, host, .. } = site;
    runtime.block_on(async {
        host.kill().await;
        next.stop().await;
    });
}

#[test]
fn an_error_of_the_host_is_the_error_of_the_run() {
    let memory = Memory::with_fault(Fault::PanicInStage(2));
    let bed = bed(1, 1000);
    let site = Site::new(&bed, &memory, Vec::new(), Duration::from_secs(10));
    let bed = site.relayed(bed, &memory);
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(
        report.failures[0].error.to_string(),
        "sink: internal error: node 7: panicked: panic in unit 2"
    );
    let report = bed.run().unwrap();
    is_exact(&report, &bed, &memory, 1, 1000);
    drop(bed);
    site.runtime.block_on(site.host.stop());
}

/// Every shard of every partition has a channel of its own, with its own epoch, marker and index.
#[test]
fn shards_are_relayed_each_over_a_channel_of_its_own() {
    for fault in [None, Some(Fault::BeforeCommit(2)), Some(Fault::AfterCommit(2))] {
        let memory = Memory { faulty_shard: Some(1), ..Memory::default() };
        memory.faults.lock().unwrap().extend(fault);
        let bed = bed(2, 1000);
        let site = Site::new(&bed, &memory, vec![9000; 2], Duration::from_secs(10));
        let mut bed = site.relayed(bed, &memory);
        bed.pipeline.processors.push(ProcessorStep {
            name: step("divide"),
            inputs: vec![step("picky")],
            on_error: OnError::Fail,
            processor: Arc::new(Remainders::of(3)),
        });
        bed.pipeline.destinations[0].inputs = vec![step("divide")];
        let report = bed.run().unwrap();
        assert_eq!(report.outcome, Outcome::Completed, "{:?}", report.failures);
        assert_eq!(report.retries, u32::from(fault.is_some()), "{fault:?}");
        let mut rows = memory.rows();
        rows.sort_unstable();
        assert_eq!(rows, delivered(2, 1000));
        {
            let content = memory.content.lock().unwrap();
            assert_eq!(content.rows.len(), 6);
            for (route, rows) in &content.rows {
                let shard = route.shard.unwrap().number();
                assert!(rows.iter().all(|n| *n as usize % 3 == shard) && rows.is_sorted(), "{route}");
            }
            let indexes: Vec<usize> =
                content.completed_routes.iter().map(|route| content.opened[route]).collect();
            assert_eq!(indexes, (0..6).collect::<Vec<_>>());
        }
        drop(bed);
        site.runtime.block_on(site.host.stop());
    }
}
