use std::io::{Write, stdout};

use etl_api::model::NodeState;
use serde_json::json;

use crate::arguments::{Output, ReadArguments};
use crate::cluster_client::PATIENCE;
use crate::view::print_json;
use crate::{Error, Exit};

/// A node joins when it starts; a running cluster cannot make it. This tells how, with the addresses of this cluster.
pub(super) async fn join(read: &ReadArguments, output: Output) -> Result<Exit, Error> {
    let status = read.server.client(PATIENCE)?.cluster_status(read.consistency()).await?;
    let members =
        status.nodes.iter().filter(|node| matches!(node.state, NodeState::Up | NodeState::Draining));
    let addresses: Vec<_> = members.map(|node| node.admin_address.as_str()).collect();
    let command = format!("actix-etl node start --join {}", addresses.join(","));
    if output == Output::Json {
        print_json(&json!({ "cluster": status.cluster, "join": addresses, "command": command }))?;
        return Ok(Exit::Success);
    }
    let mut out = stdout().lock();
    writeln!(out, "To add a node to cluster {}, run this where the node is to be:\n", status.cluster)?;
    writeln!(out, "  {command}\n")?;
    writeln!(
        out,
        "It begins as a learner and may vote when it has caught up: see `actix-etl cluster status`."
    )?;
    writeln!(out, "Addresses, data directory and TLS are options of `node start`.")?;
    Ok(Exit::Success)
}
