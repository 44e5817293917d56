//! What can happen to a group, each as a function that lets it happen while clients write.

mod backup_restore;
mod disk_full;
mod flipped_bits;
mod kill_all;
mod moves;
mod newer_leader;
mod recover;
mod rolling_restart;
mod rolling_upgrade;
mod wiped_disk;

use std::time::Duration;

use super::outcome::Outcome;
use super::site::Effort;
use crate::group::Error;

/// How long a single call may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest time that is waited for what a node should say.
const LONG: Duration = Duration::from_secs(20);
/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(10);

/// What can happen to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// A follower, then the founder, loses its disk and is started under its old name.
    WipedDisk,
    /// The disk of a follower, then of the leader, fills up.
    DiskFull,
    /// One bit of log, vote, state, snapshot or identity turns over.
    FlippedBits,
    /// Nodes join, are drained, leave and are removed; leadership is handed over.
    Moves,
    /// All nodes are restarted, one after the other.
    RollingRestart,
    /// All nodes are upgraded, one after the other.
    RollingUpgrade,
    /// A node is sent a command that it does not know.
    NewerLeader,
    /// A backup is made and becomes another cluster.
    BackupRestore,
    /// A majority is lost for ever.
    Recover,
    /// All nodes are killed at once.
    KillAll,
}

impl Scenario {
    pub fn name(self) -> &'static str {
        match self {
            Self::WipedDisk => "wiped-disk",
            Self::DiskFull => "disk-full",
            Self::FlippedBits => "flipped-bits",
            Self::Moves => "moves",
            Self::RollingRestart => "rolling-restart",
            Self::RollingUpgrade => "rolling-upgrade",
            Self::NewerLeader => "newer-leader",
            Self::BackupRestore => "backup-restore",
            Self::Recover => "recover",
            Self::KillAll => "kill-all",
        }
    }

    /// Lets it happen. An error means that it could not be carried out to its end.
    pub async fn run(self, effort: &Effort) -> Result<Outcome, Error> {
        match self {
            Self::WipedDisk => wiped_disk::run(effort).await,
            Self::DiskFull => disk_full::run(effort).await,
            Self::FlippedBits => flipped_bits::run(effort).await,
            Self::Moves => moves::run(effort).await,
            Self::RollingRestart => rolling_restart::run(effort).await,
            Self::RollingUpgrade => rolling_upgrade::run(effort).await,
            Self::NewerLeader => newer_leader::run(effort).await,
            Self::BackupRestore => backup_restore::run(effort).await,
            Self::Recover => recover::run(effort).await,
            Self::KillAll => kill_all::run(effort).await,
        }
    }
}
