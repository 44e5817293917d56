use std::num::{NonZeroU32, NonZeroU64};

use etl_model::{ByteSize, Span};
use schemars::JsonSchema;
use serde::Deserialize;

/// How much may pass this step in a time, over all partitions and nodes together: either `records` or `bytes`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRateLimit {
    /// Records.
    pub records: Option<NonZeroU64>,
    /// Bytes that are read or written, for example `16MiB`.
    #[schemars(with = "Option<String>", extend("format" = "byte-size"))]
    pub bytes: Option<ByteSize>,
    /// In which time; `1s` by default.
    #[schemars(with = "Option<String>", extend("format" = "time-span"))]
    pub per: Option<Span>,
    /// Shares the budget with all steps and workflows that name it, which must give the same figures.
    pub name: Option<String>,
}

/// When this step is left alone for a while because the system behind it fails, by all partitions and nodes together.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCircuitBreaker {
    /// So many failures that may go away open it; 5 by default.
    pub failures: Option<NonZeroU32>,
    /// The time within which they come; `30s` by default.
    #[schemars(with = "Option<String>", extend("format" = "time-span"))]
    pub within: Option<Span>,
    /// How long it stays open before one partition tries whether the system is back; `10s` by default.
    #[schemars(with = "Option<String>", extend("format" = "time-span"))]
    pub open_for: Option<Span>,
    /// Shares the breaker with all steps and workflows that name it, which must give the same figures.
    pub name: Option<String>,
}
