use std::sync::Arc;
use std::time::Duration;

use etl_model::{NoTracer, Tracer};
use uuid::Uuid;

use crate::model::{HealthCheck, LogFilter, SpanView};

/// How what a process logs is changed.
pub trait LogLevels: Send + Sync {
    /// The filter in force.
    fn now(&self) -> LogFilter;

    /// Puts another filter in force, `None` for the one that the process was started with; for so long, or for good. Called
    /// within a runtime.
    ///
    /// # Errors
    /// It is no filter; nothing has changed.
    fn set(&self, filter: Option<&str>, time: Option<Duration>) -> Result<LogFilter, String>;
}

/// What a node knows of itself beside what consensus and its duties know.
pub trait Insight: Send + Sync {
    /// What it logs.
    fn log(&self) -> &dyn LogLevels;

    /// The spans of a run that it keeps, without its number.
    fn spans(&self, run: Uuid) -> Vec<SpanView>;

    /// Who traces what is done for a run; nobody unless it is told.
    fn tracer(&self, _run: Uuid) -> Arc<dyn Tracer> {
        Arc::new(NoTracer)
    }

    /// How its parts are, as it has seen them just now. May block for as long as a disk takes.
    fn checks(&self) -> Vec<HealthCheck>;
}
