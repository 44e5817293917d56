//! The service that operators and their tools speak to, and its client.
//!
//! [`admin_services`] makes what a node serves at its admin address: the Admin service, health and reflection. Every node
//! answers every call; what only the leader can do or knows is passed on to it. [`AdminClient`] asks any of several nodes.
//! What both say to each other is in [`model`], and why a node refuses in [`Refusal`].
//!
//! **Invariant:** this crate decides nothing about the cluster. Commands are guarded by the state, changes of members by
//! `etl_raft::membership`, workflows by `etl_workflow`. What it chooses is which command a wish becomes: whether a workflow
//! that is to run begins a run, continues a halted one or is refused.

mod client;
mod convert;
mod diff;
mod error;
mod health;
mod insight;
pub mod model;
mod refusal;
mod service;
mod services;

pub use client::{AdminClient, Backup, Leadership, RunLog, RunTap, RunWatch, SavedBackup, save_backup};
pub use convert::Malformed;
pub use diff::{Diff, DiffLine, LineKind};
pub use error::{Attempt, Error};
pub use insight::{Insight, LogLevels};
pub use model::LogFilter;
pub use refusal::{Detail, Kind, Refusal};
pub use service::{HealthSight, Lint, Locality, Tie, Ties};
pub use services::{AdminParts, AdminServices, admin_services};
