use std::time::Duration;

use etl_model::{CircuitBreaker, RateLimit};

/// What a node asks for and tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaseRequest {
    /// Budgets of which it needs something.
    pub budgets: Vec<BudgetRequest>,
    /// Breakers of steps that it calls.
    pub circuits: Vec<CircuitRequest>,
}

impl LeaseRequest {
    /// Whether there is nothing to ask or tell.
    pub fn is_empty(&self) -> bool {
        self.budgets.is_empty() && self.circuits.is_empty()
    }
}

/// What a node needs of a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetRequest {
    /// Names the budget.
    pub key: String,
    /// As the node's workflow says; the name plays no part.
    pub limit: RateLimit,
    /// Millionths of a record or byte.
    pub demand: u64,
}

/// What a node tells of a breaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitRequest {
    /// Names the breaker.
    pub key: String,
    /// As the node's workflow says; the name plays no part.
    pub policy: CircuitBreaker,
    /// Failures that its process has seen.
    pub failures: u64,
    /// Those of which it knows that they were heard, so that none counts twice.
    pub heard: u64,
    /// For how long it takes the breaker to be open still; `None` while it takes it to be closed.
    pub open_left: Option<Duration>,
    /// Whether a partition waits there to call the step.
    pub waits: bool,
    /// What it was let through for.
    pub probe: Option<Probe>,
}

/// One partition that was let through although the breaker is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// As it was given.
    pub id: u64,
    /// How it ended; `None` while it is under way.
    pub conclusion: Option<Conclusion>,
}

/// How a probe has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// A call has succeeded.
    Succeeded,
    /// It has failed in a way that may go away.
    Failed,
    /// It has told nothing of the system.
    Abandoned,
}

/// What a node is given and told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaseAnswer {
    /// One for each budget of the request, in their order.
    pub budgets: Vec<BudgetAnswer>,
    /// One for each breaker of the request, in their order.
    pub circuits: Vec<CircuitAnswer>,
}

/// What a node is given of a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BudgetAnswer {
    /// Millionths of a record or byte, good for [`super::TERM`] from when it has asked.
    Granted(u64),
    /// Others have these figures under the same name.
    Mismatch(RateLimit),
}

/// How a breaker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CircuitAnswer {
    /// The step may be called.
    Closed,
    /// It may not.
    Open {
        /// For how long at least.
        left: Duration,
    },
    /// One partition of this node may try.
    Probe {
        /// Names the attempt.
        id: u64,
    },
    /// Others have these figures under the same name.
    Mismatch(CircuitBreaker),
}
