//! The commands, one per file.

mod checkpoint;
mod cluster;
mod completions;
mod connectors;
mod dlq;
mod explain;
mod fmt;
mod insight;
mod lint;
mod node;
mod offline;
mod partitions;
mod plan;
mod preview;
mod run;
mod run_telling;
mod runs;
mod schema;
mod tap;
mod test;
mod tls;
mod top;
mod workflow;

use std::io::{Write, stdout};

use crate::arguments::{Command, CommandLine};
use crate::{Error, Exit};

/// `functions`.
fn functions() -> Result<Exit, Error> {
    stdout().lock().write_all(etl_expr::reference().as_bytes())?;
    Ok(Exit::Success)
}

/// Carries out the command.
pub(crate) fn run(command_line: CommandLine) -> Result<Exit, Error> {
    let output = command_line.output;
    let log = command_line.log;
    let registry = etl_connectors::registry();
    match command_line.command {
        Command::Run(arguments) => run::run(&arguments, &registry, output),
        Command::Lint { files, parameters } => lint::lint(&files, &parameters, &registry, output),
        Command::Fmt { files, check } => fmt::fmt(&files, check, output),
        Command::Plan(arguments) => plan::plan(&arguments, &registry, output),
        Command::Preview(arguments) => preview::preview(&arguments, &registry, output),
        Command::Test(arguments) => test::test(&arguments, &registry, output),
        Command::Connectors { name } => connectors::connectors(name.as_deref(), &registry, output),
        Command::Functions => functions(),
        Command::Schema => schema::schema(&registry),
        Command::Explain { code } => explain::explain(code.as_deref(), output),
        Command::Checkpoint(command) => checkpoint::checkpoint(&command, &registry, output),
        Command::Dlq(command) => dlq::dlq(&command, &registry, output),
        Command::Cluster(command) => cluster::cluster(&command, output),
        Command::Workflow(command) => workflow::workflow(&command, &registry, output),
        Command::Runs(command) => runs::runs(&command, output),
        Command::Partitions(arguments) => partitions::partitions(&arguments, output),
        Command::Tap(arguments) => tap::tap(&arguments, output),
        Command::Top(arguments) => top::top(&arguments, output),
        Command::Health(arguments) => insight::health(&arguments, output),
        Command::Trace(arguments) => insight::trace(&arguments, output),
        Command::Node(command) => node::node(&command, log, output),
        Command::Tls(command) => tls::tls(&command, output),
        Command::Completions { shell } => completions::completions(shell),
    }
}
