use std::io::{Write, stdout};

use etl_api::model::{RunOptions, RunTarget, StartedRun};
use serde_json::json;

use crate::arguments::{Output, RunOfArguments, RunWorkflowArguments};
use crate::cluster_client::PATIENCE;
use crate::commands::runs;
use crate::view::{confirmed, print_json, print_json_line};
use crate::workflow_file::given;
use crate::{Error, Exit};

pub(super) async fn run(arguments: &RunWorkflowArguments, output: Output) -> Result<Exit, Error> {
    let RunWorkflowArguments { server, name, watch, restart, accept_changes, expect_version, parameters } =
        arguments;
    let options = RunOptions {
        expected_version: *expect_version,
        restart: *restart,
        accept_changes: *accept_changes,
        parameters: given(parameters)?,
    };
    let client = server.client(PATIENCE)?;
    let started = client.run_workflow(name, &options).await?;
    match output {
        // One document a line when more follow.
        Output::Json if *watch => print_json_line(&started)?,
        Output::Json => print_json(&started)?,
        Output::Text => write_started(name, &started, *watch)?,
    }
    match watch {
        true => runs::watch(&client, &RunTarget::Run(started.run), output).await,
        false => Ok(Exit::Success),
    }
}

fn write_started(name: &str, started: &StartedRun, watched: bool) -> Result<(), Error> {
    let StartedRun { run, version, continued } = started;
    let verb = if *continued { "continues" } else { "runs" };
    writeln!(stdout(), "{name}: {verb} with version {version} (run {run})")?;
    if !watched {
        writeln!(stdout(), "  see how it goes with `actix-etl runs watch {name}`")?;
    }
    Ok(())
}

pub(super) async fn pause(of: &RunOfArguments, output: Output) -> Result<Exit, Error> {
    let run = of.server.client(PATIENCE)?.pause_run(&RunTarget::from(of.what.as_str())).await?;
    match output {
        Output::Json => print_json(&json!({ "run": run, "phase": "paused" }))?,
        Output::Text => writeln!(
            stdout(),
            "{}: paused (run {run}); it commits what it has read and waits for `actix-etl workflow resume {}`",
            of.what,
            of.what
        )?,
    }
    Ok(Exit::Success)
}

pub(super) async fn resume(of: &RunOfArguments, output: Output) -> Result<Exit, Error> {
    let resumed = of.server.client(PATIENCE)?.resume_run(&RunTarget::from(of.what.as_str())).await?;
    match output {
        Output::Json => print_json(&resumed)?,
        Output::Text => write_started(&of.what, &resumed, false)?,
    }
    Ok(Exit::Success)
}

pub(super) async fn stop(of: &RunOfArguments, yes: bool, output: Output) -> Result<Exit, Error> {
    if !yes && !confirmed(&format!("End the run of {} for good?", of.what))? {
        return Ok(Exit::Findings);
    }
    let run = of.server.client(PATIENCE)?.stop_run(&RunTarget::from(of.what.as_str())).await?;
    match output {
        Output::Json => print_json(&json!({ "run": run, "phase": "cancelled" }))?,
        Output::Text => writeln!(stdout(), "{}: ended (run {run}); what it has delivered stays", of.what)?,
    }
    Ok(Exit::Success)
}
