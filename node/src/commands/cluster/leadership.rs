use std::io::{Write, stdout};

use crate::arguments::{Output, ServerArguments};
use crate::cluster_client::PATIENCE;
use crate::view::print_json;
use crate::{Error, Exit};

pub(super) async fn transfer(
    server: &ServerArguments,
    to: Option<u64>,
    output: Output,
) -> Result<Exit, Error> {
    let leadership = server.client(PATIENCE)?.transfer_leader(to).await?;
    match output {
        Output::Json => print_json(&leadership)?,
        Output::Text => writeln!(stdout(), "node {} leads in term {}", leadership.leader, leadership.term)?,
    }
    Ok(Exit::Success)
}
