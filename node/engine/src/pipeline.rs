use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use etl_model::{OnError, RunId, StepName, Tracer};
use etl_sdk::{Destination, Processor, Source};

use crate::chain::{ChainPlan, Output};
use crate::limits::{Desk, StepGate, StepLimits};
use crate::ports::Observer;
use crate::veil::Veil;
use crate::watch::Watch;

/// A source with its place in the workflow.
#[derive(Clone)]
pub struct SourceStep {
    /// Its name.
    pub name: StepName,
    /// What to do with malformed records.
    pub on_error: OnError,
    /// Fields of it are protected: nobody sees its records before the transformation that reads it, the only one, has masked
    /// them.
    pub conceals: bool,
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
    /// How sources and destinations are held back, by name.
    pub limits: BTreeMap<StepName, StepLimits>,
    /// What is hidden from those who tap it.
    pub veil: Veil,
    /// What their chains await, once it is known who leases to them.
    pub(crate) gates: BTreeMap<StepName, StepGate>,
    /// Who counts and traces what its chains do.
    pub(crate) watch: Watch,
}

impl Pipeline {
    /// The same with limits that are kept by a desk, for a run.
    pub fn gated(mut self, desk: &Desk, run: RunId) -> Self {
        let gate = |(step, limits): (&StepName, &StepLimits)| (step.clone(), desk.gate(run, step, limits));
        self.gates = self.limits.iter().map(gate).collect();
        self
    }

    /// The same with somebody who counts and traces what its chains do.
    pub fn watched(mut self, observer: Arc<dyn Observer>, tracer: Arc<dyn Tracer>) -> Self {
        self.watch = Watch { observer, tracer };
        self
    }

    /// Whether nobody keeps its limits yet.
    pub(crate) fn lacks_gates(&self) -> bool {
        self.limits.keys().any(|step| !self.gates.contains_key(step))
    }

    /// The destinations that rows reach divided, with the number of shards; none that is reached in a way that may not be.
    pub fn divided(&self) -> BTreeMap<StepName, u16> {
        let plans = self.sources.iter().filter_map(|source| ChainPlan::new(self, source).ok());
        let shards = |plan: ChainPlan| {
            let of =
                |output: &Output| Some((output.step.name.clone(), u16::try_from(output.shard?.of()).ok()?));
            plan.outputs.iter().filter_map(of).collect::<Vec<_>>()
        };
        plans.flat_map(shards).collect()
    }

    /// The transformations between a repartition and the destinations behind it, by destination; of those alone that have
    /// some.
    pub fn behind(&self) -> BTreeMap<StepName, BTreeSet<StepName>> {
        let mut behind: BTreeMap<StepName, BTreeSet<StepName>> = BTreeMap::new();
        for plan in self.sources.iter().filter_map(|source| ChainPlan::new(self, source).ok()) {
            for output in &plan.outputs {
                for step in plan.steps_behind(output) {
                    behind.entry(output.step.name.clone()).or_default().insert(step.name.clone());
                }
            }
        }
        behind
    }

    /// How many partitions may run at once: what is asked for, or fewer when a destination takes fewer writers.
    pub(crate) fn parallelism(&self, asked: NonZeroUsize) -> NonZeroUsize {
        let writers = self.destinations.iter().filter_map(|step| step.destination.capabilities().max_writers);
        writers.fold(asked, NonZeroUsize::min)
    }
}
