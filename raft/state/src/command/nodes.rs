use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::apply::Apply;
use crate::keys::NodeId;
use crate::limits::{DOWNS_KEPT, MAX_ADDRESS, MAX_WORD, within};
use crate::moment::Moment;
use crate::parts::{Node, NodeState};
use crate::rejection::Rejection;
use crate::response::Response;
use crate::state::State;

/// Admits a node, whose id becomes the index of this entry; the founder gets id 1. The same store again gets the same
/// id. Answered by [`Response::Registered`].
///
/// Refused: a store that was removed, an address at which another node is up, software that is older than the
/// cluster's feature level, a second founder, and anyone before the founder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterNode {
    /// Made with the node's data directory.
    pub store: Uuid,
    /// HOST:PORT of its Raft listener.
    pub raft_address: String,
    /// HOST:PORT of its admin listener.
    pub admin_address: String,
    pub software_version: String,
    /// The highest feature level that its software has.
    pub feature_level: u32,
    /// Where it stands, for placement; empty when not told.
    pub zone: String,
    /// Whether this is the first node of a new cluster, whose feature level becomes this node's.
    pub founder: bool,
}

/// What a node says of itself after a start. Answered by [`Response::Done`].
///
/// Refused: another store than the node's, a removed node, software older than the cluster's feature level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateNode {
    pub node: NodeId,
    pub store: Uuid,
    /// Absent: as it was.
    pub raft_address: Option<String>,
    pub admin_address: String,
    pub software_version: String,
    pub feature_level: u32,
}

/// Moves a node to another state. Answered by [`Response::Done`].
///
/// Refused: when the node is not in `from` any more, when [`NodeState::may_become`] does not allow it, and the removal
/// of the last node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetNodeState {
    pub node: NodeId,
    pub from: NodeState,
    pub to: NodeState,
}

impl Apply for RegisterNode {
    fn feature_level(&self) -> u32 {
        0
    }

    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        check_addresses(Some(&self.raft_address), &self.admin_address)?;
        within("software version", self.software_version.len(), MAX_WORD)?;
        within("zone", self.zone.len(), MAX_WORD)?;
        if let Some((id, known)) = state.nodes.by_store(self.store) {
            let known = known.clone();
            return self.register_again(state, id, known);
        }
        if self.founder && !state.nodes.is_empty() {
            return Err(Rejection::AlreadyFounded);
        }
        if !self.founder && state.nodes.is_empty() {
            return Err(Rejection::NotFounded);
        }
        check_level(self.feature_level, state)?;
        check_address_free(state, &self.raft_address, None)?;
        let id = if self.founder {
            state.meta.set_feature_level(self.feature_level);
            1
        } else {
            at.index.max(state.nodes.last_id().saturating_add(1))
        };
        state.nodes.set(
            id,
            Node {
                store: self.store,
                raft_address: self.raft_address.clone(),
                admin_address: self.admin_address.clone(),
                software_version: self.software_version.clone(),
                feature_level: self.feature_level,
                zone: self.zone.clone(),
                state: NodeState::Joining,
                state_since_ms: at.time_ms,
                registered_at_ms: at.time_ms,
                down_from: None,
                downs_ms: Vec::new(),
            },
        );
        Ok(Response::Registered { node: id })
    }
}

impl RegisterNode {
    /// A node whose answer was lost, or that died before it wrote its identity down.
    fn register_again(&self, state: &mut State, id: NodeId, known: Node) -> Result<Response, Rejection> {
        match known.state {
            NodeState::Removed => Err(Rejection::NodeRemoved { node: id }),
            NodeState::Joining => {
                check_level(self.feature_level, state)?;
                check_address_free(state, &self.raft_address, Some(id))?;
                let node = Node {
                    raft_address: self.raft_address.clone(),
                    admin_address: self.admin_address.clone(),
                    software_version: self.software_version.clone(),
                    feature_level: self.feature_level,
                    zone: self.zone.clone(),
                    ..known
                };
                state.nodes.set(id, node);
                Ok(Response::Registered { node: id })
            }
            _ => Ok(Response::Registered { node: id }),
        }
    }
}

impl Apply for UpdateNode {
    fn apply(&self, state: &mut State, _at: Moment) -> Result<Response, Rejection> {
        check_addresses(self.raft_address.as_deref(), &self.admin_address)?;
        within("software version", self.software_version.len(), MAX_WORD)?;
        let known = state.nodes.present(self.node)?.clone();
        if known.store != self.store {
            return Err(Rejection::StoreMismatch { node: self.node });
        }
        check_level(self.feature_level, state)?;
        if let Some(address) = &self.raft_address {
            check_address_free(state, address, Some(self.node))?;
        }
        let node = Node {
            raft_address: self.raft_address.clone().unwrap_or(known.raft_address),
            admin_address: self.admin_address.clone(),
            software_version: self.software_version.clone(),
            feature_level: self.feature_level,
            ..known
        };
        state.nodes.set(self.node, node);
        Ok(Response::Done)
    }
}

impl Apply for SetNodeState {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        let Some(known) = state.nodes.get(self.node) else {
            return Err(Rejection::UnknownNode { node: self.node });
        };
        if known.state != self.from {
            return Err(Rejection::NodeStateConflict {
                node: self.node,
                expected: self.from,
                actual: known.state,
            });
        }
        if !self.from.may_become(self.to) {
            return Err(Rejection::NodeTransition { node: self.node, from: self.from, to: self.to });
        }
        if self.to == NodeState::Removed && state.nodes.members().count() == 1 {
            return Err(Rejection::LastNode { node: self.node });
        }
        let is_lost = self.to == NodeState::Down;
        let mut downs_ms = known.downs_ms.clone();
        if is_lost {
            downs_ms.push(at.time_ms);
            downs_ms.drain(..downs_ms.len().saturating_sub(DOWNS_KEPT));
        }
        let node = Node {
            state: self.to,
            state_since_ms: at.time_ms,
            down_from: is_lost.then_some(self.from),
            downs_ms,
            ..known.clone()
        };
        state.nodes.set(self.node, node);
        Ok(Response::Done)
    }
}

fn check_addresses(raft: Option<&str>, admin: &str) -> Result<(), Rejection> {
    if let Some(raft) = raft {
        within("raft address", raft.len(), MAX_ADDRESS)?;
        if raft.is_empty() {
            let problem = "it is empty; give HOST:PORT".to_owned();
            return Err(Rejection::Invalid { what: "raft address".to_owned(), problem });
        }
    }
    within("admin address", admin.len(), MAX_ADDRESS)
}

/// Software that does not know all commands the cluster may use would stop at the first one.
fn check_level(reported: u32, state: &State) -> Result<(), Rejection> {
    let cluster = state.meta.feature_level().max(1);
    if reported < cluster {
        return Err(Rejection::SoftwareTooOld { reported, cluster });
    }
    Ok(())
}

/// Two live nodes cannot listen at the same place; a node that is down may have been replaced there.
fn check_address_free(state: &State, address: &str, except: Option<NodeId>) -> Result<(), Rejection> {
    let taken = state.nodes.members().find(|(id, node)| {
        Some(*id) != except
            && node.raft_address == address
            && matches!(node.state, NodeState::Up | NodeState::Draining)
    });
    match taken {
        Some((node, _)) => Err(Rejection::AddressInUse { address: address.to_owned(), node }),
        None => Ok(()),
    }
}
