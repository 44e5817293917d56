use etl_cluster::RunLogs;

use crate::arguments::{CheckArguments, NodeCommand, Output};
use crate::node::{self, NodeSettings};
use crate::{Error, Exit, logging};

/// `node start` and `node check`. `log` is what the command line or the environment asks to be logged.
pub(super) fn node(command: &NodeCommand, log: Option<String>, output: Output) -> Result<Exit, Error> {
    match command {
        NodeCommand::Check(arguments) => {
            node::check(&settings(arguments, log)?, output)?;
            Ok(Exit::Success)
        }
        NodeCommand::Start(arguments) => {
            let settings = settings(&arguments.settings, log)?;
            let logs = RunLogs::default();
            logging::init(&settings.log, settings.log_format, Some(logs.clone()));
            Ok(node::start(settings, logs, arguments.print_addresses.as_deref())?)
        }
    }
}

fn settings(arguments: &CheckArguments, log: Option<String>) -> Result<NodeSettings, Error> {
    let mut options = arguments.options.clone();
    options.log = log;
    Ok(node::settings(arguments.config.as_deref(), &options)?)
}
