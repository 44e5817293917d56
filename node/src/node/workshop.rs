use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use etl_cluster::{Prepared, Workshop};
use etl_engine::{DeadLetters, EngineOptions};
use etl_model::Tracer;
use etl_state::DeadLetterFiles;
use etl_telemetry::Telemetry;
use etl_workflow::Inputs;
use uuid::Uuid;

use super::running::{REGISTRY, lint};
use super::settings::WorkSettings;
use crate::watching::{Wanted, watched};
use crate::{Error, pipeline, secrets};

/// The longest time a row waits for its commit unless the workflow asks for another.
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);

/// Builds workflows with the connectors, variables and secrets of this node.
pub(super) struct NodeWorkshop {
    dead_letters: DeadLetterFiles,
    settings: WorkSettings,
    telemetry: Telemetry,
}

impl NodeWorkshop {
    /// Dead letters are kept below the data directory.
    pub fn new(data_dir: &Path, settings: WorkSettings, telemetry: Telemetry) -> Self {
        Self { dead_letters: DeadLetterFiles::new(data_dir), settings, telemetry }
    }
}

impl Workshop for NodeWorkshop {
    fn prepare(&self, document: &str, inputs: &Inputs) -> Result<Prepared, String> {
        let workflow = lint(document, inputs).map_err(|problems| problems.to_string())?;
        let lookup = |name: &str| secrets::lookup(self.settings.secrets_dir.as_deref(), name);
        let workflow = workflow.resolve_secrets(&lookup).map_err(|problems| problems.to_string())?;
        let pipeline = pipeline::build(&workflow, &REGISTRY).map_err(|error: Error| error.to_string())?;
        let pipeline = match &inputs.run {
            Some(facts) => watched(pipeline, &workflow, facts.id.into(), &self.telemetry, Wanted::ALL),
            None => pipeline,
        };
        let placed = workflow.destinations.iter().filter(|step| step.node.is_some());
        let placed = placed.map(|step| step.name.clone()).collect();
        let settings = workflow.settings;
        let options = EngineOptions {
            parallelism: settings.parallelism.unwrap_or(self.settings.threads),
            workers: self.settings.threads,
            memory: self.settings.memory,
            commit_interval: settings.commit_interval.map_or(COMMIT_INTERVAL, |span| span.0),
            stall_timeout: self.settings.stall_timeout,
            retry: settings.retry,
        };
        Ok(Prepared { pipeline, options, sync: settings.sync, placed })
    }

    fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        Arc::new(self.dead_letters.clone())
    }

    fn redacted(&self, text: String) -> String {
        secrets::redacted(&text).into_owned()
    }

    fn tracer(&self, run: Uuid) -> Arc<dyn Tracer> {
        self.telemetry.tracer(Some(run))
    }
}
