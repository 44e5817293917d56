use std::time::Duration;

use openraft::{Config, SnapshotPolicy};
use uuid::Uuid;

use crate::error::Error;

/// How consensus behaves. All nodes of a cluster should have the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// openraft's heartbeat interval: the time a peer has to answer one request. A leader is heard every 1.5 intervals.
    pub heartbeat: Duration,
    /// A node that has not heard from a leader for a random time between these two asks for votes.
    pub election_min: Duration,
    pub election_max: Duration,
    /// For so long after it has heard from a leader a node grants no vote to another. Less than `election_min`, more than two
    /// heartbeats. Leadership is handed over in about this time.
    pub vote_lease: Duration,
    /// A snapshot is made when the log has grown by so many entries since the last one.
    pub snapshot_after_entries: u64,
    /// So many entries are kept behind a snapshot, for followers that were away for a short time.
    pub keep_entries: u64,
    /// No encoded command may be larger.
    pub max_command_bytes: usize,
    /// How long a write is tried.
    pub write_deadline: Duration,
    /// How long a linearizable read is tried.
    pub read_deadline: Duration,
    /// How long a change of the membership, a hand-over of leadership or a backup may take.
    pub change_deadline: Duration,
    /// So many proposals of this node are under way at once; writes made meanwhile share the next one.
    pub proposals_in_flight: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(500),
            election_max: Duration::from_millis(1000),
            vote_lease: Duration::from_millis(300),
            snapshot_after_entries: 5000,
            keep_entries: 1000,
            max_command_bytes: 256 << 10,
            write_deadline: Duration::from_secs(10),
            read_deadline: Duration::from_secs(10),
            change_deadline: Duration::from_secs(30),
            proposals_in_flight: 2,
        }
    }
}

/// No request with more entries, so that one message never holds more than 64 times 256 KiB.
const MAX_PAYLOAD_ENTRIES: u64 = 64;

impl Settings {
    /// openraft's configuration. Its own elections are off.
    pub(super) fn raft_config(&self, cluster: Uuid) -> Result<Config, Error> {
        self.check().map_err(Error::Membership)?;
        let lease = millis(self.vote_lease);
        let config = Config {
            cluster_name: cluster.to_string(),
            heartbeat_interval: millis(self.heartbeat),
            // What is left of their meaning: the patience for an answer to a vote request, and the lease.
            election_timeout_min: lease.saturating_sub(1),
            election_timeout_max: lease,
            enable_elect: false,
            max_payload_entries: MAX_PAYLOAD_ENTRIES,
            snapshot_policy: SnapshotPolicy::LogsSinceLast(self.snapshot_after_entries),
            max_in_snapshot_log_to_keep: self.keep_entries,
            replication_lag_threshold: self.snapshot_after_entries.saturating_add(self.keep_entries),
            ..Config::default()
        };
        config.validate().map_err(|error| Error::Membership(format!("settings of consensus: {error}")))
    }

    fn check(&self) -> Result<(), String> {
        let rules = [
            (self.heartbeat >= Duration::from_millis(1), "heartbeat must be at least 1 ms"),
            (self.vote_lease > self.heartbeat * 2, "vote_lease must be more than two heartbeats"),
            (self.vote_lease < self.election_min, "vote_lease must be less than election_min"),
            (self.election_min < self.election_max, "election_min must be less than election_max"),
            (self.snapshot_after_entries > 0, "snapshot_after_entries must be at least 1"),
            (self.max_command_bytes >= 1024, "max_command_bytes must be at least 1024"),
            (self.proposals_in_flight > 0, "proposals_in_flight must be at least 1"),
        ];
        match rules.iter().find(|(kept, _)| !kept) {
            Some((_, rule)) => Err(format!("settings of consensus: {rule}")),
            None => Ok(()),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound() {
        let config = Settings::default().raft_config(Uuid::nil()).unwrap();
        assert_eq!((config.heartbeat_interval, config.election_timeout_max), (100, 300));
        assert!(!config.enable_elect);
    }

    #[test]
    fn a_broken_rule_is_named() {
        let settings = Settings { vote_lease: Duration::from_millis(600), ..Settings::default() };
        let error = settings.raft_config(Uuid::nil()).unwrap_err();
        assert!(error.to_string().contains("vote_lease must be less than election_min"), "{error}");
    }
}
