//! The Admin service: one file per call or family of calls.

mod admin;
mod backup;
mod leader;
mod leadership;
mod lint;
mod nodes;
mod partition_views;
mod removal;
mod run_target;
mod run_views;
mod runs;
mod schedules;
mod start;
mod status;
mod watch;
mod workflows;

pub use lint::{Lint, Locality};

pub(crate) use admin::{AdminService, Shared};
