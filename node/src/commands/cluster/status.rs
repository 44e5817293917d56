use std::io::{IsTerminal, Write, stdout};

use etl_api::AdminClient;
use etl_api::model::{ClusterStatus, Consistency};

use crate::arguments::{ClusterStatusArguments, Output};
use crate::cluster_client::PATIENCE;
use crate::view::{error_document, print_json, print_json_line, show_error, write_cluster_status};
use crate::{Error, Exit};

/// Puts the cursor at the top of an empty terminal.
const CLEAR: &str = "\x1b[2J\x1b[H";

pub(super) async fn status(arguments: &ClusterStatusArguments, output: Output) -> Result<Exit, Error> {
    let client = arguments.read.server.client(PATIENCE)?;
    let Some(period) = arguments.watch else {
        let (status, led) = ask(&client, arguments).await?;
        show(&status, arguments, output)?;
        return Ok(match led {
            false => Exit::Unreachable,
            true if arguments.check && !status.problems.is_empty() => Exit::Findings,
            true => Exit::Success,
        });
    };
    loop {
        watch_once(&client, arguments, output).await?;
        tokio::time::sleep(period.0).await;
    }
}

/// Shows one status in place of the last. A cluster that cannot be reached now may be a moment later.
async fn watch_once(
    client: &AdminClient,
    arguments: &ClusterStatusArguments,
    output: Output,
) -> Result<(), Error> {
    let answer = ask(client, arguments).await;
    if output == Output::Json {
        // One document a line, so that a program can follow.
        match &answer {
            Ok((status, _)) => print_json_line(status)?,
            Err(error) => print_json_line(&error_document(error))?,
        }
        return Ok(());
    }
    if stdout().is_terminal() {
        write!(stdout(), "{CLEAR}")?;
    }
    match answer {
        Ok((status, _)) => show(&status, arguments, output)?,
        Err(error) => show_error(&error, output),
    }
    stdout().flush()?;
    Ok(())
}

/// The status, and whether it is the leader's or was to be stale. Without a leader it is what a node knows.
async fn ask(
    client: &AdminClient,
    arguments: &ClusterStatusArguments,
) -> Result<(ClusterStatus, bool), Error> {
    if arguments.read.stale {
        return Ok((client.cluster_status(Consistency::Stale).await?, true));
    }
    match client.with_timeout(client.timeout() / 2).cluster_status(Consistency::Linearizable).await {
        Ok(status) => Ok((status, true)),
        Err(etl_api::Error::Unavailable { .. }) => {
            Ok((client.cluster_status(Consistency::Stale).await?, false))
        }
        Err(error) => Err(error.into()),
    }
}

fn show(status: &ClusterStatus, arguments: &ClusterStatusArguments, output: Output) -> Result<(), Error> {
    match output {
        Output::Json => print_json(status)?,
        Output::Text => write_cluster_status(&mut stdout().lock(), status, arguments.all)?,
    }
    Ok(())
}
