use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use etl_engine::{Pipeline, SourceStep};
use etl_model::{OnError, StepName};
use etl_workflow::Workflow;

use super::group::{Group, source_name};
use super::source::LetterSource;
use crate::Error;

/// The kind of a step that has several outputs, each of them a step of its own in a pipeline.
const ROUTE: &str = "route";
/// Modes of destinations in which what is not written again is gone.
const REPLACING: [&str; 2] = ["replace", "mirror"];

/// The pipeline of a replay: letters come to the step that has failed, and go on to the destinations behind it.
///
/// # Errors
/// A destination would lose what it has.
pub(super) fn derive(
    mut pipeline: Pipeline,
    workflow: &Workflow,
    groups: Vec<Group>,
) -> Result<Pipeline, Error> {
    let mut by_step: BTreeMap<StepName, Vec<Group>> = BTreeMap::new();
    for group in groups {
        by_step.entry(group.step.clone()).or_default().push(group);
    }
    let mut sources = Vec::new();
    // Which letters come to a step.
    let mut fed: BTreeMap<StepName, Vec<StepName>> = BTreeMap::new();
    for (step, groups) in by_step {
        let name = source_name(&step).map_err(|error| unusable(&error.to_string()))?;
        for target in targets(workflow, &step) {
            fed.entry(target).or_default().push(name.clone());
        }
        let source = Arc::new(LetterSource { groups });
        sources.push(SourceStep { name, on_error: OnError::DeadLetter, conceals: false, source });
    }
    let mut reached: BTreeSet<StepName> = BTreeSet::new();
    let mut reach = |name: &StepName, inputs: &mut Vec<StepName>| {
        inputs.retain(|input| reached.contains(input));
        inputs.extend(fed.get(name).into_iter().flatten().cloned());
        let is_reached = !inputs.is_empty();
        if is_reached {
            reached.insert(name.clone());
        }
        is_reached
    };
    pipeline.processors.retain_mut(|step| reach(&step.name, &mut step.inputs));
    pipeline.destinations.retain_mut(|step| reach(&step.name, &mut step.inputs));
    for step in &pipeline.destinations {
        let mode = workflow.step(&step.name).and_then(|step| step.config.get("mode")?.as_str());
        if let Some(mode) = mode.filter(|mode| REPLACING.contains(mode)) {
            return Err(Error::Unknown {
                message: format!(
                    "the destination `{}` has the mode {mode}: a replay would leave nothing but the letters",
                    step.name
                ),
                help: "run the corrected workflow again instead; it reads everything".to_owned(),
            });
        }
    }
    pipeline.sources = sources;
    let limits = std::mem::take(&mut pipeline.limits);
    pipeline.limits = limits.into_iter().filter(|(step, _)| reached.contains(step)).collect();
    Ok(pipeline)
}

/// Where the letters of a step go: what fails at one output of a route is missed by all of them.
fn targets(workflow: &Workflow, name: &StepName) -> Vec<StepName> {
    let Some(step) = workflow.step(name).filter(|step| step.kind == ROUTE) else { return vec![name.clone()] };
    let is_output = |other: &&etl_workflow::Step| other.kind == ROUTE && other.span == step.span;
    workflow.transformations.iter().filter(is_output).map(|step| step.name.clone()).collect()
}

pub(super) fn unusable(message: &str) -> Error {
    Error::Unknown { message: message.to_owned(), help: "give the workflow or step another name".to_owned() }
}
