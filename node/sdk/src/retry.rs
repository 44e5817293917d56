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
    /// Longest pause before the second attempt.
    #[schemars(with = "String", extend("format" = "time-span"))]
    pub initial_backoff: Span,
    /// Longest pause at all.
    #[schemars(with = "String", extend("format" = "time-span"))]
    pub max_backoff: Span,
    /// Factor from one longest pause to the next.
    #[schemars(range(min = 1.0))]
    pub backoff_multiplier: f64,
    /// The classes of errors after which it is tried again; all by default. Of these only those that may go away.
    #[schemars(length(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_on: Option<Vec<ErrorClass>>,
    /// Longest time from the first failure on, without any progress, after which it is not tried again. None by default.
    #[schemars(with = "Option<String>", extend("format" = "time-span"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Span>,
}

/// What kind of failure an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// A connection could not be made, or was lost.
    Connection,
    /// There was no answer in time.
    Timeout,
    /// The system is there, but does not serve now.
    Unavailable,
    /// Others were at the same data at the same time.
    Contention,
    /// A disk or its file system.
    Storage,
    /// Anything else.
    Other,
}

impl ErrorClass {
    /// The class of an error, by the last word of its code.
    pub fn of(code: &str) -> Self {
        match code.rsplit('_').next().unwrap_or(code) {
            "connection" | "unreachable" | "lost" | "closed" | "reset" | "refused" | "stopping"
            | "protocol" => Self::Connection,
            "timeout" | "stalled" => Self::Timeout,
            "unavailable" => Self::Unavailable,
            "locked" | "raced" | "changed" | "contention" => Self::Contention,
            "error" if code == "io_error" => Self::Storage,
            "full" => Self::Storage,
            _ => Self::Other,
        }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            initial_backoff: Span(Duration::from_millis(200)),
            max_backoff: Span(Duration::from_secs(30)),
            backoff_multiplier: 2.0,
            retry_on: None,
            budget: None,
        }
    }
}

impl RetryPolicy {
    /// The pauses between attempts, each anything up to the longest one of its turn: those who failed together do not come
    /// back together ("full jitter", M. Brooker, Exponential Backoff And Jitter, 2015).
    pub fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        self.longest_pauses().map(|longest| longest.mul_f64(fastrand::f64()))
    }

    fn longest_pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        ExponentialBuilder::default()
            .with_min_delay(self.initial_backoff.0)
            .with_max_delay(self.max_backoff.0)
            .with_factor(self.backoff_multiplier.max(1.0) as f32)
            .with_max_times(self.max_attempts.saturating_sub(1) as usize)
            .build()
    }

    /// Whether an error of this code, which may go away, is one to try again after.
    pub fn covers(&self, code: &str) -> bool {
        self.retry_on.as_ref().is_none_or(|classes| classes.contains(&ErrorClass::of(code)))
    }

    /// Whether there is time left for an attempt after `pause`, when it has failed for so long.
    pub fn allows(&self, failing_for: Duration, pause: Duration) -> bool {
        self.budget.is_none_or(|budget| failing_for.saturating_add(pause) <= budget.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let policy = RetryPolicy { max_attempts: 4, ..RetryPolicy::default() };
        let longest: Vec<_> = policy.longest_pauses().collect();
        assert_eq!(longest.iter().map(Duration::as_millis).collect::<Vec<_>>(), [200, 400, 800]);
        for _ in 0..100 {
            let pauses: Vec<_> = policy.pauses().collect();
            assert!(pauses.len() == 3 && pauses.iter().zip(&longest).all(|(pause, most)| pause <= most));
        }
        let spread: Vec<_> = (0..1000).filter_map(|_| policy.pauses().next()).collect();
        let below = spread.iter().filter(|pause| **pause < Duration::from_millis(100)).count();
        assert!((300..700).contains(&below), "{below} of 1,000 pauses are in the lower half");
    }

    #[test]
    fn classes_and_time_bound_what_is_tried_again() {
        let policy = RetryPolicy {
            retry_on: Some(vec![ErrorClass::Connection, ErrorClass::Timeout]),
            budget: Some(Span(Duration::from_secs(10))),
            ..RetryPolicy::default()
        };
        for (code, is_covered) in [
            ("postgres_connection", true),
            ("http_timeout", true),
            ("stalled", true),
            ("sqlite_locked", false),
            ("disk_full", false),
            ("io_error", false),
            ("http_unavailable", false),
            ("whatever", false),
        ] {
            assert_eq!(policy.covers(code), is_covered, "{code}");
            assert!(RetryPolicy::default().covers(code));
        }
        let seconds = Duration::from_secs;
        assert!(policy.allows(seconds(9), seconds(1)) && !policy.allows(seconds(9), seconds(2)));
        assert!(RetryPolicy::default().allows(seconds(1 << 40), seconds(1)));
    }
}
