use std::pin::Pin;
use std::sync::Arc;

use etl_cluster::Duties;
use etl_proto::admin as wire;
use etl_proto::admin::admin_server::Admin;
use etl_raft::consensus::Consensus;
use etl_raft::network::Dialer;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::backup::Backups;
use super::leader::Leaders;
use super::lint::Linter;
use super::watch::Watchers;
use super::{Lint, Locality};
use crate::insight::Insight;
use crate::refusal::Refusal;

/// The service; clones share everything.
#[derive(Clone)]
pub(crate) struct AdminService(Arc<Shared>);

/// What all calls work with.
pub(crate) struct Shared {
    pub(super) consensus: Consensus,
    pub(super) leaders: Leaders,
    pub(super) duties: Duties,
    pub(super) backups: Backups,
    pub(super) watchers: Watchers,
    pub(super) linter: Linter,
    pub(super) dialer: Arc<dyn Dialer>,
    pub(super) insight: Arc<dyn Insight>,
}

impl Shared {
    pub fn new(
        consensus: Consensus,
        duties: Duties,
        dialer: Arc<dyn Dialer>,
        lint: Arc<Lint>,
        locality: Arc<Locality>,
        insight: Arc<dyn Insight>,
    ) -> Self {
        let leaders = Leaders::new(consensus.member().node, Arc::clone(&dialer));
        let linter = Linter::new(lint, locality);
        let (backups, watchers) = (Backups::default(), Watchers::default());
        Self { consensus, duties, leaders, backups, watchers, linter, dialer, insight }
    }
}

impl AdminService {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }
}

/// The answer of a call that any node carries out itself.
fn answered<T, U: From<T>>(answer: Result<T, Refusal>) -> Result<Response<U>, Status> {
    Ok(Response::new(answer?.into()))
}

#[tonic::async_trait]
impl Admin for AdminService {
    async fn get_cluster_status(
        &self,
        request: Request<wire::GetClusterStatusRequest>,
    ) -> Result<Response<wire::GetClusterStatusResponse>, Status> {
        self.0.cluster_status(request).await
    }

    async fn drain_node(
        &self,
        request: Request<wire::DrainNodeRequest>,
    ) -> Result<Response<wire::DrainNodeResponse>, Status> {
        let partitions = self.0.drain_node(request.into_inner().node).await?;
        Ok(Response::new(wire::DrainNodeResponse { partitions }))
    }

    async fn resume_node(
        &self,
        request: Request<wire::ResumeNodeRequest>,
    ) -> Result<Response<wire::ResumeNodeResponse>, Status> {
        self.0.resume_node(request.into_inner().node).await?;
        Ok(Response::new(wire::ResumeNodeResponse {}))
    }

    async fn remove_node(
        &self,
        request: Request<wire::RemoveNodeRequest>,
    ) -> Result<Response<wire::RemoveNodeResponse>, Status> {
        self.0.remove_node(request).await
    }

    async fn transfer_leader(
        &self,
        request: Request<wire::TransferLeaderRequest>,
    ) -> Result<Response<wire::TransferLeaderResponse>, Status> {
        self.0.transfer_leader(request).await
    }

    type BackupStream = Pin<Box<dyn Stream<Item = Result<wire::BackupPiece, Status>> + Send>>;

    async fn backup(
        &self,
        _request: Request<wire::BackupRequest>,
    ) -> Result<Response<Self::BackupStream>, Status> {
        let pieces = self.0.backup().await?;
        Ok(Response::new(Box::pin(pieces)))
    }

    async fn lint_workflow(
        &self,
        request: Request<wire::LintWorkflowRequest>,
    ) -> Result<Response<wire::LintWorkflowResponse>, Status> {
        answered(self.0.lint_workflow(request.into_inner()).await)
    }

    async fn apply_workflow(
        &self,
        request: Request<wire::ApplyWorkflowRequest>,
    ) -> Result<Response<wire::ApplyWorkflowResponse>, Status> {
        let applied = self.0.apply_workflow(request.into_inner()).await?;
        Ok(Response::new((&applied).into()))
    }

    async fn list_workflows(
        &self,
        request: Request<wire::ListWorkflowsRequest>,
    ) -> Result<Response<wire::ListWorkflowsResponse>, Status> {
        answered(self.0.list_workflows(request.into_inner()).await)
    }

    async fn get_workflow(
        &self,
        request: Request<wire::GetWorkflowRequest>,
    ) -> Result<Response<wire::GetWorkflowResponse>, Status> {
        let found = self.0.get_workflow(request.into_inner()).await?;
        Ok(Response::new((&found).into()))
    }

    async fn delete_workflow(
        &self,
        request: Request<wire::DeleteWorkflowRequest>,
    ) -> Result<Response<wire::DeleteWorkflowResponse>, Status> {
        answered(self.0.delete_workflow(request.into_inner()).await)
    }

    async fn get_workflow_history(
        &self,
        request: Request<wire::GetWorkflowHistoryRequest>,
    ) -> Result<Response<wire::GetWorkflowHistoryResponse>, Status> {
        answered(self.0.workflow_history(request.into_inner()).await)
    }

    async fn run_workflow(
        &self,
        request: Request<wire::RunWorkflowRequest>,
    ) -> Result<Response<wire::RunWorkflowResponse>, Status> {
        answered(self.0.run_workflow_traced(request.into_inner()).await)
    }

    async fn pause_run(
        &self,
        request: Request<wire::PauseRunRequest>,
    ) -> Result<Response<wire::PauseRunResponse>, Status> {
        answered(self.0.pause_run(request.into_inner()).await)
    }

    async fn resume_run(
        &self,
        request: Request<wire::ResumeRunRequest>,
    ) -> Result<Response<wire::ResumeRunResponse>, Status> {
        answered(self.0.resume_run(request.into_inner()).await)
    }

    async fn stop_run(
        &self,
        request: Request<wire::StopRunRequest>,
    ) -> Result<Response<wire::StopRunResponse>, Status> {
        answered(self.0.stop_run(request.into_inner()).await)
    }

    async fn list_runs(
        &self,
        request: Request<wire::ListRunsRequest>,
    ) -> Result<Response<wire::ListRunsResponse>, Status> {
        answered(self.0.list_runs(request.into_inner()).await)
    }

    async fn get_run(
        &self,
        request: Request<wire::GetRunRequest>,
    ) -> Result<Response<wire::GetRunResponse>, Status> {
        answered(self.0.get_run(request.into_inner()).await)
    }

    type WatchRunStream = Pin<Box<dyn Stream<Item = Result<wire::WatchRunResponse, Status>> + Send>>;

    async fn watch_run(
        &self,
        request: Request<wire::WatchRunRequest>,
    ) -> Result<Response<Self::WatchRunStream>, Status> {
        let views = self.0.watch_run(request.into_inner()).await?;
        Ok(Response::new(Box::pin(views)))
    }

    async fn list_partitions(
        &self,
        request: Request<wire::ListPartitionsRequest>,
    ) -> Result<Response<wire::ListPartitionsResponse>, Status> {
        let listed = self.0.list_partitions(request.into_inner()).await?;
        Ok(Response::new((&listed).into()))
    }

    async fn list_checkpoints(
        &self,
        request: Request<wire::ListCheckpointsRequest>,
    ) -> Result<Response<wire::ListCheckpointsResponse>, Status> {
        let listed = self.0.list_checkpoints(request.into_inner()).await?;
        Ok(Response::new((&listed).into()))
    }

    async fn reset_checkpoints(
        &self,
        request: Request<wire::ResetCheckpointsRequest>,
    ) -> Result<Response<wire::ResetCheckpointsResponse>, Status> {
        let reset = self.0.reset_checkpoints(request.into_inner()).await?;
        Ok(Response::new((&reset).into()))
    }

    type ReadRunLogStream = Pin<Box<dyn Stream<Item = Result<wire::ReadRunLogResponse, Status>> + Send>>;

    async fn read_run_log(
        &self,
        request: Request<wire::ReadRunLogRequest>,
    ) -> Result<Response<Self::ReadRunLogStream>, Status> {
        let told = self.0.read_run_log(request.into_inner()).await?;
        Ok(Response::new(Box::pin(told)))
    }

    async fn control_log(
        &self,
        request: Request<wire::ControlLogRequest>,
    ) -> Result<Response<wire::ControlLogResponse>, Status> {
        self.0.control_log(request).await
    }

    async fn get_health(
        &self,
        request: Request<wire::GetHealthRequest>,
    ) -> Result<Response<wire::GetHealthResponse>, Status> {
        self.0.get_health(request).await
    }

    async fn read_trace(
        &self,
        request: Request<wire::ReadTraceRequest>,
    ) -> Result<Response<wire::ReadTraceResponse>, Status> {
        self.0.read_trace(request).await
    }

    type TapStepStream = Pin<Box<dyn Stream<Item = Result<wire::TapStepResponse, Status>> + Send>>;

    async fn tap_step(
        &self,
        request: Request<wire::TapStepRequest>,
    ) -> Result<Response<Self::TapStepStream>, Status> {
        let told = self.0.tap_step(request.into_inner()).await?;
        Ok(Response::new(Box::pin(told)))
    }
}
