use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use etl_raft::NodeId;
use etl_raft::network::channel;
use etl_raft_state::NodeState;
use futures::future::join_all;
use tokio::time::timeout;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Response, Status};

use super::Shared;
use super::leader::{FORWARDED, MAX_ANSWER_BYTES, Stub};

/// A node that takes longer is told to be silent.
const PATIENCE: Duration = Duration::from_secs(2);

impl Shared {
    /// Asks all other members, or the one that is named, by a request that each answers for itself alone. Those that do not
    /// answer are there with a reason.
    pub(super) async fn elsewhere<T, U, F>(
        &self,
        only: Option<NodeId>,
        request: impl Fn(NodeId) -> T,
        send: impl Fn(Stub, Request<T>) -> F,
    ) -> BTreeMap<NodeId, Result<U, String>>
    where
        F: Future<Output = Result<Response<U>, Status>>,
    {
        let me = self.leaders.me();
        let others: Vec<(NodeId, NodeState, String)> = self.consensus.peek(|state| {
            let others =
                state.nodes().members().filter(|(id, _)| *id != me && only.is_none_or(|only| only == *id));
            others.map(|(id, node)| (id, node.state, node.admin_address.clone())).collect()
        });
        let asked = others.into_iter().map(|(node, state, address)| {
            let mut request = Request::new(request(node));
            request.metadata_mut().insert(FORWARDED, MetadataValue::from(me));
            request.set_timeout(PATIENCE);
            let stub = Stub::new(channel(Arc::clone(&self.dialer), address));
            let answer = send(stub.max_decoding_message_size(MAX_ANSWER_BYTES), request);
            async move {
                if state == NodeState::Down {
                    return (node, Err("it is down".to_owned()));
                }
                let answer = match timeout(PATIENCE, answer).await {
                    Ok(Ok(answer)) => Ok(answer.into_inner()),
                    Ok(Err(status)) if status.code() == Code::Unimplemented => {
                        Err("its software does not know this yet".to_owned())
                    }
                    Ok(Err(status)) => Err(status.message().to_owned()),
                    Err(_) => Err(format!("no answer within {PATIENCE:?}")),
                };
                (node, answer)
            }
        });
        join_all(asked).await.into_iter().collect()
    }
}
