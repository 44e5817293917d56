use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use etl_workflow::{Diagnostics, Inputs, Schedule, Severity as DiagnosticSeverity, Workflow};
use tokio::sync::Semaphore;

use super::ties::{Locality, Ties};
use crate::model::{Finding, Severity};
use crate::refusal::{Kind, Refusal};

/// Reads and validates a document, with the connectors and variables of this node and what a run gives to it.
pub type Lint = dyn Fn(&str, &Inputs) -> Result<Workflow, Diagnostics> + Send + Sync;

/// A document of so many bytes is checked at once: that takes less than a tenth of a millisecond, not much more than the way
/// to another thread and back.
const SMALL: usize = 1 << 10;

/// Checks documents aside, because a large one takes its time, and only a few at once, because that takes a core each.
pub(super) struct Linter {
    lint: Arc<Lint>,
    locality: Arc<Locality>,
    turns: Semaphore,
}

impl Linter {
    pub fn new(lint: Arc<Lint>, locality: Arc<Locality>) -> Self {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Self { lint, locality, turns: Semaphore::new(cores) }
    }

    /// What is wrong with a document, or the name of its workflow and warnings.
    pub async fn check(&self, document: String) -> Result<Result<Valid, Vec<Finding>>, Refusal> {
        let (lint, locality, size) = (Arc::clone(&self.lint), Arc::clone(&self.locality), document.len());
        let check = move || match lint(&document, &Inputs::default()) {
            Ok(workflow) => Ok(Valid {
                name: workflow.name.as_str().to_owned(),
                schedule: workflow.settings.schedule.clone().map(|schedule| (schedule, locality(&workflow))),
                warnings: findings(workflow.warnings),
                document,
            }),
            Err(diagnostics) => Err(findings(diagnostics)),
        };
        if size <= SMALL { Ok(check()) } else { self.aside(check).await }
    }

    /// What is wrong with a document and the values of its parameters, or what decides where and whether a run of it may
    /// go on.
    pub async fn nature(
        &self,
        document: String,
        parameters: BTreeMap<String, String>,
    ) -> Result<Result<Nature, Vec<Finding>>, Refusal> {
        let (lint, locality) = (Arc::clone(&self.lint), Arc::clone(&self.locality));
        let look = move || match lint(&document, &Inputs::of_run(parameters)) {
            Ok(workflow) => Ok(Nature {
                ties: locality(&workflow),
                parameters: workflow.parameter_values(),
                sources: workflow.sources.iter().map(|step| step.name.as_str().to_owned()).collect(),
                destinations: workflow
                    .destinations
                    .iter()
                    .map(|step| step.name.as_str().to_owned())
                    .collect(),
                meaning: workflow.meaning,
            }),
            Err(diagnostics) => Err(findings(diagnostics)),
        };
        self.aside(look).await
    }

    /// The names of the steps: sources, transformations, destinations. `None` when the document is not a workflow here.
    pub async fn steps(&self, document: String) -> Result<Option<Vec<String>>, Refusal> {
        let lint = Arc::clone(&self.lint);
        let names = |workflow: Workflow| workflow.steps().map(|step| step.name.as_str().to_owned()).collect();
        self.aside(move || lint(&document, &Inputs::default()).ok().map(names)).await
    }

    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let broken = |error: &dyn std::error::Error| {
            Refusal::new(Kind::Internal, "internal", format!("the document could not be checked: {error}"))
        };
        let _turn = self.turns.acquire().await.map_err(|error| broken(&error))?;
        tokio::task::spawn_blocking(work).await.map_err(|error| broken(&error))
    }
}

/// What decides where and whether a run of a workflow may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Nature {
    /// [`Workflow::meaning`].
    pub meaning: String,
    /// What of it is carried out on one node.
    pub ties: Ties,
    /// The values of all of its parameters.
    pub parameters: BTreeMap<String, String>,
    /// The names of its sources.
    pub sources: BTreeSet<String>,
    /// The names of its destinations.
    pub destinations: BTreeSet<String>,
}

/// A document that is a workflow.
pub(super) struct Valid {
    pub name: String,
    /// When it starts by itself, and what of its runs is carried out on one node.
    pub schedule: Option<(Schedule, Ties)>,
    pub warnings: Vec<Finding>,
    pub document: String,
}

fn findings(diagnostics: Diagnostics) -> Vec<Finding> {
    let finding = |found: etl_workflow::Diagnostic| Finding {
        file: found.file,
        line: found.line as u64,
        column: found.column as u64,
        severity: match found.severity {
            DiagnosticSeverity::Error => Severity::Error,
            DiagnosticSeverity::Warning => Severity::Warning,
        },
        code: found.code.to_owned(),
        message: found.message,
        help: found.help,
        snippet: found.snippet,
    };
    diagnostics.into_iter().map(finding).collect()
}
