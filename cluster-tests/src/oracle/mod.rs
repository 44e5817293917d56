//! One oracle for exactly-once: numbered records in, multiset equality out.
//!
//! A cell is a pair of source and destination. Its runs are carried out by real processes that die at every named
//! crash point, panic there, get errors there, or are killed at random moments; then the output, the dead letters and
//! the counters are compared with what they must be, by code that shares nothing with the code under test. Counts are
//! published, never just "passed", and a fault that did not bite fails the command. Control runs with a guard removed
//! prove that the oracle sees the damage the guard prevents.

mod campaign;
mod cell;
mod cell_report;
mod command;
mod error;
mod fault;
mod input;
mod outage;
mod output;
mod postgres;
mod process;
mod record;
mod replay;
mod report;
mod rework;
mod scenario;
mod site;
mod verdict;

pub use command::{Args, run};
