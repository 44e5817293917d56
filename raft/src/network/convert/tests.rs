#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use etl_proto::raft as wire;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest, VoteResponse};
use openraft::{CommittedLeaderId, Entry, EntryPayload, Membership, SnapshotMeta, StoredMembership, Vote};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::network::Member;
use crate::type_config::{LogId, NodeId, Peer, Proposal, TypeConfig};

fn envelope() -> wire::Envelope {
    let me = Member {
        cluster: Uuid::from_u128(1),
        node: 2,
        store: Uuid::from_u128(3),
        incarnation: 4,
        address: "a:1".into(),
    };
    me.envelope_to(5, Uuid::from_u128(6))
}

fn log_id() -> impl Strategy<Value = LogId> {
    (any::<u64>(), any::<u64>(), any::<u64>())
        .prop_map(|(term, node, index)| LogId::new(CommittedLeaderId::new(term, node), index))
}

fn candidate_vote() -> impl Strategy<Value = Vote<NodeId>> {
    (any::<u64>(), any::<u64>()).prop_map(|(term, node)| Vote::new(term, node))
}

fn any_vote() -> impl Strategy<Value = Vote<NodeId>> {
    (candidate_vote(), any::<bool>()).prop_map(|(vote, committed)| Vote { committed, ..vote })
}

fn membership() -> impl Strategy<Value = Membership<NodeId, Peer>> {
    let peer = (".{0,20}", any::<u128>())
        .prop_map(|(address, store)| Peer { address, store: Uuid::from_u128(store) });
    btree_map(any::<u64>(), peer, 1..8).prop_flat_map(|peers| {
        let ids: Vec<NodeId> = peers.keys().copied().collect();
        let voters = btree_set(proptest::sample::select(ids), 1..=peers.len());
        (Just(peers), vec(voters, 1..=2)).prop_map(
            |(peers, configs): (BTreeMap<NodeId, Peer>, Vec<BTreeSet<NodeId>>)| {
                Membership::new(configs, peers)
            },
        )
    })
}

fn payload() -> impl Strategy<Value = EntryPayload<TypeConfig>> {
    prop_oneof![
        Just(EntryPayload::Blank),
        vec(any::<u8>(), 0..64).prop_map(|bytes| EntryPayload::Normal(Proposal(Bytes::from(bytes)))),
        membership().prop_map(EntryPayload::Membership),
    ]
}

/// What a leader may send: entries without a gap, terms that do not fall.
fn append_request() -> impl Strategy<Value = AppendEntriesRequest<TypeConfig>> {
    (
        option::of((0..1_000_u64, 0..9_u64, 0..1_000_000_u64)),
        vec((payload(), 0..3_u64), 0..6),
        option::of(log_id()),
        0..9_u64,
    )
        .prop_map(|(previous, payloads, leader_commit, node)| {
            let prev_log_id =
                previous.map(|(term, node, index)| LogId::new(CommittedLeaderId::new(term, node), index));
            let mut leader = prev_log_id.map_or(CommittedLeaderId::new(1, 0), |id| id.leader_id);
            let first = prev_log_id.map_or(0, |id| id.index + 1);
            let mut entries = Vec::new();
            for (index, (payload, later)) in (first..).zip(payloads) {
                leader.term += later;
                entries.push(Entry { log_id: LogId::new(leader, index), payload });
            }
            let vote = Vote::new_committed(leader.term + 1, node);
            AppendEntriesRequest { vote, prev_log_id, entries, leader_commit }
        })
}

/// Whatever the fields of a message can hold, sensible or not.
fn any_append_request() -> impl Strategy<Value = wire::AppendRequest> {
    let id = (0..3_u64, 0..3_u64, prop_oneof![0..4_u64, Just(u64::MAX)])
        .prop_map(|(term, node, index)| wire::LogId { term, node, index });
    let vote = (0..3_u64, 0..3_u64, any::<bool>()).prop_map(|(term, node, committed)| wire::Vote {
        term,
        node,
        committed,
    });
    let store = prop_oneof![vec(any::<u8>(), 16), vec(any::<u8>(), 0..20)];
    let peer = (0..3_u64, store).prop_map(|(node, store)| wire::Peer {
        node,
        address: String::new(),
        store: Bytes::from(store),
    });
    let voters = vec(0..3_u64, 0..4).prop_map(|nodes| wire::Voters { nodes });
    let membership =
        (vec(voters, 0..3), vec(peer, 0..4)).prop_map(|(configs, peers)| wire::Membership { configs, peers });
    let payload = prop_oneof![
        Just(wire::entry::Payload::Blank(wire::Blank {})),
        vec(any::<u8>(), 0..8).prop_map(|bytes| wire::entry::Payload::Command(Bytes::from(bytes))),
        membership.prop_map(wire::entry::Payload::Membership),
    ];
    let entry = (option::of(id.clone()), option::of(payload))
        .prop_map(|(log_id, payload)| wire::Entry { log_id, payload });
    (option::of(vote), option::of(id.clone()), vec(entry, 0..4), option::of(id)).prop_map(
        |(vote, previous, entries, committed)| wire::AppendRequest {
            envelope: None,
            vote,
            previous,
            entries,
            committed,
        },
    )
}

proptest! {
    #[test]
    fn an_append_request_arrives_as_it_was_sent(request in append_request()) {
        let arrived = append_request_from_wire(append_request_to_wire(envelope(), &request)).unwrap();
        prop_assert_eq!(arrived.vote, request.vote);
        prop_assert_eq!(arrived.prev_log_id, request.prev_log_id);
        prop_assert_eq!(arrived.leader_commit, request.leader_commit);
        prop_assert_eq!(arrived.entries, request.entries);
    }

    #[test]
    fn an_append_response_arrives_as_it_was_sent(
        outcome in 0..4,
        matching in option::of(log_id()),
        vote in any_vote(),
    ) {
        let response = match outcome {
            0 => AppendEntriesResponse::Success,
            1 => AppendEntriesResponse::PartialSuccess(matching),
            2 => AppendEntriesResponse::Conflict,
            _ => AppendEntriesResponse::HigherVote(vote),
        };
        let arrived = append_response_from_wire(append_response_to_wire(&response)).unwrap();
        prop_assert_eq!(arrived, response);
    }

    #[test]
    fn votes_arrive_as_they_were_sent(
        vote in candidate_vote(), last_log_id in option::of(log_id()), vote_granted: bool, answer in any_vote(),
    ) {
        let request = VoteRequest { vote, last_log_id };
        let arrived = vote_request_from_wire(vote_request_to_wire(envelope(), &request)).unwrap();
        prop_assert_eq!(arrived, request);
        let response = VoteResponse { vote: answer, vote_granted, last_log_id };
        let arrived = vote_response_from_wire(vote_response_to_wire(&response)).unwrap();
        prop_assert_eq!(arrived, response);
    }

    #[test]
    fn a_snapshot_header_arrives_as_it_was_sent(
        term: u64, node: u64, last in log_id(), stored_at in option::of(log_id()), membership in membership(),
        snapshot_id in ".{0,30}", size: u64,
    ) {
        let vote = Vote::new_committed(term, node);
        let meta = SnapshotMeta {
            last_log_id: Some(last),
            last_membership: StoredMembership::new(stored_at, membership),
            snapshot_id,
        };
        let header = snapshot_header_to_wire(envelope(), &vote, &meta, size);
        prop_assert_eq!(header.size, size);
        let (arrived_vote, arrived_meta) = snapshot_header_from_wire(header).unwrap();
        prop_assert_eq!(arrived_vote, vote);
        prop_assert_eq!(arrived_meta, meta);
    }

    #[test]
    fn only_what_a_leader_may_send_is_taken(message in any_append_request()) {
        // An error is fine, a panic is not, and what is taken has no gap.
        if let Ok(request) = append_request_from_wire(message) {
            prop_assert!(request.vote.is_committed());
            let mut next = request.prev_log_id.map_or(Some(0), |id| id.index.checked_add(1));
            for entry in &request.entries {
                prop_assert_eq!(Some(entry.log_id.index), next);
                next = entry.log_id.index.checked_add(1);
            }
        }
    }
}

fn sound_request() -> wire::AppendRequest {
    let id = |index| LogId::new(CommittedLeaderId::new(1, 1), index);
    let membership = Membership::new(
        vec![BTreeSet::from([1])],
        BTreeMap::from([(1, Peer { address: "a:1".into(), store: Uuid::from_u128(1) })]),
    );
    let request = AppendEntriesRequest::<TypeConfig> {
        vote: Vote::new_committed(2, 1),
        prev_log_id: Some(id(3)),
        entries: vec![
            Entry { log_id: id(4), payload: EntryPayload::Blank },
            Entry { log_id: id(5), payload: EntryPayload::Membership(membership) },
        ],
        leader_commit: None,
    };
    append_request_to_wire(envelope(), &request)
}

fn complaint(change: impl FnOnce(&mut wire::AppendRequest)) -> String {
    let mut request = sound_request();
    change(&mut request);
    append_request_from_wire(request).unwrap_err().to_string()
}

fn membership_of(request: &mut wire::AppendRequest) -> &mut wire::Membership {
    match &mut request.entries[1].payload {
        Some(wire::entry::Payload::Membership(membership)) => membership,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_wrong_with_a_message_is_named() {
    append_request_from_wire(sound_request()).unwrap();
    let cases: Vec<(String, &str)> = vec![
        (complaint(|r| r.vote = None), "vote is missing"),
        (complaint(|r| r.vote.as_mut().unwrap().committed = false), "vote is not that of a leader"),
        (complaint(|r| r.entries[0].log_id = None), "entries[0].log_id is missing"),
        (complaint(|r| r.entries[0].payload = None), "entries[0].payload is missing"),
        (
            complaint(|r| r.entries[1].log_id.as_mut().unwrap().index = 6),
            "entries[1].log_id.index is 6 and does not follow",
        ),
        (
            complaint(|r| r.previous.as_mut().unwrap().index = u64::MAX),
            "entries[0].log_id.index is 4 and does not follow",
        ),
        (complaint(|r| r.entries[1].log_id.as_mut().unwrap().term = 0), "entries[1].log_id.term is older"),
        (complaint(|r| r.entries[1].log_id.as_mut().unwrap().term = 9), "entries[1].log_id.term is newer"),
        (
            complaint(|r| membership_of(r).peers[0].store = Bytes::from_static(b"short")),
            "entries[1].membership.peers[0].store has 5 bytes, not 16",
        ),
        (
            complaint(|r| membership_of(r).peers.clear()),
            "entries[1].membership.configs[0].nodes has node 1, which is not among the peers",
        ),
        (
            complaint(|r| membership_of(r).configs[0].nodes.push(1)),
            "entries[1].membership.configs[0].nodes repeats a node",
        ),
        (
            complaint(|r| {
                let twin = membership_of(r).peers[0].clone();
                membership_of(r).peers.push(twin);
            }),
            "entries[1].membership.peers[1].node repeats node 1",
        ),
    ];
    for (complaint, expected) in cases {
        assert!(complaint.contains(expected), "{complaint:?} should say {expected:?}");
    }
}

#[test]
fn a_candidate_cannot_claim_to_be_elected() {
    let request = VoteRequest { vote: Vote::new_committed(1, 1), last_log_id: None };
    let refused = vote_request_from_wire(vote_request_to_wire(envelope(), &request)).unwrap_err();
    assert!(refused.to_string().contains("not of a candidate"), "{refused}");
}
