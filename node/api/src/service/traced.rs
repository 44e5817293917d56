use std::future::Future;
use std::time::SystemTime;

use etl_model::{SpanKind, TraceContext, TraceSpan};
use etl_proto::admin as wire;
use uuid::Uuid;

use super::Shared;
use crate::model::StartedRun;
use crate::refusal::Refusal;

impl Shared {
    /// Starts or continues a run. The call is the first span of the trace that the run has beside those of its batches.
    pub(super) async fn run_workflow_traced(
        &self,
        request: wire::RunWorkflowRequest,
    ) -> Result<StartedRun, Refusal> {
        let (began, workflow) = (SystemTime::now(), request.name.clone());
        let started = self.run_workflow(request).await?;
        let root = TraceContext::of_run(started.run.into());
        let mut span = match started.continued {
            false => TraceSpan::of(root, "RunWorkflow", began),
            true => TraceSpan::below(&root, "RunWorkflow", began),
        };
        span.kind = SpanKind::Server;
        let span = span
            .with("rpc.system", "grpc")
            .with("rpc.service", "actix_etl.admin.v1.Admin")
            .with("rpc.method", "RunWorkflow")
            .with("etl.workflow", workflow);
        self.insight.tracer(started.run).ended(span);
        Ok(started)
    }

    /// Brings a command about a run before the cluster.
    pub(super) async fn proposed<T, E: std::fmt::Display>(
        &self,
        run: Uuid,
        write: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let began = SystemTime::now();
        let outcome = write.await;
        let mut span = TraceSpan::below(&TraceContext::of_run(run.into()), "propose", began);
        span.failed = outcome.as_ref().err().map(ToString::to_string);
        self.insight.tracer(run).ended(span);
        outcome
    }
}
