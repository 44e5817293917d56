use std::sync::Arc;

use etl_engine::{DestinationStep, ErrorRecords, Pipeline, ProcessorStep, SourceStep, StepLimits, Veil};
use etl_sdk::{FieldError, Registry};
use etl_workflow::{Diagnostics, Step, Viewing, Workflow};

use crate::Error;

/// Builds the connectors of a workflow whose secrets have been put in.
pub(crate) fn build(workflow: &Workflow, registry: &Registry) -> Result<Pipeline, Error> {
    let mut refused = Vec::new();
    let mut pipeline = Pipeline::default();
    for step in &workflow.sources {
        let found = registry.find_source(&step.kind).map(|connector| connector.configure(&step.config));
        if let Some(source) = accepted(workflow, step, found, &mut refused) {
            pipeline.sources.push(SourceStep {
                name: step.name.clone(),
                on_error: step.on_error,
                conceals: step.conceals,
                source,
            });
        }
    }
    for step in &workflow.transformations {
        let found = match step.takes_errors {
            true => Some(Ok(Arc::new(ErrorRecords) as Arc<dyn etl_sdk::Processor>)),
            false => registry.find_processor(&step.kind).map(|connector| connector.configure(&step.config)),
        };
        if let Some(processor) = accepted(workflow, step, found, &mut refused) {
            let (name, inputs) = (step.name.clone(), step.inputs.clone());
            pipeline.processors.push(ProcessorStep { name, inputs, on_error: step.on_error, processor });
        }
    }
    for step in &workflow.destinations {
        let found = registry.find_destination(&step.kind).map(|connector| connector.configure(&step.config));
        if let Some(destination) = accepted(workflow, step, found, &mut refused) {
            let (name, inputs) = (step.name.clone(), step.inputs.clone());
            pipeline.destinations.push(DestinationStep {
                name,
                inputs,
                on_error: step.on_error,
                destination,
            });
        }
    }
    for step in workflow.steps() {
        let limits = StepLimits {
            rate: step.rate_limit.clone(),
            breaker: step.circuit_breaker.clone(),
            timeout: step.timeout.map(|span| span.0),
            retry: step.retry.clone(),
        };
        if limits != StepLimits::default() {
            pipeline.limits.insert(step.name.clone(), limits);
        }
    }
    pipeline.veil = veil(workflow, registry, None)?;
    if refused.is_empty() { Ok(pipeline) } else { Err(Error::Invalid(Diagnostics(refused))) }
}

/// What somebody with this role, or with none, does not see of the records of a workflow.
pub(crate) fn veil(workflow: &Workflow, registry: &Registry, role: Option<&str>) -> Result<Veil, Error> {
    let mut refused = Vec::new();
    let is_meant = |rule: &&Viewing| !rule.roles.iter().any(|sees| Some(sees.as_str()) == role);
    let rules = workflow.viewing.iter().filter(is_meant);
    let masks = rules.filter_map(|Viewing { mask, .. }| {
        let found = registry.find_processor(&mask.kind).map(|connector| connector.configure(&mask.config));
        accepted(workflow, mask, found, &mut refused)
    });
    let veil = Veil::new(masks.collect());
    if refused.is_empty() { Ok(veil) } else { Err(Error::Invalid(Diagnostics(refused))) }
}

fn accepted<T>(
    workflow: &Workflow,
    step: &Step,
    configured: Option<Result<T, Vec<FieldError>>>,
    refused: &mut Vec<etl_workflow::Diagnostic>,
) -> Option<T> {
    let unknown =
        || Err(vec![FieldError::new("type", format!("`{}` is not part of this program", step.kind))]);
    match configured.unwrap_or_else(unknown) {
        Ok(connector) => Some(connector),
        Err(errors) => {
            refused.extend(workflow.field_errors(step, &errors));
            None
        }
    }
}
