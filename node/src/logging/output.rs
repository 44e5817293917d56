use std::io::{Write, stderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::record::{Fields, Record};
use super::repeats::{Repeats, Verdict};

/// How often something was logged.
#[derive(Debug, Default)]
pub(crate) struct LogCounts {
    /// By level: error, warn, info, debug, trace.
    levels: [AtomicU64; 5],
    held_back: AtomicU64,
}

/// Levels with their place in [`LogCounts`].
const LEVELS: [(Level, &str); 5] = [
    (Level::ERROR, "error"),
    (Level::WARN, "warn"),
    (Level::INFO, "info"),
    (Level::DEBUG, "debug"),
    (Level::TRACE, "trace"),
];

impl LogCounts {
    /// Events by level.
    pub fn by_level(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        LEVELS.iter().zip(&self.levels).map(|((_, name), count)| (*name, count.load(Ordering::Relaxed)))
    }

    /// Events that were not written because the same had been written many times.
    pub fn held_back(&self) -> u64 {
        self.held_back.load(Ordering::Relaxed)
    }

    fn count(&self, level: Level) {
        for ((known, _), count) in LEVELS.iter().zip(&self.levels) {
            if *known == level {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Writes events to standard error, one a line.
pub(super) struct OutputLayer {
    is_text: bool,
    has_colours: bool,
    repeats: Mutex<Repeats>,
    counts: Arc<LogCounts>,
}

impl OutputLayer {
    /// As text or as JSON.
    pub fn new(is_text: bool, has_colours: bool, counts: Arc<LogCounts>) -> Self {
        Self { is_text, has_colours, repeats: Mutex::default(), counts }
    }

    fn repeats(&self) -> MutexGuard<'_, Repeats> {
        self.repeats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, record: &Record) {
        let mut line = match self.is_text {
            true => record.text(self.has_colours),
            false => record.json(),
        };
        line.push('\n');
        // Where it cannot be written there is nobody to tell.
        let _ = stderr().lock().write_all(line.as_bytes());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for OutputLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &SpanRecord<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let level = *metadata.level();
        self.counts.count(level);
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                for (name, value) in &of_span.others {
                    fields.others.retain(|(known, _)| known != name);
                    fields.others.push((name, value.clone()));
                }
            }
        }
        event.record(&mut fields);
        let mut held = 0;
        // What is asked for in detail is wanted in full.
        if level <= Level::INFO {
            let place = std::ptr::from_ref(metadata).addr();
            let now = Instant::now();
            let mut repeats = self.repeats();
            let (verdict, over) = (repeats.judge(place, &fields.message, now), repeats.over(now));
            drop(repeats);
            for (message, count) in over {
                let told =
                    Fields { message: "the same was logged again and again".to_owned(), others: Vec::new() };
                let record = Record::new(SystemTime::now(), Level::WARN, module_path!(), told);
                self.write(&record.with("what", message).with("held_back", count));
            }
            match verdict {
                Verdict::Pass(count) => held = count,
                Verdict::Hold => {
                    self.counts.held_back.fetch_add(1, Ordering::Relaxed);
                    return;
                }
            }
        }
        let record = Record::new(SystemTime::now(), level, metadata.target(), fields);
        self.write(&if held > 0 { record.with("held_back", held) } else { record });
    }
}
