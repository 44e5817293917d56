use std::io::{Write, stderr, stdout};

use etl_api::model::{HealthStatus, RunTarget};

use crate::arguments::{HealthArguments, Output, TraceArguments};
use crate::cluster_client::{PATIENCE, block_on};
use crate::view::{last_traces, print_json, printable, write_health, write_trace};
use crate::{Error, Exit};

/// `health`.
pub(super) fn health(arguments: &HealthArguments, output: Output) -> Result<Exit, Error> {
    let report = block_on(async { Ok(arguments.server.client(PATIENCE)?.health().await?) })?;
    match output {
        Output::Json => print_json(&report)?,
        Output::Text => write_health(&mut stdout().lock(), &report)?,
    }
    Ok(match report.status {
        HealthStatus::Healthy => Exit::Success,
        HealthStatus::Degraded if !arguments.strict => Exit::Success,
        HealthStatus::Degraded | HealthStatus::Unhealthy => Exit::Findings,
    })
}

/// `trace`.
pub(super) fn trace(arguments: &TraceArguments, output: Output) -> Result<Exit, Error> {
    let TraceArguments { server, what, limit } = arguments;
    let target = RunTarget::from(what.as_str());
    let trace = block_on(async { Ok(server.client(PATIENCE)?.trace(&target).await?) })?;
    for silent in &trace.silent {
        writeln!(stderr(), "node {} does not tell its spans: {}", silent.node, printable(&silent.reason))?;
    }
    match output {
        Output::Json => print_json(&serde_json::json!({
            "run": trace.run,
            "workflow": trace.workflow,
            "traces": last_traces(&trace, *limit),
        }))?,
        Output::Text => write_trace(&mut stdout().lock(), &trace, *limit)?,
    }
    Ok(Exit::Success)
}
