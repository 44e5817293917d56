//! Faults against nodes that share the partitions of a run: PostgreSQL as source, PostgreSQL or a file of one node as
//! destination, numbered records, and a fault in the middle. When the run is complete, every record must be there once, as it was; the fault must have struck.

mod cell;
mod command;
mod control;
mod database;
mod fault;
mod hosted;
mod ledger;
mod links;
mod outcome;
mod repetition;
mod report;
mod site;
mod strike;
mod view;

pub use command::{Args, run};
