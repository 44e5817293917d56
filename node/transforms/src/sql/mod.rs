//! The `sql` transformation: a query that DataFusion plans once per schema and runs over the records of a batch.
//!
//! **Invariant:** what becomes of a record depends on that record alone, wherever the batches are cut. Queries for which
//! this would not hold are refused, and each record carries its row through the plan.

mod arithmetic;
mod config;
mod connector;
mod failure;
mod functions;
mod output;
mod plan;
mod processor;
mod query;
mod session;
mod tables;

pub use connector::Sql;
