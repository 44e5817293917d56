use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use etl_engine::{DestinationStep, EngineError, EngineOptions, Pipeline, SourceStep};
use etl_model::{Batch, ByteSize, OnError, RunId, Span, StepName};
use etl_sdk::{Destination, Registry, RetryPolicy, RunContext};
use etl_workflow::Workflow;

use super::caller::Caller;
use super::destination::TwinDestination;
use super::life::Life;
use super::sink::Sink;
use super::source::TwinSource;
use super::world::World;
use crate::{Error, pipeline};

/// Partitions that run at once, so that one can die while another has something under way.
const PARALLELISM: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

/// Who plays a destination.
pub(super) type Cast = dyn Fn(&DestinationStep, &Arc<Life>, &World) -> Arc<dyn Destination> + Sync;

/// A workflow with the records that it is given, of which any number of processes can be made.
pub(super) struct Stage<'a> {
    pub workflow: &'a Workflow,
    pub registry: &'a Registry,
    /// By the step that they come out of, or to.
    pub inputs: BTreeMap<StepName, Arc<[Batch]>>,
    pub cast: &'a Cast,
}

/// A destination as it promises to be.
pub(super) fn faithful(step: &DestinationStep, life: &Arc<Life>, world: &World) -> Arc<dyn Destination> {
    let capabilities = step.destination.capabilities();
    Arc::new(TwinDestination { capabilities, life: Arc::clone(life), world: world.clone() })
}

impl Stage<'_> {
    /// The pipeline of one process: its transformations are its own, its sources and destinations in memory.
    ///
    /// # Errors
    /// A connector refuses its settings.
    pub fn pipeline(&self, life: &Arc<Life>, world: &World) -> Result<Pipeline, Error> {
        let mut pipeline = pipeline::build(self.workflow, self.registry)?;
        pipeline.limits.clear();
        let forgets = pipeline.processors.iter().all(|step| step.processor.begin().is_none());
        let source = |name: &StepName| TwinSource {
            name: name.clone(),
            chunks: self.inputs.get(name).map(Arc::clone).unwrap_or_else(|| Arc::from([])),
            forgets,
            life: Arc::clone(life),
            world: world.clone(),
        };
        for step in &mut pipeline.sources {
            step.source = Arc::new(source(&step.name));
        }
        for step in &mut pipeline.processors {
            if step.processor.capabilities().waits {
                let processor = Arc::clone(&step.processor);
                step.processor = Arc::new(Caller { processor, life: Arc::clone(life) });
            }
            let Some(chunks) = self.inputs.get(&step.name) else { continue };
            let name = StepName::new(&format!("to-{}", step.name)).map_err(|error| {
                EngineError::Internal(format!("records that come to `{}`: {error}", step.name))
            })?;
            let source = TwinSource { chunks: Arc::clone(chunks), ..source(&name) };
            step.inputs.push(name.clone());
            let (on_error, source) = (OnError::Fail, Arc::new(source));
            pipeline.sources.push(SourceStep { name, on_error, conceals: false, source });
        }
        for step in &mut pipeline.destinations {
            step.destination = (self.cast)(step, life, world);
        }
        Ok(pipeline)
    }

    /// What matters of its destinations.
    ///
    /// # Errors
    /// A connector refuses its settings.
    pub fn sinks(&self) -> Result<BTreeMap<StepName, Sink>, Error> {
        let pipeline = pipeline::build(self.workflow, self.registry)?;
        let sink = |step: &DestinationStep| {
            let config = self.workflow.destinations.iter().find(|known| known.name == step.name)?;
            Some((step.name.clone(), Sink::new(&step.destination.capabilities(), &config.config)))
        };
        Ok(pipeline.destinations.iter().filter_map(sink).collect())
    }

    /// A run of it.
    pub fn run(&self) -> RunContext {
        RunContext { workflow: self.workflow.name.clone(), run: RunId::generate() }
    }
}

/// How its processes use the machine: little, and a unit is committed as soon as there is something in it.
pub(super) fn options() -> EngineOptions {
    EngineOptions {
        parallelism: PARALLELISM,
        workers: NonZeroUsize::MIN,
        memory: ByteSize(16 << 20),
        commit_interval: Duration::ZERO,
        stall_timeout: Duration::from_secs(60),
        retry: RetryPolicy {
            max_attempts: 3,
            initial_backoff: Span(Duration::from_millis(1)),
            max_backoff: Span(Duration::from_millis(5)),
            ..RetryPolicy::default()
        },
    }
}
