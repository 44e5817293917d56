//! What it costs to count and trace a run.

mod collector;
mod command;

pub use command::{Args, run};
