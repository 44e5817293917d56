use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use etl_proto::admin::admin_client::AdminClient;
use etl_raft::NodeId;
use etl_raft::consensus::Consensus;
use etl_raft::network::{Dialer, channel};
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use crate::refusal::{Kind, Refusal};

/// Marks a call that another node has passed on; it is not passed on again.
pub(super) const FORWARDED: &str = "actix-etl-forwarded";
/// Largest answer of a leader, in bytes.
pub(super) const MAX_ANSWER_BYTES: usize = 32 << 20;

/// Makes calls at the leader.
pub(super) type Stub = AdminClient<Channel>;

/// Who does what only the leader can do.
pub(super) enum Leader {
    /// This node, as far as it knows.
    Here,
    /// Another one.
    There(Elsewhere),
}

/// A leader that is another node.
pub(super) struct Elsewhere {
    node: NodeId,
    stub: Stub,
    forwarder: NodeId,
}

/// Finds the leader for calls that have to be passed on.
pub(super) struct Leaders {
    me: NodeId,
    dialer: Arc<dyn Dialer>,
    /// The channel to the last one, by its address.
    last: Mutex<Option<(String, Channel)>>,
}

impl Leaders {
    pub fn new(me: NodeId, dialer: Arc<dyn Dialer>) -> Self {
        Self { me, dialer, last: Mutex::new(None) }
    }

    /// This node.
    pub fn me(&self) -> NodeId {
        self.me
    }

    /// Who is to carry out a request.
    ///
    /// # Errors
    /// Nobody leads, or the one that is meant to lead does not: an election is under way.
    pub fn find<T>(&self, consensus: &Consensus, request: &Request<T>) -> Result<Leader, Refusal> {
        let no_leader = |message: String| {
            Refusal::new(Kind::Unavailable, "no_leader", message)
                .help("wait for an election; a majority of the voters must be running and reach each other")
        };
        let status = consensus.status();
        let leader = match status.leader {
            Some(leader) if leader == self.me => return Ok(Leader::Here),
            Some(leader) => leader,
            None => return Err(no_leader(format!("node {} knows no leader at the moment", self.me))),
        };
        if request.metadata().contains_key(FORWARDED) {
            return Err(no_leader(format!("node {} does not lead any more", self.me)));
        }
        let address =
            consensus.peek(|state| state.nodes().get(leader).map(|node| node.admin_address.clone()));
        let address = address.filter(|address| !address.is_empty()).ok_or_else(|| {
            no_leader(format!(
                "node {} does not know the admin address of the leader, node {leader}",
                self.me
            ))
        })?;
        let stub = Stub::new(self.channel(address)).max_decoding_message_size(MAX_ANSWER_BYTES);
        Ok(Leader::There(Elsewhere { node: leader, stub, forwarder: self.me }))
    }

    fn channel(&self, address: String) -> Channel {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match last.as_ref() {
            Some((known, channel)) if *known == address => channel.clone(),
            _ => {
                let channel = channel(Arc::clone(&self.dialer), address.clone());
                *last = Some((address, channel.clone()));
                channel
            }
        }
    }
}

impl Elsewhere {
    /// Passes a request on, with the time it has left. `repeatable` says that it may be made again when its outcome is not
    /// known.
    pub async fn pass_on<T, U, F>(
        self,
        request: Request<T>,
        repeatable: bool,
        send: impl FnOnce(Stub, Request<T>) -> F,
    ) -> Result<Response<U>, Status>
    where
        F: Future<Output = Result<Response<U>, Status>>,
    {
        let limit = deadline(&request);
        let mut passed = Request::new(request.into_inner());
        passed.metadata_mut().insert(FORWARDED, MetadataValue::from(self.forwarder));
        if let Some(limit) = limit {
            passed.set_timeout(limit);
        }
        let status = match send(self.stub, passed).await {
            Ok(answer) => return Ok(Response::new(answer.into_inner())),
            Err(status) => status,
        };
        if !status.details().is_empty() {
            // The leader's own words.
            return Err(Status::with_details(
                status.code(),
                status.message(),
                status.details().to_vec().into(),
            ));
        }
        let message = format!("the leader, node {}: {}", self.node, status.message());
        let lost =
            matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled);
        Err(match lost {
            true if repeatable => Refusal::new(Kind::Unavailable, "no_leader", message),
            true => Refusal::new(Kind::Unknown, "outcome_unknown", message)
                .help("look at what is there before you try again"),
            false => {
                let refusal = Refusal::from_status(&status);
                Refusal { message, ..refusal }
            }
        }
        .into())
    }
}

/// The time that the caller gives, from the header `grpc-timeout` (gRPC over HTTP/2: up to 8 digits and a unit).
pub(super) fn deadline<T>(request: &Request<T>) -> Option<Duration> {
    let text = request.metadata().get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(value * 3600),
        "M" => Duration::from_secs(value * 60),
        "S" => Duration::from_secs(value),
        "m" => Duration::from_millis(value),
        "u" => Duration::from_micros(value),
        "n" => Duration::from_nanos(value),
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read_as_grpc_writes_them() {
        let read = |text: &str| {
            let mut request = Request::new(());
            request.metadata_mut().insert("grpc-timeout", text.parse().unwrap());
            deadline(&request)
        };
        assert_eq!(read("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(read("3M"), Some(Duration::from_secs(180)));
        assert_eq!(read("99999999S"), Some(Duration::from_secs(99_999_999)));
        assert_eq!(read("1500m"), Some(Duration::from_millis(1500)));
        assert_eq!(read("7u"), Some(Duration::from_micros(7)));
        assert_eq!(read("7n"), Some(Duration::from_nanos(7)));
        for wrong in ["", "S", "12", "-1S", "1x", "999999999S"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        let mut request = Request::new(());
        assert_eq!(deadline(&request), None);
        request.set_timeout(Duration::from_millis(2500));
        assert_eq!(deadline(&request), Some(Duration::from_millis(2500)), "what this program writes");
    }
}
