use std::io::{Write, stdout};

use serde_json::json;

use crate::arguments::{Output, ServerArguments};
use crate::cluster_client::PATIENCE;
use crate::view::{confirmed, print_json};
use crate::{Error, Exit};

pub(super) async fn delete(
    server: &ServerArguments,
    name: &str,
    expected: Option<u64>,
    yes: bool,
    output: Output,
) -> Result<Exit, Error> {
    if !yes && !confirmed(&format!("Take workflow {name} out of force?"))? {
        return Ok(Exit::Findings);
    }
    let version = server.client(PATIENCE)?.delete_workflow(name, expected).await?;
    match output {
        Output::Json => print_json(&json!({ "name": name, "deleted_version": version }))?,
        Output::Text => {
            writeln!(
                stdout(),
                "{name}: deleted (version {version}); `actix-etl workflow history {name}` still knows it"
            )?;
        }
    }
    Ok(Exit::Success)
}
