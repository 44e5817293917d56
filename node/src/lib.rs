//! The command line of `actix-etl`: reads workflows, wires the rooms together, shows what happens.
//!
//! **Invariant:** composition only. This is the one place that sees the language, the engine, the connectors and the
//! state at the same time; it decides nothing about data.

mod arguments;
mod cluster_client;
mod commands;
mod error;
mod exit;
mod formatting;
mod http;
mod logging;
mod node;
mod pipeline;
mod preview;
mod secrets;
mod stop_signals;
mod tool_dialer;
mod top;
mod tracing_settings;
mod view;
mod watching;
mod workflow_file;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

pub use arguments::CommandLine;
pub use error::Error;
pub use exit::Exit;

/// Runs one command and returns the exit code documented in `--help`.
pub fn run_command_line(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command_line = match CommandLine::try_parse_from(arguments) {
        Ok(command_line) => command_line,
        Err(error) => {
            // Printing fails only when the terminal is gone; then nobody can be told.
            let _ = error.print();
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Success };
            return exit.into();
        }
    };
    // A node's log may also be set in its file.
    if !matches!(command_line.command, arguments::Command::Node(_)) {
        logging::init(command_line.log.as_deref().unwrap_or("warn"), arguments::LogFormat::Auto, None);
    }
    let output = command_line.output;
    match commands::run(command_line) {
        Ok(exit) => exit.into(),
        Err(error) => {
            view::show_error(&error, output);
            error.exit().into()
        }
    }
}
