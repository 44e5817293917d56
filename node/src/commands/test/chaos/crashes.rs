use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use etl_engine::Pipeline;
use etl_model::{Batch, StepName};
use tokio::runtime::Builder;

use super::campaign::Campaign;
use super::report::Report;
use super::source::chunks;
use super::stage::{Stage, faithful};
use crate::commands::test::case::{Case, Endpoint};
use crate::commands::test::comparison::{Mismatch, step_name};
use crate::commands::test::trial::{Tested, arrivals};
use crate::{Error, pipeline};

/// What crashes do to the workflow with the records of a test, at most so many per crash row. Not to be called inside a
/// runtime.
///
/// # Errors
/// The workflow is not valid with what the test gives, or there is no port for a server.
pub(in crate::commands::test) fn crash(
    tested: &Tested<'_>,
    case: &Case,
    most: NonZeroU32,
) -> Result<(Report, Vec<Mismatch>), Error> {
    let mut case = case.clone();
    for (_, endpoints) in &mut case.http {
        endpoints.retain(|endpoint| !passes(endpoint));
        // What was under way in a crash is asked again.
        endpoints.iter_mut().for_each(|endpoint| endpoint.times = None);
    }
    let outside = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (_servers, workflow) = outside.block_on(tested.served(&case))?;
    let inputs = match tested.inputs(&case) {
        Ok(inputs) => inputs,
        Err(mismatch) => return Ok((Report::default(), vec![mismatch])),
    };
    let pipeline = pipeline::build(&workflow, tested.registry)?;
    let alone = outside.block_on(arrivals(&pipeline, inputs.clone()));
    if alone.failure.is_some() {
        let skipped = Some("the run ends at a record that fails".to_owned());
        return Ok((Report { skipped, ..Report::default() }, Vec::new()));
    }
    let stage =
        Stage { workflow: &workflow, registry: tested.registry, inputs: cut(inputs), cast: &faithful };
    let (campaign, rows) = match Campaign::prepare(&stage, most.get().into())? {
        Ok(prepared) => prepared,
        Err(mismatch) => return Ok((Report::default(), vec![mismatch])),
    };
    let unlike = campaign.unlike(&alone, &compared(&pipeline, &case));
    if !unlike.is_empty() {
        return Ok((Report::default(), unlike));
    }
    campaign.crash(rows)
}

/// Whether it is an answer that the next one does not give any more: a failure that is tried again, wherever it strikes.
fn passes(endpoint: &Endpoint) -> bool {
    let status = endpoint.response.status;
    endpoint.times.is_some() && (status == 429 || status >= 500)
}

fn cut(inputs: BTreeMap<String, Vec<Batch>>) -> BTreeMap<StepName, Arc<[Batch]>> {
    let named = |(step, batches): (String, Vec<Batch>)| Some((StepName::new(&step).ok()?, chunks(&batches)));
    inputs.into_iter().filter_map(named).collect()
}

/// The destinations that the test expects something at, which a run must fulfil as the steps alone do.
fn compared(pipeline: &Pipeline, case: &Case) -> Vec<StepName> {
    let is_expected =
        |name: &StepName| case.expect.iter().any(|expected| step_name(&expected.step) == name.as_str());
    let names = pipeline.destinations.iter().map(|step| &step.name);
    names.filter(|name| is_expected(name)).cloned().collect()
}
