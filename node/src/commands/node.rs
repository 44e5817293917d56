use std::io::{Write, stdout};

use etl_api::model::LogChange;
use etl_cluster::RunLogs;
use etl_telemetry::Telemetry;

use crate::arguments::{CheckArguments, LogLevelArguments, NodeCommand, Output};
use crate::cluster_client::{PATIENCE, block_on};
use crate::node::{self, NodeSettings, Telling};
use crate::view::{moment, print_json};
use crate::{Error, Exit, logging};

/// `node start` and `node check`. `log` is what the command line or the environment asks to be logged.
pub(super) fn node(command: &NodeCommand, log: Option<String>, output: Output) -> Result<Exit, Error> {
    match command {
        NodeCommand::Check(arguments) => {
            node::check(&settings(arguments, log)?, output)?;
            Ok(Exit::Success)
        }
        NodeCommand::LogLevel(arguments) => block_on(log_level(arguments, output)),
        NodeCommand::Start(arguments) => {
            let settings = settings(&arguments.settings, log)?;
            let logs = RunLogs::default();
            let log = logging::init(&settings.log, settings.log_format, Some(logs.clone()));
            let traces = settings.tracing.resolve(settings.work.secrets_dir.as_deref())?;
            let telling = Telling { log, telemetry: Telemetry::start(node::SOFTWARE_VERSION, traces)? };
            Ok(node::start(settings, logs, telling, arguments.print_addresses.as_deref())?)
        }
    }
}

fn settings(arguments: &CheckArguments, log: Option<String>) -> Result<NodeSettings, Error> {
    let mut options = arguments.options.clone();
    options.log = log;
    Ok(node::settings(arguments.config.as_deref(), &options)?)
}

/// Shows, and before that perhaps changes, what nodes log.
async fn log_level(arguments: &LogLevelArguments, output: Output) -> Result<Exit, Error> {
    let LogLevelArguments { server, set, reset, time, node } = arguments;
    let client = server.client(PATIENCE)?;
    let logs = match set.is_some() || *reset {
        false => client.log_filters(*node).await?,
        true => {
            let for_ms = time.map(|time| u64::try_from(time.0.as_millis()).unwrap_or(u64::MAX));
            client.change_log(*node, &LogChange { filter: set.clone(), for_ms }).await?
        }
    };
    let is_complete = logs.iter().all(|log| log.problem.is_none());
    match output {
        Output::Json => print_json(&logs)?,
        Output::Text => {
            let mut out = stdout().lock();
            for log in &logs {
                let told = match (&log.filter, &log.problem) {
                    (_, Some(problem)) => format!("does not tell: {problem}"),
                    (Some(now), None) => match now.until_ms {
                        Some(until) => format!("{} until {} UTC", now.filter, moment(until)),
                        None => now.filter.clone(),
                    },
                    (None, None) => "unknown".to_owned(),
                };
                writeln!(out, "node {}  {told}", log.node)?;
            }
        }
    }
    Ok(if is_complete { Exit::Success } else { Exit::Unreachable })
}
