use std::sync::Arc;
use std::time::Duration;

use etl_proto::admin as wire;
use etl_raft::network::Dialer;
use tonic::Request;
use uuid::Uuid;

use super::backup::Backup;
use super::caller::Caller;
use crate::convert::Malformed;
use crate::error::Error;
use crate::model::{Applied, ClusterStatus, Consistency, Linted, WorkflowDocument, WorkflowSummary};

/// Speaks to the nodes of a cluster. Cheap to clone; connections are shared and made when they are needed.
///
/// Servers are asked in turn, beginning with the one that answered last: the next one when one cannot be reached, has no
/// leader or does not answer in time, and all of them again until the time is over. What changes something carries an id,
/// so that it acts once however often it is sent.
///
/// # Errors
/// All calls return [`Error`]; one that names every server and why it did not answer, or the refusal of the one that did.
#[derive(Clone)]
pub struct AdminClient {
    pub(super) caller: Caller,
}

/// Who leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Leadership {
    /// The node.
    pub leader: u64,
    /// Of its election.
    pub term: u64,
}

pub(super) fn timed<T>(message: T, limit: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(limit);
    request
}

pub(super) fn request_id() -> Vec<u8> {
    Uuid::new_v4().as_bytes().to_vec()
}

/// Makes one call: the method of the stub, its request, what it does when it is repeated, how long it may take.
macro_rules! call {
    ($client:expr, $method:ident, $request:expr, $effect:ident, $share:ident) => {{
        use $crate::client::caller::{Effect, Share};
        let request = $request;
        $client.caller.call(Effect::$effect, Share::$share, move |mut stub, limit| {
            let request = $crate::client::admin_client::timed(request.clone(), limit);
            async move { stub.$method(request).await.map(tonic::Response::into_inner) }
        })
    }};
}
pub(super) use call;

impl AdminClient {
    /// `servers` are HOST:PORT of admin listeners, in the order in which they are asked; `dialer` connects to them, with
    /// or without TLS; `timeout` is how long one call may take altogether. Connects to nobody yet; needs a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Usage`]: there is no server, one is not HOST:PORT, or there is no time.
    pub fn new(servers: &[String], dialer: &Arc<dyn Dialer>, timeout: Duration) -> Result<Self, Error> {
        Ok(Self { caller: Caller::new(servers, dialer, timeout)? })
    }

    /// The same client with another time for one call.
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { caller: self.caller.with_timeout(timeout) }
    }

    /// How long one call may take altogether.
    pub fn timeout(&self) -> Duration {
        self.caller.timeout()
    }

    /// How the cluster is.
    pub async fn cluster_status(&self, consistency: Consistency) -> Result<ClusterStatus, Error> {
        let request = wire::GetClusterStatusRequest { consistency: wire_consistency(consistency) };
        let (server, answer) = call!(self, get_cluster_status, request, Read, Fair).await?;
        ClusterStatus::from_wire(consistency, answer).map_err(malformed(server))
    }

    /// Lets partitions leave a node; it stays a member. Returns how many have yet to leave.
    pub async fn drain_node(&self, node: u64) -> Result<u64, Error> {
        let request = wire::DrainNodeRequest { node };
        let (_, answer) = call!(self, drain_node, request, Repeatable, Fair).await?;
        Ok(answer.partitions)
    }

    /// Ends a drain.
    pub async fn resume_node(&self, node: u64) -> Result<(), Error> {
        let request = wire::ResumeNodeRequest { node };
        call!(self, resume_node, request, Repeatable, Fair).await?;
        Ok(())
    }

    /// Drains, demotes and removes a node, which then stops. With `force` also one that is down and cannot drain.
    /// Returns when it is no member any more, so the time for this call should be ample; what was begun when the time is
    /// over stays begun, and the same call goes on with it.
    pub async fn remove_node(&self, node: u64, force: bool) -> Result<(), Error> {
        let request = wire::RemoveNodeRequest { node, force };
        call!(self, remove_node, request, Repeatable, Whole).await?;
        Ok(())
    }

    /// Lets another voter lead: the one named, or the best.
    pub async fn transfer_leader(&self, to: Option<u64>) -> Result<Leadership, Error> {
        let request = wire::TransferLeaderRequest { to: to.unwrap_or(0) };
        let answer = match to {
            Some(_) => call!(self, transfer_leader, request, Repeatable, Fair).await,
            None => call!(self, transfer_leader, request, Once, Whole).await,
        };
        let (_, wire::TransferLeaderResponse { leader, term }) = answer?;
        Ok(Leadership { leader, term })
    }

    /// Begins to receive a consistent copy of the state, which has every write that was acknowledged before. The client's
    /// time is how long each piece may take.
    pub async fn backup(&self) -> Result<Backup, Error> {
        let (server, pieces) = call!(self, backup, wire::BackupRequest {}, Read, Whole).await?;
        Ok(Backup::new(server, pieces, self.caller.timeout()))
    }

    /// Checks a document as `lint` does, with the connectors and variables of the node that answers. Findings name `file`.
    pub async fn lint_workflow(&self, file: &str, document: &str) -> Result<Linted, Error> {
        let request = wire::LintWorkflowRequest { document: document.to_owned() };
        let (_, answer) = call!(self, lint_workflow, request, Read, Fair).await?;
        Ok(Linted::from_wire(file, answer))
    }

    /// Puts a document in force unless it is already. `expected_version` is what the workflow's version must be, 0 for
    /// "it does not exist"; `None` for "whatever it is".
    pub async fn apply_workflow(
        &self,
        document: &str,
        expected_version: Option<u64>,
    ) -> Result<Applied, Error> {
        self.apply(document, expected_version, false).await
    }

    /// Says what [`Self::apply_workflow`] would do.
    pub async fn preview_workflow(
        &self,
        document: &str,
        expected_version: Option<u64>,
    ) -> Result<Applied, Error> {
        self.apply(document, expected_version, true).await
    }

    async fn apply(&self, document: &str, expected: Option<u64>, dry_run: bool) -> Result<Applied, Error> {
        let request = wire::ApplyWorkflowRequest {
            document: document.to_owned(),
            expected_version: expected,
            dry_run,
            request_id: request_id().into(),
            with_previous: true,
        };
        let (server, answer) = match dry_run {
            true => call!(self, apply_workflow, request, Read, Fair).await?,
            false => call!(self, apply_workflow, request, Repeatable, Fair).await?,
        };
        answer.try_into().map_err(malformed(server))
    }

    /// All workflows, by name.
    pub async fn list_workflows(&self, consistency: Consistency) -> Result<Vec<WorkflowSummary>, Error> {
        let request = wire::ListWorkflowsRequest { consistency: wire_consistency(consistency) };
        let (_, answer) = call!(self, list_workflows, request, Read, Fair).await?;
        Ok(answer.workflows.into_iter().map(WorkflowSummary::from).collect())
    }

    /// One workflow, in the version asked for or in the one in force.
    pub async fn workflow(
        &self,
        name: &str,
        version: Option<u64>,
        consistency: Consistency,
    ) -> Result<WorkflowDocument, Error> {
        let consistency = wire_consistency(consistency);
        let request =
            wire::GetWorkflowRequest { name: name.to_owned(), version: version.unwrap_or(0), consistency };
        let (server, answer) = call!(self, get_workflow, request, Read, Fair).await?;
        answer.try_into().map_err(malformed(server))
    }

    /// Takes a workflow out of force; its history stays. Returns the version that was in force. `expected_version` is what
    /// it must be; `None` for "whatever it is".
    pub async fn delete_workflow(&self, name: &str, expected_version: Option<u64>) -> Result<u64, Error> {
        let request = wire::DeleteWorkflowRequest {
            name: name.to_owned(),
            expected_version,
            request_id: request_id().into(),
        };
        let (_, answer) = call!(self, delete_workflow, request, Repeatable, Fair).await?;
        Ok(answer.version)
    }

    /// The versions of a workflow that are still known, newest first.
    pub async fn workflow_history(
        &self,
        name: &str,
        consistency: Consistency,
    ) -> Result<Vec<WorkflowSummary>, Error> {
        let consistency = wire_consistency(consistency);
        let request = wire::GetWorkflowHistoryRequest { name: name.to_owned(), consistency };
        let (_, answer) = call!(self, get_workflow_history, request, Read, Fair).await?;
        Ok(answer.versions.into_iter().map(WorkflowSummary::from).collect())
    }
}

pub(super) fn wire_consistency(consistency: Consistency) -> i32 {
    wire::Consistency::from(consistency).into()
}

pub(super) fn malformed(server: &str) -> impl FnOnce(Malformed) -> Error {
    let server = server.to_owned();
    |problem| Error::Malformed { server, problem }
}
