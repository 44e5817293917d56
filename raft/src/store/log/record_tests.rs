#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::*;

fn place(term: u64, node: u64, index: u64) -> Place {
    Place(LogId::new(CommittedLeaderId::new(term, node), index))
}

fn encoded(value: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    let length = value.encode(&mut bytes).unwrap();
    assert_eq!(length, bytes.len());
    bytes
}

fn membership() -> Membership<NodeId, Peer> {
    let peer = |node: u128| Peer { address: format!("10.0.0.{node}:7001"), store: Uuid::from_u128(node) };
    let nodes: BTreeMap<NodeId, Peer> = [(1, peer(1)), (5, peer(5))].into();
    Membership::new(vec![BTreeSet::from([1])], nodes)
}

#[test]
fn what_is_written_is_read_back() {
    let payloads = [
        EntryPayload::Blank,
        EntryPayload::Normal(Proposal(Bytes::new())),
        EntryPayload::Normal(Proposal(Bytes::from_static(b"\0\0\0\x01proposal"))),
        EntryPayload::Membership(membership()),
    ];
    for payload in payloads {
        let bytes = encoded(&Body { synced: 77, payload: payload.clone() });
        let read = Body::decode(bytes.as_slice()).unwrap();
        assert_eq!((read.synced, read.payload), (77, payload));
    }
    let vote = Vote { leader_id: LeaderId::new(9, 4), committed: true };
    let read = Ballot::decode(encoded(&Ballot { synced: 5, vote }).as_slice()).unwrap();
    assert_eq!((read.synced, read.vote), (5, vote));
    assert_eq!(Place::decode(encoded(&place(1, 2, 3)).as_slice()).unwrap(), place(1, 2, 3));
}

/// Logs of earlier versions must be readable for ever.
#[test]
fn bytes_of_version_1_are_read() {
    let place_bytes = [0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9];
    assert_eq!(Place::decode(place_bytes.as_slice()).unwrap(), place(3, 2, 9));
    assert_eq!(encoded(&place(3, 2, 9)), place_bytes);

    let ballot_bytes = [1, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 1];
    let ballot = Ballot::decode(ballot_bytes.as_slice()).unwrap();
    assert_eq!((ballot.synced, ballot.vote), (8, Vote { leader_id: LeaderId::new(3, 2), committed: true }));

    let normal = [1, 0, 0, 0, 0, 0, 0, 0, 8, 1, 0, 0, 0, 2, b'h', b'i'];
    let body = Body::decode(normal.as_slice()).unwrap();
    assert_eq!(body.payload, EntryPayload::Normal(Proposal(Bytes::from_static(b"hi"))));

    let config: &[u8] = include_bytes!("testdata/membership-1");
    let body = Body::decode(config).unwrap();
    assert_eq!((body.synced, &body.payload), (300, &EntryPayload::Membership(membership())));
    assert_eq!(encoded(&body), config);
}

#[test]
fn what_this_software_does_not_know_is_refused() {
    let mut bytes = encoded(&Body { synced: 0, payload: EntryPayload::Blank });
    bytes[0] = 2;
    assert_eq!(Body::decode(bytes.as_slice()).unwrap_err().kind(), io::ErrorKind::InvalidData);
    bytes[0] = 1;
    bytes[9] = 3;
    assert_eq!(Body::decode(bytes.as_slice()).unwrap_err().kind(), io::ErrorKind::InvalidData);
    let huge = [1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 255, 255, 255, 255];
    assert_eq!(Body::decode(huge.as_slice()).unwrap_err().kind(), io::ErrorKind::InvalidData);
}
