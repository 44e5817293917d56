use std::sync::Arc;

use etl_engine::{NoObserver, Pipeline};
use etl_model::NoTracer;
use etl_telemetry::{RunFacts, StepFacts, StepRole, Telemetry, Watcher};
use etl_workflow::{Step, Workflow};
use uuid::Uuid;

use crate::logging;

/// What is known of a run to those who count, trace and log.
fn facts(workflow: &Workflow, run: Uuid) -> RunFacts {
    let step = |role: StepRole| {
        move |step: &Step| StepFacts {
            name: step.name.as_str().to_owned(),
            connector: step.kind.clone(),
            role,
        }
    };
    let sources = workflow.sources.iter().map(step(StepRole::Source));
    let transformations = workflow.transformations.iter().map(step(StepRole::Transformation));
    let destinations = workflow.destinations.iter().map(step(StepRole::Destination));
    RunFacts {
        run,
        workflow: workflow.name.as_str().to_owned(),
        steps: sources.chain(transformations).chain(destinations).collect(),
    }
}

/// What of a run is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub metrics: bool,
    pub traces: bool,
}

impl Wanted {
    /// Everything.
    pub const ALL: Self = Self { metrics: true, traces: true };
}

/// The pipeline of a run, counted and traced; what is logged about the run has its names.
pub(crate) fn watched(
    pipeline: Pipeline,
    workflow: &Workflow,
    run: Uuid,
    telemetry: &Telemetry,
    wanted: Wanted,
) -> Pipeline {
    let facts = facts(workflow, run);
    let connectors = facts.steps.iter().map(|step| (step.name.clone(), step.connector.clone()));
    logging::name_run(run, &facts.workflow, connectors.collect::<Vec<_>>());
    let Watcher { observer, tracer } = telemetry.watch(&facts);
    let observer = if wanted.metrics { observer } else { Arc::new(NoObserver) };
    let tracer = if wanted.traces { tracer } else { Arc::new(NoTracer) };
    pipeline.watched(observer, tracer)
}
