use std::sync::Arc;
use std::time::Duration;

use etl_model::{CircuitBreaker, PartitionId, RateAmount, RateLimit, Retry, RunId, StepName};
use etl_sdk::{ConnectorError, RetryPolicy};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::entry::{BudgetEntry, CircuitEntry};
use super::lease::Conclusion;
use super::switch::Way;
use super::{PIECE, UNIT};
use crate::EngineError;
use crate::progress::Progress;

/// How a source or destination is held back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepLimits {
    /// How much may pass it in a time.
    pub rate: Option<RateLimit>,
    /// When it is left alone because it fails.
    pub breaker: Option<CircuitBreaker>,
    /// How long one call of it may take.
    pub timeout: Option<Duration>,
    /// How it is tried again, where not as the run.
    pub retry: Option<RetryPolicy>,
}

/// What a chain awaits before it calls a step, and before rows pass it. Clones are the same.
#[derive(Clone)]
pub struct StepGate {
    step: StepName,
    rate: Option<Arc<BudgetEntry>>,
    breaker: Option<Arc<CircuitEntry>>,
    timeout: Option<Duration>,
    retry: Option<RetryPolicy>,
}

/// Where it shows that a chain waits.
#[derive(Clone)]
pub(crate) struct Held {
    pub progress: Arc<Progress>,
    pub run: RunId,
    pub source: StepName,
    pub partition: PartitionId,
}

/// The right to make one call. Dropped without a conclusion it is given back.
pub(crate) struct Admitted(Option<(Arc<CircuitEntry>, Way)>);

impl StepGate {
    pub(super) fn new(
        step: StepName,
        rate: Option<Arc<BudgetEntry>>,
        breaker: Option<Arc<CircuitEntry>>,
        limits: &StepLimits,
    ) -> Self {
        Self { step, rate, breaker, timeout: limits.timeout, retry: limits.retry.clone() }
    }

    /// How the step is tried again, where not as the run.
    pub(crate) fn retry(&self) -> Option<&RetryPolicy> {
        self.retry.as_ref()
    }

    /// How long one call of the step may take.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Waits until so much may pass.
    pub(crate) async fn pass(&self, records: u64, bytes: u64) -> Result<(), EngineError> {
        let Some(budget) = &self.rate else { return Ok(()) };
        let amount = match budget.figures.amount {
            RateAmount::Records(_) => records,
            RateAmount::Bytes(_) => bytes,
        };
        let needs = amount.saturating_mul(UNIT);
        let Err(ticket) = budget.with(|purse| purse.enter(needs, Instant::now())) else { return Ok(()) };
        budget.asking.wake();
        let _turn = Turn { budget, ticket };
        let served = budget.until(|purse| purse.is_served(ticket).then_some(())).await;
        served.map_err(|others| {
            let what = format!("rate limit `{}`", budget.name);
            self.mismatch(&what, &budget.figures, &others)
        })
    }

    /// Waits until the step may be called; `None` when `end` comes first.
    pub(crate) async fn admit(
        &self,
        held: &Held,
        end: &CancellationToken,
    ) -> Result<Option<Admitted>, EngineError> {
        let Some(breaker) = &self.breaker else { return Ok(Some(Admitted(None))) };
        if let Some(way) = breaker.with(|switch| switch.way()) {
            return Ok(Some(Admitted(Some((Arc::clone(breaker), way)))));
        }
        let _waiting = Waiting::begin(breaker, held);
        let found = tokio::select! {
            biased;
            found = breaker.until(|switch| switch.way()) => found,
            () = end.cancelled() => return Ok(None),
        };
        let way = found.map_err(|others| {
            let what = format!("circuit breaker `{}`", breaker.name);
            self.mismatch(&what, &breaker.figures, &others)
        })?;
        Ok(Some(Admitted(Some((Arc::clone(breaker), way)))))
    }

    /// A call has ended by a failure that its caller could not tell.
    pub(crate) fn failed(&self) {
        if let Some(breaker) = &self.breaker {
            Admitted(Some((Arc::clone(breaker), Way::Free))).end(Conclusion::Failed);
        }
    }

    /// Whether it has a breaker.
    pub(crate) fn has_breaker(&self) -> bool {
        self.breaker.is_some()
    }

    /// Whether the breaker is open, as soon as the failures that were seen here are counted.
    pub(crate) async fn is_open(&self) -> bool {
        let Some(breaker) = &self.breaker else { return false };
        let seen = breaker.with(|switch| switch.failures());
        let heard = breaker.until(|switch| (switch.heard() >= seen).then(|| switch.is_open()));
        // With other figures than others it would wait for ever.
        heard.await.unwrap_or(false)
    }

    /// The most rows of a batch of `rows` with `bytes` that one piece may have.
    pub(crate) fn piece_rows(&self, rows: usize, bytes: usize) -> usize {
        let Some(budget) = &self.rate else { return rows };
        let worth = worth_of_piece(&budget.figures);
        let rows_of_piece = match budget.figures.amount {
            RateAmount::Records(_) => worth,
            RateAmount::Bytes(_) => worth.saturating_mul(rows as u64) / (bytes as u64).max(1),
        };
        usize::try_from(rows_of_piece).unwrap_or(usize::MAX).max(1)
    }

    /// The bytes that a chunk of the source should have at most, so that it does not wait for long.
    pub(crate) fn chunk_bytes(&self, asked: usize) -> usize {
        /// A short record.
        const RECORD: u64 = 64;
        const LEAST: u64 = 16 << 10;
        let Some(budget) = &self.rate else { return asked };
        let worth = worth_of_piece(&budget.figures);
        let bytes = match budget.figures.amount {
            RateAmount::Records(_) => worth.saturating_mul(RECORD),
            RateAmount::Bytes(_) => worth,
        };
        asked.min(usize::try_from(bytes.max(LEAST)).unwrap_or(usize::MAX))
    }

    fn mismatch<F: std::fmt::Display>(&self, what: &str, own: &F, others: &F) -> EngineError {
        let message = format!("{what} is {own} here, and {others} elsewhere");
        let help = "what is shared under a name has the same figures in all steps and workflows; change one of them, or its \
                    name";
        EngineError::Step {
            step: self.step.clone(),
            error: ConnectorError::user("limit_mismatch", message, help),
        }
    }
}

/// The right to call a step, at once where nothing holds it back; `None` when `end` comes first.
pub(crate) async fn admit(
    gate: Option<&StepGate>,
    held: &Held,
    end: &CancellationToken,
) -> Result<Option<Admitted>, EngineError> {
    match gate {
        Some(gate) => gate.admit(held, end).await,
        None => Ok(Some(Admitted(None))),
    }
}

/// Records or bytes that [`PIECE`] brings.
fn worth_of_piece(limit: &RateLimit) -> u64 {
    let worth = u128::from(limit.amount.number()) * PIECE.as_nanos() / limit.per.0.as_nanos().max(1);
    u64::try_from(worth).unwrap_or(u64::MAX).max(1)
}

impl Admitted {
    /// Tells what the call has shown.
    pub fn conclude<T>(self, result: &Result<T, EngineError>) {
        self.end(match result {
            Ok(_) => Conclusion::Succeeded,
            Err(error) if error.retry() == Retry::Backoff => Conclusion::Failed,
            Err(_) => Conclusion::Abandoned,
        });
    }

    fn end(mut self, conclusion: Conclusion) {
        self.tell(conclusion);
    }

    fn tell(&mut self, conclusion: Conclusion) {
        let Some((breaker, way)) = self.0.take() else { return };
        if breaker.with(|switch| switch.conclude(way, conclusion)) {
            breaker.asking.wake();
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.tell(Conclusion::Abandoned);
    }
}

/// A place in the line, which is left when nobody waits there any more.
struct Turn<'a> {
    budget: &'a BudgetEntry,
    ticket: u64,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.budget.with(|purse| purse.leave(self.ticket));
        // Who comes next may be served by what is there.
        self.budget.ring();
    }
}

/// A partition that waits because a circuit breaker is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingPartition {
    /// Its run.
    pub run: RunId,
    /// The source step.
    pub source: StepName,
    /// The partition.
    pub partition: PartitionId,
    /// What it waits for, for a person.
    pub reason: String,
}

/// A chain that waits at an open breaker.
struct Waiting<'a> {
    breaker: &'a CircuitEntry,
    held: &'a Held,
    number: u64,
}

impl<'a> Waiting<'a> {
    fn begin(breaker: &'a CircuitEntry, held: &'a Held) -> Self {
        breaker.with(|switch| switch.wait(true));
        breaker.asking.wake();
        let Held { run, source, partition, .. } = held;
        tracing::warn!(%source, %partition, breaker = breaker.name, "a partition waits for a circuit breaker that is open");
        let why = format!("waiting for circuit breaker {}", breaker.name);
        held.progress.waits(source, partition, Some(why.clone()));
        let number = breaker.asking.wait(WaitingPartition {
            run: *run,
            source: source.clone(),
            partition: partition.clone(),
            reason: why,
        });
        Self { breaker, held, number }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.breaker.with(|switch| switch.wait(false));
        self.breaker.asking.go_on(self.number);
        let Held { progress, source, partition, .. } = self.held;
        progress.waits(source, partition, None);
    }
}
