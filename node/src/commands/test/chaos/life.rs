use std::collections::BTreeMap;
use std::future::pending;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use etl_engine::PortError;
use tokio::sync::Notify;

/// Where a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crash {
    /// A name of [`etl_sdk::FAILPOINTS`].
    pub row: &'static str,
    /// Which of the passages, from 1.
    pub passage: u64,
}

/// One process of the twin: it counts how often each crash row is passed, and dies at one of them. What calls it after that
/// never gets an answer, as nothing answers in a process that was killed.
pub(super) struct Life {
    crash: Option<Crash>,
    state: Mutex<State>,
    died: Notify,
    /// Whether it is released, and how many calls there are.
    changed: Condvar,
    /// Dropped with the last part of the process.
    _parts: Sender<()>,
}

#[derive(Default)]
struct State {
    passages: BTreeMap<&'static str, u64>,
    is_dead: bool,
    is_released: bool,
    /// Calls that are under way to systems outside.
    calls: usize,
}

impl Life {
    /// Begins, with who is told (by the end of the channel) that nothing of it is left.
    pub fn begin(crash: Option<Crash>) -> (Arc<Self>, Receiver<()>) {
        let (parts, gone) = channel();
        let state = Mutex::default();
        let life = Self { crash, state, died: Notify::new(), changed: Condvar::new(), _parts: parts };
        (Arc::new(life), gone)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it lives on behind this passage.
    fn survives(&self, row: &'static str) -> bool {
        let mut state = self.state();
        if !state.is_dead {
            let passages = state.passages.entry(row).or_default();
            *passages += 1;
            let here = Crash { row, passage: *passages };
            if self.crash == Some(here) {
                state.is_dead = true;
                self.died.notify_one();
            }
        }
        !state.is_dead
    }

    /// Passes a crash row.
    pub async fn pass(&self, row: &'static str) {
        if !self.survives(row) {
            pending::<()>().await;
        }
    }

    /// The same on a thread that may block. In a process that has died it returns once nobody awaits its caller any more.
    pub fn pass_blocking(&self, row: &'static str) {
        if !self.survives(row) {
            self.wait();
        }
    }

    fn alive<T>(&self, change: impl FnOnce() -> T) -> Option<T> {
        let state = self.state();
        // Under the lock, so that nothing is changed after the death.
        (!state.is_dead).then(change)
    }

    /// Reads or changes what is durable.
    pub async fn durably<T>(&self, change: impl FnOnce() -> T) -> T {
        match self.alive(change) {
            Some(made) => made,
            None => pending().await,
        }
    }

    /// The same on a thread that may block.
    ///
    /// # Errors
    /// The process has died, and nobody awaits the caller any more.
    pub fn durably_blocking<T>(&self, change: impl FnOnce() -> T) -> Result<T, PortError> {
        self.alive(change).ok_or_else(|| {
            self.wait();
            PortError::defect("the process has died")
        })
    }

    /// Makes a call to a system outside, on a thread that may block; none in a process that has died.
    pub fn call<T>(&self, call: impl FnOnce() -> T) -> Option<T> {
        let mut state = self.state();
        if state.is_dead {
            drop(state);
            self.wait();
            return None;
        }
        state.calls += 1;
        drop(state);
        let _ends = CallEnds(self);
        Some(call())
    }

    fn wait(&self) {
        let mut state = self.state();
        while !state.is_released {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Returns when it has died at its crash row.
    pub async fn died(&self) {
        self.died.notified().await;
    }

    /// Dies, if it has not yet, and waits for the answers of systems outside: nobody needs them, but what they come to is to
    /// be there.
    pub fn end(&self) {
        let mut state = self.state();
        state.is_dead = true;
        while state.calls > 0 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets go of the threads that wait in it.
    pub fn release(&self) {
        self.state().is_released = true;
        self.changed.notify_all();
    }

    /// How often each crash row was passed.
    pub fn passages(&self) -> BTreeMap<&'static str, u64> {
        self.state().passages.clone()
    }
}

/// Ends a call even if it panics.
struct CallEnds<'a>(&'a Life);

impl Drop for CallEnds<'_> {
    fn drop(&mut self) {
        self.0.state().calls -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_durable_after_the_death() {
        let (life, _) = Life::begin(Some(Crash { row: "commit_done", passage: 2 }));
        assert!(life.survives("commit_done") && life.survives("commit_started"));
        assert_eq!(life.alive(|| 1), Some(1));
        assert!(!life.survives("commit_done"), "the second passage");
        assert_eq!(life.alive(|| 1), None);
        assert!(!life.survives("commit_started"), "nothing else goes on");
        life.release();
        assert!(life.durably_blocking(|| 1).is_err() && life.call(|| 1).is_none());
        assert_eq!(life.passages(), BTreeMap::from([("commit_done", 2), ("commit_started", 1)]));
    }

    #[test]
    fn its_end_is_told_when_nothing_holds_it() {
        let (life, gone) = Life::begin(None);
        let part = Arc::clone(&life);
        drop(life);
        assert_eq!(gone.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty));
        drop(part);
        assert_eq!(gone.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected));
    }
}
