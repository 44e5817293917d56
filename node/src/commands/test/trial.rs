use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use etl_engine::Pipeline;
use etl_model::{Batch, StepName};
use etl_sdk::Registry;
use etl_workflow::{Inputs, Workflow, load_with};

use super::arrivals::Arrivals;
use super::case::{AtStep, Case, Given, Records};
use super::comparison::{Mismatch, compare, step_name};
use super::records::batches;
use super::server::MockServer;
use crate::preview::{StepTrial, transform};
use crate::{Error, pipeline};

/// A workflow file that is tested.
pub(super) struct Tested<'a> {
    pub file: &'a Path,
    pub bytes: &'a [u8],
    pub registry: &'a Registry,
}

impl Tested<'_> {
    /// The workflow with what a test gives to it.
    ///
    /// # Errors
    /// It is not valid with that.
    pub fn load(&self, given: &Given) -> Result<Workflow, Error> {
        let environment =
            |name: &str| given.variables.get(name).cloned().or_else(|| std::env::var(name).ok());
        let inputs = Inputs::of_run(given.parameters.clone());
        let file = self.file.display().to_string();
        let workflow = load_with(&file, self.bytes, &environment, &inputs, self.registry);
        let secret = |name: &str| Some(given.secrets.get(name).cloned().unwrap_or_else(|| name.to_owned()));
        workflow.map_err(Error::Invalid)?.resolve_secrets(&secret).map_err(Error::Invalid)
    }

    /// Carries a test out and tells what is not as it expects.
    ///
    /// # Errors
    /// The workflow is not valid with what the test gives, or there is no port for a server.
    pub async fn carry_out(&self, case: &Case) -> Result<Vec<Mismatch>, Error> {
        let (servers, workflow) = self.served(case).await?;
        let pipeline = pipeline::build(&workflow, self.registry)?;
        let inputs = match self.inputs(case) {
            Ok(inputs) => inputs,
            Err(mismatch) => return Ok(vec![mismatch]),
        };
        let mut mismatches = compare(case, &arrivals(&pipeline, inputs).await);
        mismatches.extend(servers.iter().flat_map(MockServer::complaints).map(Mismatch::new));
        Ok(mismatches)
    }

    /// The servers of a test, and the workflow that knows where they are.
    ///
    /// # Errors
    /// As [`Tested::carry_out`].
    pub async fn served(&self, case: &Case) -> Result<(Vec<MockServer>, Workflow), Error> {
        let mut servers = Vec::new();
        let mut given = case.given.clone();
        for (variable, endpoints) in &case.http {
            let server = MockServer::start(endpoints.clone()).await?;
            given.variables.insert(variable.clone(), server.address().to_owned());
            servers.push(server);
        }
        Ok((servers, self.load(&given)?))
    }

    /// The records that a test gives, by the step that they come out of, or to.
    ///
    /// # Errors
    /// Records that cannot be read.
    pub fn inputs(&self, case: &Case) -> Result<BTreeMap<String, Vec<Batch>>, Mismatch> {
        let mut inputs = BTreeMap::new();
        for AtStep { step, place, what } in &case.inputs {
            let batches = self.batches(what);
            let batches = batches
                .map_err(|message| Mismatch::new(format!("line {}: `{step}`: {message}", place.line)))?;
            inputs.insert(step_name(step), batches);
        }
        Ok(inputs)
    }

    fn batches(&self, records: &Records) -> Result<Vec<Batch>, String> {
        batches(records, self.registry)
    }
}

/// What becomes of the records, each input by itself: in a run they are partitions that do not meet before a destination.
pub(super) async fn arrivals(pipeline: &Pipeline, mut inputs: BTreeMap<String, Vec<Batch>>) -> Arrivals {
    let mut found = Arrivals::default();
    let sources = pipeline.sources.iter().map(|step| &step.name);
    let names: Vec<&StepName> = sources.chain(pipeline.processors.iter().map(|step| &step.name)).collect();
    for name in names {
        let Some(batches) = inputs.remove(name.as_str()) else { continue };
        let is_source = pipeline.sources.iter().any(|step| step.name == *name);
        let (yielded, pushed) = match is_source {
            true => (vec![StepTrial::yielded(name.clone(), batches)], HashMap::new()),
            false => (Vec::new(), HashMap::from([(name.clone(), batches)])),
        };
        match transform(pipeline, yielded, &pushed).await {
            Ok(steps) => found.add(pipeline, steps),
            Err(error) => found.break_off(&error),
        }
    }
    found
}
