//! `runs`: how the workflows of a cluster run.

mod logs;
mod read;
mod watch;

use crate::arguments::{Output, RunsCommand};
use crate::cluster_client::block_on;
use crate::{Error, Exit};

pub(super) use watch::watch;

pub(super) fn runs(command: &RunsCommand, output: Output) -> Result<Exit, Error> {
    match command {
        RunsCommand::List(arguments) => block_on(read::list(arguments, output)),
        RunsCommand::Get { read, what } => block_on(read::get(read, what, output)),
        RunsCommand::Logs(arguments) => block_on(logs::logs(arguments, output)),
        RunsCommand::Watch { server, what } => block_on(watch::watch_named(server, what, output)),
    }
}
