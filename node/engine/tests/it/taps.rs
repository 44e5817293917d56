use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use etl_engine::{
    ActorSystem, Crew, CrewEvent, CrewSetup, PartitionEnd, PartitionOrder, Progress, Sampling, Tap, TapOrder,
    Taps,
};
use etl_model::{PartitionId, RunId, StepName};
use etl_sdk::PartitionInfo;
use tokio::sync::mpsc;

use crate::fakes::{Bed, FailMultiples, KeepMultiples, Memory, Numbers};

fn number(batch: &RecordBatch, row: usize) -> serde_json::Value {
    batch.column(0).as_primitive::<Int64Type>().value(row).into()
}

fn step(name: &str) -> StepName {
    StepName::new(name).unwrap()
}

fn one_in(n: u64) -> Sampling {
    Sampling::OneIn(NonZeroU64::new(n).unwrap())
}

/// Taps of the steps of a run.
struct Watched {
    bed: Bed,
    taps: Arc<Taps>,
}

impl Watched {
    fn new(bed: Bed) -> Self {
        Self { bed, taps: Arc::new(Taps::new(number)) }
    }

    fn tap(&self, at: &str, sampling: Sampling) -> Tap {
        self.taps.open(TapOrder { run: self.bed.run.run, step: step(at), partition: None, sampling })
    }

    /// Runs partitions to their end.
    fn run(&self, partitions: usize) {
        let system = ActorSystem::start(NonZeroUsize::new(2).unwrap()).unwrap();
        let (sender, mut events) = mpsc::unbounded_channel();
        let setup = CrewSetup {
            run: self.bed.run.clone(),
            pipeline: self.bed.pipeline.clone(),
            replaces: Vec::new(),
            options: self.bed.options.clone(),
            state: Arc::new(self.bed.state.clone()),
            dead_letters: Arc::new(self.bed.state.clone()),
            progress: Arc::new(Progress::default()),
            taps: Arc::clone(&self.taps),
            events: sender,
        };
        let crew = Crew::start(&system, setup);
        for index in 0..partitions {
            let info = PartitionInfo { id: PartitionId(index.to_string()), bytes: None, records: None };
            crew.begin(PartitionOrder { source: step("source"), info, index, start: None, is_begun: false })
                .unwrap();
        }
        for _ in 0..partitions {
            match events.blocking_recv() {
                Some(CrewEvent::Ended { end: PartitionEnd::Done { .. }, .. }) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Partition, ordinal and value of all records that a tap has, in their order.
fn shown(mut tap: Tap) -> Vec<(String, u64, i64)> {
    let mut all = Vec::new();
    while let Some(told) = tap.try_next() {
        assert_eq!(told.source, step("source"));
        all.push((told.partition.0, told.ordinal, told.record.as_i64().unwrap()));
    }
    all.sort();
    all
}

fn numbers(partition: i64, every: u64, of: u64) -> Vec<(String, u64, i64)> {
    let value = |n: u64| (partition.to_string(), n, partition * 1_000_000 + n as i64);
    (0..of).filter(|n| n % every == 0).map(value).collect()
}

#[test]
fn every_step_shows_what_leaves_it_and_a_destination_what_goes_in() {
    let memory = Memory::default();
    let bed = Bed::new()
        .source(Numbers::new(2, 100))
        .processor("even", &["source"], KeepMultiples(2))
        .destination("sink", &["even"], &memory);
    let watched = Watched::new(bed);
    let all = ["source", "even", "sink"].map(|at| watched.tap(at, one_in(1)));
    let some = ["source", "even", "sink"].map(|at| watched.tap(at, one_in(4)));
    let mut one = watched.taps.open(TapOrder {
        run: watched.bed.run.run,
        step: step("sink"),
        partition: Some(PartitionId("1".to_owned())),
        sampling: one_in(1),
    });
    let other = watched.taps.open(TapOrder {
        run: RunId::generate(),
        step: step("sink"),
        partition: None,
        sampling: one_in(1),
    });
    assert_eq!(watched.taps.count(), 8);
    watched.run(2);
    assert_eq!(all.each_ref().map(Tap::seen), [200, 100, 100]);
    let both = |every| [numbers(0, every, 100), numbers(1, every, 100)].concat();
    let [source, even, sink] = all.map(shown);
    assert_eq!((source, even, sink), (both(1), both(2), both(2)));
    let [mut source, even, sink] = some.map(shown);
    assert!((20..80).contains(&source.len()), "{} of 200", source.len());
    source.retain(|(_, ordinal, _)| ordinal % 2 == 0);
    assert_eq!((&even, &sink), (&source, &source), "the same records at every step");
    assert_eq!(one.seen(), 50);
    assert!(one.try_next().is_some_and(|told| told.partition.0 == "1"));
    assert_eq!(other.seen(), 0, "another run");
    drop((one, other));
    assert_eq!(watched.taps.count(), 0);
}

#[test]
fn records_that_a_step_cannot_process_do_not_leave_it() {
    let memory = Memory::default();
    let bed = Bed::new()
        .source(Numbers::new(1, 10))
        .processor("odd", &["source"], FailMultiples(2))
        .on_error(etl_model::OnError::Skip)
        .destination("sink", &["odd"], &memory);
    let watched = Watched::new(bed);
    let tap = watched.tap("odd", one_in(1));
    watched.run(1);
    let values: Vec<i64> = shown(tap).into_iter().map(|(_, _, value)| value).collect();
    assert_eq!(values, [1, 3, 5, 7, 9]);
}

#[test]
fn a_tap_from_which_nobody_takes_holds_up_nothing_and_stays_small() {
    let memory = Memory::default();
    let records = 40_000;
    let source = Numbers { per_chunk: 100, ..Numbers::new(1, records) };
    let watched = Watched::new(Bed::new().source(source).destination("sink", &["source"], &memory));
    let tap = watched.tap("source", one_in(1));
    let slow = watched.tap("source", Sampling::PerSecond(NonZeroU32::MIN));
    watched.run(1);
    assert_eq!(memory.rows().len() as u64, records);
    assert_eq!((tap.seen(), slow.seen()), (records, records));
    let taken = shown(tap).len();
    assert!((100..records as usize / 2).contains(&taken), "{taken} records were kept");
    assert!((1..100).contains(&shown(slow).len()));
}

/// The mask stands behind the source: what a tap of the source sees has passed it.
#[test]
fn a_source_with_protected_fields_shows_what_leaves_its_mask() {
    let memory = Memory::default();
    let mut bed = Bed::new()
        .source(Numbers::new(1, 100))
        .processor("mask", &["source"], KeepMultiples(10))
        .destination("sink", &["mask"], &memory);
    bed.pipeline.sources[0].conceals = true;
    let watched = Watched::new(bed);
    let (source, mask) = (watched.tap("source", one_in(1)), watched.tap("mask", one_in(1)));
    watched.run(1);
    assert_eq!(shown(source), numbers(0, 10, 100));
    assert_eq!(shown(mask), numbers(0, 10, 100));
}
