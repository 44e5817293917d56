use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use etl_workflow::{Diagnostics, Severity as DiagnosticSeverity, Workflow};
use tokio::sync::Semaphore;

use crate::model::{Finding, Severity};
use crate::refusal::{Kind, Refusal};

/// Reads and validates a document, with the connectors and variables of this node.
pub type Lint = dyn Fn(&str) -> Result<Workflow, Diagnostics> + Send + Sync;

/// Checks documents aside, because a large one takes its time, and only a few at once, because that takes a core each.
pub(super) struct Linter {
    lint: Arc<Lint>,
    turns: Semaphore,
}

impl Linter {
    pub fn new(lint: Arc<Lint>) -> Self {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Self { lint, turns: Semaphore::new(cores) }
    }

    /// What is wrong with a document, or the name of its workflow and warnings.
    pub async fn check(&self, document: String) -> Result<Result<Valid, Vec<Finding>>, Refusal> {
        let broken = |error: &dyn std::error::Error| {
            Refusal::new(Kind::Internal, "internal", format!("the document could not be checked: {error}"))
        };
        let _turn = self.turns.acquire().await.map_err(|error| broken(&error))?;
        let lint = Arc::clone(&self.lint);
        let checked = tokio::task::spawn_blocking(move || match lint(&document) {
            Ok(workflow) => Ok(Valid {
                name: workflow.name.as_str().to_owned(),
                warnings: findings(workflow.warnings),
                document,
            }),
            Err(diagnostics) => Err(findings(diagnostics)),
        });
        checked.await.map_err(|error| broken(&error))
    }
}

/// A document that is a workflow.
pub(super) struct Valid {
    pub name: String,
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
