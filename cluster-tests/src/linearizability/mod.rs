//! Histories of concurrent clients under faults, and whether one register per key could have given them.

mod checker;
mod command;
mod history;
mod nemesis;
mod operation;
mod report;
mod unanswered;
mod workload;

pub use command::{Args, run};
