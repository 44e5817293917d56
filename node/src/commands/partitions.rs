use std::io::stdout;

use etl_api::model::RunTarget;
use tokio::time::sleep;

use crate::arguments::{Output, PartitionsArguments};
use crate::cluster_client::{PATIENCE, block_on};
use crate::view::{RatedPartitions, partition_rates, print_json, write_partitions};
use crate::{Error, Exit};

pub(super) fn partitions(arguments: &PartitionsArguments, output: Output) -> Result<Exit, Error> {
    let PartitionsArguments { read, rate, what } = arguments;
    let (listed, rates) = block_on(async {
        let client = read.server.client(PATIENCE)?;
        let target = RunTarget::from(what.as_str());
        let listed = client.run_partitions(&target, read.consistency()).await?;
        let Some(rate) = rate else { return Ok((listed, None)) };
        sleep(rate.0).await;
        let later = client.run_partitions(&RunTarget::Run(listed.run), read.consistency()).await?;
        let rates = partition_rates(&listed, &later, rate.0);
        Ok((later, Some(rates)))
    })?;
    match (output, &rates) {
        (Output::Json, None) => print_json(&listed)?,
        (Output::Json, Some(rates)) => print_json(&RatedPartitions::new(&listed, rates))?,
        (Output::Text, rates) => write_partitions(&mut stdout().lock(), &listed, rates.as_ref())?,
    }
    Ok(Exit::Success)
}
