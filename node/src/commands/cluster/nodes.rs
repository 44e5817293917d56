use std::io::{Write, stdout};
use std::time::Duration;

use serde_json::json;

use crate::arguments::{LeaveArguments, NodeArguments, Output};
use crate::cluster_client::PATIENCE;
use crate::view::{confirmed, plural, print_json};
use crate::{Error, Exit};

/// How long a node may take to leave: its partitions finish what they have begun.
const LEAVE_PATIENCE: Duration = Duration::from_secs(300);

pub(super) async fn drain(arguments: &NodeArguments, output: Output) -> Result<Exit, Error> {
    let node = arguments.node;
    let left = arguments.server.client(PATIENCE)?.drain_node(node).await?;
    match output {
        Output::Json => print_json(&json!({ "node": node, "state": "draining", "partitions_left": left }))?,
        Output::Text if left == 0 => {
            writeln!(stdout(), "node {node} is draining; no partition is left on it")?
        }
        Output::Text => {
            writeln!(stdout(), "node {node} is draining; {} left on it", plural(left, "partition"))?;
        }
    }
    Ok(Exit::Success)
}

pub(super) async fn resume(arguments: &NodeArguments, output: Output) -> Result<Exit, Error> {
    let node = arguments.node;
    arguments.server.client(PATIENCE)?.resume_node(node).await?;
    match output {
        Output::Json => print_json(&json!({ "node": node, "state": "up" }))?,
        Output::Text => writeln!(stdout(), "node {node} is up")?,
    }
    Ok(Exit::Success)
}

pub(super) async fn leave(arguments: &LeaveArguments, force: bool, output: Output) -> Result<Exit, Error> {
    let node = arguments.node.node;
    let question = format!("Remove node {node} for ever? It can come back only as a new node.");
    if !arguments.yes && !confirmed(&question)? {
        return Ok(Exit::Findings);
    }
    arguments.node.server.client(LEAVE_PATIENCE)?.remove_node(node, force).await?;
    match output {
        Output::Json => print_json(&json!({ "node": node, "state": "removed" }))?,
        Output::Text => writeln!(stdout(), "node {node} is no member any more")?,
    }
    Ok(Exit::Success)
}
