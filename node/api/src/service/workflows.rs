use bytes::Bytes;
use etl_proto::admin as wire;
use etl_raft::consensus::wall_clock;
use etl_raft_state::command::{DeleteWorkflow, PutWorkflow};
use etl_raft_state::limits::MAX_DOCUMENT;
use etl_raft_state::{Command, ContentHash, PutOutcome, Rejection, Response, Session, State};
use sha2::{Digest, Sha256};

use super::Shared;
use super::lint::Valid;
use super::run_target::{request_id, unknown_workflow};
use super::schedules::begin;
use crate::convert::finding_to_wire;
use crate::model::{Applied, Outcome, WorkflowDocument, WorkflowSummary};
use crate::refusal::{Kind, Refusal};

impl Shared {
    pub(super) async fn lint_workflow(
        &self,
        request: wire::LintWorkflowRequest,
    ) -> Result<wire::LintWorkflowResponse, Refusal> {
        check_size(&request.document)?;
        let (name, findings) = match self.linter.check(request.document).await? {
            Ok(Valid { name, warnings, .. }) => (name, warnings),
            Err(findings) => (String::new(), findings),
        };
        let diagnostics = findings.iter().map(finding_to_wire).collect();
        Ok(wire::LintWorkflowResponse { name, diagnostics })
    }

    pub(super) async fn apply_workflow(
        &self,
        request: wire::ApplyWorkflowRequest,
    ) -> Result<Applied, Refusal> {
        let wire::ApplyWorkflowRequest { document, expected_version, dry_run, request_id, with_previous } =
            request;
        let session = session(&request_id)?;
        check_size(&document)?;
        let checked = self.linter.check(document).await?;
        let Valid { name, document, schedule, .. } = checked.map_err(Refusal::invalid_workflow)?;
        let hash = ContentHash::from(<[u8; 32]>::from(Sha256::digest(&document)));
        if dry_run {
            return self.consensus.read(move |state| preview(state, name, hash, expected_version)).await?;
        }
        let begun = schedule
            .map(|(schedule, ties)| begin(&schedule, ties.seen_from(self.leaders.me()), wall_clock()()));
        let schedule = begun.transpose()?;
        let command = PutWorkflow { name: name.clone(), document, hash, expected_version, schedule };
        let (version, outcome) = match self.write(session, command.into()).await? {
            Response::WorkflowPut { version, outcome } => (version, outcome),
            other => return Err(unexpected(&other)),
        };
        let outcome = match outcome {
            PutOutcome::Created => Outcome::Created,
            PutOutcome::Updated => Outcome::Updated,
            PutOutcome::Unchanged => Outcome::Unchanged,
        };
        let previous_document = match with_previous && outcome != Outcome::Created {
            true => {
                let before = if outcome == Outcome::Unchanged { version } else { version.saturating_sub(1) };
                let name = name.clone();
                self.consensus.read(move |state| document_of(state, &name, before)).await?
            }
            false => None,
        };
        Ok(Applied { outcome, name, version, previous_document })
    }

    pub(super) async fn list_workflows(
        &self,
        request: wire::ListWorkflowsRequest,
    ) -> Result<wire::ListWorkflowsResponse, Refusal> {
        let read = |state: &State| {
            let summaries = state.workflows().iter().map(|workflow| {
                let summary = summary(workflow.name, workflow.version, workflow.hash, workflow.changed_at_ms);
                WorkflowSummary { next_tick_ms: next_tick(state, workflow.name), ..summary }
            });
            summaries.collect::<Vec<_>>()
        };
        let workflows = self.read(request.consistency(), read).await?;
        Ok(wire::ListWorkflowsResponse {
            workflows: workflows.iter().map(wire::WorkflowSummary::from).collect(),
        })
    }

    pub(super) async fn get_workflow(
        &self,
        request: wire::GetWorkflowRequest,
    ) -> Result<WorkflowDocument, Refusal> {
        let consistency = request.consistency();
        let wire::GetWorkflowRequest { name, version, .. } = request;
        self.read(consistency, move |state| find(state, &name, version)).await?
    }

    pub(super) async fn delete_workflow(
        &self,
        request: wire::DeleteWorkflowRequest,
    ) -> Result<wire::DeleteWorkflowResponse, Refusal> {
        let wire::DeleteWorkflowRequest { name, expected_version, request_id } = request;
        let session = session(&request_id)?;
        match self.write(session, DeleteWorkflow { name, expected_version }.into()).await? {
            Response::WorkflowDeleted { version } => Ok(wire::DeleteWorkflowResponse { version }),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn workflow_history(
        &self,
        request: wire::GetWorkflowHistoryRequest,
    ) -> Result<wire::GetWorkflowHistoryResponse, Refusal> {
        let consistency = request.consistency();
        let name = request.name;
        let versions = self.read(consistency, move |state| history(state, &name)).await??;
        let versions = versions.iter().map(wire::WorkflowSummary::from).collect();
        Ok(wire::GetWorkflowHistoryResponse { versions })
    }

    /// Proposes a command; in the session of the request when it has an id.
    pub(super) async fn write(
        &self,
        session: Option<Session>,
        command: Command,
    ) -> Result<Response, Refusal> {
        self.write_unless(session, command).await?.map_err(Refusal::from)
    }

    /// The same for one who may decide anew when it was decided on a state that is not the present one.
    pub(super) async fn write_unless(
        &self,
        session: Option<Session>,
        command: Command,
    ) -> Result<Result<Response, Rejection>, Refusal> {
        let response = match session {
            Some(session) => self.consensus.write_once(session, command).await?,
            None => self.consensus.write(command).await?,
        };
        Ok(response.into_result())
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        consistency: wire::Consistency,
        read: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        match consistency {
            wire::Consistency::Linearizable => Ok(self.consensus.read(read).await?),
            wire::Consistency::Stale => Ok(self.consensus.peek(read)),
        }
    }
}

/// A session of one command, so that the same request acts once whichever node it is sent to.
fn session(bytes: &Bytes) -> Result<Option<Session>, Refusal> {
    let client = request_id(bytes)?;
    Ok(client.map(|client| Session { client, seq: 1, acknowledged_below: 1 }))
}

fn check_size(document: &str) -> Result<(), Refusal> {
    let size = document.len();
    if size > MAX_DOCUMENT {
        let message = format!("the document has {size} bytes, more than {MAX_DOCUMENT}");
        return Err(Refusal::new(Kind::Invalid, "too_large", message).help("split the workflow in two"));
    }
    Ok(())
}

fn preview(
    state: &State,
    name: String,
    hash: ContentHash,
    expected: Option<u64>,
) -> Result<Applied, Refusal> {
    let actual = state.workflows().current_version(&name);
    if let Some(expected) = expected
        && expected != actual
    {
        return Err(Refusal::version_conflict(&name, expected, actual));
    }
    let (outcome, version) = match state.workflows().get(&name) {
        None => {
            let last = state.workflows().history(&name).next().map_or(0, |last| last.version);
            (Outcome::Created, last.saturating_add(1))
        }
        Some(current) if current.hash == hash => (Outcome::Unchanged, actual),
        Some(_) => (Outcome::Updated, actual.saturating_add(1)),
    };
    let previous_document = document_of(state, &name, actual);
    Ok(Applied { outcome, name, version, previous_document })
}

fn document_of(state: &State, name: &str, version: u64) -> Option<String> {
    let version = state.workflows().version(name, version)?;
    state.workflows().document(&version.hash).map(str::to_owned)
}

fn summary(name: &str, version: u64, hash: ContentHash, changed_at_ms: u64) -> WorkflowSummary {
    let hash = hash.to_string();
    WorkflowSummary {
        name: name.to_owned(),
        version,
        hash,
        changed_at_ms,
        deleted: false,
        next_tick_ms: None,
    }
}

/// When a workflow starts next by itself.
fn next_tick(state: &State, workflow: &str) -> Option<u64> {
    state.schedules().get(workflow).map(|schedule| schedule.next_fire_ms)
}

/// The version in force for 0.
fn find(state: &State, name: &str, version: u64) -> Result<WorkflowDocument, Refusal> {
    let workflows = state.workflows();
    let wanted = match version {
        0 => workflows.get(name).ok_or_else(|| unknown_workflow(name))?.version,
        version => version,
    };
    let found = workflows.version(name, wanted).and_then(|found| {
        let document = workflows.document(&found.hash)?.to_owned();
        let is_in_force = workflows.get(name).is_some_and(|in_force| in_force.version == found.version);
        let next_tick_ms = next_tick(state, name).filter(|_| is_in_force);
        let summary = summary(name, found.version, found.hash, found.changed_at_ms);
        Some(WorkflowDocument { summary: WorkflowSummary { next_tick_ms, ..summary }, document })
    });
    found.ok_or_else(|| match workflows.history(name).next() {
        None => unknown_workflow(name),
        Some(_) => {
            Refusal::new(Kind::NotFound, "not_found", format!("workflow `{name}` has no version {wanted}"))
                .help(format!("see `workflow history {name}` for the versions that are kept"))
        }
    })
}

/// Newest first; the deletion of the last version before that version.
fn history(state: &State, name: &str) -> Result<Vec<WorkflowSummary>, Refusal> {
    let workflows = state.workflows();
    let mut versions: Vec<_> = workflows
        .history(name)
        .map(|found| summary(name, found.version, found.hash, found.changed_at_ms))
        .collect();
    let Some(last) = versions.first() else { return Err(unknown_workflow(name)) };
    if let Some(changed_at_ms) = workflows.deleted_at_ms(name) {
        versions.insert(0, WorkflowSummary { changed_at_ms, deleted: true, ..last.clone() });
    }
    Ok(versions)
}

/// The state answers each command in one way.
pub(super) fn unexpected(response: &Response) -> Refusal {
    Refusal::new(Kind::Internal, "internal", format!("the state answered {response:?}"))
}
