use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use etl_cluster::{LogEvent, LogLevel, RunLogs};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use uuid::Uuid;

use crate::secrets::redacted;

/// Keeps what is logged about runs: events with a field `run`, and those inside a span that has one.
pub(super) struct RunLogLayer(pub RunLogs);

/// The run that a span is about.
struct RunOfSpan(Uuid);

/// The fields of an event or span.
#[derive(Default)]
struct Fields {
    run: Option<Uuid>,
    message: String,
    others: Vec<(String, String)>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: String) {
        match field.name() {
            "run" => match Uuid::parse_str(&value) {
                Ok(run) => self.run = Some(run),
                Err(_) => self.others.push(("run".to_owned(), value)),
            },
            "message" => self.message = value,
            name => self.others.push((name.to_owned(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, redacted(value).into_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, redacted(&format!("{value:?}")).into_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for RunLogLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let (Some(run), Some(span)) = (fields.run, context.span(id)) {
            span.extensions_mut().insert(RunOfSpan(run));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let of_spans = || {
            let mut spans = context.event_scope(event)?;
            spans.find_map(|span| span.extensions().get::<RunOfSpan>().map(|of_span| of_span.0))
        };
        let Some(run) = fields.run.or_else(of_spans) else { return };
        let at_us = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let kept = LogEvent {
            at_us: u64::try_from(at_us).unwrap_or(u64::MAX),
            level: match *event.metadata().level() {
                Level::TRACE => LogLevel::Trace,
                Level::DEBUG => LogLevel::Debug,
                Level::INFO => LogLevel::Info,
                Level::WARN => LogLevel::Warn,
                Level::ERROR => LogLevel::Error,
            },
            target: event.metadata().target().to_owned(),
            message: fields.message,
            fields: fields.others,
        };
        self.0.keep(run, kept);
    }
}
