//! Duties in the cluster: joining, heartbeats, finding failed nodes, keeping the right voters, working on partitions.
//!
//! ```text
//! every node    ClusterService   Join, Heartbeat, WhoAreYou of other nodes
//!               Heartbeats  ---> the leader's Roster
//!               Announcement --> UpdateNode, when address or software have changed
//!               Work       <--- the state: the partitions that are assigned to this node (see `work`)
//! the leader    Detector    <--- Roster: who is silent is declared down, who is heard again up
//!               Steward     <--- Roster: who votes (etl_raft::membership)
//!               Placer      ---> the state: which node works on which partition (see `placer`)
//!               Scheduler   ---> the state: runs whose time has come (see `scheduler`)
//! ```
//! [`Duties`] runs all of it. What only the leader does is a set of tasks that begins with its leadership and
//! is dropped when that ends. What the leader hears it keeps in memory: heartbeats are not worth a log entry,
//! and a new leader hears of everybody within a heartbeat. What follows from them is agreed on: only a
//! committed command makes a node down or up.
//!
//! **Invariants:** time here decides only how soon something happens, never whether it is safe. A node that
//! is declared down by mistake comes back by itself.

mod address;
mod announcement;
mod candidate;
mod clients;
mod detector;
mod duties;
mod error;
mod health;
mod heartbeats;
mod hosts;
mod join;
mod leadership;
mod limits;
mod marker;
mod overview;
mod placer;
mod problems;
mod refusal;
mod roster;
mod scheduler;
mod service;
mod settings;
mod windows;
mod work;

pub use candidate::{Candidate, Software};
pub use duties::{Duties, Local};
pub use error::{Error, Failure};
pub use etl_engine::{Desk, Sampling, TapOrder, Taps};
pub use etl_relay::{RelayCounts, relay_counts};
pub use health::{Health, Probe};
pub use join::{Admitted, WhoIs, join, who_are_you};
pub use marker::{decode_marker, encode_marker};
pub use overview::{Overview, OverviewNode};
pub use problems::{Problem, problems};
pub use roster::{Heard, Roster};
pub use service::ClusterService;
pub use settings::Settings;
pub use windows::{
    CountLetters, LogEvent, LogLevel, LogNews, NodeEvent, NodeRecord, RunLogs, RunSight, TapNews,
};
pub use work::{Prepared, Work, WorkParts, Workshop};
