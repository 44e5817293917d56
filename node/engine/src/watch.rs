use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use etl_model::{
    NoTracer, PartitionId, RunId, SpanEvent, SpanKind, StepName, TraceContext, TraceSpan, Tracer,
};

use crate::EngineError;
use crate::budget::ByteBudget;
use crate::ports::{ChainSight, NoObserver, Observer, Operation, Work};

/// Who counts and traces what the chains of a run do.
#[derive(Clone)]
pub(crate) struct Watch {
    pub observer: Arc<dyn Observer>,
    pub tracer: Arc<dyn Tracer>,
}

impl Default for Watch {
    fn default() -> Self {
        Self { observer: Arc::new(NoObserver), tracer: Arc::new(NoTracer) }
    }
}

/// Where a batch comes from: what rides with it from the source to its commit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// When its chunk was read.
    pub read_at: Instant,
    /// Its trace, if it is one of those that are kept.
    pub trace: Option<TraceContext>,
}

/// Contexts of one unit that are kept as links.
const LINKS: usize = 64;

/// Where what is in a unit comes from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins {
    pub batches: usize,
    pub first_read: Option<Instant>,
    /// Of batches whose traces are kept, the first ones.
    traces: Vec<TraceContext>,
}

impl Origins {
    pub fn add(&mut self, origin: Origin) {
        self.batches += 1;
        self.first_read.get_or_insert(origin.read_at);
        if let Some(trace) = origin.trace.filter(|_| self.traces.len() < LINKS) {
            self.traces.push(trace);
        }
    }
}

/// Work that has begun.
pub(crate) struct Started {
    at: Instant,
    traced: Option<Box<Traced>>,
}

/// A span that has begun.
struct Traced {
    parent: TraceContext,
    own: TraceContext,
    start: SystemTime,
    links: Vec<TraceContext>,
}

impl Started {
    /// The span, when the trace is kept.
    pub fn context(&self) -> Option<TraceContext> {
        self.traced.as_ref().map(|traced| traced.own)
    }

    /// Does asynchronous work within the span, so that what it calls can tie itself to it.
    pub async fn traced<T>(&self, work: impl Future<Output = T>) -> T {
        match &self.traced {
            Some(traced) => etl_sdk::within(traced.own, work).await,
            None => work.await,
        }
    }
}

impl Watch {
    /// A chunk was read, beginning at that time: counts it, and begins a trace of what becomes of it, perhaps.
    pub fn begin(
        &self,
        source: &StepName,
        (began, took): (SystemTime, Duration),
        records: u64,
        bytes: u64,
    ) -> Origin {
        self.observer.worked(source, Work { operation: Operation::Read, took, records, bytes });
        let trace = self.tracer.begin();
        if let Some(context) = trace {
            let span = TraceSpan::of(context, name(Operation::Read, source), began);
            self.tracer.ended(described(span, source, Operation::Read, (records, bytes)));
        }
        Origin { read_at: Instant::now(), trace }
    }

    /// Reading, begun at that time, has failed: it is told in a trace of its own, perhaps.
    pub fn read_failed(&self, source: &StepName, began: SystemTime, error: &EngineError) {
        if let Some(context) = self.tracer.begin() {
            let mut span = TraceSpan::of(context, name(Operation::Read, source), began);
            fail(&mut span, error);
            self.tracer.ended(described(span, source, Operation::Read, (0, 0)));
        }
    }

    /// Work on a batch begins.
    pub fn start(&self, trace: Option<TraceContext>) -> Started {
        let traced = trace.map(|parent| {
            let (own, start) = (parent.child(), SystemTime::now());
            Box::new(Traced { parent, own, start, links: Vec::new() })
        });
        Started { at: Instant::now(), traced }
    }

    /// The commit of a unit begins: it belongs to the trace of its first batch, and has links to those of the others.
    pub fn start_unit(&self, from: &Origins) -> Started {
        let mut started = self.start(from.traces.first().copied());
        if let Some(traced) = &mut started.traced {
            traced.links = from.traces.iter().skip(1).copied().collect();
        }
        started
    }

    /// Work has ended, on so many records and bytes.
    pub fn ended(
        &self,
        started: Started,
        step: &StepName,
        operation: Operation,
        (records, bytes): (u64, u64),
        error: Option<&EngineError>,
    ) {
        let took = started.at.elapsed();
        if error.is_none() {
            self.observer.worked(step, Work { operation, took, records, bytes });
        }
        let Some(traced) = started.traced else { return };
        let Traced { parent, own, start, links } = *traced;
        let mut span = TraceSpan::of(own, name(operation, step), start);
        span.parent = Some(parent.span());
        span.links = links;
        span.kind = match operation {
            Operation::Write | Operation::Commit => SpanKind::Client,
            _ => SpanKind::Internal,
        };
        if let Some(error) = error {
            fail(&mut span, error);
        }
        self.tracer.ended(described(span, step, operation, (records, bytes)));
    }
}

impl Watch {
    /// A chain has failed and is opened again after a pause: told in the trace that the run has beside those of its batches.
    pub fn retrying(
        &self,
        chain: (RunId, &StepName, &PartitionId),
        attempt: u32,
        pause: Duration,
        error: &EngineError,
    ) {
        let (run, source, partition) = chain;
        self.observer.retrying(source, error);
        let now = SystemTime::now();
        let span = TraceSpan::below(&TraceContext::of_run(run), format!("retry {source}"), now);
        let mut span = span.with("etl.step", source.as_str().to_owned());
        span.attributes.push(("etl.partition", partition.0.clone().into()));
        span.events.push(SpanEvent {
            name: "retry".into(),
            at: now,
            attributes: vec![
                ("attempt", u64::from(attempt).into()),
                ("pause_ms", u64::try_from(pause.as_millis()).unwrap_or(u64::MAX).into()),
                ("exception.type", error.code().to_owned().into()),
                ("exception.message", error.to_string().into()),
            ],
        });
        self.tracer.ended(span);
    }
}

fn name(operation: Operation, step: &StepName) -> String {
    format!("{} {step}", operation.as_str())
}

fn fail(span: &mut TraceSpan, error: &EngineError) {
    span.failed = Some(error.to_string());
    span.events.push(SpanEvent {
        name: "exception".into(),
        at: span.end,
        attributes: vec![
            ("exception.type", error.code().to_owned().into()),
            ("exception.message", error.to_string().into()),
        ],
    });
}

fn described(
    span: TraceSpan,
    step: &StepName,
    operation: Operation,
    (records, bytes): (u64, u64),
) -> TraceSpan {
    let span = span.with("etl.step", step.as_str().to_owned()).with("etl.operation", operation.as_str());
    let span = span.with("etl.records", records);
    if bytes > 0 { span.with("etl.bytes", bytes) } else { span }
}

/// What an open chain lets be seen of it.
pub(crate) struct Sight {
    budget: ByteBudget,
    /// Per output: when the batches were read that are not committed there, oldest first.
    open: Vec<Mutex<VecDeque<Instant>>>,
}

impl Sight {
    /// Of a chain with so many outputs.
    pub fn new(budget: ByteBudget, outputs: usize) -> Self {
        Self { budget, open: (0..outputs).map(|_| Mutex::default()).collect() }
    }

    fn open(&self, output: usize) -> Option<MutexGuard<'_, VecDeque<Instant>>> {
        Some(self.open.get(output)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A batch is on its way to all outputs.
    pub fn begins(&self, origin: Origin) {
        for output in 0..self.open.len() {
            if let Some(mut open) = self.open(output) {
                open.push_back(origin.read_at);
            }
        }
    }

    /// So many of the batches that came first are committed at an output.
    pub fn committed(&self, output: usize, batches: usize) {
        if let Some(mut open) = self.open(output) {
            let count = batches.min(open.len());
            open.drain(..count);
        }
    }
}

impl ChainSight for Sight {
    fn permits(&self) -> (u64, u64) {
        self.budget.taken()
    }

    fn oldest(&self) -> Option<Duration> {
        let oldest = (0..self.open.len()).filter_map(|output| self.open(output)?.front().copied()).min();
        oldest.map(|read_at| read_at.elapsed())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_batch_is_open_until_all_outputs_have_committed_it() {
        let sight = Sight::new(ByteBudget::new(1 << 20), 2);
        assert_eq!((sight.oldest(), sight.permits()), (None, (0, 1 << 20)));
        let long_ago = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        sight.begins(Origin { read_at: long_ago, trace: None });
        sight.begins(Origin { read_at: Instant::now(), trace: None });
        sight.committed(0, 1);
        assert!(sight.oldest().is_some_and(|age| age >= Duration::from_secs(60)), "the other has not");
        sight.committed(1, 1);
        assert!(sight.oldest().is_some_and(|age| age < Duration::from_secs(30)));
        sight.committed(0, 1);
        sight.committed(1, 7);
        assert_eq!(sight.oldest(), None);
    }
}
