//! A whole run of the engine whose steps behind a repartition are carried out by the node that writes the shards.

use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use etl_engine::{Outcome, Pipeline, Sampling, ShardOf, ShardSteps, TapOrder, Taps};
use etl_model::{Batch, OnError, Shard};
use etl_relay::{HostedStep, RelayedDestination, Wanted};
use etl_sdk::{ConnectorError, Destination, Processed, Processor, ProcessorCapabilities};

use crate::engine::engine_fakes::{
    Bed, FailAt, FailMultiples, Fault, KeepMultiples, Memory, Numbers, Remainders,
};
use crate::engine::{Site, step};
use crate::fakes::{HOST, Shards, Steps};

/// A transformation that counts the rows it is given.
struct Counting<P> {
    real: P,
    rows: Arc<AtomicU64>,
}

impl<P: Processor> Processor for Counting<P> {
    fn capabilities(&self) -> ProcessorCapabilities {
        self.real.capabilities()
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        self.rows.fetch_add(batch.len() as u64, Ordering::SeqCst);
        self.real.process(batch)
    }
}

/// A transformation that is never to be computed on this node.
struct NotHere;

impl Processor for NotHere {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, _: Batch) -> Result<Processed, ConnectorError> {
        Err(ConnectorError::internal("it is to be carried out where the shard is written"))
    }
}

fn number(batch: &RecordBatch, row: usize) -> serde_json::Value {
    batch.column(0).as_primitive::<Int64Type>().value(row).into()
}

/// What the host has of a pipeline, whose destinations are these, and what it lets be seen.
fn shards(pipeline: Pipeline, memories: &[(&str, &Memory)], taps: &Arc<Taps>) -> Arc<Shards> {
    let memories: Vec<(String, Memory)> =
        memories.iter().map(|(name, memory)| ((*name).to_owned(), (*memory).clone())).collect();
    let taps = Arc::clone(taps);
    Arc::new(move |wanted: &Wanted| {
        let rows = wanted.rows.clone().unwrap();
        let of = ShardOf {
            run: wanted.run.into(),
            source: rows.source,
            partition: rows.partition,
            destination: wanted.step.clone(),
            shard: rows.shard.unwrap(),
        };
        let steps = ShardSteps::new(&pipeline, &of, Arc::clone(&taps)).unwrap();
        let (_, memory) = memories.iter().find(|(name, _)| *name == wanted.step.as_str()).unwrap();
        HostedStep::Shard { steps: Arc::new(steps), destination: Arc::new(memory.clone()) }
    })
}

/// Has the host carry out the shards of destinations of a bed, as its pipeline says.
fn relayed(mut bed: Bed, memories: &[(&str, &Memory)], cuts: Vec<usize>) -> (Bed, Site, Arc<Taps>) {
    let taps = Arc::new(Taps::new(number));
    let shards = shards(bed.pipeline.clone(), memories, &taps);
    let steps = Steps { context: bed.run.clone(), shards: Some(shards), ..Steps::new() };
    let steps = memories.iter().fold(steps, |steps, (name, memory)| {
        steps.with(name, HostedStep::Destination(Arc::new((*memory).clone())))
    });
    let site = Site::of(steps, cuts, Duration::from_secs(10));
    let relay = site.runtime.block_on(async { site.host.relay_through(&site.proxy) });
    for (name, memory) in memories {
        let real: Arc<dyn Destination> = Arc::new((*memory).clone());
        let there = RelayedDestination::new(relay.clone(), HOST, site.host.run(), 1, step(name), real)
            .carrying_steps();
        let of_bed = bed.pipeline.destinations.iter_mut().find(|known| known.name == step(name)).unwrap();
        of_bed.destination = Arc::new(there);
    }
    (bed, site, taps)
}

/// Steps of this node's pipeline that it must not compute.
fn not_here(bed: &mut Bed, steps: &[&str]) {
    for processor in &mut bed.pipeline.processors {
        if steps.contains(&processor.name.as_str()) {
            processor.processor = Arc::new(NotHere);
        }
    }
}

fn end(bed: Bed, site: Site) {
    drop(bed);
    site.runtime.block_on(site.host.stop());
}

#[test]
fn what_is_filtered_and_fails_behind_is_counted_and_kept_with_its_step() {
    for fault in [None, Some(Fault::BeforeCommit(2)), Some(Fault::AfterCommit(2))] {
        let memory = Memory { rejects: Some(5), faulty_shard: Some(1), ..Memory::default() };
        memory.faults.lock().unwrap().extend(fault);
        let bed = Bed::new()
            .source(Numbers::new(2, 900))
            .processor("divide", &["source"], Remainders::of(3))
            .processor("picky", &["divide"], FailMultiples(7))
            .on_error(OnError::DeadLetter)
            .processor("rude", &["picky"], FailMultiples(11))
            .on_error(OnError::Skip)
            .processor("even", &["rude"], KeepMultiples(2))
            .destination("sink", &["even"], &memory)
            .on_error(OnError::DeadLetter);
        let (mut bed, site, taps) = relayed(bed, &[("sink", &memory)], vec![9000; 2]);
        not_here(&mut bed, &["picky", "rude", "even"]);
        let tap = |at: &str| {
            let sampling = Sampling::OneIn(NonZeroU64::MIN);
            taps.open(TapOrder { run: bed.run.run, step: step(at), partition: None, sampling })
        };
        let seen = ["divide", "picky", "even", "sink"].map(tap);
        let report = bed.run().unwrap();
        assert_eq!(report.outcome, Outcome::Completed, "{:?}", report.failures);
        assert_eq!(report.retries, u32::from(fault.is_some()), "{fault:?}");

        let all =
            || (0..2).flat_map(|partition| (0..900).map(move |i| (partition, i, partition * 1_000_000 + i)));
        let is_kept = |n: i64| n % 7 == 0 || (n % 11 != 0 && n % 10 == 0);
        let is_left_out = |n: i64| n % 7 != 0 && n % 11 == 0;
        let is_filtered = |n: i64| n % 7 != 0 && n % 11 != 0 && n % 2 != 0;
        let count = |is: &dyn Fn(i64) -> bool| all().filter(|(.., n)| is(*n)).count() as u64;
        let counters = report.routes[0].counters;
        assert!(counters.balanced());
        assert_eq!((counters.read, counters.dead_lettered), (1800, count(&is_kept)));
        assert_eq!((counters.failed, counters.filtered), (count(&is_left_out), count(&is_filtered)));
        let mut rows = memory.rows();
        rows.sort_unstable();
        let is_delivered = |n: i64| !is_kept(n) && !is_left_out(n) && !is_filtered(n);
        assert!(rows.into_iter().eq(all().map(|(.., n)| n).filter(|n| is_delivered(*n))));
        // Bytes as the destination counts them, with those that it refused after they were handed to it.
        let given = count(&|n| n % 7 != 0 && n % 11 != 0 && n % 2 == 0);
        assert_eq!(counters.bytes_written, given * 100);

        let kept = bed.state.letters.lock().unwrap();
        let mut letters: Vec<(String, i64, u64)> = Vec::new();
        for ((route, _), of_unit) in kept.iter() {
            for letter in of_unit {
                assert_eq!(letter.error.ordinal as usize % 3, number_of(route.shard, &route.partition.0));
                let partition: i64 = route.partition.0.parse().unwrap();
                letters.push((letter.step.to_string(), partition, letter.error.ordinal));
            }
        }
        letters.sort_unstable();
        let found_by = |n: i64| if n % 7 == 0 { "picky" } else { "sink" };
        let expected = all().filter(|(.., n)| is_kept(*n));
        let mut expected: Vec<_> =
            expected.map(|(partition, i, n)| (found_by(n).to_owned(), partition, i as u64)).collect();
        expected.sort_unstable();
        assert_eq!(letters, expected);
        if fault.is_none() {
            let passed = seen.map(|tap| tap.seen());
            let picked = count(&|n| n % 7 != 0);
            assert_eq!(passed, [0, picked, given, given], "the repartition itself is not here");
        }
        drop(kept);
        end(bed, site);
    }
}

/// The ordinals of the shard of a partition, which has other numbers than ordinals.
fn number_of(shard: Option<Shard>, partition: &str) -> usize {
    let first = partition.parse::<usize>().unwrap() * 1_000_000;
    (shard.unwrap().number() + 3 - first % 3) % 3
}

#[test]
fn a_record_that_fails_the_run_is_told_with_its_step_and_nothing_of_its_unit_is_committed() {
    let memory = Memory::default();
    let bed = Bed::new()
        .source(Numbers::new(1, 3000))
        .processor("divide", &["source"], Remainders::of(3))
        .processor("picky", &["divide"], FailAt(1501))
        .destination("sink", &["picky"], &memory);
    let (bed, site, _) = relayed(bed, &[("sink", &memory)], Vec::new());
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Failed);
    let told = report.failures[0].error.to_string();
    assert!(told.starts_with("picky: is the wrong one"), "{told}");
    let of_its_shard = |n: &i64| n % 3 == 1501 % 3;
    assert!(memory.rows().into_iter().filter(of_its_shard).all(|n| n < 1501));
    assert!(memory.markers().iter().all(|marker| marker.counters.balanced()));
    end(bed, site);
}

#[test]
fn a_step_that_is_broken_is_named() {
    let memory = Memory::default();
    let bed = Bed::new()
        .source(Numbers::new(1, 100))
        .processor("divide", &["source"], Remainders::of(3))
        .processor("broken", &["divide"], NotHere)
        .destination("sink", &["broken"], &memory);
    let (bed, site, _) = relayed(bed, &[("sink", &memory)], Vec::new());
    let report = bed.run().unwrap();
    let told = report.failures[0].error.to_string();
    assert!(told.contains("node 7") && told.contains("step `broken`"), "{told}");
    assert!(memory.rows().is_empty());
    end(bed, site);
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
        .destination("sink", &["all"], &memory);
    let (mut bed, site, _) = relayed(bed, &[("sink", &memory)], Vec::new());
    not_here(&mut bed, &["twos", "threes", "all"]);
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Completed, "{:?}", report.failures);
    let counters = report.routes[0].counters;
    assert_eq!((counters.read, counters.delivered, counters.filtered), (120, 50, 70));
    end(bed, site);
}

/// A step that leads to a destination of another node and to one of this node is carried out on both, each for its own; what
/// fails there is kept once.
#[test]
fn a_step_that_leads_here_and_elsewhere_is_accounted_for_once_each() {
    for first in ["near", "far"] {
        let (near, far) = (Memory::default(), Memory::default());
        let rows = Arc::new(AtomicU64::new(0));
        let counting = Counting { real: FailMultiples(7), rows: Arc::clone(&rows) };
        let mut bed = Bed::new()
            .source(Numbers::new(1, 700))
            .processor("divide", &["source"], Remainders::of(3))
            .processor("picky", &["divide"], counting)
            .on_error(OnError::DeadLetter)
            .destination("near", &["picky"], &near)
            .destination("far", &["picky"], &far);
        if first == "far" {
            bed.pipeline.destinations.reverse();
        }
        bed.options.parallelism = NonZeroUsize::MIN;
        let (bed, site, taps) = relayed(bed, &[("far", &far)], Vec::new());
        let sampling = Sampling::OneIn(NonZeroU64::MIN);
        let order = TapOrder { run: bed.run.run, step: step("picky"), partition: None, sampling };
        let tap = taps.open(order);
        let report = bed.run().unwrap();
        assert_eq!(report.outcome, Outcome::Completed, "{:?}", report.failures);
        for route in &report.routes {
            let counters = route.counters;
            assert_eq!(
                (counters.read, counters.dead_lettered, counters.delivered),
                (700, 100, 600),
                "{first}"
            );
        }
        assert_eq!((near.rows().len(), far.rows().len()), (600, 600));
        assert_eq!(bed.state.letters(), (0..700).step_by(7).collect::<Vec<_>>(), "{first}");
        assert_eq!(rows.load(Ordering::SeqCst), 1400);
        assert_eq!(tap.seen(), if first == "far" { 600 } else { 0 }, "one of the two shows what goes by");
        end(bed, site);
    }
}
