use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use etl_model::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often and how patiently an operation is tried again after an error that may go away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    #[schemars(range(min = 1))]
    pub max_attempts: u32,
    /// Pause before the second attempt.
    #[schemars(with = "String", extend("format" = "time-span"))]
    pub initial_backoff: Span,
    /// Longest pause.
    #[schemars(with = "String", extend("format" = "time-span"))]
    pub max_backoff: Span,
    /// Factor from one pause to the next.
    #[schemars(range(min = 1.0))]
    pub backoff_multiplier: f64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            initial_backoff: Span(Duration::from_millis(200)),
            max_backoff: Span(Duration::from_secs(30)),
            backoff_multiplier: 2.0,
        }
    }
}

impl RetryPolicy {
    /// The pauses between attempts, with jitter (each between the nominal pause and twice that).
    pub fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        ExponentialBuilder::default()
            .with_min_delay(self.initial_backoff.0)
            .with_max_delay(self.max_backoff.0)
            .with_factor(self.backoff_multiplier.max(1.0) as f32)
            .with_max_times(self.max_attempts.saturating_sub(1) as usize)
            .with_jitter()
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let policy = RetryPolicy { max_attempts: 4, ..RetryPolicy::default() };
        let pauses: Vec<_> = policy.pauses().collect();
        assert_eq!(pauses.len(), 3);
        assert!(pauses[0] >= Duration::from_millis(200) && pauses[2] >= Duration::from_millis(800));
    }
}
