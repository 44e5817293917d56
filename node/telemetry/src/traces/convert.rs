use std::borrow::Cow;

use etl_model::{AttributeValue, SpanEvent, SpanKind, TraceContext, TraceSpan};
use opentelemetry::trace::{Event, Link, SpanContext, SpanId, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

fn context(context: &TraceContext, is_remote: bool) -> SpanContext {
    let flags = if context.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let (trace, span) = (
        TraceId::from_bytes(context.trace().to_be_bytes()),
        SpanId::from_bytes(context.span().to_be_bytes()),
    );
    SpanContext::new(trace, span, flags, is_remote, TraceState::default())
}

fn attribute((name, value): (&'static str, AttributeValue)) -> KeyValue {
    let value = match value {
        AttributeValue::Text(Cow::Borrowed(text)) => Value::from(text),
        AttributeValue::Text(Cow::Owned(text)) => Value::from(text),
        AttributeValue::Integer(number) => Value::from(number),
        AttributeValue::Flag(flag) => Value::from(flag),
    };
    KeyValue::new(name, value)
}

fn attributes(all: Vec<(&'static str, AttributeValue)>) -> Vec<KeyValue> {
    all.into_iter().map(attribute).collect()
}

/// A span as the exporter of OpenTelemetry takes it.
pub(super) fn span_data(span: TraceSpan, scope: &InstrumentationScope) -> SpanData {
    let TraceSpan { context: own, parent, name, kind, start, end, attributes: of, events, links, failed } =
        span;
    let mut kept_events = SpanEvents::default();
    kept_events.events = events
        .into_iter()
        .map(|SpanEvent { name, at, attributes: of }| Event::new(name, at, attributes(of), 0))
        .collect();
    let mut kept_links = SpanLinks::default();
    kept_links.links = links.iter().map(|link| Link::new(context(link, false), Vec::new(), 0)).collect();
    SpanData {
        span_context: context(&own, false),
        parent_span_id: parent.map_or(SpanId::INVALID, |parent| SpanId::from_bytes(parent.to_be_bytes())),
        parent_span_is_remote: false,
        span_kind: match kind {
            SpanKind::Internal => opentelemetry::trace::SpanKind::Internal,
            SpanKind::Server => opentelemetry::trace::SpanKind::Server,
            SpanKind::Client => opentelemetry::trace::SpanKind::Client,
            SpanKind::Producer => opentelemetry::trace::SpanKind::Producer,
            SpanKind::Consumer => opentelemetry::trace::SpanKind::Consumer,
        },
        name,
        start_time: start,
        end_time: end,
        attributes: attributes(of),
        dropped_attributes_count: 0,
        events: kept_events,
        links: kept_links,
        status: match failed {
            Some(why) => Status::error(why),
            None => Status::Unset,
        },
        instrumentation_scope: scope.clone(),
    }
}
