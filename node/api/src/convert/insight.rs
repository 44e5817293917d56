use etl_proto::admin as wire;

use super::{Malformed, text_or_none, uuid};
use crate::model::{
    HealthCheck, HealthReport, HealthStatus, LogFilter, NodeLog, RunTrace, SilentNode, SpanEventView,
    SpanView,
};

fn number_or_none(number: u64) -> Option<u64> {
    Some(number).filter(|number| *number > 0)
}

impl From<NodeLog> for wire::NodeLog {
    fn from(log: NodeLog) -> Self {
        let NodeLog { node, filter, problem } = log;
        let (filter, until_ms) = filter.map_or((String::new(), None), |now| (now.filter, now.until_ms));
        Self { node, filter, until_ms, problem: problem.unwrap_or_default() }
    }
}

impl From<wire::NodeLog> for NodeLog {
    fn from(log: wire::NodeLog) -> Self {
        let wire::NodeLog { node, filter, until_ms, problem } = log;
        let filter = text_or_none(filter).map(|filter| LogFilter { filter, until_ms });
        Self { node, filter, problem: text_or_none(problem) }
    }
}

fn status_to_wire(status: HealthStatus) -> i32 {
    match status {
        HealthStatus::Healthy => wire::HealthStatus::Healthy,
        HealthStatus::Degraded => wire::HealthStatus::Degraded,
        HealthStatus::Unhealthy => wire::HealthStatus::Unhealthy,
    }
    .into()
}

fn status_from_wire(status: i32) -> Result<HealthStatus, Malformed> {
    match wire::HealthStatus::try_from(status) {
        Ok(wire::HealthStatus::Healthy) => Ok(HealthStatus::Healthy),
        Ok(wire::HealthStatus::Degraded) => Ok(HealthStatus::Degraded),
        Ok(wire::HealthStatus::Unhealthy) => Ok(HealthStatus::Unhealthy),
        Ok(wire::HealthStatus::Unspecified) | Err(_) => Err(Malformed::unknown("status", status)),
    }
}

impl From<HealthReport> for wire::GetHealthResponse {
    fn from(report: HealthReport) -> Self {
        let check = |check: HealthCheck| {
            let HealthCheck { component, status, details, last_checked_ms, node } = check;
            let (status, node) = (status_to_wire(status), node.unwrap_or(0));
            wire::HealthCheck { component, status, details, last_checked_ms, node }
        };
        Self { status: status_to_wire(report.status), checks: report.checks.into_iter().map(check).collect() }
    }
}

impl TryFrom<wire::GetHealthResponse> for HealthReport {
    type Error = Malformed;

    fn try_from(report: wire::GetHealthResponse) -> Result<Self, Malformed> {
        let check = |check: wire::HealthCheck| {
            let wire::HealthCheck { component, status, details, last_checked_ms, node } = check;
            let (status, node) = (status_from_wire(status)?, number_or_none(node));
            Ok(HealthCheck { component, status, details, last_checked_ms, node })
        };
        let checks = report.checks.into_iter().map(check).collect::<Result<_, _>>()?;
        Ok(Self { status: status_from_wire(report.status)?, checks })
    }
}

fn attributes_to_wire(attributes: Vec<(String, String)>) -> Vec<wire::SpanAttribute> {
    attributes.into_iter().map(|(name, value)| wire::SpanAttribute { name, value }).collect()
}

fn attributes_from_wire(attributes: Vec<wire::SpanAttribute>) -> Vec<(String, String)> {
    attributes.into_iter().map(|wire::SpanAttribute { name, value }| (name, value)).collect()
}

impl From<SpanView> for wire::TraceSpan {
    fn from(view: SpanView) -> Self {
        let event = |SpanEventView { name, at_us, attributes }| wire::SpanEvent {
            name,
            at_us,
            attributes: attributes_to_wire(attributes),
        };
        Self {
            node: view.node,
            trace: view.trace,
            span: view.span,
            parent: view.parent.unwrap_or_default(),
            name: view.name,
            kind: view.kind,
            start_us: view.start_us,
            end_us: view.end_us,
            attributes: attributes_to_wire(view.attributes),
            events: view.events.into_iter().map(event).collect(),
            links: view.links,
            failed: view.failed.unwrap_or_default(),
        }
    }
}

impl From<wire::TraceSpan> for SpanView {
    fn from(span: wire::TraceSpan) -> Self {
        let event = |wire::SpanEvent { name, at_us, attributes }| SpanEventView {
            name,
            at_us,
            attributes: attributes_from_wire(attributes),
        };
        Self {
            node: span.node,
            trace: span.trace,
            span: span.span,
            parent: text_or_none(span.parent),
            name: span.name,
            kind: span.kind,
            start_us: span.start_us,
            end_us: span.end_us,
            attributes: attributes_from_wire(span.attributes),
            events: span.events.into_iter().map(event).collect(),
            links: span.links,
            failed: text_or_none(span.failed),
        }
    }
}

impl From<RunTrace> for wire::ReadTraceResponse {
    fn from(trace: RunTrace) -> Self {
        let silent = |SilentNode { node, reason }| wire::SilentNode { node, reason };
        Self {
            run: trace.run.to_string(),
            workflow: trace.workflow,
            spans: trace.spans.into_iter().map(wire::TraceSpan::from).collect(),
            silent: trace.silent.into_iter().map(silent).collect(),
        }
    }
}

impl TryFrom<wire::ReadTraceResponse> for RunTrace {
    type Error = Malformed;

    fn try_from(trace: wire::ReadTraceResponse) -> Result<Self, Malformed> {
        let silent = |wire::SilentNode { node, reason }| SilentNode { node, reason };
        Ok(Self {
            run: uuid("run", &trace.run)?,
            workflow: trace.workflow,
            spans: trace.spans.into_iter().map(SpanView::from).collect(),
            silent: trace.silent.into_iter().map(silent).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_trace_keeps_everything_on_its_way() {
        let pair = |name: &str| vec![(name.to_owned(), "ä".to_owned())];
        let view = |parent: Option<&str>, failed: Option<&str>| SpanView {
            node: 2,
            trace: "0af7".to_owned(),
            span: "b7ad".to_owned(),
            parent: parent.map(str::to_owned),
            name: "write out".to_owned(),
            kind: "client".to_owned(),
            start_us: 7,
            end_us: 9,
            attributes: pair("etl.step"),
            events: vec![SpanEventView { name: "exception".to_owned(), at_us: 8, attributes: pair("a") }],
            links: vec!["x-y".to_owned()],
            failed: failed.map(str::to_owned),
        };
        let trace = RunTrace {
            run: Uuid::from_u128(7),
            workflow: "orders".to_owned(),
            spans: vec![view(None, Some("no")), view(Some("00f0"), None)],
            silent: vec![SilentNode { node: 3, reason: "it is down".to_owned() }],
        };
        assert_eq!(RunTrace::try_from(wire::ReadTraceResponse::from(trace.clone())), Ok(trace));
    }

    #[test]
    fn health_and_filters_keep_everything_on_their_way() {
        let check = |status, node| HealthCheck {
            component: "disk".to_owned(),
            status,
            details: "full".to_owned(),
            last_checked_ms: 7,
            node,
        };
        let checks = vec![
            check(HealthStatus::Healthy, None),
            check(HealthStatus::Unhealthy, Some(2)),
            check(HealthStatus::Degraded, Some(3)),
        ];
        let report = HealthReport::of(checks);
        assert_eq!(report.status, HealthStatus::Unhealthy);
        assert_eq!(HealthReport::try_from(wire::GetHealthResponse::from(report.clone())), Ok(report));
        assert!(HealthReport::try_from(wire::GetHealthResponse::default()).is_err());
        let filter = LogFilter { filter: "info".to_owned(), until_ms: Some(7) };
        let told = NodeLog { node: 1, filter: Some(filter), problem: None };
        let silent = NodeLog { node: 2, filter: None, problem: Some("it is down".to_owned()) };
        for log in [told, silent] {
            assert_eq!(NodeLog::from(wire::NodeLog::from(log.clone())), log);
        }
    }
}
