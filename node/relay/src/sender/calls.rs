use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use etl_sdk::ConnectorError;
use tokio::sync::oneshot;

use crate::codec::Answer;

/// Calls of a channel that wait for their answer.
#[derive(Default)]
pub(super) struct Calls(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// The number of the newest call.
    newest: u64,
    waiting: HashMap<u64, oneshot::Sender<Result<Answer, ConnectorError>>>,
}

impl Calls {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers a new call.
    pub fn begin(&self) -> (u64, oneshot::Receiver<Result<Answer, ConnectorError>>) {
        let (sender, receiver) = oneshot::channel();
        let mut calls = self.waiting();
        calls.newest += 1;
        let number = calls.newest;
        calls.waiting.insert(number, sender);
        (number, receiver)
    }

    /// Answers a call. False if there never was such a call.
    pub fn answer(&self, number: u64, answer: Answer) -> bool {
        let mut calls = self.waiting();
        if number == 0 || number > calls.newest {
            return false;
        }
        // One that nobody waits for any more was given up by its caller.
        if let Some(waiting) = calls.waiting.remove(&number) {
            let _ = waiting.send(Ok(answer));
        }
        true
    }

    /// Ends all calls with an error.
    pub fn fail(&self, error: &ConnectorError) {
        let waiting = std::mem::take(&mut self.waiting().waiting);
        for (_, waiting) in waiting {
            let _ = waiting.send(Err(error.clone()));
        }
    }
}
