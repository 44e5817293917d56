use std::time::Duration;

use etl_proto::admin as wire;
use tonic::{Request, Response, Status};

use super::Shared;
use super::leader::Stub;
use super::nodes::unknown;
use super::run_target::to_read;
use crate::model::{LogFilter, NodeLog, RunTarget, RunTrace, SilentNode, SpanView};
use crate::refusal::{Kind, Refusal};

impl Shared {
    /// Tells or changes what nodes log.
    pub(super) async fn control_log(
        &self,
        request: Request<wire::ControlLogRequest>,
    ) -> Result<Response<wire::ControlLogResponse>, Status> {
        let me = self.leaders.me();
        let request = request.into_inner();
        let only = Some(request.node).filter(|node| *node > 0);
        if let Some(node) = only
            && self.consensus.peek(|state| state.nodes().get(node).is_none())
        {
            return Err(unknown(node).into());
        }
        let mut nodes = Vec::new();
        if only.is_none_or(|only| only == me) {
            nodes.push(NodeLog { node: me, filter: Some(self.log_here(&request)?), problem: None });
        }
        if only != Some(me) {
            let send = |mut stub: Stub, request| async move { stub.control_log(request).await };
            let of_node = |node| wire::ControlLogRequest { node, ..request.clone() };
            for (node, answer) in self.elsewhere(only, of_node, send).await {
                nodes.push(match answer {
                    Ok(answer) => answer.nodes.into_iter().map(NodeLog::from).next().unwrap_or(NodeLog {
                        node,
                        filter: None,
                        problem: Some("its answer is empty".to_owned()),
                    }),
                    Err(problem) => NodeLog { node, filter: None, problem: Some(problem) },
                });
            }
        }
        nodes.sort_by_key(|log| log.node);
        let nodes = nodes.into_iter().map(wire::NodeLog::from).collect();
        Ok(Response::new(wire::ControlLogResponse { nodes }))
    }

    fn log_here(&self, request: &wire::ControlLogRequest) -> Result<LogFilter, Refusal> {
        if !request.change {
            return Ok(self.insight.log().now());
        }
        let filter = Some(request.filter.as_str()).filter(|filter| !filter.trim().is_empty());
        let time = request.for_ms.map(Duration::from_millis);
        self.insight.log().set(filter, time).map_err(|problem| {
            Refusal::new(Kind::Invalid, "invalid_filter", problem)
                .help("say error, warn, info, debug or trace, or parts of the program such as `warn,etl_engine=debug`")
        })
    }

    /// The spans of a run that all nodes keep.
    pub(super) async fn read_trace(
        &self,
        request: Request<wire::ReadTraceRequest>,
    ) -> Result<Response<wire::ReadTraceResponse>, Status> {
        let me = self.leaders.me();
        let wire::ReadTraceRequest { run, here } = request.into_inner();
        let target = RunTarget::from(run.as_str());
        let seek = |state: &etl_raft_state::State| {
            let run = to_read(state, &target)?;
            let workflow = state.runs().get(run).map(|run| run.workflow.clone());
            Ok::<_, Refusal>((run, workflow.unwrap_or_default()))
        };
        let (run, workflow) = match (&target, here) {
            // The one that asks knows the run, which this node may not have heard of.
            (RunTarget::Run(run), true) => (*run, String::new()),
            _ => self.consensus.read(seek).await.map_err(Refusal::from)??,
        };
        let with_node = |view: SpanView| SpanView { node: me, ..view };
        let mut spans: Vec<SpanView> = self.insight.spans(run).into_iter().map(with_node).collect();
        let mut silent = Vec::new();
        if !here {
            let send = |mut stub: Stub, request| async move { stub.read_trace(request).await };
            let of_node = |_| wire::ReadTraceRequest { run: run.to_string(), here: true };
            for (node, answer) in self.elsewhere(None, of_node, send).await {
                match answer {
                    Ok(answer) => spans.extend(answer.spans.into_iter().map(SpanView::from)),
                    Err(reason) => silent.push(SilentNode { node, reason }),
                }
            }
        }
        spans.sort_by_key(|span| (span.start_us, span.end_us));
        Ok(Response::new(RunTrace { run, workflow, spans, silent }.into()))
    }
}
