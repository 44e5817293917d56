use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use etl_proto::raft as wire;
use openraft::{Membership, StoredMembership};

use super::ids::{log_id_from_wire, log_id_to_wire, uuid_from_wire};
use crate::network::malformed::Malformed;
use crate::type_config::{NodeId, Peer};

pub(super) fn membership_to_wire(membership: &Membership<NodeId, Peer>) -> wire::Membership {
    wire::Membership {
        configs: membership
            .get_joint_config()
            .iter()
            .map(|voters| wire::Voters { nodes: voters.iter().copied().collect() })
            .collect(),
        peers: membership
            .nodes()
            .map(|(node, peer)| wire::Peer {
                node: *node,
                address: peer.address.clone(),
                store: Bytes::copy_from_slice(peer.store.as_bytes()),
            })
            .collect(),
    }
}

pub(super) fn membership_from_wire(
    field: &str,
    membership: wire::Membership,
) -> Result<Membership<NodeId, Peer>, Malformed> {
    let mut peers = BTreeMap::new();
    for (at, peer) in membership.peers.into_iter().enumerate() {
        let store = uuid_from_wire(&format!("{field}.peers[{at}].store"), &peer.store)?;
        if peers.insert(peer.node, Peer { address: peer.address, store }).is_some() {
            return Err(Malformed::new(
                format!("{field}.peers[{at}].node"),
                format!("repeats node {}", peer.node),
            ));
        }
    }
    let mut configs: Vec<BTreeSet<NodeId>> = Vec::with_capacity(membership.configs.len());
    for (at, config) in membership.configs.into_iter().enumerate() {
        let voters: BTreeSet<NodeId> = config.nodes.iter().copied().collect();
        if voters.len() != config.nodes.len() {
            return Err(Malformed::new(format!("{field}.configs[{at}].nodes"), "repeats a node"));
        }
        // openraft would make up a peer without address for it.
        if let Some(stranger) = voters.iter().find(|node| !peers.contains_key(node)) {
            return Err(Malformed::new(
                format!("{field}.configs[{at}].nodes"),
                format!("has node {stranger}, which is not among the peers"),
            ));
        }
        configs.push(voters);
    }
    Ok(Membership::new(configs, peers))
}

pub(super) fn stored_membership_to_wire(
    membership: &StoredMembership<NodeId, Peer>,
) -> wire::StoredMembership {
    wire::StoredMembership {
        log_id: membership.log_id().as_ref().map(log_id_to_wire),
        membership: Some(membership_to_wire(membership.membership())),
    }
}

pub(super) fn stored_membership_from_wire(
    field: &str,
    membership: Option<wire::StoredMembership>,
) -> Result<StoredMembership<NodeId, Peer>, Malformed> {
    let stored = membership.ok_or_else(|| Malformed::missing(field))?;
    let inner = format!("{field}.membership");
    let membership = stored.membership.ok_or_else(|| Malformed::missing(inner.clone()))?;
    Ok(StoredMembership::new(stored.log_id.map(log_id_from_wire), membership_from_wire(&inner, membership)?))
}
