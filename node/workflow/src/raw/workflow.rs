use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::{Map, Value};

use crate::raw::{RawCatchUp, RawDataProtection, RawDelivery, RawOverlap, RawParameter, RawSync};

/// A workflow file.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "read from the tree; here for the schema")]
pub(crate) struct RawFile {
    /// The workflow.
    workflow: Value,
}

/// Data moved from sources through transformations to destinations.
///
/// Linear: `source`, a list of `transformations`, `destination`. As a graph: `sources`, `transformations` and
/// `destinations` as mappings from names to steps with `inputs`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "read from the tree; here for the schema")]
pub(crate) struct RawWorkflow {
    /// The name under which state and markers are stored: lower-case letters, digits, `_` and `-`.
    name: String,
    /// What the workflow is for.
    description: Option<String>,
    /// What must be guaranteed about the delivery.
    delivery: Option<RawDelivery>,
    /// What a new run reads.
    sync: Option<RawSync>,
    /// How many partitions are worked on at the same time; as many as the machine has cores by default.
    parallelism: Option<std::num::NonZeroUsize>,
    /// How operations are tried again after errors that may go away.
    retry: Option<etl_sdk::RetryPolicy>,
    /// Longest time between two commits of a destination, for example `5s`.
    #[schemars(with = "Option<String>", extend("format" = "time-span"))]
    commit_interval: Option<String>,
    /// When the workflow starts by itself: a cron expression such as `0 3 * * *`, or `@daily`. Without it the workflow is
    /// started by hand.
    schedule: Option<String>,
    /// The time zone of the schedule, such as `Europe/Berlin`; UTC by default.
    timezone: Option<String>,
    /// What a tick does while a run is not finished; `skip` by default.
    overlap: Option<RawOverlap>,
    /// What becomes of ticks that no node was there for; `last` by default.
    catch_up: Option<RawCatchUp>,
    /// Values that are given when a run starts, by name.
    parameters: Option<BTreeMap<String, RawParameter>>,
    /// How values that not everyone may read are protected.
    data_protection: Option<RawDataProtection>,
    /// The source of a linear workflow.
    source: Option<Value>,
    /// The destination of a linear workflow.
    destination: Option<Value>,
    /// The sources of a graph, by name.
    #[schemars(extend("minProperties" = 1))]
    sources: Option<Map<String, Value>>,
    /// A list of steps, or the steps of a graph by name.
    #[schemars(extend("type" = ["array", "object", "null"]))]
    transformations: Option<Value>,
    /// The destinations of a graph, by name.
    #[schemars(extend("minProperties" = 1))]
    destinations: Option<Map<String, Value>>,
}
