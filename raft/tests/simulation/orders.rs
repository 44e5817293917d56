//! What the outside asks of a node, and what it answers.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use etl_raft::consensus::Consensus;
use etl_raft::{Error, NodeId, Peer};
use etl_raft_state::{Command, Response, Session, State};

use crate::damage::Damage;
use crate::history::Versioned;

/// Something to do, and where the answer goes.
pub struct Order {
    pub ask: Ask,
    pub reply: Reply,
}

#[derive(Debug, Clone)]
pub enum Ask {
    Write { session: Option<Session>, command: Box<Command> },
    Read { key: String },
    Transfer { to: NodeId },
    AddLearner { node: NodeId, peer: Peer },
    SetVoters { voters: BTreeSet<NodeId> },
    Remove { node: NodeId },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Written(Response),
    Found(Option<Versioned>),
    Done,
    /// Certainly not done.
    Refused(String),
    /// Perhaps done.
    Unknown(String),
}

/// Where an answer is left.
#[derive(Clone, Default)]
pub struct Reply(Arc<Mutex<Option<Answer>>>);

impl Reply {
    pub fn take(&self) -> Option<Answer> {
        self.0.lock().unwrap().take()
    }

    pub fn give(&self, answer: Answer) {
        *self.0.lock().unwrap() = Some(answer);
    }
}

impl Order {
    pub async fn carry_out(self, consensus: Consensus, damage: Option<Damage>) {
        let done = |result: Result<(), Error>| result.map(|()| Answer::Done);
        let result = match self.ask {
            Ask::Write { session: Some(session), command } if damage == Some(Damage::RepeatsActTwice) => {
                let again = Session { seq: session.seq + (1 << 32), ..session };
                match consensus.write_once(session, (*command).clone()).await {
                    Ok(_) => consensus.write_once(again, *command).await.map(Answer::Written),
                    Err(error) => Err(error),
                }
            }
            Ask::Write { session: Some(session), command } => {
                consensus.write_once(session, *command).await.map(Answer::Written)
            }
            Ask::Write { session: None, command } => consensus.write(*command).await.map(Answer::Written),
            Ask::Read { key } if damage == Some(Damage::ReadsAskNobody) => {
                Ok(Answer::Found(consensus.peek(|state| lookup(state, &key))))
            }
            Ask::Read { key } => consensus.read(|state| lookup(state, &key)).await.map(Answer::Found),
            Ask::Transfer { to } => done(consensus.transfer_leader(to).await),
            Ask::AddLearner { node, peer } => done(consensus.add_learner(node, peer).await),
            Ask::SetVoters { voters } => done(consensus.set_voters(voters).await),
            Ask::Remove { node } => done(consensus.remove_learner(node).await),
        };
        self.reply.give(result.unwrap_or_else(|error| match error {
            Error::NoLeader(_) | Error::Misdirected(_) | Error::TooLarge { .. } => {
                Answer::Refused(error.to_string())
            }
            error => Answer::Unknown(error.to_string()),
        }));
    }
}

/// What a key has: the workflow of that name, whose document is a number.
pub fn lookup(state: &State, key: &str) -> Option<Versioned> {
    let workflow = state.workflows().get(key)?;
    let value = state.workflows().document(&workflow.hash)?.parse().ok()?;
    Some(Versioned { version: workflow.version, value })
}
