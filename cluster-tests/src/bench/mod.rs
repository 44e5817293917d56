//! Measures throughput, memory and start-up of the real program beside the physical limits of the machine.
//!
//! Every figure is of a whole process, from its start to its end, with the output on disk; every output is compared
//! with the data it must hold. Figures of different tools are comparable only within one run of the benchmark.

mod args;
mod comparison;
mod dataset;
mod error;
mod expected;
mod first_row;
mod limit;
mod postgres;
mod process;
mod session;
mod slow_reader;
mod table;
mod task;
mod transforms;
mod verify;
mod workload;

use std::process::ExitCode;

pub use args::Args;
use error::BenchError;
pub use transforms::{Args as TransformsArgs, run as run_transforms};

/// Measures, verifies and prints; fails when an output is wrong or a process does.
pub fn run(args: &Args) -> ExitCode {
    match session::Session::prepare(args).and_then(|session| session.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
