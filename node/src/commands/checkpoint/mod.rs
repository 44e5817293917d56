//! `checkpoint`: how far runs have come, those of this machine and those of a cluster.

mod cluster;
mod local;

use etl_sdk::Registry;

use crate::arguments::{CheckpointCommand, CheckpointShowArguments, Output};
use crate::cluster_client::block_on;
use crate::{Error, Exit};

pub(super) fn checkpoint(
    command: &CheckpointCommand,
    registry: &Registry,
    output: Output,
) -> Result<Exit, Error> {
    match command {
        CheckpointCommand::Show(CheckpointShowArguments { local, read, what }) => {
            match (read.server.is_named(), what) {
                (false, what) => local::show(local, what.as_deref(), registry, output),
                (true, Some(what)) => block_on(cluster::show(read, what, registry, output)),
                (true, None) => Err(unnamed()),
            }
        }
        CheckpointCommand::Reset { workflow: None, .. } => Err(unnamed()),
        CheckpointCommand::Reset { local, server, workflow: Some(workflow), yes } => {
            match server.is_named() {
                false => local::reset(local, workflow, *yes, registry, output),
                true => block_on(cluster::reset(server, workflow, *yes, registry, output)),
            }
        }
    }
}

fn unnamed() -> Error {
    Error::Unknown {
        message: "no workflow was named".to_owned(),
        help: "name the workflow whose state is meant".to_owned(),
    }
}

/// What is asked before a reset.
fn question(workflow: &str) -> String {
    format!("Abandon the interrupted run of {workflow}, and forget where incremental runs go on?")
}

/// What is said after a reset.
fn said(workflow: &str, changed: bool) -> String {
    match changed {
        true => format!("{workflow}: reset; the next run starts anew"),
        false => format!("{workflow}: there was nothing to reset"),
    }
}
