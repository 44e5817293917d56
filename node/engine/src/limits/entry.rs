use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etl_model::{CircuitBreaker, RateLimit};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::IDLE;
use super::desk::Asking;
use super::lease::{BudgetAnswer, BudgetRequest, CircuitAnswer, CircuitRequest};
use super::purse::Purse;
use super::switch::Switch;

/// For how long others may have other figures under the same name before that is an error: a workflow may have been changed.
const PATIENCE: Duration = IDLE.saturating_add(Duration::from_secs(5));

/// What is behind one key on this node.
pub(super) struct Entry<S, F> {
    pub key: String,
    /// The name by which people know it.
    pub name: String,
    /// The figures.
    pub figures: F,
    state: Mutex<Kept<S, F>>,
    /// Rung when its state has changed.
    changed: Notify,
    /// Asks for as long as there is an entry.
    pub asking: Arc<Asking>,
}

struct Kept<S, F> {
    state: S,
    /// The figures that others have, and since when that is known.
    others: Option<(F, Instant)>,
}

/// A budget on this node.
pub(super) type BudgetEntry = Entry<Purse, RateLimit>;
/// A breaker on this node.
pub(super) type CircuitEntry = Entry<Switch, CircuitBreaker>;

impl<S: Default, F: Clone> Entry<S, F> {
    pub fn new(key: String, name: String, figures: F, asking: Arc<Asking>) -> Self {
        let state = Mutex::new(Kept { state: S::default(), others: None });
        Self { key, name, figures, state, changed: Notify::new(), asking }
    }

    fn kept(&self) -> MutexGuard<'_, Kept<S, F>> {
        // Every change is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn with<T>(&self, change: impl FnOnce(&mut S) -> T) -> T {
        change(&mut self.kept().state)
    }

    /// Waits until `look` finds something.
    ///
    /// # Errors
    /// The figures of others, when they have had other ones for too long.
    pub async fn until<T>(&self, mut look: impl FnMut(&mut S) -> Option<T>) -> Result<T, F> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Whoever rings from now on is heard.
            changed.as_mut().enable();
            {
                let mut kept = self.kept();
                if let Some(found) = look(&mut kept.state) {
                    return Ok(found);
                }
                if let Some(others) = lasting(&kept.others, Instant::now()) {
                    return Err(others.clone());
                }
            }
            changed.await;
        }
    }

    /// Lets those that wait look again.
    pub fn ring(&self) {
        self.changed.notify_waiters();
    }

    fn mismatch(&self, others: Option<F>) {
        let mut kept = self.kept();
        match others {
            None => kept.others = None,
            Some(others) => {
                let since = kept.others.take().map_or_else(Instant::now, |(_, since)| since);
                kept.others = Some((others, since));
            }
        }
    }
}

/// The figures of others that have been other ones for too long.
fn lasting<F>(others: &Option<(F, Instant)>, now: Instant) -> Option<&F> {
    let (figures, since) = others.as_ref()?;
    (now.saturating_duration_since(*since) >= PATIENCE).then_some(figures)
}

impl BudgetEntry {
    /// What to ask for; `None` when nothing is needed.
    pub fn request(&self, now: Instant) -> Option<BudgetRequest> {
        let demand = self.with(|purse| purse.demand(now));
        // What was there may have been handed out just now.
        self.ring();
        let (key, limit) = (self.key.clone(), self.figures.clone());
        (demand > 0).then_some(BudgetRequest { key, limit, demand })
    }

    /// Takes in the answer to what was asked for at `asked`.
    pub fn take(&self, answer: &BudgetAnswer, asked: Instant) {
        match answer {
            BudgetAnswer::Granted(granted) => {
                self.mismatch(None);
                self.with(|purse| purse.fill(*granted, asked, Instant::now()));
            }
            BudgetAnswer::Mismatch(others) => self.mismatch(Some(others.clone())),
        }
        self.ring();
    }
}

impl CircuitEntry {
    pub fn request(&self, now: Instant) -> CircuitRequest {
        self.with(|switch| switch.request(&self.key, &self.figures, now))
    }

    pub fn take(&self, request: &CircuitRequest, answer: &CircuitAnswer) {
        match answer {
            CircuitAnswer::Mismatch(others) => self.mismatch(Some(others.clone())),
            _ => {
                self.mismatch(None);
                self.with(|switch| switch.take(request, answer, Instant::now()));
            }
        }
        self.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_figures_are_an_error_only_when_they_stay() {
        let now = Instant::now();
        assert_eq!(lasting::<u8>(&None, now), None);
        assert_eq!(lasting(&Some((7, now)), now + IDLE), None, "they may be given up");
        assert_eq!(lasting(&Some((7, now)), now + PATIENCE), Some(&7));
    }
}
