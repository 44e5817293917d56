use etl_proto::admin as wire;

use super::AdminClient;
use super::admin_client::{call, malformed};
use crate::error::Error;
use crate::model::{HealthReport, LogChange, NodeLog, RunTarget, RunTrace};

impl AdminClient {
    /// What nodes log, by number: all of them, or the one that is named.
    pub async fn log_filters(&self, node: Option<u64>) -> Result<Vec<NodeLog>, Error> {
        let request =
            wire::ControlLogRequest { node: node.unwrap_or(0), ..wire::ControlLogRequest::default() };
        let (_, answer) = call!(self, control_log, request, Read, Fair).await?;
        Ok(answer.nodes.into_iter().map(NodeLog::from).collect())
    }

    /// Changes what nodes log: all of them, or the one that is named.
    pub async fn change_log(&self, node: Option<u64>, change: &LogChange) -> Result<Vec<NodeLog>, Error> {
        let request = wire::ControlLogRequest {
            change: true,
            filter: change.filter.clone().unwrap_or_default(),
            for_ms: change.for_ms,
            node: node.unwrap_or(0),
        };
        let (_, answer) = call!(self, control_log, request, Repeatable, Fair).await?;
        Ok(answer.nodes.into_iter().map(NodeLog::from).collect())
    }

    /// Whether the cluster, its nodes and its workflows are well.
    pub async fn health(&self) -> Result<HealthReport, Error> {
        let (server, answer) =
            call!(self, get_health, wire::GetHealthRequest { here: false }, Read, Fair).await?;
        answer.try_into().map_err(malformed(server))
    }

    /// The last spans of a run that nodes keep.
    pub async fn trace(&self, target: &RunTarget) -> Result<RunTrace, Error> {
        let request = wire::ReadTraceRequest { run: target.to_string(), here: false };
        let (server, answer) = call!(self, read_trace, request, Read, Fair).await?;
        answer.try_into().map_err(malformed(server))
    }
}
