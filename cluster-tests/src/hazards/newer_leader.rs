use std::time::Duration;

use etl_proto::admin::{GetClusterStatusResponse, Node};
use etl_proto::raft as wire;
use etl_proto::raft::raft_client::RaftClient;
use tonic::transport::{Channel, Endpoint};

use crate::group::Error;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A name of a command that no version of the software knows.
pub const UNKNOWN_COMMAND: &str = "rewind_time";

/// Speaks to a member in the name of another one, whose process does not run.
pub struct Impostor {
    client: RaftClient<Channel>,
    envelope: wire::Envelope,
}

/// The bytes of a UUID in its usual form.
fn uuid(text: &str) -> Result<Vec<u8>, Error> {
    let wrong = || Error::Unexpected(format!("`{text}` is no UUID"));
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect();
    if bytes.len() == 16 { Ok(bytes) } else { Err(wrong()) }
}

impl Impostor {
    /// Speaks as `from` to what the cluster takes `to` for.
    pub fn new(status: &GetClusterStatusResponse, from: u64, to: &Node) -> Result<Self, Error> {
        let endpoint = Endpoint::from_shared(format!("http://{}", to.raft_address))
            .map_err(|error| Error::Unexpected(error.to_string()))?
            .timeout(PATIENCE);
        let envelope = wire::Envelope {
            cluster_id: uuid(&status.cluster_id)?.into(),
            from_node: from,
            to_node: to.id,
            to_store: uuid(&to.store)?.into(),
            from_incarnation: 1,
        };
        Ok(Self { client: RaftClient::new(endpoint.connect_lazy()), envelope })
    }

    /// Asks for a vote in a term that is far ahead.
    pub async fn ask_for_vote(&mut self, term: u64, index: u64) -> Result<wire::VoteResponse, tonic::Status> {
        let node = self.envelope.from_node;
        let request = wire::VoteRequest {
            envelope: Some(self.envelope.clone()),
            vote: Some(wire::Vote { term, node, committed: false }),
            last: Some(wire::LogId { term, node, index }),
        };
        Ok(self.client.vote(request).await?.into_inner())
    }

    /// Leads in a later term and has one entry agreed on behind `last`: a command that the member does not know.
    pub async fn lead_into_the_unknown(
        &mut self,
        last: wire::LogId,
    ) -> Result<wire::AppendResponse, tonic::Status> {
        let (term, node) = (last.term + 1, self.envelope.from_node);
        let entry = wire::LogId { term, node, index: last.index + 1 };
        let command = unknown_command();
        let request = wire::AppendRequest {
            envelope: Some(self.envelope.clone()),
            vote: Some(wire::Vote { term, node, committed: true }),
            previous: Some(last),
            entries: vec![wire::Entry {
                log_id: Some(entry),
                payload: Some(wire::entry::Payload::Command(command.into())),
            }],
            committed: Some(entry),
        };
        Ok(self.client.append(request).await?.into_inner())
    }
}

/// As newer software would write it: the version of the encoding, and in MessagePack
/// `{"time_ms": 1, "session": nil, "command": {"rewind_time": {}}}`.
fn unknown_command() -> Vec<u8> {
    let text = |text: &str| {
        // All of these are shorter than 32 bytes.
        let mut bytes = vec![0xa0 | text.len() as u8];
        bytes.extend(text.as_bytes());
        bytes
    };
    let mut bytes = vec![1, 0x83];
    bytes.extend(text("time_ms"));
    bytes.push(1);
    bytes.extend(text("session"));
    bytes.push(0xc0);
    bytes.extend(text("command"));
    bytes.push(0x81);
    bytes.extend(text(UNKNOWN_COMMAND));
    bytes.push(0x80);
    bytes
}
