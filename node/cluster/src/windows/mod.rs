//! What a person wants to see of a run that is spread over nodes: each node tells its part, the one that was asked gathers
//! them.
//!
//! ```text
//! asked node   gather() --> a stream per member (its own without a network) --> merged for the caller
//! every node   ClusterService::tap           <--- etl_engine::Taps
//!              ClusterService::read_run_log  <--- RunLogs
//! ```
//! Each of these streams has a connection of its own: one that nobody reads must not hold up heartbeats.
//!
//! **Invariant:** nothing here changes anything or holds up a run.

mod gather;
mod log;
mod log_wire;
mod over;
mod run_logs;
mod show_log;
mod show_tap;
mod sight;
mod tap;
mod tap_order;

pub(crate) use log::watch_log;
pub use log::{LogNews, NodeEvent};
pub(crate) use log_wire::log_order;

use over::{Watched, is_over};
pub use run_logs::{LogEvent, LogLevel, RunLogs};
pub(crate) use show_log::{LogOrder, show_log};
pub(crate) use show_tap::show_tap;
pub use sight::{CountLetters, RunSight};
pub(crate) use sight::{look_elsewhere, look_here};
pub(crate) use tap::watch_tap;
pub use tap::{NodeRecord, TapNews};
pub(crate) use tap_order::tap_order;
