use std::borrow::Cow;
use std::time::SystemTime;

use super::TraceContext;

/// What a span was for, in the words of OpenTelemetry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SpanKind {
    /// Work inside a process.
    #[default]
    Internal,
    /// It has answered a call.
    Server,
    /// It has made a call and waited for the answer.
    Client,
    /// It has handed something over and did not wait.
    Producer,
    /// It has worked on what was handed over.
    Consumer,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// A text.
    Text(Cow<'static, str>),
    /// A whole number.
    Integer(i64),
    /// Yes or no.
    Flag(bool),
}

/// Something that has happened during a span.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanEvent {
    /// What.
    pub name: Cow<'static, str>,
    /// When.
    pub at: SystemTime,
    /// What belongs to it.
    pub attributes: Vec<(&'static str, AttributeValue)>,
}

/// A piece of work that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSpan {
    /// Its own ids.
    pub context: TraceContext,
    /// The span of the same trace that has caused it; `None` for the first one.
    pub parent: Option<u64>,
    /// What was done, in few words of a small set: `transform by-country`.
    pub name: Cow<'static, str>,
    /// What it was for.
    pub kind: SpanKind,
    /// When it began.
    pub start: SystemTime,
    /// When it ended.
    pub end: SystemTime,
    /// What belongs to it, by the names of OpenTelemetry's semantic conventions where there is one.
    pub attributes: Vec<(&'static str, AttributeValue)>,
    /// What has happened meanwhile.
    pub events: Vec<SpanEvent>,
    /// Spans of other traces that have caused it, too.
    pub links: Vec<TraceContext>,
    /// Why it has failed.
    pub failed: Option<String>,
}

impl TraceSpan {
    /// A span below `parent` that ends now.
    pub fn below(parent: &TraceContext, name: impl Into<Cow<'static, str>>, start: SystemTime) -> Self {
        Self { parent: Some(parent.span()), ..Self::of(parent.child(), name, start) }
    }

    /// The first span of a trace, which has the ids of `context` and ends now.
    pub fn of(context: TraceContext, name: impl Into<Cow<'static, str>>, start: SystemTime) -> Self {
        Self {
            context,
            parent: None,
            name: name.into(),
            kind: SpanKind::default(),
            start,
            end: SystemTime::now().max(start),
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            failed: None,
        }
    }

    /// With one more attribute.
    pub fn with(mut self, name: &'static str, value: impl Into<AttributeValue>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }
}

impl From<&'static str> for AttributeValue {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for AttributeValue {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<u64> for AttributeValue {
    /// One that is too large becomes the largest.
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for AttributeValue {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}
