use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use etl_model::TraceSpan;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter as _;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{sleep, timeout};
use tonic::metadata::{KeyAndValueRef, MetadataKey, MetadataMap};

use super::convert::span_data;
use super::settings::Collector;
use crate::Error;

/// Spans that wait to be sent.
const QUEUE: usize = 4096;
/// Spans that are sent together.
const BATCH: usize = 512;
/// How long a span waits for others to be sent with.
const REST: Duration = Duration::from_millis(500);
/// How often it is looked whether there is room in a full queue, at the end.
const GLANCE: Duration = Duration::from_millis(5);
/// Pauses after a batch was not taken; after the last of them it is dropped.
const PAUSES: [Duration; 3] = [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(4)];

/// Sends spans to a collector from a thread of its own. Handing one over never waits.
pub(super) struct Sender {
    queue: mpsc::Sender<Item>,
    counts: Arc<Counts>,
}

enum Item {
    Span(Box<TraceSpan>),
    /// All before it are to be sent; then this is told.
    Finish(SyncSender<()>),
}

#[derive(Debug, Default)]
struct Counts {
    sent: AtomicU64,
    queue_full: AtomicU64,
    not_taken: AtomicU64,
}

/// What became of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub sent: u64,
    pub queue_full: u64,
    pub not_taken: u64,
}

fn metadata(collector: &Collector) -> Result<MetadataMap, Error> {
    let mut map = MetadataMap::new();
    for (name, value) in &collector.headers {
        // Without the value, which may be a secret.
        let wrong = |problem: &str| Error::Endpoint {
            endpoint: collector.name.clone(),
            problem: format!("the header `{name}` {problem}"),
        };
        let key = MetadataKey::from_bytes(name.to_lowercase().as_bytes());
        let key = key.map_err(|_| wrong("has a name that no header can have"))?;
        map.insert(key, value.parse().map_err(|_| wrong("has a value that no header can have"))?);
    }
    Ok(map)
}

impl Sender {
    /// Starts the thread. Connects to nobody yet.
    pub fn start(version: &'static str, collector: Collector) -> Result<Self, Error> {
        let metadata = metadata(&collector)?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let counts = Arc::new(Counts::default());
        let counting = Arc::clone(&counts);
        let failed = |error: std::io::Error| Error::Thread(error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let thread = std::thread::Builder::new().name("spans".to_owned());
        let sending = move || {
            runtime.block_on(async move {
                match exporter(version, &collector, metadata) {
                    Ok(exporter) => {
                        Sending { exporter, waiting, counts: counting, collector, version }.run().await
                    }
                    Err(problem) => tracing::error!(collector = collector.name, problem, "no spans are sent"),
                }
            });
        };
        thread.spawn(sending).map_err(failed)?;
        Ok(Self { queue, counts })
    }

    /// Has a span sent, or drops it when too many wait.
    pub fn send(&self, span: TraceSpan) {
        if self.queue.try_send(Item::Span(Box::new(span))).is_err() {
            self.counts.queue_full.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn counts(&self) -> Told {
        let Counts { sent, queue_full, not_taken } = &*self.counts;
        Told {
            sent: sent.load(Ordering::Relaxed),
            queue_full: queue_full.load(Ordering::Relaxed),
            not_taken: not_taken.load(Ordering::Relaxed),
        }
    }

    /// Waits until what was handed over before is sent or dropped, for so long at most.
    pub fn finish(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let (done, finished) = sync_channel(1);
        let mut item = Item::Finish(done);
        loop {
            match self.queue.try_send(item) {
                Ok(()) => break,
                Err(TrySendError::Full(back)) if Instant::now() < until => {
                    item = back;
                    std::thread::sleep(GLANCE);
                }
                Err(_) => return,
            }
        }
        // What is not sent by then is lost with the process.
        let _ = finished.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

fn exporter(
    version: &'static str,
    collector: &Collector,
    metadata: MetadataMap,
) -> Result<SpanExporter, String> {
    let builder = SpanExporter::builder().with_tonic().with_channel((collector.connect)());
    let builder = builder.with_timeout(collector.timeout);
    // Set at last: the exporter would let the variables of the environment win.
    let builder = builder.with_interceptor(move |mut request: tonic::Request<()>| {
        for header in metadata.iter() {
            if let KeyAndValueRef::Ascii(name, value) = header {
                request.metadata_mut().insert(name.clone(), value.clone());
            }
        }
        Ok(request)
    });
    let mut exporter = builder.build().map_err(|error| error.to_string())?;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let resource = Resource::builder()
        .with_service_name("actix-etl")
        .with_attributes([
            KeyValue::new("service.version", version),
            KeyValue::new("service.instance.id", uuid::Uuid::new_v4().to_string()),
            KeyValue::new("host.name", host.trim().to_owned()),
            KeyValue::new("process.pid", i64::from(std::process::id())),
        ])
        .build();
    exporter.set_resource(&resource);
    Ok(exporter)
}

struct Sending {
    exporter: SpanExporter,
    waiting: mpsc::Receiver<Item>,
    counts: Arc<Counts>,
    collector: Collector,
    version: &'static str,
}

impl Sending {
    /// Ends when nobody can hand over spans any more.
    async fn run(mut self) {
        let scope = InstrumentationScope::builder("actix-etl").with_version(self.version).build();
        let mut items = Vec::with_capacity(BATCH);
        loop {
            if self.waiting.recv_many(&mut items, BATCH).await == 0 {
                return;
            }
            if items.len() < BATCH && !items.iter().any(|item| matches!(item, Item::Finish(_))) {
                sleep(REST).await;
                while items.len() < BATCH
                    && let Ok(item) = self.waiting.try_recv()
                {
                    items.push(item);
                }
            }
            let (mut spans, mut finished) = (Vec::new(), Vec::new());
            for item in items.drain(..) {
                match item {
                    Item::Span(span) => spans.push(span_data(*span, &scope)),
                    Item::Finish(done) => finished.push(done),
                }
            }
            if !spans.is_empty() {
                self.send(spans).await;
            }
            for done in finished {
                // Who has asked may have given up.
                let _ = done.try_send(());
            }
        }
    }

    async fn send(&self, spans: Vec<opentelemetry_sdk::trace::SpanData>) {
        let count = spans.len() as u64;
        let mut pauses = PAUSES.into_iter();
        loop {
            let exported = timeout(self.collector.timeout, self.exporter.export(spans.clone())).await;
            let problem = match exported {
                Ok(Ok(())) => {
                    self.counts.sent.fetch_add(count, Ordering::Relaxed);
                    return;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("it has not answered within {:?}", self.collector.timeout),
            };
            match pauses.next() {
                Some(pause) => sleep(pause).await,
                None => {
                    self.counts.not_taken.fetch_add(count, Ordering::Relaxed);
                    tracing::warn!(
                        collector = self.collector.name,
                        spans = count,
                        problem,
                        "spans are dropped"
                    );
                    return;
                }
            }
        }
    }
}
