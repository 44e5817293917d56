use std::collections::BTreeMap;

use etl_raft_state::command::{
    AddPartitions, Assign, Claim, FinishRun, Holder, NewPartition, PutWorkflow, RegisterNode, Release,
    SetNodeState, StartRun,
};
use etl_raft_state::parts::AssignmentState;
use etl_raft_state::{
    Command, ContentHash, Envelope, NodeId, NodeState, PartitionKey, PutOutcome, Rejection, Response,
    RunOutcome, Session, State,
};
use uuid::Uuid;

/// The process that coordinates runs where nothing else is said.
pub const COORDINATOR: u64 = 1000;

pub type Row = (Vec<u8>, Vec<u8>);

/// A state that is driven command by command. Time stands still unless it is moved.
#[derive(Clone)]
pub struct World {
    pub state: State,
    pub index: u64,
    pub time_ms: u64,
}

impl World {
    /// Before the first entry.
    pub fn empty() -> Self {
        Self { state: State::default(), index: 1, time_ms: 1_700_000_000_000 }
    }

    /// With its founder, node 1, up.
    pub fn founded() -> Self {
        let mut world = Self::empty();
        world.ok(founder());
        world.set_state(1, NodeState::Joining, NodeState::Up);
        world
    }

    /// Sends a command outside of any session.
    pub fn send(&mut self, command: impl Into<Command>) -> Response {
        self.apply(None, command.into())
    }

    /// Sends a command as the one numbered `seq` of a client that has acknowledged all below `below`.
    pub fn send_in(&mut self, client: u128, seq: u64, below: u64, command: impl Into<Command>) -> Response {
        let session = Session { client: Uuid::from_u128(client), seq, acknowledged_below: below };
        self.apply(Some(session), command.into())
    }

    /// Sends a command that must not be refused.
    pub fn ok(&mut self, command: impl Into<Command>) -> Response {
        self.send(command).into_result().unwrap()
    }

    /// Sends a command that must be refused and must have changed nothing.
    pub fn refused(&mut self, command: impl Into<Command>) -> Rejection {
        let before = self.rows_without_facts();
        let rejection = self.send(command).into_result().unwrap_err();
        assert!(before == self.rows_without_facts(), "a refused command has changed something: {rejection}");
        assert!(!rejection.to_string().is_empty());
        rejection
    }

    pub fn node(&mut self, number: u128) -> NodeId {
        match self.ok(node(number)) {
            Response::Registered { node } => node,
            other => panic!("{other:?}"),
        }
    }

    /// Admits a node and lets it be up.
    pub fn node_up(&mut self, number: u128) -> NodeId {
        let id = self.node(number);
        self.set_state(id, NodeState::Joining, NodeState::Up);
        id
    }

    pub fn set_state(&mut self, node: NodeId, from: NodeState, to: NodeState) {
        self.ok(SetNodeState { node, from, to });
    }

    /// Puts a workflow whose document is `text` into force.
    pub fn put(&mut self, name: &str, text: &str) -> (u64, PutOutcome) {
        match self.ok(put(name, text, None)) {
            Response::WorkflowPut { version, outcome } => (version, outcome),
            other => panic!("{other:?}"),
        }
    }

    /// Starts a run of a workflow that is made when it does not exist.
    pub fn run(&mut self, workflow: &str, number: u128) -> Uuid {
        if self.state.workflows().get(workflow).is_none() {
            self.put(workflow, workflow);
        }
        let run = Uuid::from_u128(number);
        self.ok(start(run, workflow));
        run
    }

    /// The holder of a run's coordinator, which is given to node 1 when nobody holds it.
    pub fn coordinate(&mut self, run: Uuid) -> Holder {
        let key = PartitionKey::coordinator(run);
        if let Some(known) = self.state.assignments().get(&key)
            && let Some(incarnation) = known.claimed_by
            && known.state != AssignmentState::Released
        {
            return Holder { node: known.owner, incarnation, epoch: known.epoch };
        }
        let epoch = self.assign_and_claim(&key, 1, COORDINATOR);
        Holder { node: 1, incarnation: COORDINATOR, epoch }
    }

    /// Makes partitions of a run known, as its coordinator does.
    pub fn add(&mut self, run: Uuid, names: &[&str], complete: bool) -> Holder {
        let holder = self.coordinate(run);
        self.ok(add(run, holder, names, complete));
        holder
    }

    /// Does all that is left to do of a run, and finishes it.
    pub fn complete(&mut self, run: Uuid) {
        let holder = self.add(run, &[], true);
        let rows = self.state.partitions().of_run(run);
        let open: Vec<PartitionKey> = rows.filter(|(_, row)| !row.done).map(|(key, _)| key.clone()).collect();
        for partition in open {
            let held = self.state.assignments().get(&partition);
            let held = held.and_then(|held| Some((held.epoch, held.owner, held.claimed_by?)));
            let (epoch, node, incarnation) =
                held.unwrap_or_else(|| (self.assign_and_claim(&partition, 1, 7), 1, 7));
            self.ok(Release { partition, epoch, node, incarnation, checkpoints: vec![], done: true });
        }
        self.ok(FinishRun { run, outcome: RunOutcome::Completed, by: Some(holder) });
    }

    /// Gives a partition, which is made known when it is not, to a node, which claims it, and tells the epoch.
    pub fn assign_and_claim(&mut self, key: &PartitionKey, owner: NodeId, incarnation: u64) -> u64 {
        let epoch = self.assign(key, owner);
        self.ok(Claim { partition: key.clone(), epoch, node: owner, incarnation });
        epoch
    }

    pub fn assign(&mut self, key: &PartitionKey, owner: NodeId) -> u64 {
        if !key.is_coordinator() && self.state.partitions().get(key).is_none() {
            let holder = self.coordinate(key.run);
            let partitions = vec![told(&key.source, &key.partition)];
            self.ok(AddPartitions { partitions, ..add(key.run, holder, &[], false) });
        }
        let expected_epoch = self.epoch(key);
        match self.ok(Assign { partition: key.clone(), owner, expected_epoch }) {
            Response::Assigned { epoch } => epoch,
            other => panic!("{other:?}"),
        }
    }

    /// The epoch of a partition now.
    pub fn epoch(&self, key: &PartitionKey) -> u64 {
        let workflow = self.state.runs().get(key.run).unwrap().workflow.clone();
        let (source, partition) = (key.source.clone(), key.partition.clone());
        let key = etl_raft_state::EpochKey { workflow, source, partition };
        self.state.epochs().current(&key, self.state.meta())
    }

    /// All rows but those that every entry changes.
    pub fn rows_without_facts(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        const FACTS: u8 = 1;
        self.state.rows().filter(|(key, _)| key.first() != Some(&FACTS)).collect()
    }

    fn apply(&mut self, session: Option<Session>, command: Command) -> Response {
        let envelope = Envelope { time_ms: self.time_ms, session, command };
        let response = self.state.apply(self.index, &envelope);
        self.index += 1;
        response
    }
}

pub fn founder() -> RegisterNode {
    RegisterNode { founder: true, ..node(1) }
}

pub fn node(number: u128) -> RegisterNode {
    RegisterNode {
        store: Uuid::from_u128(number),
        raft_address: format!("n{number}:7001"),
        admin_address: format!("n{number}:7002"),
        software_version: "0.1.0".to_owned(),
        feature_level: 1,
        zone: String::new(),
        founder: false,
    }
}

/// A hash that is as good as any for equal and different texts.
pub fn hash(text: &str) -> ContentHash {
    let mut hash = [0u8; 32];
    for (at, byte) in text.bytes().enumerate() {
        let slot = &mut hash[at % 32];
        *slot = slot.wrapping_mul(31).wrapping_add(byte);
    }
    hash[31] = hash[31].wrapping_add(text.len() as u8);
    ContentHash(hash)
}

pub fn put(name: &str, text: &str, expected_version: Option<u64>) -> PutWorkflow {
    PutWorkflow {
        name: name.to_owned(),
        document: text.to_owned(),
        hash: hash(text),
        expected_version,
        schedule: None,
    }
}

pub fn partition(run: Uuid, name: &str) -> PartitionKey {
    PartitionKey { run, source: "orders".to_owned(), partition: name.to_owned() }
}

/// The start of a run in whatever version, with nothing in its place.
pub fn start(run: Uuid, workflow: &str) -> StartRun {
    StartRun {
        run,
        workflow: workflow.to_owned(),
        expected_version: None,
        replaces: None,
        pinned: None,
        hosts: BTreeMap::new(),
        parameters: BTreeMap::new(),
    }
}

/// Partitions of the source `orders`, of unknown size.
pub fn add(run: Uuid, holder: Holder, names: &[&str], complete: bool) -> AddPartitions {
    let Holder { node, incarnation, epoch } = holder;
    let partitions = names.iter().map(|name| told("orders", name)).collect();
    AddPartitions { run, epoch, node, incarnation, partitions, complete }
}

/// A partition of unknown size.
pub fn told(source: &str, partition: &str) -> NewPartition {
    NewPartition { source: source.to_owned(), partition: partition.to_owned(), bytes: None, records: None }
}
