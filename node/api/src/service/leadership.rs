use std::collections::{BTreeMap, BTreeSet};

use etl_proto::admin as wire;
use etl_raft::NodeId;
use etl_raft_state::NodeState;
use tonic::{Request, Response, Status};

use super::Shared;
use super::leader::{Leader, Stub};
use super::nodes::unknown;
use crate::refusal::{Kind, Refusal};

impl Shared {
    pub(super) async fn transfer_leader(
        &self,
        request: Request<wire::TransferLeaderRequest>,
    ) -> Result<Response<wire::TransferLeaderResponse>, Status> {
        match self.leaders.find(&self.consensus, &request)? {
            Leader::There(leader) => {
                // Handing over to a certain node twice is like doing it once.
                let repeatable = request.get_ref().to > 0;
                let send = |mut stub: Stub, request| async move { stub.transfer_leader(request).await };
                leader.pass_on(request, repeatable, send).await
            }
            Leader::Here => {
                let to = Some(request.into_inner().to).filter(|&to| to > 0);
                Ok(Response::new(self.hand_over(to).await?))
            }
        }
    }

    /// Lets the node asked for lead, or the voter that lacks least. Only on the leader.
    pub(super) async fn hand_over(
        &self,
        to: Option<NodeId>,
    ) -> Result<wire::TransferLeaderResponse, Refusal> {
        let me = self.leaders.me();
        // What this node believes may be old.
        let states = self.consensus.read(|state| {
            state.nodes().iter().map(|(id, node)| (id, node.state)).collect::<BTreeMap<_, _>>()
        });
        let states = states.await?;
        let status = self.consensus.status();
        let matched = status.matched.unwrap_or_default();
        let to = successor(me, to, &status.voters, &states, &matched)?;
        if to != me {
            let consensus = self.consensus.clone();
            // To its end also when the caller goes away: half a hand-over helps nobody.
            let handed_over = tokio::spawn(async move { consensus.transfer_leader(to).await });
            handed_over.await.map_err(|error| {
                Refusal::new(Kind::Internal, "internal", format!("the hand-over broke off: {error}"))
            })??;
        }
        let status = self.consensus.status();
        Ok(wire::TransferLeaderResponse { leader: status.leader.unwrap_or(to), term: status.term })
    }
}

/// Who is to lead.
fn successor(
    me: NodeId,
    to: Option<NodeId>,
    voters: &BTreeSet<NodeId>,
    states: &BTreeMap<NodeId, NodeState>,
    matched: &BTreeMap<NodeId, u64>,
) -> Result<NodeId, Refusal> {
    let refuse = |code: &str, message: String, help: &str| {
        Err(Refusal::new(Kind::Precondition, code, message).help(help))
    };
    let Some(to) = to else {
        let able = |node: &NodeId| match states.get(node) {
            // A node that is being drained may lead, but another one is better.
            Some(NodeState::Up) => Some(1),
            Some(NodeState::Draining) => Some(0),
            _ => None,
        };
        let others = voters.iter().filter(|node| **node != me);
        let best = others.filter_map(|node| Some((able(node)?, matched.get(node).copied(), *node))).max();
        return match best {
            Some((_, _, node)) => Ok(node),
            None => refuse(
                "no_successor",
                "no other voter is up".to_owned(),
                "add a node, or start one that is down, and wait until it votes",
            ),
        };
    };
    if to == me {
        return Ok(me);
    }
    match states.get(&to) {
        None => Err(unknown(to)),
        Some(NodeState::Removed) => {
            refuse("node_removed", format!("node {to} was removed for ever"), "choose a voter")
        }
        Some(NodeState::Down) => {
            refuse("node_down", format!("node {to} is down"), "choose a voter that is up")
        }
        Some(_) if !voters.contains(&to) => refuse(
            "not_a_voter",
            format!("node {to} does not vote, so that it cannot lead"),
            "wait until it votes, or choose a voter: see `cluster status`",
        ),
        Some(_) => Ok(to),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn choose(
        to: Option<NodeId>,
        states: &[(NodeId, NodeState)],
        matched: &[(NodeId, u64)],
    ) -> Result<NodeId, String> {
        let states: BTreeMap<_, _> = states.iter().copied().collect();
        // Node 4 is a learner.
        let voters = states.keys().copied().filter(|node| *node != 4).collect();
        successor(1, to, &voters, &states, &matched.iter().copied().collect()).map_err(|refusal| refusal.code)
    }

    #[test]
    fn the_voter_that_lacks_least_and_is_not_drained_is_the_best() {
        use NodeState::*;
        let up = [(1, Up), (2, Up), (3, Up), (4, Up)];
        assert_eq!(choose(None, &up, &[(2, 10), (3, 11), (4, 99)]), Ok(3));
        assert_eq!(choose(None, &up, &[(2, 10)]), Ok(2), "of node 3 nothing is known");
        let draining = [(1, Up), (2, Up), (3, Draining)];
        assert_eq!(choose(None, &draining, &[(2, 10), (3, 11)]), Ok(2));
        let down = [(1, Up), (2, Down), (3, Draining)];
        assert_eq!(choose(None, &down, &[(2, 10), (3, 11)]), Ok(3));
        assert_eq!(choose(None, &[(1, Up), (2, Down)], &[]), Err("no_successor".to_owned()));
        assert_eq!(choose(None, &[(1, Up), (4, Up)], &[]), Err("no_successor".to_owned()));
    }

    #[test]
    fn only_a_voter_that_is_there_can_be_asked_for() {
        use NodeState::*;
        let nodes = [(1, Up), (2, Up), (3, Down), (4, Up), (5, Removed), (6, Draining)];
        assert_eq!(choose(Some(1), &nodes, &[]), Ok(1));
        assert_eq!(choose(Some(2), &nodes, &[]), Ok(2));
        assert_eq!(choose(Some(6), &nodes, &[]), Ok(6));
        assert_eq!(choose(Some(3), &nodes, &[]), Err("node_down".to_owned()));
        assert_eq!(choose(Some(4), &nodes, &[]), Err("not_a_voter".to_owned()));
        assert_eq!(choose(Some(5), &nodes, &[]), Err("node_removed".to_owned()));
        assert_eq!(choose(Some(7), &nodes, &[]), Err("unknown_node".to_owned()));
    }
}
