use etl_proto::raft as wire;

use super::convert::uuid_from_wire;
use super::malformed::Malformed;
use super::member::Member;
use crate::type_config::NodeId;

/// What this node knows about another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Member,
    /// It was removed from the cluster; ids are never given twice, so that this is final.
    Removed,
    /// Everything up to its id is known here, and it was never admitted.
    NeverAdmitted,
    /// It may have been admitted by an entry that this node does not have yet.
    NotKnownYet,
}

/// Why a request was not even looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAdmitted {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It is for somebody else, or from somebody who is no member; says who both sides are.
    #[error("{0}")]
    Misdirected(String),
}

/// The sender, once it is sure that the request is for this node and from one that may speak to it. Refuses a wiped disk under
/// an old name, an address that another cluster uses now, and nodes that are no longer members.
pub(super) fn admit(
    me: &Member,
    envelope: Option<&wire::Envelope>,
    standing_of: impl FnOnce(NodeId) -> Standing,
) -> Result<NodeId, NotAdmitted> {
    let envelope = envelope.ok_or_else(|| Malformed::missing("envelope"))?;
    let cluster = uuid_from_wire("envelope.cluster_id", &envelope.cluster_id)?;
    let store = uuid_from_wire("envelope.to_store", &envelope.to_store)?;
    let (sender, Member { node, address, .. }) = (envelope.from_node, me);
    let refusal = if cluster != me.cluster {
        let mine = me.cluster;
        format!(
            "node {sender} of cluster {cluster} speaks to {address}, which is node {node} of cluster {mine}"
        )
    } else if envelope.to_node != *node {
        format!("node {sender} looks for node {}, but at {address} is node {node}", envelope.to_node)
    } else if store != me.store {
        format!(
            "node {sender} knows node {node} with store {store}, but at {address} it has store {}; \
             a data directory that was wiped or replaced must join as a new node",
            me.store
        )
    } else {
        match standing_of(sender) {
            Standing::Member | Standing::NotKnownYet => return Ok(sender),
            Standing::Removed => {
                format!("node {sender} was removed from cluster {cluster}; it must join again as a new node")
            }
            Standing::NeverAdmitted => format!("node {sender} was never admitted to cluster {cluster}"),
        }
    };
    Err(NotAdmitted::Misdirected(refusal))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn member(cluster: u128, node: NodeId, store: u128) -> Member {
        Member {
            cluster: Uuid::from_u128(cluster),
            node,
            store: Uuid::from_u128(store),
            incarnation: 9,
            address: "here:7001".into(),
        }
    }

    fn answer(to: (NodeId, u128), from: &Member, standing: Standing) -> Result<NodeId, NotAdmitted> {
        let envelope = from.envelope_to(to.0, Uuid::from_u128(to.1));
        admit(&member(1, 2, 20), Some(&envelope), |_| standing)
    }

    #[test]
    fn a_request_for_this_node_is_admitted() {
        let sender = member(1, 3, 30);
        assert_eq!(answer((2, 20), &sender, Standing::Member), Ok(3));
        assert_eq!(answer((2, 20), &sender, Standing::NotKnownYet), Ok(3));
    }

    #[test]
    fn every_other_is_refused_and_both_sides_are_named() {
        let sender = member(1, 3, 30);
        let cases = [
            (
                answer((2, 20), &member(7, 3, 30), Standing::Member),
                vec![Uuid::from_u128(7), Uuid::from_u128(1)],
            ),
            (answer((4, 20), &sender, Standing::Member), vec![]),
            (answer((2, 21), &sender, Standing::Member), vec![Uuid::from_u128(20), Uuid::from_u128(21)]),
            (answer((2, 20), &sender, Standing::Removed), vec![Uuid::from_u128(1)]),
            (answer((2, 20), &sender, Standing::NeverAdmitted), vec![Uuid::from_u128(1)]),
        ];
        for (answer, named) in cases {
            let Err(NotAdmitted::Misdirected(reason)) = answer else { panic!("{answer:?}") };
            assert!(reason.contains("node 3"), "{reason}");
            assert!(named.iter().all(|id| reason.contains(&id.to_string())), "{reason}");
        }
    }

    #[test]
    fn an_envelope_that_is_none_is_malformed() {
        let me = member(1, 2, 20);
        let missing = admit(&me, None, |_| Standing::Member).unwrap_err();
        assert_eq!(missing.to_string(), "malformed message: envelope is missing");
        let mut envelope = member(1, 3, 30).envelope_to(2, Uuid::from_u128(20));
        envelope.cluster_id.truncate(3);
        let short = admit(&me, Some(&envelope), |_| Standing::Member).unwrap_err();
        assert_eq!(short.to_string(), "malformed message: envelope.cluster_id has 3 bytes, not 16");
    }
}
