use std::io::stdout;

use etl_api::model::RunTarget;

use crate::arguments::{Output, PartitionsArguments};
use crate::cluster_client::{PATIENCE, block_on};
use crate::view::{print_json, write_partitions};
use crate::{Error, Exit};

pub(super) fn partitions(arguments: &PartitionsArguments, output: Output) -> Result<Exit, Error> {
    let PartitionsArguments { read, what } = arguments;
    let listed = block_on(async {
        let client = read.server.client(PATIENCE)?;
        Ok(client.run_partitions(&RunTarget::from(what.as_str()), read.consistency()).await?)
    })?;
    match output {
        Output::Json => print_json(&listed)?,
        Output::Text => write_partitions(&mut stdout().lock(), &listed)?,
    }
    Ok(Exit::Success)
}
