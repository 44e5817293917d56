use std::num::NonZeroUsize;

use etl_model::{Span, SyncMode};
use etl_sdk::RetryPolicy;
use serde::Serialize;

use crate::schedule::Schedule;

/// What every route of a workflow must give.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequiredGuarantee {
    /// Every record arrives once.
    ExactlyOnce,
    /// Every record arrives, after a failure perhaps more than once.
    AtLeastOnce,
    /// The best that each route can give.
    #[default]
    Best,
}

/// How a workflow is run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Settings {
    /// What a new run reads.
    pub sync: SyncMode,
    /// Partitions worked on at the same time; `None`: the engine decides.
    pub parallelism: Option<NonZeroUsize>,
    /// What must be guaranteed.
    pub delivery: RequiredGuarantee,
    /// How operations are tried again.
    pub retry: RetryPolicy,
    /// Longest time between two commits; `None`: the engine decides.
    pub commit_interval: Option<Span>,
    /// When it starts by itself; `None` for never.
    pub schedule: Option<Schedule>,
}
