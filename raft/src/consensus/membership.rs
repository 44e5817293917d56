use std::collections::BTreeSet;
use std::time::Duration;

use openraft::ChangeMembers;
use openraft::error::{ChangeMembershipError, ClientWriteError, RaftError};
use openraft::raft::ClientWriteResponse;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::leader::{Leader, RaftHandle};
use crate::error::Error;
use crate::type_config::{NodeId, Peer, TypeConfig};

type Written = Result<ClientWriteResponse<TypeConfig>, RaftError<NodeId, ClientWriteError<NodeId, Peer>>>;

/// How often to look whether the change before has been committed.
const SETTLE_STEP: Duration = Duration::from_millis(20);

/// Changes the members, one change after the other; only on the leader.
pub(super) struct Changes {
    raft: RaftHandle,
    node: NodeId,
    deadline: Duration,
    /// Held by a change, and while leadership is handed over.
    pub turn: Mutex<()>,
}

impl Changes {
    pub fn new(raft: RaftHandle, node: NodeId, deadline: Duration) -> Self {
        Self { raft, node, deadline, turn: Mutex::new(()) }
    }

    pub async fn add_learner(&self, node: NodeId, peer: Peer) -> Result<(), Error> {
        let until = Instant::now() + self.deadline;
        let _turn = self.turn(until).await?;
        self.wait_until_settled(until).await?;
        // openraft would keep the old peer and say nothing.
        let known = self.with_membership(|membership| membership.get_node(&node).cloned());
        match known {
            Some(known) if known == peer => return Ok(()),
            Some(known) => {
                return Err(Error::Membership(format!(
                    "node {node} is a member already, at {known}, not at {peer}"
                )));
            }
            None => {}
        }
        self.finish(until, self.raft.add_learner(node, peer, false)).await
    }

    pub async fn set_voters(&self, voters: BTreeSet<NodeId>) -> Result<(), Error> {
        let until = Instant::now() + self.deadline;
        let _turn = self.turn(until).await?;
        self.wait_until_settled(until).await?;
        let done = self.with_membership(|membership| *membership.get_joint_config() == [voters.clone()]);
        if done {
            return Ok(());
        }
        // Who is no voter any more stays as a learner, so that it hears of it.
        let change = self.raft.change_membership(ChangeMembers::ReplaceAllVoters(voters), true);
        self.finish(until, change).await
    }

    pub async fn remove_learner(&self, node: NodeId) -> Result<(), Error> {
        let until = Instant::now() + self.deadline;
        let _turn = self.turn(until).await?;
        self.wait_until_settled(until).await?;
        let known = self.with_membership(|membership| {
            membership.get_node(&node).map(|_| membership.voter_ids().any(|voter| voter == node))
        });
        match known {
            None => return Ok(()),
            Some(true) => {
                return Err(Error::Membership(format!(
                    "node {node} is a voter; it must become a learner first"
                )));
            }
            Some(false) => {}
        }
        let change = self.raft.change_membership(ChangeMembers::RemoveNodes(BTreeSet::from([node])), true);
        self.finish(until, change).await
    }

    async fn turn(&self, until: Instant) -> Result<tokio::sync::MutexGuard<'_, ()>, Error> {
        tokio::time::timeout_at(until, self.turn.lock())
            .await
            .map_err(|_| Error::Membership("another change of the membership takes long".to_owned()))
    }

    /// Only a leader can tell. A change before this one, that another leader has left behind, has to be committed first.
    async fn wait_until_settled(&self, until: Instant) -> Result<(), Error> {
        loop {
            if Leader::of(&self.raft.server_metrics().borrow()) != Leader::Here {
                let node = self.node;
                return Err(Error::NoLeader(format!(
                    "node {node} does not lead; members are changed on the leader"
                )));
            }
            let settled = self.raft.with_raft_state(|state| {
                let members = &state.membership_state;
                members.committed().log_id() == members.effective().log_id()
            });
            if settled.await.map_err(|_| Error::Stopped(self.node))? {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(Error::Membership("the change before this one is not committed yet".to_owned()));
            }
            // Every question makes openraft report, so that waiting for a report would never wait.
            tokio::time::sleep(SETTLE_STEP).await;
        }
    }

    fn with_membership<T>(&self, read: impl FnOnce(&openraft::Membership<NodeId, Peer>) -> T) -> T {
        read(self.raft.server_metrics().borrow().membership_config.membership())
    }

    /// Waits until the change is committed and can be seen in [`Status`](super::Status).
    async fn finish(&self, until: Instant, change: impl Future<Output = Written>) -> Result<(), Error> {
        let late = || {
            Error::Unknown(format!(
                "the change of the membership was not committed within {:?}; is a quorum of voters there?",
                self.deadline
            ))
        };
        let written = tokio::time::timeout_at(until, change).await.map_err(|_| late())?;
        let written = written.map_err(|error| self.refusal(error))?;
        let mut metrics = self.raft.server_metrics();
        let seen = metrics.wait_for(|now| *now.membership_config.log_id() >= Some(written.log_id));
        match tokio::time::timeout_at(until, seen).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(Error::Stopped(self.node)),
            Err(_) => Err(late()),
        }
    }

    fn refusal(&self, error: RaftError<NodeId, ClientWriteError<NodeId, Peer>>) -> Error {
        match error {
            RaftError::Fatal(_) => Error::Stopped(self.node),
            RaftError::APIError(ClientWriteError::ForwardToLeader(_)) => Error::Unknown(format!(
                "node {} has lost leadership; see what became of the change",
                self.node
            )),
            RaftError::APIError(ClientWriteError::ChangeMembershipError(refused)) => {
                Error::Membership(match refused {
                    ChangeMembershipError::InProgress(_) => {
                        "the change before this one is not committed yet".to_owned()
                    }
                    ChangeMembershipError::EmptyMembership(_) => "a cluster must have a voter".to_owned(),
                    ChangeMembershipError::LearnerNotFound(stranger) => {
                        format!("node {} is no member; add it as a learner first", stranger.node_id)
                    }
                })
            }
        }
    }
}
