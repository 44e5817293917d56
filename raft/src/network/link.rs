use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etl_proto::raft::raft_client::RaftClient;
use tokio::time::Instant;
use tonic::transport::Channel;
use tonic::{Response, Status};

use super::MESSAGE_LIMIT;
use super::dialer::{Dialer, channel};
use crate::type_config::{NodeId, Peer};

/// After so long without an answer to anything the connection is made anew. One that was cut off for some seconds would recover
/// only at TCP's next retransmission, which may be as far away again.
const SILENCE_LIMIT: Duration = Duration::from_millis(1500);

/// The connections to one peer.
pub(crate) struct Link {
    pub node: NodeId,
    pub peer: Peer,
    dialer: Arc<dyn Dialer>,
    quick: Mutex<Channel>,
    bulk: Channel,
    /// When the first request since the last answer ended without one.
    unanswered_since: Mutex<Option<Instant>>,
}

/// Why a call brought no answer.
#[derive(Debug)]
pub(crate) enum CallError {
    Timeout(Duration),
    Status(Status),
}

impl Link {
    pub fn new(dialer: Arc<dyn Dialer>, node: NodeId, peer: Peer) -> Self {
        let quick = Mutex::new(channel(dialer.clone(), peer.address.clone()));
        let bulk = channel(dialer.clone(), peer.address.clone());
        Self { node, peer, dialer, quick, bulk, unanswered_since: Mutex::default() }
    }

    /// How errors call it.
    pub fn name(&self) -> String {
        format!("node {} at {}", self.node, self.peer.address)
    }

    /// For what must be quick.
    pub fn quick(&self) -> RaftClient<Channel> {
        let channel = self.quick.lock().unwrap_or_else(PoisonError::into_inner).clone();
        client(channel)
    }

    /// For snapshots.
    pub fn bulk(&self) -> RaftClient<Channel> {
        client(self.bulk.clone())
    }

    /// Waits for the answer to a call on [`quick`](Self::quick) and learns from it how the connection is.
    pub async fn answer<T>(
        &self,
        patience: Duration,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, CallError> {
        match tokio::time::timeout(patience, call).await {
            Ok(Ok(answer)) => {
                *self.lock_unanswered() = None;
                Ok(answer.into_inner())
            }
            Ok(Err(status)) => Err(CallError::Status(status)),
            Err(_) => {
                self.unanswered();
                Err(CallError::Timeout(patience))
            }
        }
    }

    fn unanswered(&self) {
        let mut since = self.lock_unanswered();
        if since.get_or_insert_with(Instant::now).elapsed() >= SILENCE_LIMIT {
            *since = None;
            let fresh = channel(self.dialer.clone(), self.peer.address.clone());
            *self.quick.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
    }

    fn lock_unanswered(&self) -> MutexGuard<'_, Option<Instant>> {
        self.unanswered_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn client(channel: Channel) -> RaftClient<Channel> {
    RaftClient::new(channel).max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT)
}
