use std::cmp::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etl_proto::raft as wire;
use futures::future::BoxFuture;
use openraft::Vote;
use openraft::error::{RPCError, RaftError, Timeout, Unreachable};
use openraft::network::RPCTypes;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse};

use super::APPEND_BYTES;
use super::convert::{append_request_to_wire, append_response_from_wire, encoded_size};
use super::link::{CallError, Link};
use super::links::Links;
use super::malformed::Malformed;
use crate::error::Error;
use crate::type_config::{LogId, NodeId, Peer, TypeConfig};

pub(super) type RpcError = RPCError<NodeId, Peer, RaftError<NodeId>>;

/// A request may go on for so long although openraft has stopped waiting for it.
const LINGER_LIMIT: Duration = Duration::from_secs(2);

/// Likewise a heartbeat that is sent meanwhile.
const BEAT_PATIENCE: Duration = Duration::from_secs(1);

/// A future that threads may share, as openraft wants its clients to be. The lock is never taken.
pub(super) type Shared<T> = Mutex<BoxFuture<'static, T>>;

/// An append request with entries that has been sent and not been answered.
pub(super) struct Sent {
    pub vote: Vote<NodeId>,
    pub previous: Option<LogId>,
    pub last: LogId,
    pub answer: Shared<Result<wire::AppendResponse, CallError>>,
}

/// Speaks to one peer on behalf of openraft.
#[derive(Clone)]
pub(super) struct Caller {
    pub links: Arc<Links>,
    pub node: NodeId,
    /// As the membership has it.
    pub peer: Peer,
}

impl Caller {
    /// Asked for each call: the peer may be reached elsewhere now, and connections are made anew.
    pub fn link(&self) -> Arc<Link> {
        self.links.to(self.node, &self.peer)
    }

    pub fn envelope(&self) -> wire::Envelope {
        self.links.me.envelope_to(self.node, self.peer.store)
    }

    /// Starts to send as many of the entries as one request holds.
    pub fn start(&self, mut request: AppendEntriesRequest<TypeConfig>) -> Option<Sent> {
        request.entries.truncate(how_many_fit(request.entries.iter().map(encoded_size)));
        let last = request.entries.last()?.log_id;
        let message = append_request_to_wire(self.envelope(), &request);
        let link = self.link();
        let mut client = link.quick();
        let answer = async move { link.answer(LINGER_LIMIT, client.append(message)).await };
        Some(Sent {
            vote: request.vote,
            previous: request.prev_log_id,
            last,
            answer: Mutex::new(Box::pin(answer)),
        })
    }

    pub fn timeout(&self, action: RPCTypes, timeout: Duration) -> Timeout<NodeId> {
        Timeout { action, id: self.links.me.node, target: self.node, timeout }
    }

    pub fn rpc_error(&self, action: RPCTypes, error: CallError) -> RpcError {
        match error {
            CallError::Timeout(patience) => self.timeout(action, patience).into(),
            CallError::Status(status) => Unreachable::new(&self.links.refused(&self.link(), status)).into(),
        }
    }

    pub fn strange(&self, problem: Malformed) -> Unreachable {
        Unreachable::new(&Error::Misdirected(format!("{}: {problem}", self.link().name())))
    }

    /// Checks that the answer fits the question; openraft takes that for granted.
    #[allow(clippy::result_large_err)] // openraft's own type.
    pub fn judge(
        &self,
        asked: (&Vote<NodeId>, Option<LogId>, Option<LogId>),
        answer: wire::AppendResponse,
    ) -> Result<AppendEntriesResponse<NodeId>, RpcError> {
        self.links.accepted(self.node);
        let (vote, previous, last) = asked;
        let answer = append_response_from_wire(answer).map_err(|problem| self.strange(problem))?;
        let problem = match &answer {
            AppendEntriesResponse::HigherVote(other)
                if other.partial_cmp(vote) != Some(Ordering::Greater) =>
            {
                Malformed::new("higher_vote", format!("is {other} and not higher than {vote}"))
            }
            AppendEntriesResponse::PartialSuccess(matching) if *matching < previous || *matching > last => {
                Malformed::new("partial.matching", "is none of the entries that were sent")
            }
            AppendEntriesResponse::Conflict if previous.is_none() => {
                Malformed::new("conflict", "is impossible without an entry before the first")
            }
            _ => return Ok(answer),
        };
        Err(self.strange(problem).into())
    }

    /// A heartbeat that says nothing but that there is a leader.
    pub fn beat(&self, vote: Vote<NodeId>) -> Shared<Result<AppendEntriesResponse<NodeId>, RpcError>> {
        let caller = self.clone();
        Mutex::new(Box::pin(async move {
            let nothing =
                AppendEntriesRequest { vote, prev_log_id: None, entries: Vec::new(), leader_commit: None };
            caller.heartbeat(nothing, BEAT_PATIENCE).await
        }))
    }

    pub async fn heartbeat(
        &self,
        request: AppendEntriesRequest<TypeConfig>,
        patience: Duration,
    ) -> Result<AppendEntriesResponse<NodeId>, RpcError> {
        let message = append_request_to_wire(self.envelope(), &request);
        let link = self.link();
        let answer = link.answer(patience, link.quick().append(message)).await;
        let answer = answer.map_err(|error| self.rpc_error(RPCTypes::AppendEntries, error))?;
        self.judge((&request.vote, request.prev_log_id, request.prev_log_id), answer)
    }
}

/// How many entries of these sizes go into one request: at least one.
fn how_many_fit(sizes: impl Iterator<Item = usize>) -> usize {
    let mut total = 0_usize;
    sizes
        .take_while(|size| {
            let first = total == 0;
            total = total.saturating_add(*size);
            first || total <= APPEND_BYTES
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_holds_about_a_mebibyte_and_never_nothing() {
        assert_eq!(how_many_fit([].into_iter()), 0);
        assert_eq!(how_many_fit([1, 2, 3].into_iter()), 3);
        assert_eq!(how_many_fit([30 << 20, 1].into_iter()), 1);
        assert_eq!(how_many_fit([1, 30 << 20].into_iter()), 1);
        assert_eq!(how_many_fit(std::iter::repeat_n(256 << 10, 64)), 4);
    }
}
