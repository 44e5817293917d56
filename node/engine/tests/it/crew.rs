use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use etl_engine::{
    ActorSystem, Crew, CrewEvent, CrewSetup, EngineError, PartitionEnd, PartitionOrder, Progress, SourceStep,
    Taps,
};
use etl_model::{OnError, PartitionId, StepName};
use etl_sdk::PartitionInfo;
use tokio::sync::mpsc;

use crate::fakes::{Bed, Memory, Numbers, Remainders};

/// A crew and what it tells.
pub struct Workplace {
    pub crew: Crew,
    progress: Arc<Progress>,
    events: mpsc::UnboundedReceiver<CrewEvent>,
    _system: ActorSystem,
}

fn source() -> StepName {
    StepName::new("source").unwrap()
}

pub fn workplace(bed: &Bed) -> Workplace {
    let system = ActorSystem::start(NonZeroUsize::new(2).unwrap()).unwrap();
    let (sender, events) = mpsc::unbounded_channel();
    let progress = Arc::new(Progress::default());
    let setup = CrewSetup {
        run: bed.run.clone(),
        pipeline: bed.pipeline.clone(),
        replaces: Vec::new(),
        options: bed.options.clone(),
        state: Arc::new(bed.state.clone()),
        dead_letters: Arc::new(bed.state.clone()),
        progress: Arc::clone(&progress),
        taps: Arc::new(Taps::new(|_, _| serde_json::Value::Null)),
        events: sender,
    };
    Workplace { crew: Crew::start(&system, setup), progress, events, _system: system }
}

impl Workplace {
    pub fn begin(&self, index: usize) {
        self.try_to_begin(index).unwrap();
    }

    pub fn try_to_begin(&self, index: usize) -> Result<(), EngineError> {
        let info = PartitionInfo { id: PartitionId(index.to_string()), bytes: None, records: None };
        self.crew.begin(PartitionOrder { source: source(), info, index, start: None, is_begun: false })
    }

    /// Waits until the only partition is to be tried again.
    pub fn until_it_pauses(&self) {
        until(|| self.progress.snapshot().partitions.iter().any(|partition| partition.state == "retrying"));
    }

    fn go_on(&self, index: usize) {
        let info = PartitionInfo { id: PartitionId(index.to_string()), bytes: None, records: None };
        let order = PartitionOrder { source: source(), info, index, start: None, is_begun: true };
        self.crew.begin(order).unwrap();
    }

    pub fn next(&mut self) -> (usize, PartitionEnd) {
        match self.events.blocking_recv() {
            Some(CrewEvent::Ended { partition, end }) => (partition, end),
            other => panic!("{other:?}"),
        }
    }
}

fn until(condition: impl Fn() -> bool) {
    while !condition() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_node_runs_the_partitions_it_is_given() {
    let memory = Memory::default();
    let bed = Bed::new().source(Numbers::new(3, 100)).destination("sink", &["source"], &memory);
    let mut place = workplace(&bed);
    place.begin(2);
    place.begin(0);
    let mut ended: Vec<usize> = (0..2)
        .map(|_| match place.next() {
            (partition, PartitionEnd::Done { markers }) => {
                assert!(markers.iter().all(|(end, marker)| end.to_string() == "sink" && marker.done));
                partition
            }
            other => panic!("{other:?}"),
        })
        .collect();
    ended.sort_unstable();
    assert_eq!(ended, [0, 2]);
    let mut rows = memory.rows();
    rows.sort_unstable();
    assert_eq!(rows, (0..100).chain(2_000_000..2_000_100).collect::<Vec<_>>());
}

#[test]
fn a_partition_that_is_renewed_commits_what_it_has_and_reads_nothing_again() {
    let memory = Memory::default();
    let source = Numbers { records: None, ..Numbers::new(1, 0) };
    let bed = Bed::new()
        .source(source.clone())
        .processor("divide", &["source"], Remainders::of(3))
        .destination("sink", &["divide"], &memory);
    let mut place = workplace(&bed);
    place.begin(0);
    for round in 1..=3 {
        let before = memory.rows().len();
        until(|| memory.rows().len() > before + 200);
        place.crew.renew(0);
        until(|| source.opened_at.lock().unwrap().len() > round);
    }
    place.crew.drain(0);
    let ended = place.next();
    assert!(matches!(ended, (0, PartitionEnd::Drained { .. })), "{ended:?}");
    let mut rows = memory.rows();
    rows.sort_unstable();
    let read = source.read.load(Ordering::SeqCst);
    assert!(rows.into_iter().eq(0..read as i64), "what was read is there, each number once");
    assert!(source.opened_at.lock().unwrap().is_sorted_by(|before, after| before < after));
}

#[test]
fn a_partition_goes_on_where_another_crew_has_drained_or_killed_it() {
    let memory = Memory::default();
    let endless = Numbers { records: None, ..Numbers::new(1, 0) };
    let bed = Bed::new().source(endless).destination("sink", &["source"], &memory);
    for round in 0..4 {
        let before = memory.rows().len();
        let mut place = workplace(&bed);
        place.begin(0);
        until(|| memory.rows().len() > before);
        if round % 2 == 0 {
            place.crew.drain(0);
            let drained = place.next();
            let (0, PartitionEnd::Drained { markers }) = drained else { panic!("{drained:?}") };
            assert_eq!(markers[0].1.position.as_ref().unwrap().next, memory.rows().len() as u64);
        } else {
            place.crew.kill(0);
            assert!(matches!(place.next(), (0, PartitionEnd::Killed)));
        }
        let rows = memory.rows();
        assert_eq!(rows, (0..rows.len() as i64).collect::<Vec<_>>());
    }
}

#[test]
fn what_waits_for_room_ends_at_once() {
    let memory = Memory::default();
    let endless = Numbers { records: None, ..Numbers::new(3, 0) };
    let mut bed = Bed::new().source(endless).destination("sink", &["source"], &memory);
    bed.options.parallelism = NonZeroUsize::MIN;
    let mut place = workplace(&bed);
    (0..3).for_each(|partition| place.begin(partition));
    place.crew.drain(2);
    assert!(matches!(place.next(), (2, PartitionEnd::Drained { markers }) if markers.is_empty()));
    place.crew.kill(1);
    assert!(matches!(place.next(), (1, PartitionEnd::Killed)));
    until(|| !memory.rows().is_empty());
    place.crew.drain(0);
    assert!(matches!(place.next(), (0, PartitionEnd::Drained { markers }) if markers.len() == 1));
}

#[test]
fn a_partition_that_cannot_go_on_does_not_hold_up_the_others() {
    let memory = Memory::default();
    let mut bed = Bed::new().destination("sink", &["bad", "source"], &memory);
    let step = |name: &str, source: Numbers| SourceStep {
        name: StepName::new(name).unwrap(),
        conceals: false,
        on_error: OnError::Fail,
        source: Arc::new(source),
    };
    bed.pipeline.sources = vec![
        step("bad", Numbers { malformed: |i| i == 3, ..Numbers::new(1, 10) }),
        step("source", Numbers::new(2, 50)),
    ];
    let mut place = workplace(&bed);
    let info = PartitionInfo { id: PartitionId("0".to_owned()), bytes: None, records: None };
    let bad = PartitionOrder {
        source: StepName::new("bad").unwrap(),
        info,
        index: 7,
        start: None,
        is_begun: false,
    };
    place.crew.begin(bad).unwrap();
    place.begin(1);
    let (mut failed, mut done) = (0, 0);
    for _ in 0..2 {
        match place.next() {
            (7, PartitionEnd::Failed { error, .. }) => {
                assert!(error.to_string().contains("record 3 is malformed"), "{error}");
                failed += 1;
            }
            (1, PartitionEnd::Done { .. }) => done += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((failed, done), (1, 1));
}

#[test]
fn everything_ends_with_its_crew() {
    let memory = Memory::default();
    let endless = Numbers { records: None, ..Numbers::new(2, 0) };
    let bed = Bed::new().source(endless).destination("sink", &["source"], &memory);
    let Workplace { crew, mut events, _system, .. } = workplace(&bed);
    let info = PartitionInfo { id: PartitionId("0".to_owned()), bytes: None, records: None };
    crew.begin(PartitionOrder { source: source(), info, index: 0, start: None, is_begun: false }).unwrap();
    until(|| !memory.rows().is_empty());
    drop(crew);
    while events.blocking_recv().is_some() {}
    until(|| Arc::strong_count(&memory.content) == 1 + 1);
}

/// What another node has begun does not wait for what nobody has begun yet.
#[test]
fn what_was_begun_before_goes_on_first() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let memory = Memory { gate: Some(Arc::clone(&gate)), ..Memory::default() };
    let mut bed = Bed::new().source(Numbers::new(6, 50)).destination("sink", &["source"], &memory);
    bed.options.parallelism = NonZeroUsize::MIN;
    let mut place = workplace(&bed);
    (0..3).for_each(|partition| place.begin(partition));
    place.go_on(3);
    place.go_on(4);
    place.begin(5);
    place.crew.kill(3);
    assert!(matches!(place.next(), (3, PartitionEnd::Killed)));
    place.go_on(3);
    gate.add_permits(1 << 20);
    let order: Vec<usize> = (0..6).map(|_| place.next().0).collect();
    assert_eq!(order, [0, 4, 3, 1, 2, 5]);
}
