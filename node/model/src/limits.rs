use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ByteSize, Span};

/// How much may pass a step in a time, over all partitions and nodes together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// How much.
    #[serde(flatten)]
    pub amount: RateAmount,
    /// In which time.
    pub per: Span,
    /// The budget that it shares with every step of that name; `None`: it is the step's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateAmount {
    /// Records.
    Records(u64),
    /// Bytes as the counters of a run count them: those of the source that were read, those of the encoded rows that are
    /// written.
    Bytes(ByteSize),
}

impl RateAmount {
    /// The number, whatever it counts.
    pub fn number(self) -> u64 {
        match self {
            Self::Records(number) | Self::Bytes(ByteSize(number)) => number,
        }
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.amount {
            RateAmount::Records(records) => write!(f, "{records} records per {}", self.per),
            RateAmount::Bytes(bytes) => write!(f, "{bytes} per {}", self.per),
        }
    }
}

/// When a step is left alone for a while because the system behind it fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitBreaker {
    /// So many failures that may go away open it ...
    pub failures: u32,
    /// ... when they come within this time.
    pub within: Span,
    /// For how long nobody calls the step before one is let through to see how it is.
    pub open_for: Span,
    /// The breaker that it shares with every step of that name; `None`: it is the step's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl fmt::Display for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failures within {}, open for {}", self.failures, self.within, self.open_for)
    }
}
