use etl_model::Span;
use etl_sdk::RetryPolicy;
use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::{RawCircuitBreaker, RawRateLimit};

/// A step of the linear form.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "read from the tree; here for the schema")]
pub(crate) struct RawLinearStep {
    /// The connector or transformation.
    r#type: String,
    /// The name under which the step appears; made from its place and type if it is left out.
    name: Option<String>,
    /// The settings of this type.
    config: Option<Map<String, Value>>,
    /// What happens to a record that this step cannot process.
    on_error: Option<RawOnError>,
    /// Where this step is carried out in a cluster.
    placement: Option<RawPlacement>,
    /// How much may pass this step in a time: a source, a destination, or a transformation that calls a system.
    rate_limit: Option<RawRateLimit>,
    /// When this step is left alone because the system behind it fails.
    circuit_breaker: Option<RawCircuitBreaker>,
    /// How long one call of this step, a source or destination, may take, for example `30s`: to open, read, write or commit.
    /// A longer one is given up and the partition tried again, as the retry policy says.
    #[schemars(with = "Option<String>", extend("format" = "time-span"))]
    timeout: Option<Span>,
    /// How often and how patiently this step is tried again after an error that may go away; as the workflow says without it.
    retry: Option<RetryPolicy>,
    /// Where the records go that this step cannot process: a destination of their own. They arrive as they came to the step
    /// (what a source cannot read as the text `record`), with the column `_error` that says why.
    fallback: Option<RawFallback>,
}

/// A source of the graph form.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "read from the tree; here for the schema")]
pub(crate) struct RawSource {
    /// The connector.
    r#type: String,
    /// The settings of this type.
    config: Option<Map<String, Value>>,
    /// What happens to a record that this step cannot process.
    on_error: Option<RawOnError>,
    /// Where this step is carried out in a cluster.
    placement: Option<RawPlacement>,
    /// How much may pass this source in a time.
    rate_limit: Option<RawRateLimit>,
    /// When this source is left alone because it fails.
    circuit_breaker: Option<RawCircuitBreaker>,
    /// How long one call of this step, a source or destination, may take, for example `30s`: to open, read, write or commit.
    /// A longer one is given up and the partition tried again, as the retry policy says.
    #[schemars(with = "Option<String>", extend("format" = "time-span"))]
    timeout: Option<Span>,
    /// How often and how patiently this step is tried again after an error that may go away; as the workflow says without it.
    retry: Option<RetryPolicy>,
    /// Where the records go that this step cannot process: a destination of their own. They arrive as they came to the step
    /// (what a source cannot read as the text `record`), with the column `_error` that says why.
    fallback: Option<RawFallback>,
}

/// A transformation or destination of the graph form.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "read from the tree; here for the schema")]
pub(crate) struct RawStep {
    /// The connector or transformation.
    r#type: String,
    /// The sources and transformations whose records this step takes; of a `route` one output, as `step.output`.
    /// `step.errors` are the records that fail at a step, as they came to it, with the column `_error` that says why.
    #[schemars(length(min = 1))]
    inputs: Vec<String>,
    /// The settings of this type.
    config: Option<Map<String, Value>>,
    /// What happens to a record that this step cannot process.
    on_error: Option<RawOnError>,
    /// Where this step is carried out in a cluster.
    placement: Option<RawPlacement>,
    /// How much may pass this step in a time: a source, a destination, or a transformation that calls a system.
    rate_limit: Option<RawRateLimit>,
    /// When this step is left alone because the system behind it fails.
    circuit_breaker: Option<RawCircuitBreaker>,
    /// How long one call of this step, a source or destination, may take, for example `30s`: to open, read, write or commit.
    /// A longer one is given up and the partition tried again, as the retry policy says.
    #[schemars(with = "Option<String>", extend("format" = "time-span"))]
    timeout: Option<Span>,
    /// How often and how patiently this step is tried again after an error that may go away; as the workflow says without it.
    retry: Option<RetryPolicy>,
    /// Where the records go that this step cannot process: a destination of their own. They arrive as they came to the step
    /// (what a source cannot read as the text `record`), with the column `_error` that says why.
    fallback: Option<RawFallback>,
}

/// A destination for the records that a step cannot process.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "read from the tree; here for the schema")]
pub(crate) struct RawFallback {
    /// The connector.
    r#type: String,
    /// The settings of this type.
    config: Option<Map<String, Value>>,
}

/// Where a step is carried out in a cluster; without it, files of one machine belong to the node that was asked to run the
/// workflow, and everything else to whichever node works on the partition.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "read from the tree; here for the schema")]
pub(crate) struct RawPlacement {
    /// The number of the node, as `cluster status` shows it.
    node: std::num::NonZeroU64,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "read from the tree; here for the schema")]
pub(crate) enum RawOnError {
    /// The run fails and names the record.
    Fail,
    /// The record goes to the dead letters with its error, and the run goes on.
    DeadLetter,
    /// The record is left out and counted.
    Skip,
    /// The partition is tried again from its last commit, as `retry` says, for errors that go away; then the run fails.
    Retry,
}
