//! `workflow`: what a cluster does, and that it does it.

mod apply;
mod delete;
mod diff;
mod files;
mod read;
mod run;

use etl_sdk::Registry;

use crate::arguments::{Output, WorkflowCommand};
use crate::cluster_client::block_on;
use crate::{Error, Exit};

pub(super) fn workflow(
    command: &WorkflowCommand,
    registry: &Registry,
    output: Output,
) -> Result<Exit, Error> {
    match command {
        WorkflowCommand::Apply(arguments) => block_on(apply::apply(arguments, registry, output)),
        WorkflowCommand::List { read } => block_on(read::list(read, output)),
        WorkflowCommand::Get { read, name, version } => block_on(read::get(read, name, *version, output)),
        WorkflowCommand::Diff(arguments) => block_on(diff::diff(arguments, registry, output)),
        WorkflowCommand::Delete { server, name, expect_version, yes } => {
            block_on(delete::delete(server, name, *expect_version, *yes, output))
        }
        WorkflowCommand::History { read, name } => block_on(read::history(read, name, output)),
        WorkflowCommand::Run(arguments) => block_on(run::run(arguments, output)),
        WorkflowCommand::Pause(of) => block_on(run::pause(of, output)),
        WorkflowCommand::Resume(of) => block_on(run::resume(of, output)),
        WorkflowCommand::Stop { of, yes } => block_on(run::stop(of, *yes, output)),
    }
}
