//! Tracing: which batches are traced, what is kept of them here, and what is sent to a collector.

mod convert;
mod kept_span;
mod ring;
mod run_tracer;
mod sampling;
mod sender;
mod settings;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use etl_model::{AttributeValue, TraceSpan};
use uuid::Uuid;

pub use kept_span::{KeptEvent, KeptSpan};
pub(crate) use run_tracer::RunTracer;
pub use settings::{Collector, TraceSettings};

use crate::Error;
use crate::catalog::{SPANS_DROPPED, SPANS_SENT};
use crate::metrics::Sample;
use ring::Ring;
use sampling::Sampling;
use sender::Sender;

/// What all tracers of the process share. Clones are the same.
#[derive(Clone)]
pub(crate) struct Traces(Arc<Shared>);

struct Shared {
    sampling: Sampling,
    ring: Ring,
    sender: Option<Sender>,
    redact: fn(&str) -> Cow<'_, str>,
    /// 0 while it is not known.
    node: AtomicU64,
}

impl Traces {
    /// Starts to send spans where the settings name a collector.
    pub fn start(version: &'static str, settings: TraceSettings) -> Result<Self, Error> {
        let TraceSettings { sample, collector, redact } = settings;
        let sender = collector.map(|collector| Sender::start(version, collector)).transpose()?;
        let (ring, node) = (Ring::default(), AtomicU64::new(0));
        Ok(Self(Arc::new(Shared { sampling: Sampling::new(sample), ring, sender, redact, node })))
    }

    pub fn is_node(&self, node: u64) {
        self.0.node.store(node, Ordering::Relaxed);
    }

    fn node(&self) -> Option<u64> {
        Some(self.0.node.load(Ordering::Relaxed)).filter(|node| *node > 0)
    }

    fn sampling(&self) -> &Sampling {
        &self.0.sampling
    }

    /// Keeps a span of a run, and sends it.
    fn take(&self, run: Option<Uuid>, mut span: TraceSpan) {
        let redact = self.0.redact;
        if let Some(failed) = &mut span.failed {
            *failed = redact(failed).into_owned();
        }
        for (_, value) in span.events.iter_mut().flat_map(|event| &mut event.attributes) {
            if let AttributeValue::Text(text) = value {
                *text = redact(text).into_owned().into();
            }
        }
        if let Some(run) = run {
            self.0.ring.keep(run, &span);
        }
        if let Some(sender) = &self.0.sender {
            sender.send(span);
        }
    }

    /// The spans of a run that are kept.
    pub fn of_run(&self, run: Uuid) -> Vec<KeptSpan> {
        self.0.ring.of_run(run)
    }

    /// Adds what was sent and dropped.
    pub fn sample(&self, sample: &mut Sample) {
        let Some(sender) = &self.0.sender else { return };
        let told = sender.counts();
        sample.set(&SPANS_SENT, &[], told.sent as f64);
        sample.set(&SPANS_DROPPED, &["queue"], told.queue_full as f64);
        sample.set(&SPANS_DROPPED, &["collector"], told.not_taken as f64);
    }

    /// Sends what waits.
    pub fn finish(&self, patience: Duration) {
        if let Some(sender) = &self.0.sender {
            sender.finish(patience);
        }
    }
}
