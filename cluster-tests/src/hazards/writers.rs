use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::ledger::{SharedLedger, text};
use crate::group::{Client, Error};

/// Clients that write all the time to all of some members, and note what was acknowledged.
pub struct Writers {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Writers {
    /// Starts so many, each of which calls all of these members in turn.
    pub fn start(number: usize, members: &[Client], ledger: &SharedLedger) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let write = |first| {
            let (members, ledger, stop) = (members.to_vec(), ledger.clone(), Arc::clone(&stop));
            tokio::spawn(async move { write(members, first, ledger, stop).await })
        };
        let tasks = (0..number).map(write).collect();
        Self { stop, tasks }
    }

    /// Stops them and waits for what is under way.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks.drain(..) {
            task.await.map_err(|error| Error::Unexpected(error.to_string()))?;
        }
        Ok(())
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn write(mut members: Vec<Client>, first: usize, ledger: SharedLedger, stop: Arc<AtomicBool>) {
    let mut key = ledger.lock().new_key();
    let mut turn = first;
    while !stop.load(Ordering::Relaxed) {
        let number = {
            let mut ledger = ledger.lock();
            if ledger.is_full(&key) {
                key = ledger.new_key();
            }
            ledger.begin()
        };
        turn += 1;
        let member = turn % members.len().max(1);
        let Some(client) = members.get_mut(member) else { return };
        let began = Instant::now();
        match client.put(&key, &text(number), None).await {
            Ok(version) => ledger.lock().acknowledge(&key, version, number, began.elapsed()),
            // Whatever became of it, it was not acknowledged; the next one goes elsewhere.
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}
