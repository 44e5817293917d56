use std::collections::BTreeSet;
use std::sync::Arc;

use etl_engine::{DeadLetters, EngineOptions, Pipeline};
use etl_model::{NoTracer, StepName, SyncMode, Tracer};
use etl_raft_state::parts::Run;
use etl_workflow::{Inputs, RunFacts};
use uuid::Uuid;

/// Turns a workflow's document into what can run on this node. The program that has the connectors implements it.
pub trait Workshop: Send + Sync {
    /// Builds the connectors of a workflow for a run, its secrets and variables resolved on this node. May block shortly.
    ///
    /// # Errors
    /// What is wrong and what to do, for a person.
    fn prepare(&self, document: &str, inputs: &Inputs) -> Result<Prepared, String>;

    /// Where records go that were set aside.
    fn dead_letters(&self) -> Arc<dyn DeadLetters>;

    /// A text that others will see, without what must not be shown.
    fn redacted(&self, text: String) -> String {
        text
    }

    /// Who traces what is done for a run; nobody unless it is told.
    fn tracer(&self, _run: Uuid) -> Arc<dyn Tracer> {
        Arc::new(NoTracer)
    }
}

/// A workflow that can run on this node.
#[derive(Clone)]
pub struct Prepared {
    /// Its steps.
    pub pipeline: Pipeline,
    /// How it uses this machine.
    pub options: EngineOptions,
    /// What a new run reads.
    pub sync: SyncMode,
    /// Destinations that the workflow places on a node by name.
    pub placed: BTreeSet<StepName>,
}

/// What a run gives to its workflow.
pub(crate) fn inputs(id: Uuid, run: &Run) -> Inputs {
    let facts = RunFacts { id: id.into(), tick_ms: run.about_ms() };
    Inputs { parameters: run.parameters.clone(), is_complete: true, run: Some(facts) }
}
