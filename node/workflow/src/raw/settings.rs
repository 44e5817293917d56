use std::num::NonZeroUsize;

use etl_model::Span;
use etl_sdk::RetryPolicy;
use schemars::JsonSchema;
use serde::Deserialize;

/// How the workflow is run.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(crate) struct RawSettings {
    /// What the workflow is for.
    pub description: Option<String>,
    /// What must be guaranteed about the delivery.
    pub delivery: Option<RawDelivery>,
    /// What a new run reads.
    pub sync: Option<RawSync>,
    /// How many partitions are worked on at the same time; as many as the machine has cores by default.
    pub parallelism: Option<NonZeroUsize>,
    /// How operations are tried again after errors that may go away.
    pub retry: Option<RetryPolicy>,
    /// Longest time between two commits of a destination, for example `5s`.
    #[schemars(with = "Option<String>", extend("format" = "time-span"))]
    pub commit_interval: Option<Span>,
    /// When the workflow starts by itself: a cron expression such as `0 3 * * *`, or `@daily`. Without it the workflow is
    /// started by hand.
    pub schedule: Option<String>,
    /// The time zone of the schedule, such as `Europe/Berlin`; UTC by default.
    pub timezone: Option<String>,
    /// What a tick does while a run is not finished; `skip` by default.
    pub overlap: Option<RawOverlap>,
    /// What becomes of ticks that no node was there for; `last` by default.
    pub catch_up: Option<RawCatchUp>,
}

/// What must be guaranteed about the delivery.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawDelivery {
    /// The guarantee that every route must give; a workflow that cannot give it is refused.
    #[serde(default)]
    pub guarantee: RawGuarantee,
}

#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawGuarantee {
    /// Every record arrives once.
    ExactlyOnce,
    /// Every record arrives, after a failure perhaps more than once.
    AtLeastOnce,
    /// The best that each route can give.
    #[default]
    Best,
}

/// What a new run reads.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSync {
    /// Whether a new run starts over.
    #[serde(default)]
    pub mode: RawSyncMode,
}

#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawSyncMode {
    /// Everything.
    #[default]
    Full,
    /// Only what is new since the last completed run.
    Incremental,
}

#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawOverlap {
    /// Nothing; the tick is left out.
    #[default]
    Skip,
    /// Its run begins after that one; one run at most waits.
    Queue,
    /// Its run takes the place of that one.
    Replace,
}

#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawCatchUp {
    /// They are left out.
    None,
    /// One run for all of them.
    #[default]
    Last,
    /// A run for each, one after the other; at most the last 100.
    All,
}
