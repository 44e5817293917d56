//! The Admin service and its client over real connections: nodes of this process with real stores.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backups;
mod checkpoints;
mod cluster;
mod failover;
mod health;
mod insight;
mod run_requests;
mod run_views;
mod runs;
mod schedules;
mod site;
mod watch;
mod work;
mod workflows;
