use serde::Serialize;
use uuid::Uuid;

use super::SilentNode;

/// What a process logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogFilter {
    /// Such as `info` or `warn,etl_engine=debug`.
    pub filter: String,
    /// When it ends, in milliseconds since 1970; `None` when it stays.
    pub until_ms: Option<u64>,
}

/// What one node logs, or why that is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeLog {
    /// The node.
    pub node: u64,
    /// In force now; `None` when the node does not tell.
    #[serde(flatten)]
    pub filter: Option<LogFilter>,
    /// Why it does not tell, or has refused.
    pub problem: Option<String>,
}

/// What is to be logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChange {
    /// `None` for the filter that the node was started with.
    pub filter: Option<String>,
    /// After so many milliseconds it is again the one that the node was started with; `None` when it is to stay.
    pub for_ms: Option<u64>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// As it should be.
    Healthy,
    /// It works, but not as it should.
    Degraded,
    /// It does not work.
    Unhealthy,
}

/// What was found when something was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthCheck {
    /// `consensus`, `cluster`, a part of a node such as `disk`, or `workflow/NAME` for a workflow from end to end.
    pub component: String,
    /// How it is.
    pub status: HealthStatus,
    /// In a sentence.
    pub details: String,
    /// Milliseconds since 1970, by the clock of the node that has checked.
    pub last_checked_ms: u64,
    /// The node that it is about; `None` for the cluster.
    pub node: Option<u64>,
}

/// How everything is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthReport {
    /// The worst of all checks.
    pub status: HealthStatus,
    /// First the cluster, then nodes, then workflows.
    pub checks: Vec<HealthCheck>,
}

/// The spans of a run that are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunTrace {
    /// The run.
    pub run: Uuid,
    /// Its workflow.
    pub workflow: String,
    /// By their beginning.
    pub spans: Vec<SpanView>,
    /// Nodes that do not tell theirs.
    pub silent: Vec<SilentNode>,
}

/// A piece of work that has ended. Ids are hexadecimal, as in W3C Trace Context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpanView {
    /// Where; 0 for a process without a cluster.
    pub node: u64,
    /// Names the trace.
    pub trace: String,
    /// Names the span.
    pub span: String,
    /// The span that has caused it; `None` for the first one of a trace.
    pub parent: Option<String>,
    /// What was done.
    pub name: String,
    /// `internal`, `server`, `client`, `producer` or `consumer`.
    pub kind: String,
    /// Microseconds since 1970, by the clock of the node.
    pub start_us: u64,
    /// The same.
    pub end_us: u64,
    /// By name.
    pub attributes: Vec<(String, String)>,
    /// What has happened meanwhile.
    pub events: Vec<SpanEventView>,
    /// Spans of other traces that have caused it, too: trace and span with a hyphen between.
    pub links: Vec<String>,
    /// Why it has failed.
    pub failed: Option<String>,
}

/// Something that has happened during a span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpanEventView {
    /// What.
    pub name: String,
    /// Microseconds since 1970.
    pub at_us: u64,
    /// By name.
    pub attributes: Vec<(String, String)>,
}

impl HealthStatus {
    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl HealthReport {
    /// The report of these checks; healthy when there are none.
    pub fn of(checks: Vec<HealthCheck>) -> Self {
        let status = checks.iter().map(|check| check.status).max().unwrap_or(HealthStatus::Healthy);
        Self { status, checks }
    }
}
