use std::num::NonZeroUsize;
use std::sync::Arc;

use etl_model::{OnError, StepName};
use etl_sdk::{Destination, Processor, Source};

/// A source with its place in the workflow.
#[derive(Clone)]
pub struct SourceStep {
    /// Its name.
    pub name: StepName,
    /// What to do with malformed records.
    pub on_error: OnError,
    /// The configured source.
    pub source: Arc<dyn Source>,
}

/// A transformation with its place in the workflow.
#[derive(Clone)]
pub struct ProcessorStep {
    /// Its name.
    pub name: StepName,
    /// Sources and transformations it reads.
    pub inputs: Vec<StepName>,
    /// What to do with records it cannot process.
    pub on_error: OnError,
    /// The configured transformation.
    pub processor: Arc<dyn Processor>,
}

/// A destination with its place in the workflow.
#[derive(Clone)]
pub struct DestinationStep {
    /// Its name.
    pub name: StepName,
    /// Sources and transformations it reads.
    pub inputs: Vec<StepName>,
    /// What to do with records it refuses.
    pub on_error: OnError,
    /// The configured destination.
    pub destination: Arc<dyn Destination>,
}

/// A validated workflow with its connectors, ready to run. Names are unique, inputs exist, there is no cycle.
#[derive(Clone, Default)]
pub struct Pipeline {
    /// Sources.
    pub sources: Vec<SourceStep>,
    /// Transformations in topological order.
    pub processors: Vec<ProcessorStep>,
    /// Destinations.
    pub destinations: Vec<DestinationStep>,
}

impl Pipeline {
    /// How many partitions may run at once: what is asked for, or fewer when a destination takes fewer writers.
    pub(crate) fn parallelism(&self, asked: NonZeroUsize) -> NonZeroUsize {
        let writers = self.destinations.iter().filter_map(|step| step.destination.capabilities().max_writers);
        writers.fold(asked, NonZeroUsize::min)
    }
}
