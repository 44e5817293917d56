use std::sync::Arc;

use etl_engine::{DeadLetters, EngineOptions, Pipeline};
use etl_model::SyncMode;

/// Turns a workflow's document into what can run on this node. The program that has the connectors implements it.
pub trait Workshop: Send + Sync {
    /// Builds the connectors of a workflow, its secrets and variables resolved on this node. May block shortly.
    ///
    /// # Errors
    /// What is wrong and what to do, for a person.
    fn prepare(&self, document: &str) -> Result<Prepared, String>;

    /// Where records go that were set aside.
    fn dead_letters(&self) -> Arc<dyn DeadLetters>;
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
}
