//! The Admin service: one file per call or family of calls.

mod admin;
mod backup;
mod leader;
mod leadership;
mod lint;
mod nodes;
mod removal;
mod status;
mod workflows;

pub use lint::Lint;

pub(crate) use admin::{AdminService, Shared};
