use std::io::{Write, stderr, stdout};

use comfy_table::{Table, presets};
use etl_api::model::WorkflowSummary;

use crate::arguments::{Output, ReadArguments};
use crate::cluster_client::PATIENCE;
use crate::view::{moment, print_json};
use crate::{Error, Exit};

/// Characters of a hash that tell versions apart for people.
const HASH_SHOWN: usize = 12;

pub(super) async fn list(read: &ReadArguments, output: Output) -> Result<Exit, Error> {
    let workflows = read.server.client(PATIENCE)?.list_workflows(read.consistency()).await?;
    if output == Output::Json {
        print_json(&workflows)?;
        return Ok(Exit::Success);
    }
    if workflows.is_empty() {
        writeln!(stdout(), "there are no workflows; bring one with `actix-etl workflow apply FILE`")?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "WORKFLOW",
        "VERSION",
        "CHANGED (UTC)",
        "NEXT RUN (UTC)",
        "HASH",
    ]);
    for workflow in &workflows {
        let version = workflow.version.to_string();
        let next = workflow.next_tick_ms.map_or("-".to_owned(), moment);
        table.add_row([workflow.name.clone(), version, moment(workflow.changed_at_ms), next, hash(workflow)]);
    }
    writeln!(stdout(), "{table}")?;
    Ok(Exit::Success)
}

pub(super) async fn get(
    read: &ReadArguments,
    name: &str,
    version: Option<u64>,
    output: Output,
) -> Result<Exit, Error> {
    let workflow = read.server.client(PATIENCE)?.workflow(name, version, read.consistency()).await?;
    match output {
        Output::Json => print_json(&workflow)?,
        // As it is, so that it can go back into a file.
        Output::Text => {
            write!(stdout(), "{}", workflow.document)?;
            if let Some(next) = workflow.summary.next_tick_ms {
                writeln!(stderr(), "the next run begins by itself at {} UTC", moment(next))?;
            }
        }
    }
    Ok(Exit::Success)
}

pub(super) async fn history(read: &ReadArguments, name: &str, output: Output) -> Result<Exit, Error> {
    let versions = read.server.client(PATIENCE)?.workflow_history(name, read.consistency()).await?;
    if output == Output::Json {
        print_json(&versions)?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["VERSION", "CHANGED (UTC)", "HASH"]);
    for version in &versions {
        let shown = if version.deleted { "deleted".to_owned() } else { hash(version) };
        table.add_row([version.version.to_string(), moment(version.changed_at_ms), shown]);
    }
    writeln!(stdout(), "{table}")?;
    Ok(Exit::Success)
}

fn hash(workflow: &WorkflowSummary) -> String {
    workflow.hash.chars().take(HASH_SHOWN).collect()
}
