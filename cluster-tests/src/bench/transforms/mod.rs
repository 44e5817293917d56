//! Measures every transformation on one thread, beside DuckDB and Polars where they do the same.
//!
//! All have their data in memory and leave their result there. What they make of it is compared, so that a figure stands
//! for the same work; figures are comparable only within one run of the command.

mod case;
mod checksum;
mod command;
mod data;
mod figure;
mod ours;
mod peers;

pub use command::{Args, run};
