use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use etl_workflow::{Diagnostics, Schedule, Severity as DiagnosticSeverity, Workflow};
use tokio::sync::Semaphore;

use crate::model::{Finding, Severity};
use crate::refusal::{Kind, Refusal};

/// Reads and validates a document, with the connectors and variables of this node.
pub type Lint = dyn Fn(&str) -> Result<Workflow, Diagnostics> + Send + Sync;

/// Whether a source or destination of a workflow lies on this machine only, so that no other node can carry it out.
pub type Locality = dyn Fn(&Workflow) -> bool + Send + Sync;

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
        let (lint, locality) = (Arc::clone(&self.lint), Arc::clone(&self.locality));
        let check = move || match lint(&document) {
            Ok(workflow) => Ok(Valid {
                name: workflow.name.as_str().to_owned(),
                schedule: workflow.settings.schedule.clone().map(|schedule| (schedule, locality(&workflow))),
                warnings: findings(workflow.warnings),
                document,
            }),
            Err(diagnostics) => Err(findings(diagnostics)),
        };
        self.aside(check).await
    }

    /// What is wrong with a document, or what decides where and whether a run of it may go on.
    pub async fn nature(&self, document: String) -> Result<Result<Nature, Vec<Finding>>, Refusal> {
        let (lint, locality) = (Arc::clone(&self.lint), Arc::clone(&self.locality));
        let look = move || match lint(&document) {
            Ok(workflow) => Ok(Nature { is_local: locality(&workflow), meaning: workflow.meaning }),
            Err(diagnostics) => Err(findings(diagnostics)),
        };
        self.aside(look).await
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
    /// See [`Locality`].
    pub is_local: bool,
}

/// A document that is a workflow.
pub(super) struct Valid {
    pub name: String,
    /// When it starts by itself, and whether its runs are tied to this machine (see [`Locality`]).
    pub schedule: Option<(Schedule, bool)>,
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
