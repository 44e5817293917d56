use std::io::{Write, stdout};
use std::path::Path;

use etl_api::model::RunTarget;
use etl_sdk::Registry;

use super::{question, said};
use crate::arguments::{Output, ReadArguments, ServerArguments};
use crate::cluster_client::PATIENCE;
use crate::view::{confirmed, print_json, write_checkpoints};
use crate::workflow_file::load;
use crate::{Error, Exit};

pub(super) async fn show(
    read: &ReadArguments,
    what: &str,
    registry: &Registry,
    output: Output,
) -> Result<Exit, Error> {
    let target = RunTarget::from(name_of(what, registry)?.as_str());
    let listed = read.server.client(PATIENCE)?.checkpoints(&target, read.consistency()).await?;
    match output {
        Output::Json => print_json(&listed)?,
        Output::Text => write_checkpoints(&mut stdout().lock(), &listed)?,
    }
    Ok(Exit::Success)
}

pub(super) async fn reset(
    server: &ServerArguments,
    workflow: &str,
    yes: bool,
    registry: &Registry,
    output: Output,
) -> Result<Exit, Error> {
    let name = name_of(workflow, registry)?;
    if !yes && !confirmed(&question(&name))? {
        return Ok(Exit::Findings);
    }
    let reset = server.client(PATIENCE)?.reset_checkpoints(&name).await?;
    match output {
        Output::Json => print_json(&reset)?,
        Output::Text => {
            let mut out = stdout().lock();
            writeln!(out, "{}", said(&name, reset.reset))?;
            if let Some(run) = reset.ended_run {
                writeln!(out, "  run {run} is ended; what it has delivered stays")?;
            }
        }
    }
    Ok(Exit::Success)
}

/// What is named, or the workflow in the file that is named.
fn name_of(what: &str, registry: &Registry) -> Result<String, Error> {
    let path = Path::new(what);
    match path.is_file() {
        true => Ok(load(path, &[], registry)?.0.name.as_str().to_owned()),
        false => Ok(what.to_owned()),
    }
}
