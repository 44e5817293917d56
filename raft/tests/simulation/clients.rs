//! Clients outside the nodes: each does one thing after the other, on whichever node it likes, and remembers what it saw.

use std::collections::BTreeMap;

use etl_raft::NodeId;
use etl_raft_state::command::PutWorkflow;
use etl_raft_state::{ContentHash, Rejection, Response, Session};
use fastrand::Rng;
use uuid::Uuid;

use crate::history::{Call, Input, Output};
use crate::orders::{Answer, Ask, Order, Reply};
use crate::site::Site;

pub const KEYS: [&str; 3] = ["a", "b", "c"];

/// How often a call is repeated at most.
const MOST_ATTEMPTS: u32 = 4;

pub struct Clients {
    clients: Vec<Client>,
    pub histories: BTreeMap<&'static str, Vec<Call>>,
    next_value: u64,
    random: Rng,
    pub tally: Tally,
}

/// What became of the calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub acknowledged: u64,
    pub conflicts: u64,
    pub reads: u64,
    /// May have acted or not.
    pub unknown: u64,
    /// Certainly have not acted.
    pub refused: u64,
    /// Calls that had their answer only after they were repeated.
    pub repeated: u64,
}

struct Client {
    id: Uuid,
    next_seq: u64,
    /// The version of each key that it saw last.
    known: BTreeMap<&'static str, u64>,
    phase: Phase,
}

enum Phase {
    Idle {
        until: u64,
    },
    Waits {
        call: Pending,
        node: NodeId,
        reply: Reply,
    },
    /// Will repeat.
    Pauses {
        call: Pending,
        until: u64,
    },
}

#[derive(Clone, Copy)]
struct Pending {
    key: &'static str,
    input: Input,
    session: Option<Session>,
    called: u64,
    attempts: u32,
    /// Whether an attempt may have acted.
    may_have_acted: bool,
}

impl Clients {
    pub fn new(count: u64, random: Rng) -> Self {
        let client = |number| Client {
            id: Uuid::from_u128(0xc11e_0000 + u128::from(number)),
            next_seq: 1,
            known: BTreeMap::new(),
            phase: Phase::Idle { until: 0 },
        };
        Self {
            clients: (0..count).map(client).collect(),
            histories: BTreeMap::new(),
            next_value: 1,
            random,
            tally: Tally::default(),
        }
    }

    /// Before a step: those who have nothing under way begin something.
    pub fn begin(&mut self, site: &Site, step: u64) {
        for number in 0..self.clients.len() {
            let call = match &self.clients[number].phase {
                Phase::Idle { until } if *until <= step => Some(self.new_call(number, step)),
                Phase::Pauses { call, until } if *until <= step => Some(*call),
                _ => None,
            };
            if let Some(call) = call {
                self.send(site, number, call, step);
            }
        }
    }

    fn new_call(&mut self, number: usize, step: u64) -> Pending {
        let key = KEYS[self.random.usize(..KEYS.len())];
        let client = &mut self.clients[number];
        let input = match self.random.u8(..10) {
            0..=3 => Input::Read,
            kind => {
                let expected = (kind > 6).then(|| {
                    let known = client.known.get(key).copied().unwrap_or(0);
                    known.saturating_sub(u64::from(self.random.u8(..6) == 0))
                });
                self.next_value += 1;
                Input::Put { value: self.next_value, expected }
            }
        };
        let in_session = input != Input::Read && self.random.bool();
        let session = in_session.then(|| {
            let seq = client.next_seq;
            client.next_seq += 1;
            Session { client: client.id, seq, acknowledged_below: seq }
        });
        Pending { key, input, session, called: 2 * step, attempts: 0, may_have_acted: false }
    }

    fn send(&mut self, site: &Site, number: usize, mut call: Pending, step: u64) {
        let running = site.running();
        let Some(node) = self.random.choice(running) else {
            // Nobody to ask; nothing was tried.
            self.clients[number].phase = match call.attempts {
                0 => Phase::Idle { until: step + 20 },
                _ => Phase::Pauses { call, until: step + 20 },
            };
            return;
        };
        call.attempts += 1;
        let ask = match call.input {
            Input::Read => Ask::Read { key: call.key.to_owned() },
            Input::Put { value, expected } => {
                Ask::Write { session: call.session, command: Box::new(put(call.key, value, expected).into()) }
            }
        };
        site.witness.note(|| format!("client {number} asks node {node}, attempt {}: {ask:?}", call.attempts));
        let reply = Reply::default();
        if let Some(process) = site.places.get(&node).and_then(|place| place.process()) {
            // Fails only when the process has ended, and then it is told so.
            let _ = process.orders.send(Order { ask, reply: reply.clone() });
        }
        self.clients[number].phase = Phase::Waits { call, node, reply };
    }

    /// After a step: takes the answers.
    pub fn collect(&mut self, site: &Site, step: u64) {
        for number in 0..self.clients.len() {
            if let Phase::Waits { call, reply, .. } = &self.clients[number].phase
                && let Some(answer) = reply.take()
            {
                let call = *call;
                site.witness.note(|| format!("client {number} is told {answer:?}"));
                self.answered(number, call, answer, step);
            }
        }
    }

    /// Whoever waits for this node waits in vain.
    pub fn node_ended(&mut self, node: NodeId, step: u64) {
        for number in 0..self.clients.len() {
            if let Phase::Waits { call, node: asked, .. } = &self.clients[number].phase
                && *asked == node
            {
                let call = *call;
                self.answered(number, call, Answer::Unknown("the process has ended".to_owned()), step);
            }
        }
    }

    /// Nothing more is repeated; what has no answer never gets one.
    pub fn end(&mut self, step: u64) {
        for number in 0..self.clients.len() {
            if let Phase::Waits { call, .. } | Phase::Pauses { call, .. } = &self.clients[number].phase {
                let mut call = *call;
                call.may_have_acted = true;
                self.given_up(number, call, step);
            }
        }
    }

    fn answered(&mut self, number: usize, mut call: Pending, answer: Answer, step: u64) {
        let output = match (call.input, answer) {
            (Input::Read, Answer::Found(found)) => Output::Found(found),
            (Input::Put { .. }, Answer::Written(Response::WorkflowPut { version, .. })) => {
                Output::Written { version }
            }
            (
                Input::Put { .. },
                Answer::Written(Response::Rejected(Rejection::VersionConflict { actual, .. })),
            ) => Output::Conflict { actual },
            (_, Answer::Refused(_)) => return self.try_again(number, call, step),
            // Other answers do not fit what was asked, and cannot be told from lost ones.
            _ => {
                call.may_have_acted = true;
                return self.try_again(number, call, step);
            }
        };
        let version = match output {
            Output::Found(found) => found.map_or(0, |found| found.version),
            Output::Written { version } | Output::Conflict { actual: version } => version,
        };
        match output {
            Output::Found(_) => self.tally.reads += 1,
            Output::Written { .. } => self.tally.acknowledged += 1,
            Output::Conflict { .. } => self.tally.conflicts += 1,
        }
        self.tally.repeated += u64::from(call.attempts > 1);
        self.record(call, Some(output), step);
        let pause = self.random.u64(1..30);
        let client = &mut self.clients[number];
        client.known.insert(call.key, version);
        client.phase = Phase::Idle { until: step + pause };
    }

    /// Only in a session may a write be repeated that may have acted.
    fn try_again(&mut self, number: usize, call: Pending, step: u64) {
        let may = call.input == Input::Read || call.session.is_some() || !call.may_have_acted;
        if !may || call.attempts >= MOST_ATTEMPTS || self.random.u8(..6) == 0 {
            return self.given_up(number, call, step);
        }
        let until = step + self.random.u64(2..40);
        self.clients[number].phase = Phase::Pauses { call, until };
    }

    fn given_up(&mut self, number: usize, call: Pending, step: u64) {
        if call.may_have_acted && call.input != Input::Read {
            self.tally.unknown += 1;
            self.record(call, None, step);
        } else {
            self.tally.refused += 1;
        }
        self.clients[number].phase = Phase::Idle { until: step + 10 };
    }

    fn record(&mut self, call: Pending, output: Option<Output>, step: u64) {
        let Pending { key, input, called, .. } = call;
        self.add(key, Call { input, output, called, returned: 2 * step + 1 });
    }

    /// Adds a call of somebody else.
    pub fn add(&mut self, key: &'static str, call: Call) {
        self.histories.entry(key).or_default().push(call);
    }

    /// A value that nobody else writes.
    pub fn fresh_value(&mut self) -> u64 {
        self.next_value += 1;
        self.next_value
    }
}

pub fn put(key: &str, value: u64, expected_version: Option<u64>) -> PutWorkflow {
    PutWorkflow {
        name: key.to_owned(),
        document: value.to_string(),
        hash: hash(value),
        expected_version,
        schedule: None,
    }
}

pub fn hash(value: u64) -> ContentHash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&value.to_be_bytes());
    ContentHash(hash)
}
