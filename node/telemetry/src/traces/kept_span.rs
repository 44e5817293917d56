use std::time::{SystemTime, UNIX_EPOCH};

use etl_model::{AttributeValue, SpanKind, TraceSpan};

/// A span as it is kept on the node where it has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSpan {
    /// Names the trace: 32 hexadecimal digits.
    pub trace: String,
    /// Names the span: 16 hexadecimal digits.
    pub span: String,
    /// The span that has caused it.
    pub parent: Option<String>,
    /// What was done.
    pub name: String,
    /// `internal`, `server`, `client`, `producer` or `consumer`.
    pub kind: &'static str,
    /// Microseconds since 1970, by the clock of the node.
    pub start_us: u64,
    /// The same.
    pub end_us: u64,
    /// By name.
    pub attributes: Vec<(String, String)>,
    /// What has happened meanwhile.
    pub events: Vec<KeptEvent>,
    /// Spans of other traces that have caused it, too: `trace-span`.
    pub links: Vec<String>,
    /// Why it has failed.
    pub failed: Option<String>,
}

/// Something that has happened during a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptEvent {
    /// What.
    pub name: String,
    /// Microseconds since 1970.
    pub at_us: u64,
    /// By name.
    pub attributes: Vec<(String, String)>,
}

fn micros(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    u64::try_from(since).unwrap_or(u64::MAX)
}

fn text(value: &AttributeValue) -> String {
    match value {
        AttributeValue::Text(text) => text.to_string(),
        AttributeValue::Integer(number) => number.to_string(),
        AttributeValue::Flag(flag) => flag.to_string(),
    }
}

fn texts(attributes: &[(&'static str, AttributeValue)]) -> Vec<(String, String)> {
    attributes.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect()
}

impl From<&TraceSpan> for KeptSpan {
    fn from(span: &TraceSpan) -> Self {
        let id = |id: u64| format!("{id:016x}");
        let event = |event: &etl_model::SpanEvent| KeptEvent {
            name: event.name.to_string(),
            at_us: micros(event.at),
            attributes: texts(&event.attributes),
        };
        Self {
            trace: span.context.trace_id(),
            span: id(span.context.span()),
            parent: span.parent.map(id),
            name: span.name.to_string(),
            kind: match span.kind {
                SpanKind::Internal => "internal",
                SpanKind::Server => "server",
                SpanKind::Client => "client",
                SpanKind::Producer => "producer",
                SpanKind::Consumer => "consumer",
            },
            start_us: micros(span.start),
            end_us: micros(span.end),
            attributes: texts(&span.attributes),
            events: span.events.iter().map(event).collect(),
            links: span.links.iter().map(|link| format!("{}-{}", link.trace_id(), id(link.span()))).collect(),
            failed: span.failed.clone(),
        }
    }
}
