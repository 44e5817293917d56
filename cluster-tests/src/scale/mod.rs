//! How a cluster grows: throughput with its nodes, and what many partitions and workflows cost.

mod catalogue;
mod command;
mod crowd;
mod idle;
mod report;
mod throughput;

pub use command::{Args, run};
