use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use etl_proto::admin::Consistency;

use super::history::History;
use super::operation::{Input, Operation, Output, Versioned};
use crate::group::{Client, Error, Failure};

/// Keys that are in use at the same time.
const KEYS: u64 = 4;
/// Writes to a key before it is left alone: versions beyond the kept history could not be looked up.
const WRITES_PER_KEY: u64 = 60;

/// Clients that write, compare-and-set and read on all members at once, and note what they were told.
pub struct Workload {
    began: Instant,
    history: Arc<Mutex<History>>,
    stop: Arc<AtomicBool>,
    /// Counts all writes; each writes another value.
    writes: Arc<AtomicU64>,
    /// Calls that had an answer.
    answered: Arc<AtomicU64>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

struct Worker {
    members: Vec<Client>,
    random: fastrand::Rng,
    began: Instant,
    history: Arc<Mutex<History>>,
    stop: Arc<AtomicBool>,
    writes: Arc<AtomicU64>,
    answered: Arc<AtomicU64>,
    /// What it last knew of a key's version.
    known: (String, u64),
}

impl Workload {
    /// Starts so many clients, each of which calls all of these members.
    pub fn start(clients: usize, members: &[Client], seed: u64) -> Self {
        let mut this = Self {
            began: Instant::now(),
            history: Arc::default(),
            stop: Arc::default(),
            writes: Arc::default(),
            answered: Arc::default(),
            tasks: Vec::new(),
        };
        for number in 0..clients {
            let mut worker = Worker {
                members: members.to_vec(),
                random: fastrand::Rng::with_seed(seed.wrapping_add(number as u64)),
                began: this.began,
                history: Arc::clone(&this.history),
                stop: Arc::clone(&this.stop),
                writes: Arc::clone(&this.writes),
                answered: Arc::clone(&this.answered),
                known: (String::new(), 0),
            };
            this.tasks.push(tokio::spawn(async move {
                while !worker.stop.load(Ordering::Relaxed) {
                    worker.one_call().await;
                }
            }));
        }
        this
    }

    /// Calls that were answered so far.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Ends it and gives what was noted.
    pub async fn finish(self) -> Result<History, Error> {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.map_err(|error| Error::Unexpected(error.to_string()))?;
        }
        let history = std::mem::take(&mut *self.history.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(history)
    }
}

impl Worker {
    async fn one_call(&mut self) {
        let writes = self.writes.load(Ordering::Relaxed);
        let key = format!("k{}", writes / (KEYS * WRITES_PER_KEY) * KEYS + self.random.u64(0..KEYS));
        if self.known.0 != key {
            self.known = (key.clone(), 0);
        }
        let input = match self.random.u8(0..5) {
            0 | 1 => Input::Get,
            2 => Input::Put { value: self.writes.fetch_add(1, Ordering::Relaxed) + 1 },
            _ => {
                Input::PutIf { version: self.known.1, value: self.writes.fetch_add(1, Ordering::Relaxed) + 1 }
            }
        };
        let member = self.random.usize(0..self.members.len());
        let Some(client) = self.members.get_mut(member) else { return };
        let called = self.began.elapsed();
        let answer = call(client, &key, input).await;
        let returned = self.began.elapsed();
        let output = match answer {
            Ok(output) => Some(output),
            // A read that failed tells nothing; nor does a write that certainly did not happen.
            Err(Failure::Unknown(_)) if input != Input::Get => None,
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
                return;
            }
        };
        match output {
            Some(Output::Written { version }) => self.known.1 = version,
            Some(Output::Read { found }) => self.known.1 = found.map_or(0, |found| found.version),
            Some(Output::Conflict) | None => {}
        }
        self.answered.fetch_add(u64::from(output.is_some()), Ordering::Relaxed);
        let operation = Operation { input, output, called, returned };
        self.history.lock().unwrap_or_else(PoisonError::into_inner).record(&key, operation);
    }
}

/// The text that stands for a value in a document.
pub fn text(value: u64) -> String {
    format!("value {value}")
}

async fn call(client: &mut Client, key: &str, input: Input) -> Result<Output, Failure> {
    let written = |version| Output::Written { version };
    let result = match input {
        Input::Get => {
            let found = client.get(key, Consistency::Linearizable).await?;
            let versioned = |(version, text): (u64, String)| {
                let value = text.strip_prefix("value ").and_then(|value| value.parse().ok());
                Versioned { version, value: value.unwrap_or(0) }
            };
            return Ok(Output::Read { found: found.map(versioned) });
        }
        Input::Put { value } => client.put(key, &text(value), None).await,
        Input::PutIf { version, value } => client.put(key, &text(value), Some(version)).await,
    };
    match result {
        Err(Failure::Conflict) => Ok(Output::Conflict),
        other => other.map(written),
    }
}
