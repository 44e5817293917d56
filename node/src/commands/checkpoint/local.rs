use std::io::{Write, stdout};

use etl_model::{Marker, WorkflowName};
use etl_sdk::Registry;
use etl_state::{LocalState, WorkflowSummary};
use serde_json::json;

use super::{question, said, unnamed};
use crate::arguments::{LocalCheckpoints, Output};
use crate::view::{confirmed, print_json};
use crate::workflow_file::local_workflow;
use crate::{Error, Exit};

/// The state directory and the workflow asked for, which may be named by its file.
fn open(
    local: &LocalCheckpoints,
    workflow: Option<&str>,
    registry: &Registry,
) -> Result<(LocalState, Option<WorkflowName>), Error> {
    let (directory, name) = local_workflow(workflow, local.state_dir.as_deref(), registry)?;
    Ok((LocalState::open(&directory)?, name))
}

fn place(marker: &Marker) -> String {
    let position = marker.position.as_ref().map_or(0, |position| position.next);
    let done = if marker.done { ", done" } else { "" };
    format!("unit {}, epoch {}, position {position}{done}", marker.seq, marker.epoch)
}

fn write_summary(out: &mut impl Write, summary: &WorkflowSummary) -> std::io::Result<()> {
    writeln!(out, "{}: {} completed, {} abandoned", summary.workflow, summary.completed, summary.abandoned)?;
    match &summary.interrupted {
        None => writeln!(out, "  no interrupted run")?,
        Some(run) => {
            writeln!(out, "  interrupted run {}", run.run)?;
            for (route, marker) in &run.routes {
                let (source, partition, destination) = (&route.source, &route.partition, &route.destination);
                writeln!(out, "    {source}[{partition}] -> {destination}: {}", place(marker))?;
                writeln!(
                    out,
                    "      {} read, {} delivered",
                    marker.counters.read, marker.counters.delivered
                )?;
            }
        }
    }
    for (source, partition, position) in &summary.positions {
        writeln!(out, "  an incremental run goes on at {source}[{partition}]: {position}")?;
    }
    Ok(())
}

pub(super) fn show(
    local: &LocalCheckpoints,
    workflow: Option<&str>,
    registry: &Registry,
    output: Output,
) -> Result<Exit, Error> {
    let (state, name) = open(local, workflow, registry)?;
    let mut summaries = state.summaries()?;
    if let Some(name) = &name {
        summaries.retain(|summary| summary.workflow == *name);
    }
    if output == Output::Json {
        print_json(&summaries)?;
        return Ok(Exit::Success);
    }
    let mut out = stdout().lock();
    if summaries.is_empty() {
        writeln!(out, "nothing is known in {}", state.directory().display())?;
    }
    for summary in &summaries {
        write_summary(&mut out, summary)?;
    }
    Ok(Exit::Success)
}

pub(super) fn reset(
    local: &LocalCheckpoints,
    workflow: &str,
    yes: bool,
    registry: &Registry,
    output: Output,
) -> Result<Exit, Error> {
    let (state, name) = open(local, Some(workflow), registry)?;
    let Some(name) = name else { return Err(unnamed()) };
    if !yes && !confirmed(&question(name.as_str()))? {
        return Ok(Exit::Findings);
    }
    let changed = state.reset(&name)?;
    match output {
        Output::Json => print_json(&json!({ "workflow": name, "reset": changed }))?,
        Output::Text => writeln!(stdout(), "{}", said(name.as_str(), changed))?,
    }
    Ok(Exit::Success)
}
