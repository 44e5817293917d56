use std::io::{Write, stdout};

use etl_api::model::RunTarget;

use crate::arguments::{Output, ReadArguments, RunsListArguments};
use crate::cluster_client::PATIENCE;
use crate::view::{print_json, write_run, write_runs};
use crate::{Error, Exit};

pub(super) async fn list(arguments: &RunsListArguments, output: Output) -> Result<Exit, Error> {
    let RunsListArguments { read, workflow, limit } = arguments;
    let client = read.server.client(PATIENCE)?;
    let runs = client.list_runs(workflow.as_deref(), *limit, read.consistency()).await?;
    match output {
        Output::Json => print_json(&runs)?,
        Output::Text if runs.is_empty() => {
            let name = workflow.as_deref().unwrap_or("NAME");
            writeln!(stdout(), "there are no runs; start one with `actix-etl workflow run {name}`")?;
        }
        Output::Text => write_runs(&mut stdout().lock(), &runs)?,
    }
    Ok(Exit::Success)
}

pub(super) async fn get(read: &ReadArguments, what: &str, output: Output) -> Result<Exit, Error> {
    let run = read.server.client(PATIENCE)?.run(&RunTarget::from(what), read.consistency()).await?;
    match output {
        Output::Json => print_json(&run)?,
        Output::Text => write_run(&mut stdout().lock(), &run)?,
    }
    Ok(Exit::Success)
}
