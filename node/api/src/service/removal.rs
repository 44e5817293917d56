use std::collections::BTreeSet;
use std::time::Duration;

use etl_proto::admin as wire;
use etl_raft::NodeId;
use etl_raft::consensus::Status as RaftStatus;
use etl_raft::membership::Obstacle;
use etl_raft_state::NodeState;
use tokio::time::{Instant, sleep};
use tonic::{Request, Response, Status};

use super::Shared;
use super::leader::{Leader, Stub};
use super::nodes::{Standing, Step, standing, unknown};
use crate::refusal::{Kind, Refusal};

/// How often it is looked whether what is waited for has happened.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long a removal may be impossible before it is refused.
const PATIENCE: Duration = Duration::from_secs(3);

impl Shared {
    /// Drains a node, declares it removed, and waits until the steward has taken its vote and its membership. Each step is
    /// agreed on by itself, so that a call that was interrupted goes on where the last one has stopped.
    pub(super) async fn remove_node(
        &self,
        request: Request<wire::RemoveNodeRequest>,
    ) -> Result<Response<wire::RemoveNodeResponse>, Status> {
        match self.leaders.find(&self.consensus, &request)? {
            Leader::There(leader) => {
                let send = |mut stub: Stub, request| async move { stub.remove_node(request).await };
                leader.pass_on(request, true, send).await
            }
            Leader::Here => {
                let wire::RemoveNodeRequest { node, force } = request.into_inner();
                self.remove(node, force).await?;
                Ok(Response::new(wire::RemoveNodeResponse {}))
            }
        }
    }

    async fn remove(&self, node: NodeId, force: bool) -> Result<(), Refusal> {
        let found = self.consensus.read(move |state| standing(state, node)).await?;
        let Standing { state, .. } = found.ok_or_else(|| unknown(node))?;
        if state != NodeState::Removed {
            self.check_removal(node).await?;
            if node == self.leaders.me() {
                // A leader that has lost its vote cannot see to the end of its own removal.
                let leadership = self.hand_over(None).await?;
                let message = format!("node {node} led; node {} leads now and removes it", leadership.leader);
                return Err(Refusal::new(Kind::Unavailable, "leader_moved", message).help("ask again"));
            }
            self.empty(node, force).await?;
            self.check_removal(node).await?;
            self.move_node(node, move |node, state| declare_removed(node, state, force)).await?;
        }
        self.wait_until_no_member(node).await
    }

    /// Asks for a while: a new leader has not heard of everybody yet, and a change of voters that is under way ends.
    async fn check_removal(&self, node: NodeId) -> Result<(), Refusal> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.duties.may_be_removed(node) {
                Ok(()) => return Ok(()),
                Err(Obstacle::NotLeading | Obstacle::Guarded { .. }) if Instant::now() < until => {
                    sleep(LOOK_AGAIN).await;
                }
                Err(obstacle) => return Err(obstructed(node, &obstacle)),
            }
        }
    }

    /// Lets partitions leave until there are none. Those of a node that is down are given to others without it.
    async fn empty(&self, node: NodeId, force: bool) -> Result<(), Refusal> {
        self.move_node(node, move |node, state| drain_to_leave(node, state, force)).await?;
        loop {
            let found = self.consensus.read(move |state| standing(state, node)).await?;
            let Standing { state, partitions } = found.ok_or_else(|| unknown(node))?;
            if partitions == 0 || state != NodeState::Draining {
                return Ok(());
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn wait_until_no_member(&self, node: NodeId) -> Result<(), Refusal> {
        let me = self.leaders.me();
        let mut changes = self.consensus.status_changes();
        let ended = changes.wait_for(|status| !is_member(status, node) || status.leader != Some(me)).await;
        match ended.map(|status| is_member(&status, node)) {
            Ok(false) => Ok(()),
            Ok(true) => {
                let message = format!("node {me} does not lead any more; node {node} is being removed");
                Err(Refusal::new(Kind::Unavailable, "leader_moved", message).help("ask again"))
            }
            Err(_) => Err(Refusal::new(Kind::Unavailable, "stopping", format!("node {me} is stopping"))
                .help("ask another node")),
        }
    }
}

fn is_member(status: &RaftStatus, node: NodeId) -> bool {
    let members: [&BTreeSet<NodeId>; 2] = [&status.voters, &status.learners];
    members.iter().any(|members| members.contains(&node))
}

fn obstructed(node: NodeId, obstacle: &Obstacle) -> Refusal {
    let message = obstacle.to_string();
    match obstacle {
        Obstacle::NotLeading => Refusal::new(Kind::Unavailable, "no_leader", message).help("ask again"),
        Obstacle::Unknown(_) => unknown(node),
        Obstacle::LastVoter(_) => Refusal::new(Kind::Precondition, "last_voter", message)
            .help("to end the cluster, stop its last node and delete its data directory"),
        Obstacle::Guarded { .. } => Refusal::new(Kind::Precondition, "cannot_be_removed", message)
            .help("start the nodes that are down, or add one, then try again; see `cluster status`"),
    }
}

/// Until a node may be declared removed.
fn drain_to_leave(node: NodeId, state: NodeState, force: bool) -> Step {
    match state {
        NodeState::Up => Step::Become(NodeState::Draining),
        NodeState::Down if !force => down(node),
        NodeState::Joining | NodeState::Draining | NodeState::Down | NodeState::Removed => Step::Done,
    }
}

fn declare_removed(node: NodeId, state: NodeState, force: bool) -> Step {
    match state {
        NodeState::Removed => Step::Done,
        NodeState::Down if !force => down(node),
        NodeState::Joining | NodeState::Draining | NodeState::Down => Step::Become(NodeState::Removed),
        NodeState::Up => Step::Refuse(
            Refusal::new(Kind::Conflict, "resumed", format!("node {node} was resumed while it was to leave"))
                .help("try again if it is to leave all the same"),
        ),
    }
}

fn down(node: NodeId) -> Step {
    Step::Refuse(
        Refusal::new(Kind::Precondition, "node_down", format!("node {node} is down and cannot drain")).help(
            "start it again, or remove it with --force: its partitions then continue elsewhere from their checkpoints",
        ),
    )
}

#[cfg(test)]
mod tests {
    use etl_raft::membership::Guard;

    use super::*;

    #[test]
    fn a_node_that_is_there_drains_first() {
        assert_eq!(drain_to_leave(7, NodeState::Up, false), Step::Become(NodeState::Draining));
        assert_eq!(drain_to_leave(7, NodeState::Up, true), Step::Become(NodeState::Draining));
        assert_eq!(drain_to_leave(7, NodeState::Joining, false), Step::Done);
        assert_eq!(declare_removed(7, NodeState::Draining, false), Step::Become(NodeState::Removed));
        let Step::Refuse(refusal) = declare_removed(7, NodeState::Up, true) else { unreachable!() };
        assert_eq!(refusal.kind, Kind::Conflict, "it must not be removed without draining");
    }

    #[test]
    fn a_node_that_is_down_goes_only_by_force() {
        for step in [drain_to_leave, declare_removed] {
            let Step::Refuse(refusal) = step(7, NodeState::Down, false) else { unreachable!() };
            assert_eq!(refusal.code, "node_down");
        }
        assert_eq!(drain_to_leave(7, NodeState::Down, true), Step::Done);
        assert_eq!(declare_removed(7, NodeState::Down, true), Step::Become(NodeState::Removed));
    }

    #[test]
    fn an_obstacle_says_whether_it_lasts() {
        let guarded = Obstacle::Guarded { node: 7, guards: [Guard::QuorumAfter].into() };
        let code = |obstacle: &Obstacle| {
            let refusal = obstructed(7, obstacle);
            assert!(refusal.help.is_some());
            (refusal.kind, refusal.code)
        };
        assert_eq!(code(&guarded), (Kind::Precondition, "cannot_be_removed".to_owned()));
        assert_eq!(code(&Obstacle::LastVoter(7)), (Kind::Precondition, "last_voter".to_owned()));
        assert_eq!(code(&Obstacle::Unknown(7)), (Kind::NotFound, "unknown_node".to_owned()));
        assert_eq!(code(&Obstacle::NotLeading), (Kind::Unavailable, "no_leader".to_owned()));
    }

    #[test]
    fn what_is_removed_stays_so_and_all_moves_are_allowed() {
        let states =
            [NodeState::Joining, NodeState::Up, NodeState::Draining, NodeState::Down, NodeState::Removed];
        for force in [false, true] {
            assert_eq!(declare_removed(7, NodeState::Removed, force), Step::Done);
            for state in states {
                for step in [drain_to_leave(7, state, force), declare_removed(7, state, force)] {
                    if let Step::Become(to) = step {
                        assert!(state.may_become(to), "{state} -> {to}");
                    }
                }
            }
        }
    }
}
