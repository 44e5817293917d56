use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etl_proto::admin::{Consistency, GetWorkflowHistoryRequest};
use sha2::{Digest, Sha256};

use crate::group::{Client, Error, Failure, Members, document, retry};

/// Writes to a key before another is begun: versions beyond the kept history could not be looked up.
const WRITES_PER_KEY: usize = 50;
/// How long a call of a lookup is tried for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A write that was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Acknowledged {
    version: u64,
    /// What was written; no two writes have the same.
    number: u64,
}

/// What clients have written and been told.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    keys: BTreeMap<String, Vec<Acknowledged>>,
    numbers: u64,
    pub calls: u64,
    pub acknowledged: u64,
    /// Of acknowledged writes, in the order of their ends.
    latencies: Vec<Duration>,
}

/// What half and 99 of 100 of some writes took at most.
pub type Latency = (Duration, Duration);

/// What a lookup has found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    pub looked_for: u64,
    pub lost: u64,
}

/// A ledger that many clients write into.
#[derive(Debug, Clone, Default)]
pub struct SharedLedger(Arc<Mutex<Ledger>>);

impl SharedLedger {
    pub fn lock(&self) -> MutexGuard<'_, Ledger> {
        // Nothing that holds it panics half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// A key of its own for a writer.
    pub fn new_key(&mut self) -> String {
        let key = format!("k{}", self.keys.len());
        self.keys.insert(key.clone(), Vec::new());
        key
    }

    /// Whether no more should be written to a key.
    pub fn is_full(&self, key: &str) -> bool {
        self.keys.get(key).is_none_or(|written| written.len() >= WRITES_PER_KEY)
    }

    /// A number for a write that is about to be made.
    pub fn begin(&mut self) -> u64 {
        self.calls += 1;
        self.numbers += 1;
        self.numbers
    }

    pub fn acknowledge(&mut self, key: &str, version: u64, number: u64, latency: Duration) {
        self.keys.entry(key.to_owned()).or_default().push(Acknowledged { version, number });
        self.acknowledged += 1;
        self.latencies.push(latency);
    }

    /// How many writes were acknowledged before now, to be given to [`Self::latency`].
    pub fn mark(&self) -> usize {
        self.latencies.len()
    }

    /// Half and 99 of 100 of the acknowledged writes since a mark took no longer than this.
    pub fn latency(&self, since: usize) -> Option<Latency> {
        let mut some = self.latencies.get(since..)?.to_vec();
        some.sort_unstable();
        let at = |percent: usize| some.get((some.len() * percent / 100).min(some.len().saturating_sub(1)));
        Some((*at(50)?, *at(99)?))
    }

    /// Looks for every acknowledged write at the version it was told, on every member, with linearizable reads.
    pub async fn look_up(&self, members: &Members) -> Result<Found, Error> {
        let mut found = Found::default();
        for member in members.running().collect::<Vec<_>>() {
            let client = members.client(member, PATIENCE)?;
            for (key, written) in self.keys.iter().filter(|(_, written)| !written.is_empty()) {
                let versions = versions(&client, key).await?;
                for write in written {
                    let hash = hash(&document(key, &text(write.number)));
                    found.looked_for += 1;
                    found.lost += u64::from(versions.get(&write.version) != Some(&hash));
                }
            }
        }
        Ok(found)
    }

    /// Reads what one member itself has, old or not: how many keys it does not have the last acknowledged write of yet, and
    /// how many it answers with something that was never written.
    pub async fn compare(&self, mut client: Client) -> Result<(u64, u64), Failure> {
        let (mut behind, mut wrong) = (0, 0);
        for (key, written) in &self.keys {
            let Some(last) = written.last() else { continue };
            let Some((version, read)) = client.get(key, Consistency::Stale).await? else {
                behind += 1;
                continue;
            };
            behind += u64::from(version < last.version);
            let known = written.iter().find(|write| write.version == version);
            wrong += u64::from(known.is_some_and(|write| text(write.number) != read));
        }
        Ok((behind, wrong))
    }
}

/// The text that stands for a number in a document: of different lengths, up to some hundred bytes.
pub fn text(number: u64) -> String {
    // Less than 700, so that it fits.
    format!("{number} {}", "x".repeat((number % 7 * 100) as usize))
}

fn hash(document: &str) -> String {
    Sha256::digest(document.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash of every kept version of a document.
async fn versions(client: &Client, key: &str) -> Result<BTreeMap<u64, String>, Error> {
    let answer = retry(PATIENCE, || {
        let mut client = client.clone();
        let consistency = Consistency::Linearizable.into();
        let request = GetWorkflowHistoryRequest { name: key.to_owned(), consistency };
        async move {
            match client.admin().get_workflow_history(request).await {
                Ok(answer) => Ok(answer.into_inner().versions),
                Err(status) if status.code() == tonic::Code::NotFound => Ok(Vec::new()),
                Err(status) => Err(Failure::Unknown(status.to_string())),
            }
        }
    });
    let versions =
        answer.await.map_err(|failure| Error::Unexpected(format!("history of {key}: {failure:?}")))?;
    Ok(versions.into_iter().map(|each| (each.version, each.hash)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_those_since_the_mark() {
        let mut ledger = Ledger::default();
        let key = ledger.new_key();
        assert_eq!(ledger.latency(0), None);
        ledger.acknowledge(&key, 1, 1, Duration::from_secs(9));
        let mark = ledger.mark();
        for millis in 1..=100 {
            ledger.acknowledge(&key, 1 + millis, 1 + millis, Duration::from_millis(millis));
        }
        assert_eq!(ledger.latency(mark), Some((Duration::from_millis(51), Duration::from_millis(100))));
        assert_eq!(ledger.latency(ledger.mark()), None);
        assert!(ledger.is_full(&key));
    }
}
