use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use etl_cluster::{Prepared, Workshop};
use etl_engine::{DeadLetters, EngineOptions};
use etl_model::ByteSize;
use etl_state::DeadLetterFiles;

use super::running::{REGISTRY, lint};
use crate::{Error, pipeline, secrets};

/// What the chains of one run should stay inside.
const MEMORY: ByteSize = ByteSize(256 << 20);
/// The longest time a row waits for its commit unless the workflow asks for another.
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);
/// How long one call into a connector may take before its partition is killed and started again.
const STALL_TIMEOUT: Duration = Duration::from_secs(600);

/// Builds workflows with the connectors, variables and secrets of this node.
pub(super) struct NodeWorkshop {
    dead_letters: DeadLetterFiles,
}

impl NodeWorkshop {
    /// Dead letters are kept below the data directory.
    pub fn new(data_dir: &Path) -> Self {
        Self { dead_letters: DeadLetterFiles::new(data_dir) }
    }
}

/// Threads that decode, transform and encode.
pub(super) fn threads() -> NonZeroUsize {
    available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

impl Workshop for NodeWorkshop {
    fn prepare(&self, document: &str) -> Result<Prepared, String> {
        let workflow = lint(document).map_err(|problems| problems.to_string())?;
        let lookup = |name: &str| secrets::lookup(None, name);
        let workflow = workflow.resolve_secrets(&lookup).map_err(|problems| problems.to_string())?;
        let pipeline = pipeline::build(&workflow, &REGISTRY).map_err(|error: Error| error.to_string())?;
        let settings = workflow.settings;
        let options = EngineOptions {
            parallelism: settings.parallelism.unwrap_or(threads()),
            workers: threads(),
            memory: MEMORY,
            commit_interval: settings.commit_interval.map_or(COMMIT_INTERVAL, |span| span.0),
            stall_timeout: STALL_TIMEOUT,
            retry: settings.retry,
        };
        Ok(Prepared { pipeline, options, sync: settings.sync })
    }

    fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        Arc::new(self.dead_letters.clone())
    }
}
