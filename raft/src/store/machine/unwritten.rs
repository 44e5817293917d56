use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use openraft::StoredMembership;

use super::database::Changes;
use crate::type_config::{LogId, NodeId, Peer};

/// How long what has changed may wait for more.
const LINGER: Duration = Duration::from_secs(1);

/// With so many bytes of keys and values it waits no longer.
const ENOUGH_BYTES: usize = 256 << 10;

/// With so many nothing more is taken in.
const MOST_BYTES: usize = 1 << 20;

/// What applications of entries have changed since the database was written. Of a row that has changed many times only the
/// last value is left.
pub(super) struct Unwritten {
    rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
    pub applied: Option<LogId>,
    pub membership: Option<StoredMembership<NodeId, Peer>>,
    since: Instant,
}

impl Unwritten {
    pub fn new(now: Instant) -> Self {
        Self { rows: BTreeMap::new(), bytes: 0, applied: None, membership: None, since: now }
    }

    /// Adds what the application of the entries up to `applied` has changed.
    pub fn add(
        &mut self,
        changes: Changes,
        applied: Option<LogId>,
        membership: Option<StoredMembership<NodeId, Peer>>,
    ) {
        for (key, value) in changes {
            let (key_bytes, new_bytes) = (key.len(), value.as_ref().map_or(0, Vec::len));
            self.bytes += key_bytes + new_bytes;
            if let Some(old) = self.rows.insert(key, value) {
                self.bytes -= key_bytes + old.map_or(0, |old| old.len());
            }
        }
        self.applied = applied;
        self.membership = membership.or(self.membership.take());
    }

    pub fn is_full(&self) -> bool {
        self.bytes >= MOST_BYTES
    }

    /// How long it may wait yet; nothing when it is due.
    pub fn may_wait(&self, now: Instant) -> Duration {
        match self.bytes < ENOUGH_BYTES {
            true => LINGER.saturating_sub(now.saturating_duration_since(self.since)),
            false => Duration::ZERO,
        }
    }

    /// The rows, in the order of their keys.
    pub fn into_changes(self) -> Changes {
        self.rows.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_row_is_written() {
        let now = Instant::now();
        let mut unwritten = Unwritten::new(now);
        unwritten.add(vec![(vec![2], Some(vec![1; 10])), (vec![1], Some(vec![1; 5]))], None, None);
        assert_eq!(unwritten.bytes, 17);
        unwritten.add(vec![(vec![2], None)], None, Some(StoredMembership::default()));
        assert_eq!(unwritten.bytes, 7);
        unwritten.add(vec![(vec![2], Some(vec![3])), (vec![1], Some(vec![4]))], None, None);
        assert_eq!(unwritten.bytes, 4);
        assert!(unwritten.membership.is_some());
        assert_eq!(unwritten.into_changes(), [(vec![1], Some(vec![4])), (vec![2], Some(vec![3]))]);
    }

    #[test]
    fn much_or_old_is_due() {
        let now = Instant::now();
        let mut unwritten = Unwritten::new(now);
        unwritten.add(vec![(vec![1], Some(vec![0; 10]))], None, None);
        assert_eq!(unwritten.may_wait(now), LINGER);
        assert_eq!(unwritten.may_wait(now + LINGER / 4), LINGER * 3 / 4);
        assert_eq!(unwritten.may_wait(now + LINGER * 2), Duration::ZERO);
        unwritten.add(vec![(vec![2], Some(vec![0; ENOUGH_BYTES]))], None, None);
        assert_eq!((unwritten.may_wait(now), unwritten.is_full()), (Duration::ZERO, false));
        unwritten.add(vec![(vec![3], Some(vec![0; MOST_BYTES]))], None, None);
        assert!(unwritten.is_full());
        unwritten.add(vec![(vec![3], None)], None, None);
        assert!(!unwritten.is_full());
    }
}
