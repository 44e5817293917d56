use std::time::Duration;

use etl_engine::EngineError;
use etl_model::{Marker, RouteEnd};
use etl_raft::consensus::Consensus;
use etl_raft_state::command::{HaltRun, PartitionClaim};
use etl_raft_state::limits::MAX_TEXT;
use etl_raft_state::parts::Halt;
use etl_raft_state::{Command, PartitionKey, Response};
use tokio::time::sleep;
use uuid::Uuid;

/// Before a command whose outcome is not known is repeated.
const PAUSE: Duration = Duration::from_millis(300);

/// Stops a run that cannot go on, so that it can be resumed when what is wrong has been mended. With a claim only when
/// that is still in force.
pub(crate) async fn halt(consensus: &Consensus, run: Uuid, by: Option<PartitionClaim>, mut message: String) {
    if message.len() > MAX_TEXT {
        let mut end = MAX_TEXT;
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
    }
    tracing::warn!(%run, why = message, "the run cannot go on");
    settle(consensus, HaltRun { run, halt: Halt::Failed { message }, by }).await;
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    Done,
    /// Something else has happened before.
    Refused,
    /// This node has stopped taking part, or the command can never be carried out.
    Unable,
}

/// Repeats a guarded command until the cluster has answered it, whatever the answer.
pub(crate) async fn settle(consensus: &Consensus, command: impl Into<Command>) -> Settled {
    let command = command.into();
    loop {
        match consensus.write(command.clone()).await {
            Ok(Response::Rejected(rejection)) => {
                tracing::debug!(%rejection, "somebody was faster");
                return Settled::Refused;
            }
            Ok(_) => return Settled::Done,
            Err(etl_raft::Error::NoLeader(_) | etl_raft::Error::Unknown(_)) => sleep(PAUSE).await,
            Err(error) => {
                tracing::warn!(%error, "what became of a partition could not be told");
                return Settled::Unable;
            }
        }
    }
}

/// Why a partition cannot go on, for a person.
pub(crate) fn failure(
    node: u64,
    key: &PartitionKey,
    error: &EngineError,
    markers: &[(RouteEnd, Marker)],
) -> String {
    let places = markers.iter().filter_map(|(_, marker)| marker.position.as_ref().map(|place| place.next));
    let place = places.min().map(|next| format!(", committed up to record {next}")).unwrap_or_default();
    let help = error.help().map(|help| format!("; {help}")).unwrap_or_default();
    format!("node {node}, partition `{}` of `{}`{place}: {error}{help}", key.partition, key.source)
}
