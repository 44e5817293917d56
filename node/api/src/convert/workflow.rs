use etl_proto::admin as wire;
use etl_proto::admin::apply_workflow_response::Outcome as WireOutcome;

use super::{Malformed, finding_from_wire};
use crate::model::{Applied, Linted, Outcome, WorkflowDocument, WorkflowSummary};

impl From<&WorkflowSummary> for wire::WorkflowSummary {
    fn from(summary: &WorkflowSummary) -> Self {
        Self {
            name: summary.name.clone(),
            version: summary.version,
            hash: summary.hash.clone(),
            changed_at_ms: summary.changed_at_ms,
            deleted: summary.deleted,
            next_tick_ms: summary.next_tick_ms,
        }
    }
}

impl From<wire::WorkflowSummary> for WorkflowSummary {
    fn from(summary: wire::WorkflowSummary) -> Self {
        Self {
            name: summary.name,
            version: summary.version,
            hash: summary.hash,
            changed_at_ms: summary.changed_at_ms,
            deleted: summary.deleted,
            next_tick_ms: summary.next_tick_ms,
        }
    }
}

impl From<&WorkflowDocument> for wire::GetWorkflowResponse {
    fn from(workflow: &WorkflowDocument) -> Self {
        Self { summary: Some((&workflow.summary).into()), document: workflow.document.clone() }
    }
}

impl TryFrom<wire::GetWorkflowResponse> for WorkflowDocument {
    type Error = Malformed;

    fn try_from(answer: wire::GetWorkflowResponse) -> Result<Self, Malformed> {
        let summary = answer.summary.ok_or_else(|| Malformed::new("summary", "is missing"))?;
        Ok(Self { summary: summary.into(), document: answer.document })
    }
}

impl From<&Applied> for wire::ApplyWorkflowResponse {
    fn from(applied: &Applied) -> Self {
        let outcome = match applied.outcome {
            Outcome::Created => WireOutcome::Created,
            Outcome::Updated => WireOutcome::Updated,
            Outcome::Unchanged => WireOutcome::Unchanged,
        };
        Self {
            outcome: outcome.into(),
            name: applied.name.clone(),
            version: applied.version,
            previous_document: applied.previous_document.clone().unwrap_or_default(),
        }
    }
}

impl TryFrom<wire::ApplyWorkflowResponse> for Applied {
    type Error = Malformed;

    fn try_from(answer: wire::ApplyWorkflowResponse) -> Result<Self, Malformed> {
        let outcome = match answer.outcome() {
            WireOutcome::Created => Outcome::Created,
            WireOutcome::Updated => Outcome::Updated,
            WireOutcome::Unchanged => Outcome::Unchanged,
            WireOutcome::Unspecified => return Err(Malformed::unknown("outcome", answer.outcome)),
        };
        Ok(Self {
            outcome,
            name: answer.name,
            version: answer.version,
            // No document is empty: every one names its workflow.
            previous_document: Some(answer.previous_document).filter(|document| !document.is_empty()),
        })
    }
}

impl Linted {
    /// What a node says of a document that the caller calls `file`.
    pub(crate) fn from_wire(file: &str, answer: wire::LintWorkflowResponse) -> Self {
        Self {
            name: Some(answer.name).filter(|name| !name.is_empty()),
            findings: answer.diagnostics.into_iter().map(|found| finding_from_wire(file, found)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> WorkflowSummary {
        WorkflowSummary {
            name: "orders".to_owned(),
            version: 4,
            hash: "ab".repeat(32),
            changed_at_ms: 1_700_000_000_000,
            deleted: false,
            next_tick_ms: Some(1_800_000_000_000),
        }
    }

    #[test]
    fn workflows_keep_everything_on_their_way() {
        for summary in [
            summary(),
            WorkflowSummary { deleted: true, hash: String::new(), next_tick_ms: None, ..summary() },
        ] {
            assert_eq!(WorkflowSummary::from(wire::WorkflowSummary::from(&summary)), summary);
        }
        let document = WorkflowDocument { summary: summary(), document: "workflow:\n".to_owned() };
        assert_eq!(WorkflowDocument::try_from(wire::GetWorkflowResponse::from(&document)), Ok(document));
        for outcome in [Outcome::Created, Outcome::Updated, Outcome::Unchanged] {
            for previous_document in [None, Some("workflow: {}\n".to_owned())] {
                let applied = Applied { outcome, name: "orders".to_owned(), version: 4, previous_document };
                assert_eq!(Applied::try_from(wire::ApplyWorkflowResponse::from(&applied)), Ok(applied));
            }
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let field =
            WorkflowDocument::try_from(wire::GetWorkflowResponse::default()).map_err(|error| error.field);
        assert_eq!(field, Err("summary"));
        let answer = wire::ApplyWorkflowResponse { outcome: 9, ..Default::default() };
        assert_eq!(Applied::try_from(answer).map_err(|error| error.field), Err("outcome"));
    }
}
