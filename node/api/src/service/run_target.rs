use bytes::Bytes;
use etl_raft_state::{Session, State};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::convert::Malformed;
use crate::model::RunTarget;
use crate::refusal::{Kind, Refusal};

impl From<Malformed> for Refusal {
    /// Of a request.
    fn from(malformed: Malformed) -> Self {
        let Malformed { field, problem } = malformed;
        Self::new(Kind::Invalid, "invalid_request", format!("the request's field `{field}` {problem}"))
    }
}

/// The id of a request: 16 bytes, or none.
pub(super) fn request_id(bytes: &Bytes) -> Result<Option<Uuid>, Refusal> {
    if bytes.is_empty() {
        return Ok(None);
    }
    Uuid::from_slice(bytes).map(Some).map_err(|_| {
        let message = format!("request_id has {} bytes instead of 16", bytes.len());
        Refusal::new(Kind::Invalid, "invalid_request", message)
    })
}

/// The session in which a request acts on a run. It is the request's and the run's, so that a retry finds the run again
/// although the workflow may have another by then.
pub(super) fn session(request: Option<Uuid>, run: Uuid) -> Option<Session> {
    Some(Session { client: client(request?, run), seq: 1, acknowledged_below: 1 })
}

/// Whether a request has acted on a run.
pub(super) fn has_acted(state: &State, request: Option<Uuid>, run: Uuid) -> bool {
    request.is_some_and(|request| state.sessions().answers_of(client(request, run)) > 0)
}

fn client(request: Uuid, run: Uuid) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(request.as_bytes());
    hash.update(run.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let [id @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = digest;
    Uuid::from_bytes(id)
}

/// The run that a call is to change: the one on which it has acted before, else the unfinished one of the workflow.
pub(super) fn to_change(state: &State, target: &RunTarget, request: Option<Uuid>) -> Result<Uuid, Refusal> {
    let name = match target {
        RunTarget::Run(run) => return known(state, *run),
        RunTarget::Workflow(name) => name,
    };
    if let Some(run) = acted_on(state, name, request) {
        return Ok(run);
    }
    state.runs().active(name).ok_or_else(|| {
        if !is_known(state, name) {
            return unknown_workflow(name);
        }
        let message = format!("workflow `{name}` has no run that is not finished");
        Refusal::new(Kind::Precondition, "not_running", message)
            .help(format!("start one with `workflow run {name}`; `runs list {name}` shows those before"))
    })
}

/// The run of a workflow on which a request has acted before.
pub(super) fn acted_on(state: &State, workflow: &str, request: Option<Uuid>) -> Option<Uuid> {
    let runs = state.runs();
    let finished = runs.finished(workflow).map(|(run, _)| run);
    let mut all = runs.active(workflow).into_iter().chain(finished);
    all.find(|run| has_acted(state, request, *run))
}

/// The run that a call asks about: the unfinished one of the workflow, else the last one.
pub(super) fn to_read(state: &State, target: &RunTarget) -> Result<Uuid, Refusal> {
    let name = match target {
        RunTarget::Run(run) => return known(state, *run),
        RunTarget::Workflow(name) => name,
    };
    let last = || state.runs().finished(name).next().map(|(run, _)| run);
    state.runs().active(name).or_else(last).ok_or_else(|| {
        if !is_known(state, name) {
            return unknown_workflow(name);
        }
        Refusal::new(Kind::NotFound, "not_found", format!("workflow `{name}` has never run"))
            .help(format!("start it with `workflow run {name}`"))
    })
}

fn known(state: &State, run: Uuid) -> Result<Uuid, Refusal> {
    if state.runs().get(run).is_some() {
        return Ok(run);
    }
    Err(Refusal::new(Kind::NotFound, "not_found", format!("there is no run {run}"))
        .help("see `runs list` for those that are kept"))
}

/// Whether there is, or was, a workflow of that name.
pub(super) fn is_known(state: &State, workflow: &str) -> bool {
    state.workflows().get(workflow).is_some() || state.workflows().history(workflow).next().is_some()
}

pub(super) fn unknown_workflow(name: &str) -> Refusal {
    Refusal::new(Kind::NotFound, "not_found", format!("there is no workflow `{name}`"))
        .help("see `workflow list` for those in force")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_belongs_to_one_request_and_one_run() {
        let [a, b, run, other] = [1, 2, 3, 4].map(Uuid::from_u128);
        assert_eq!(session(None, run), None);
        assert_eq!(session(Some(a), run), session(Some(a), run));
        let clients = [(a, run), (b, run), (a, other), (run, a)].map(|(request, run)| client(request, run));
        for (index, client) in clients.iter().enumerate() {
            assert!(!clients[..index].contains(client));
        }
    }

    #[test]
    fn ids_of_requests_have_16_bytes_or_none() {
        assert_eq!(request_id(&Bytes::new()), Ok(None));
        assert_eq!(request_id(&Bytes::from(vec![0; 16])), Ok(Some(Uuid::nil())));
        for size in [1, 15, 17, 36] {
            assert_eq!(
                request_id(&Bytes::from(vec![0; size])).map_err(|refusal| refusal.kind),
                Err(Kind::Invalid)
            );
        }
    }
}
