use bytes::Bytes;
use etl_proto::cluster as wire;
use etl_raft_state::Node;
use etl_raft_state::command::{RegisterNode, UpdateNode};
use uuid::Uuid;

use crate::address;
use crate::refusal::Malformed;

/// The software that a node runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Software {
    pub version: String,
    /// The highest feature level that it knows.
    pub feature_level: u32,
}

/// What a node says of itself when it asks to become part of a cluster, or has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Made with its data directory.
    pub store: Uuid,
    /// HOST:PORT at which other members reach its Raft listener.
    pub raft_address: String,
    /// HOST:PORT at which other members and tools reach its admin listener.
    pub admin_address: String,
    pub software: Software,
    /// Where it stands, for placement; empty when not told.
    pub zone: String,
}

impl Candidate {
    /// The command that admits it, or answers with the id it has.
    pub(crate) fn registration(&self) -> RegisterNode {
        RegisterNode {
            store: self.store,
            raft_address: self.raft_address.clone(),
            admin_address: self.admin_address.clone(),
            software_version: self.software.version.clone(),
            feature_level: self.software.feature_level,
            zone: self.zone.clone(),
            founder: false,
        }
    }

    /// The command that makes the cluster know it as it is now; none when it does.
    pub(crate) fn update(&self, id: u64, known: &Node) -> Option<UpdateNode> {
        let update = UpdateNode {
            node: id,
            store: self.store,
            raft_address: (known.raft_address != self.raft_address).then(|| self.raft_address.clone()),
            admin_address: self.admin_address.clone(),
            software_version: self.software.version.clone(),
            feature_level: self.software.feature_level,
        };
        let is_news = update.raft_address.is_some()
            || known.admin_address != update.admin_address
            || known.software_version != update.software_version
            || known.feature_level != update.feature_level;
        is_news.then_some(update)
    }

    pub(crate) fn request(&self, forwarded: bool) -> wire::JoinRequest {
        wire::JoinRequest {
            raft_address: self.raft_address.clone(),
            admin_address: self.admin_address.clone(),
            store: Bytes::copy_from_slice(self.store.as_bytes()),
            software_version: self.software.version.clone(),
            feature_level: self.software.feature_level,
            zone: self.zone.clone(),
            forwarded,
        }
    }
}

impl Candidate {
    pub(crate) fn read(request: wire::JoinRequest) -> Result<Self, Malformed> {
        address::check("raft_address", &request.raft_address)?;
        address::check("admin_address", &request.admin_address)?;
        Ok(Self {
            store: uuid("store", &request.store)?,
            raft_address: request.raft_address,
            admin_address: request.admin_address,
            software: Software { version: request.software_version, feature_level: request.feature_level },
            zone: request.zone,
        })
    }
}

/// A field that holds the 16 bytes of an id, which is not nil.
pub(crate) fn uuid(field: &'static str, bytes: &[u8]) -> Result<Uuid, Malformed> {
    match Uuid::from_slice(bytes) {
        Ok(id) if !id.is_nil() => Ok(id),
        Ok(_) => Err(Malformed { field, problem: "is nil".to_owned() }),
        Err(_) => Err(Malformed { field, problem: format!("has {} bytes instead of 16", bytes.len()) }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use etl_raft_state::{Envelope, State};

    use super::*;

    fn candidate() -> Candidate {
        Candidate {
            store: Uuid::from_u128(7),
            raft_address: "node-7:7001".to_owned(),
            admin_address: "node-7:7002".to_owned(),
            software: Software { version: "1.2.3".to_owned(), feature_level: 4 },
            zone: "b".to_owned(),
        }
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        assert_eq!(Candidate::read(candidate().request(true)), Ok(candidate()));
    }

    #[test]
    fn a_field_that_is_no_good_is_named() {
        type Spoil = fn(&mut wire::JoinRequest);
        let cases: [(Spoil, &str); 5] = [
            (|request| request.store = Bytes::from_static(b"short"), "store has 5 bytes instead of 16"),
            (|request| request.store = Bytes::from_static(&[0; 16]), "store is nil"),
            (|request| request.raft_address.clear(), "raft_address"),
            (|request| request.admin_address = "host".to_owned(), "admin_address"),
            (|request| request.raft_address = "host:99999".to_owned(), "raft_address"),
        ];
        for (spoil, message) in cases {
            let mut request = candidate().request(false);
            spoil(&mut request);
            let malformed = Candidate::read(request).unwrap_err();
            assert!(malformed.to_string().contains(message), "{malformed}");
        }
    }

    #[test]
    fn only_news_are_told() {
        let mut state = State::default();
        let command = RegisterNode { founder: true, ..candidate().registration() };
        state.apply(1, &Envelope { time_ms: 0, session: None, command: command.into() });
        let known = state.nodes().get(1).unwrap();
        assert_eq!(candidate().update(1, known), None);
        let moved = Candidate { raft_address: "node-8:7001".to_owned(), ..candidate() };
        assert_eq!(moved.update(1, known).unwrap().raft_address.as_deref(), Some("node-8:7001"));
        let upgraded =
            Candidate { software: Software { version: "2".to_owned(), feature_level: 5 }, ..candidate() };
        let update = upgraded.update(1, known).unwrap();
        assert_eq!((update.raft_address, update.feature_level), (None, 5));
    }
}
