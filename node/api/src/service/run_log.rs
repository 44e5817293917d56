use etl_cluster::{LogLevel as LoggedLevel, LogNews, NodeEvent};
use etl_proto::admin as wire;
use futures::{Stream, StreamExt};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use uuid::Uuid;

use super::Shared;
use super::run_target::to_read;
use crate::convert::level_of_request;
use crate::model::{LogEvent, LogLevel, RunLogTold, RunTarget, SilentNode};
use crate::refusal::Refusal;

impl Shared {
    /// Tells what all nodes have logged about a run.
    pub(super) async fn read_run_log(
        &self,
        request: wire::ReadRunLogRequest,
    ) -> Result<impl Stream<Item = Result<wire::ReadRunLogResponse, Status>> + use<>, Refusal> {
        let permit = self.watchers.enter()?;
        let wire::ReadRunLogRequest { target, least, follow } = request;
        let least = level_of_request(least)?;
        let target = RunTarget::from_wire(target)?;
        let run = self.consensus.read(move |state| to_read(state, &target)).await??;
        let told = ReceiverStream::new(self.duties.run_log(run, logged(least), follow));
        let told = told.map(move |news| {
            let _permit = &permit;
            Ok(describe(run, news).into())
        });
        let stopped = self.consensus.clone();
        Ok(told.take_until(async move { drop(stopped.stopped().await) }))
    }
}

fn describe(run: Uuid, news: LogNews) -> RunLogTold {
    match news {
        LogNews::Events(events) => {
            let events = events.into_iter().map(describe_event).collect();
            RunLogTold { run, events, silent: Vec::new() }
        }
        LogNews::Silent { node, reason } => {
            RunLogTold { run, events: Vec::new(), silent: vec![SilentNode { node, reason }] }
        }
    }
}

fn describe_event(told: NodeEvent) -> LogEvent {
    let NodeEvent { node, incarnation, number, event } = told;
    let etl_cluster::LogEvent { at_us, level, target, message, fields } = event;
    let level = match level {
        LoggedLevel::Trace => LogLevel::Trace,
        LoggedLevel::Debug => LogLevel::Debug,
        LoggedLevel::Info => LogLevel::Info,
        LoggedLevel::Warn => LogLevel::Warn,
        LoggedLevel::Error => LogLevel::Error,
    };
    LogEvent { node, incarnation, number, at_us, level, target, message, fields }
}

fn logged(level: LogLevel) -> LoggedLevel {
    match level {
        LogLevel::Trace => LoggedLevel::Trace,
        LogLevel::Debug => LoggedLevel::Debug,
        LogLevel::Info => LoggedLevel::Info,
        LogLevel::Warn => LoggedLevel::Warn,
        LogLevel::Error => LoggedLevel::Error,
    }
}
