//! Sees what all nodes do and notices when two of them disagree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use etl_raft::{LogId, NodeId};

/// The whole state is compared after each entry whose index is a multiple of this.
const DIGEST_EVERY: u64 = 16;

#[derive(Default)]
pub struct Witness {
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// By index: the entry, the CRC-32 of what it holds, and who applied it first.
    entries: BTreeMap<u64, (LogId, u32, NodeId)>,
    /// Of the state after an entry.
    digests: BTreeMap<u64, u64>,
    /// Terms and who led in them.
    leaders: BTreeSet<(u64, NodeId)>,
    violations: Vec<String>,
    compared: u64,
    installed: u64,
    trace: Vec<String>,
}

/// How much was seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sights {
    pub entries: u64,
    /// How often the state was compared with that of another node.
    pub compared: u64,
    pub snapshots_installed: u64,
    pub leaderships: u64,
    /// Terms in which more than one node led, one after the other.
    pub shared_terms: u64,
}

impl Witness {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    pub fn violation(&self, what: String) {
        let mut seen = self.seen();
        seen.trace.push(format!("VIOLATION: {what}"));
        seen.violations.push(what);
    }

    /// Adds a line to the story of this simulation.
    pub fn note(&self, line: impl FnOnce() -> String) {
        self.seen().trace.push(line());
    }

    pub fn applied(&self, node: NodeId, log_id: LogId, hash: u32, digest: impl FnOnce() -> u64) {
        let digest = log_id.index.is_multiple_of(DIGEST_EVERY).then(digest);
        let mut seen = self.seen();
        let (first_id, first_hash, first) = *seen.entries.entry(log_id.index).or_insert((log_id, hash, node));
        seen.trace.push(format!("node {node} applies {log_id} {hash:08x}"));
        if (first_id, first_hash) != (log_id, hash) {
            let what = format!(
                "node {node} has applied {log_id} ({hash:08x}) where node {first} has {first_id} ({first_hash:08x})"
            );
            seen.violations.push(what);
        }
        if let Some(digest) = digest {
            seen.compare(log_id.index, digest);
        }
    }

    /// A state was taken over that reaches to this entry.
    pub fn installed(&self, last: Option<LogId>, digest: u64) {
        let mut seen = self.seen();
        seen.installed += 1;
        seen.trace.push(format!("a snapshot up to {last:?} is installed"));
        if let Some(last) = last {
            seen.compare(last.index, digest);
        }
    }

    /// The state of a node after this entry.
    pub fn state(&self, index: u64, digest: u64) {
        self.seen().compare(index, digest);
    }

    pub fn leads(&self, term: u64, node: NodeId) {
        let mut seen = self.seen();
        if seen.leaders.insert((term, node)) {
            seen.trace.push(format!("node {node} leads in term {term}"));
        }
    }

    pub fn violations(&self) -> Vec<String> {
        self.seen().violations.clone()
    }

    pub fn trace(&self) -> Vec<String> {
        self.seen().trace.clone()
    }

    pub fn sights(&self) -> Sights {
        let seen = self.seen();
        let mut terms: BTreeMap<u64, u64> = BTreeMap::new();
        for (term, _) in &seen.leaders {
            *terms.entry(*term).or_default() += 1;
        }
        Sights {
            entries: seen.entries.len() as u64,
            compared: seen.compared,
            snapshots_installed: seen.installed,
            leaderships: seen.leaders.len() as u64,
            shared_terms: terms.values().filter(|leaders| **leaders > 1).count() as u64,
        }
    }
}

impl Seen {
    fn compare(&mut self, index: u64, digest: u64) {
        match self.digests.insert(index, digest) {
            Some(other) if other != digest => {
                self.violations.push(format!("two nodes have different states after entry {index}"));
            }
            Some(_) => self.compared += 1,
            None => {}
        }
    }
}
