//! The Admin service: one file per call or family of calls.

mod admin;
mod backup;
mod checkpoints;
mod everywhere;
mod health;
mod insight;
mod leader;
mod leadership;
mod lint;
mod nodes;
mod partition_views;
mod removal;
mod run_log;
mod run_target;
mod run_views;
mod runs;
mod schedules;
mod start;
mod status;
mod suggestion;
mod tap;
mod ties;
mod traced;
mod watch;
mod workflows;

pub use lint::Lint;
pub use ties::{Locality, Tie, Ties};

pub(crate) use admin::{AdminService, Shared};
pub use health::HealthSight;
