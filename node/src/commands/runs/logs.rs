use std::io;

use etl_api::model::{LogLevel, RunTarget};
use tokio::signal::ctrl_c;

use crate::arguments::{LogLevelArgument, Output, RunLogArguments};
use crate::cluster_client::PATIENCE;
use crate::view::RunLogView;
use crate::{Error, Exit};

pub(super) async fn logs(arguments: &RunLogArguments, output: Output) -> Result<Exit, Error> {
    let RunLogArguments { server, what, follow, level } = arguments;
    let least = match level {
        LogLevelArgument::Error => LogLevel::Error,
        LogLevelArgument::Warn => LogLevel::Warn,
        LogLevelArgument::Info => LogLevel::Info,
        LogLevelArgument::Debug => LogLevel::Debug,
    };
    let mut log = server.client(PATIENCE)?.run_log(&RunTarget::from(what.as_str()), least, *follow);
    let mut view = RunLogView::new(output);
    let mut interrupted = std::pin::pin!(ctrl_c());
    loop {
        let told = tokio::select! {
            told = log.next() => told?,
            signal = &mut interrupted => {
                signal?;
                break;
            }
        };
        let Some(told) = told else { break };
        match view.show(&told) {
            // Whoever read it has seen enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Success),
            shown => shown?,
        }
    }
    view.finish()?;
    Ok(Exit::Success)
}
