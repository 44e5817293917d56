use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use etl_engine::{ChainSight, Committed, EngineError, Observer, Operation, Outcome, Wait, Work};
use etl_model::{Counters, OnError, StepName, TraceContext, TraceSpan, Tracer};

use crate::fakes::{Bed, FailMultiples, Fault, Memory, Numbers};

/// Keeps all that it is told.
#[derive(Default)]
struct Notes {
    work: Mutex<BTreeMap<(String, Operation), (u64, u64)>>,
    waits: Mutex<BTreeSet<Wait>>,
    committed: Mutex<BTreeMap<String, (Counters, u64)>>,
    set_aside: Mutex<BTreeMap<String, u64>>,
    checkpoints: Mutex<usize>,
    retries: Mutex<Vec<String>>,
    failures: Mutex<Vec<String>>,
    chains: Mutex<Vec<Weak<dyn ChainSight>>>,
    spans: Mutex<Vec<TraceSpan>>,
}

impl Observer for Notes {
    fn worked(&self, step: &StepName, work: Work) {
        let mut all = self.work.lock().unwrap();
        let (calls, records) = all.entry((step.to_string(), work.operation)).or_default();
        *calls += 1;
        *records += work.records;
    }

    fn waited(&self, _: &StepName, what: Wait, time: Duration) {
        assert!(time < Duration::from_secs(60));
        self.waits.lock().unwrap().insert(what);
    }

    fn committed(&self, destination: &StepName, unit: Committed) {
        assert!(unit.latency.is_none_or(|latency| latency < Duration::from_secs(60)));
        let mut all = self.committed.lock().unwrap();
        let (counters, units) = all.entry(destination.to_string()).or_default();
        *counters += unit.counters;
        *units += 1;
    }

    fn set_aside(&self, step: &StepName, records: u64) {
        *self.set_aside.lock().unwrap().entry(step.to_string()).or_default() += records;
    }

    fn checkpointed(&self, _: &StepName, routes: usize) {
        *self.checkpoints.lock().unwrap() += routes;
    }

    fn opened(&self, _: &StepName, chain: Weak<dyn ChainSight>) {
        if let Some(chain) = chain.upgrade() {
            let (taken, all) = chain.permits();
            assert!(taken <= all && all > 0);
        }
        self.chains.lock().unwrap().push(chain);
    }

    fn retrying(&self, _: &StepName, error: &EngineError) {
        self.retries.lock().unwrap().push(error.code().to_owned());
    }

    fn failed(&self, _: &StepName, error: &EngineError) {
        self.failures.lock().unwrap().push(error.code().to_owned());
    }
}

impl Tracer for Notes {
    fn begin(&self) -> Option<TraceContext> {
        Some(TraceContext::new(true))
    }

    fn ended(&self, span: TraceSpan) {
        self.spans.lock().unwrap().push(span);
    }
}

fn watched(mut bed: Bed) -> (Bed, Arc<Notes>) {
    let notes = Arc::new(Notes::default());
    bed.pipeline = bed.pipeline.watched(Arc::clone(&notes) as _, Arc::clone(&notes) as _);
    (bed, notes)
}

#[test]
fn what_is_told_is_what_the_report_says() {
    let memory = Memory::default();
    let bed = Bed::new()
        .source(Numbers::new(3, 1000))
        .processor("picky", &["source"], FailMultiples(7))
        .on_error(OnError::DeadLetter)
        .destination("sink", &["picky"], &memory);
    let (bed, notes) = watched(bed);
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Completed);
    let (counters, units) = notes.committed.lock().unwrap()["sink"];
    assert_eq!(counters, report.routes[0].counters);
    let work = notes.work.lock().unwrap().clone();
    let of = |step: &str, operation| work[&(step.to_owned(), operation)];
    assert_eq!((of("source", Operation::Read).1, of("source", Operation::Decode).1), (3000, 3000));
    assert_eq!(of("picky", Operation::Transform).1, 3000);
    assert_eq!(of("sink", Operation::Encode).1, counters.delivered);
    assert_eq!(of("sink", Operation::Write).1, counters.delivered);
    assert_eq!(
        (of("sink", Operation::Commit).0, of("sink", Operation::Commit).1),
        (units, counters.delivered)
    );
    assert_eq!(notes.set_aside.lock().unwrap()["picky"], counters.dead_lettered);
    assert!(*notes.checkpoints.lock().unwrap() >= 3, "one for the end of each partition at least");
    assert!(notes.waits.lock().unwrap().contains(&Wait::Room));
    let chains = notes.chains.lock().unwrap();
    assert!(chains.len() == 3 && chains.iter().all(|chain| chain.upgrade().is_none()), "they are over");
    assert!(notes.retries.lock().unwrap().is_empty() && notes.failures.lock().unwrap().is_empty());
}

#[test]
fn every_batch_is_traced_to_its_commit() {
    let memory = Memory::default();
    let bed = Bed::new()
        .source(Numbers::new(2, 1000))
        .processor("picky", &["source"], FailMultiples(7))
        .on_error(OnError::Skip)
        .destination("one", &["picky"], &memory)
        .destination("two", &["source"], &Memory::default());
    let (bed, notes) = watched(bed);
    bed.run().unwrap();
    let spans = notes.spans.lock().unwrap();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let roots: BTreeMap<u128, u64> =
        named("read source").iter().map(|span| (span.context.trace(), span.context.span())).collect();
    assert_eq!(roots.len() as u64, notes.work.lock().unwrap()[&("source".to_owned(), Operation::Read)].0);
    for name in ["decode source", "transform picky", "encode one", "encode two", "write one", "write two"] {
        assert_eq!(named(name).len(), roots.len(), "{name}");
        for span in named(name) {
            assert_eq!(roots.get(&span.context.trace()), span.parent.as_ref(), "{name}");
            assert!(span.end >= span.start && span.failed.is_none());
        }
    }
    for name in ["commit one", "commit two"] {
        let mut covered = BTreeSet::new();
        for span in named(name).into_iter().filter(|span| span.parent.is_some()) {
            covered.insert(span.context.trace());
            covered.extend(span.links.iter().map(TraceContext::trace));
        }
        assert_eq!(covered, roots.keys().copied().collect(), "{name}: as parent or by a link");
    }
    let ids: BTreeSet<u64> = spans.iter().map(|span| span.context.span()).collect();
    assert_eq!(ids.len(), spans.len(), "every span has an id of its own");
}

#[test]
fn errors_and_retries_are_told_and_traced() {
    let memory = Memory::with_fault(Fault::BeforeCommit(2));
    let bed = Bed::new().source(Numbers::new(1, 1000)).destination("sink", &["source"], &memory);
    let (bed, notes) = watched(bed);
    let report = bed.run().unwrap();
    assert_eq!((report.outcome, report.retries), (Outcome::Completed, 1));
    assert_eq!(notes.retries.lock().unwrap().len(), 1);
    assert_eq!(
        notes.committed.lock().unwrap()["sink"].0,
        report.routes[0].counters,
        "nothing is counted twice"
    );
    let spans = notes.spans.lock().unwrap();
    let failed = spans.iter().find(|span| span.failed.is_some()).unwrap();
    assert_eq!((failed.name.as_ref(), failed.events[0].name.as_ref()), ("commit sink", "exception"));
    let retry = spans.iter().find(|span| span.name == "retry source").unwrap();
    assert_eq!(retry.context.trace(), TraceContext::of_run(bed.run.run).trace());
    assert_eq!(retry.events[0].name, "retry");

    let bed = Bed::new()
        .source(Numbers::new(1, 100))
        .processor("picky", &["source"], FailMultiples(7))
        .destination("sink", &["picky"], &Memory::default());
    let (bed, notes) = watched(bed);
    assert_eq!(bed.run().unwrap().outcome, Outcome::Failed);
    assert_eq!(notes.failures.lock().unwrap().len(), 1);
    let spans = notes.spans.lock().unwrap();
    assert!(spans.iter().any(|span| span.name == "transform picky" && span.failed.is_some()), "{spans:#?}");
}
