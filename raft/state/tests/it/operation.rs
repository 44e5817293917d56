use etl_raft_state::command::{
    AddPartitions, AdoptCluster, AdvanceCheckpoints, Assign, BeginDrain, Claim, DeleteSchedule, DeleteSecret,
    DeleteUser, DeleteWorkflow, FinalCheckpoint, FinishRun, FireSchedule, ForgetProgress, HaltRun, Holder,
    Progress, PutSchedule, PutSecret, PutUser, RaiseFeatureLevel, RecordAudit, RegisterNode, Release,
    ResumeRun, SetNodeState, StartRun, UpdateNode,
};
use etl_raft_state::parts::{Halt, Overlap, RunPhase};
use etl_raft_state::{Command, EpochKey, NodeId, NodeState, PartitionKey, RunOutcome, State};
use proptest::prelude::*;
use uuid::Uuid;

use crate::checkpoints::item;
use crate::schedules::schedule;
use crate::world::{node, partition, put, told};

/// A command that is to be made up from the state it meets, so that about half of them pass their guards.
#[derive(Debug, Clone)]
pub struct Operation {
    what: What,
    /// Which of the things that there are.
    pick: usize,
    /// Which of the other things that there are.
    other: usize,
    /// How the guard relates to what is there: mostly it fits.
    guard: Guard,
}

#[derive(Debug, Clone, Copy)]
enum Guard {
    Fits,
    Absent,
    Off,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Register,
    Update,
    SetState(NodeState),
    PutWorkflow,
    DeleteWorkflow,
    PutSchedule(Overlap),
    Fire,
    DeleteSchedule,
    Start { replace: bool },
    Finish(usize),
    Halt { failed: bool },
    Resume,
    Forget,
    AddPartitions { complete: bool },
    Assign,
    Drain { aimed: bool },
    Claim,
    Release { seqs: u64 },
    Advance { seqs: u64 },
    PutSecret { size: usize },
    DeleteSecret,
    PutUser,
    DeleteUser,
    Audit,
    Raise,
    Adopt,
}

pub fn operation() -> impl Strategy<Value = Operation> {
    let state = prop_oneof![
        5 => Just(NodeState::Up),
        2 => Just(NodeState::Draining),
        2 => Just(NodeState::Down),
        1 => Just(NodeState::Joining),
        1 => Just(NodeState::Removed),
    ];
    let overlap = prop_oneof![Just(Overlap::Skip), Just(Overlap::Queue), Just(Overlap::Replace)];
    let what = prop_oneof![
        2 => Just(What::Register),
        1 => Just(What::Update),
        3 => state.prop_map(What::SetState),
        4 => Just(What::PutWorkflow),
        1 => Just(What::DeleteWorkflow),
        2 => overlap.prop_map(What::PutSchedule),
        3 => Just(What::Fire),
        1 => Just(What::DeleteSchedule),
        8 => proptest::bool::weighted(0.2).prop_map(|replace| What::Start { replace }),
        3 => (0usize..4).prop_map(What::Finish),
        2 => any::<bool>().prop_map(|failed| What::Halt { failed }),
        5 => Just(What::Resume),
        2 => Just(What::Forget),
        6 => proptest::bool::weighted(0.4).prop_map(|complete| What::AddPartitions { complete }),
        9 => Just(What::Assign),
        2 => any::<bool>().prop_map(|aimed| What::Drain { aimed }),
        8 => Just(What::Claim),
        4 => (0u64..3).prop_map(|seqs| What::Release { seqs }),
        10 => (0u64..4).prop_map(|seqs| What::Advance { seqs }),
        1 => (0usize..65_536).prop_map(|size| What::PutSecret { size }),
        1 => Just(What::DeleteSecret),
        1 => Just(What::PutUser),
        1 => Just(What::DeleteUser),
        1 => Just(What::Audit),
        1 => Just(What::Raise),
        1 => Just(What::Adopt),
    ];
    let guard = prop_oneof![6 => Just(Guard::Fits), 2 => Just(Guard::Absent), 2 => Just(Guard::Off)];
    (what, any::<usize>(), any::<usize>(), guard).prop_map(|(what, pick, other, guard)| Operation {
        what,
        pick,
        other,
        guard,
    })
}

impl Operation {
    /// The command that it is in this state. Ids that it makes up are derived from `fresh`.
    pub fn command(&self, state: &State, fresh: u64) -> Command {
        match self.what {
            What::Register => {
                RegisterNode { feature_level: u32::from(!self.is_off()), ..node((self.pick % 7) as u128 + 1) }
                    .into()
            }
            What::Update => self.update(state).into(),
            What::SetState(to) => {
                let node = self.node(state);
                let from = match state.nodes().get(node) {
                    Some(known) if !self.is_off() => known.state,
                    _ => NodeState::Joining,
                };
                SetNodeState { node, from, to }.into()
            }
            What::PutWorkflow => {
                let name = self.workflow();
                let expected = self.version(state.workflows().current_version(&name));
                put(&name, &format!("text {}", self.other % 4), expected).into()
            }
            What::DeleteWorkflow => {
                let name = self.workflow();
                let expected_version = self.version(state.workflows().current_version(&name));
                DeleteWorkflow { name, expected_version }.into()
            }
            What::PutSchedule(overlap) => {
                let known = state.schedules().get(&self.schedule()).map_or(0, |known| known.version);
                let next_fire_ms = state.meta().time_ms() + (self.other % 3) as u64;
                let expected_version = self.version(known);
                let schedule = schedule(&self.schedule(), &self.workflow());
                PutSchedule { overlap, next_fire_ms, expected_version, ..schedule }.into()
            }
            What::Fire => {
                let name = self.schedule();
                let next = state.schedules().get(&name).map_or(0, |known| known.next_fire_ms);
                FireSchedule {
                    name,
                    expected_next_fire_ms: next + u64::from(self.is_off()),
                    next_fire_ms: next + 1,
                    run: Uuid::from_u128(u128::from(fresh)),
                }
                .into()
            }
            What::DeleteSchedule => {
                let known = state.schedules().get(&self.schedule()).map_or(0, |known| known.version);
                DeleteSchedule { name: self.schedule(), expected_version: self.version(known) }.into()
            }
            What::Start { replace } => {
                let workflow = self.workflow();
                let expected_version = self.version(state.workflows().current_version(&workflow));
                let replaces = state.runs().active(&workflow).filter(|_| replace);
                let run = Uuid::from_u128(u128::from(fresh));
                let pinned = self.other.is_multiple_of(6).then(|| self.node(state));
                let host = self.other.is_multiple_of(7).then(|| ("sink".to_owned(), self.node(state)));
                let hosts = host.into_iter().collect();
                let day = self.other.is_multiple_of(3).then(|| ("day".to_owned(), "2026-11-01".to_owned()));
                let parameters = day.into_iter().collect();
                StartRun { run, workflow, expected_version, replaces, pinned, hosts, parameters }.into()
            }
            What::Finish(outcome) => {
                let outcomes = [
                    RunOutcome::Completed,
                    RunOutcome::Cancelled,
                    RunOutcome::Failed { message: "it broke".to_owned() },
                ];
                // Mostly the coordinator says that it is complete.
                let outcome = outcomes[outcome.saturating_sub(1)].clone();
                let run = match outcome {
                    RunOutcome::Completed => self.ready(state),
                    _ => self.run(state),
                };
                let by = match outcome {
                    RunOutcome::Completed => Some(self.holder(state, run)).filter(|_| !self.is_absent()),
                    _ => Some(self.holder(state, run)).filter(|_| self.is_absent()),
                };
                FinishRun { run, outcome, by }.into()
            }
            What::Halt { failed } => {
                let message = format!("failure {}", self.other % 3);
                let halt = if failed { Halt::Failed { message } } else { Halt::Paused };
                HaltRun { run: self.run(state), halt, by: None }.into()
            }
            What::Resume => {
                let halted = state.runs().iter().find(|(_, run)| matches!(run.phase, RunPhase::Halted(_)));
                let run = halted.map_or_else(|| self.run(state), |(id, _)| id);
                let known = state.runs().get(run);
                let own = known.map_or(1, |known| known.version);
                let in_force = known.map_or(1, |known| state.workflows().current_version(&known.workflow));
                let version = if self.other.is_multiple_of(2) { own } else { in_force };
                ResumeRun { run, version: version + u64::from(self.is_off()), takes_over: false }.into()
            }
            What::Forget => {
                let workflow = self.workflow();
                let halted = state.runs().active(&workflow).filter(|_| !self.is_absent());
                let last = state.runs().finished(&workflow).next().map(|(run, _)| run);
                ForgetProgress { workflow, halted, last: last.filter(|_| !self.is_off()) }.into()
            }
            What::AddPartitions { complete } => {
                let run = self.coordinated(state);
                let Holder { node, incarnation, epoch } = self.holder(state, run);
                let name = |number: usize| ["a", "b", "c", "d"][number % 4];
                let mut partitions = vec![told("orders", name(self.pick)), told("orders", name(self.other))];
                partitions[0].bytes = Some(self.other as u64);
                partitions.truncate(self.pick / 4 % 3);
                AddPartitions { run, epoch, node, incarnation, partitions, complete }.into()
            }
            What::PutSecret { size } => {
                let known = state.secrets().get("pg").map_or(0, |known| known.version);
                let envelope = vec![7; size];
                PutSecret { name: "pg".to_owned(), envelope, expected_version: self.version(known) }.into()
            }
            What::DeleteSecret => {
                let known = state.secrets().get("pg").map_or(0, |known| known.version);
                DeleteSecret { name: "pg".to_owned(), expected_version: self.version(known) }.into()
            }
            What::PutUser => PutUser {
                name: "ann".to_owned(),
                credential: vec![1],
                roles: ["admin".to_owned()].into(),
                expected_version: self.version(state.users().get("ann").map_or(0, |known| known.version)),
            }
            .into(),
            What::DeleteUser => DeleteUser {
                name: "ann".to_owned(),
                expected_version: self.version(state.users().get("ann").map_or(0, |known| known.version)),
            }
            .into(),
            What::Audit => RecordAudit {
                actor: "ann".to_owned(),
                action: "look".to_owned(),
                subject: String::new(),
                detail: String::new(),
            }
            .into(),
            What::Raise => RaiseFeatureLevel { to: 1 + (self.pick % 2) as u32 }.into(),
            What::Adopt => AdoptCluster {
                cluster: Uuid::from_u128((self.pick % 2) as u128 + 1),
                raise_epochs_by: 1 << 20,
            }
            .into(),
            What::Assign | What::Drain { .. } | What::Claim | What::Release { .. } | What::Advance { .. } => {
                self.on_partition(state)
            }
        }
    }

    fn on_partition(&self, state: &State) -> Command {
        let partition = self.partition(state);
        let known = state.assignments().get(&partition);
        let epoch = known.map_or(0, |known| known.epoch) + u64::from(self.is_off());
        let owner = if self.pick % 16 == 1 { 5 } else { known.map_or(1, |known| known.owner) };
        let incarnation = known.and_then(|known| known.claimed_by).unwrap_or(self.other as u64 % 2);
        let seq = |destination: &str| {
            let route = etl_raft_state::RouteKey {
                partition: partition.clone(),
                destination: destination.to_owned(),
            };
            state.checkpoints().get(&route).map_or(0, |known| known.seq)
        };
        match self.what {
            What::Assign => {
                let workflow = state.runs().get(partition.run).map_or("orders", |run| &run.workflow);
                let key = EpochKey {
                    workflow: workflow.to_owned(),
                    source: partition.source.clone(),
                    partition: partition.partition.clone(),
                };
                let expected_epoch = state.epochs().current(&key, state.meta()) + u64::from(self.is_off());
                Assign { partition, owner: self.node_up(state), expected_epoch }.into()
            }
            What::Drain { aimed } => {
                BeginDrain { partition, epoch, to: aimed.then(|| self.node_up(state)) }.into()
            }
            What::Claim => {
                let incarnation = if self.pick.is_multiple_of(4) { 9 } else { incarnation };
                Claim { partition, epoch, node: owner, incarnation }.into()
            }
            What::Release { seqs } => {
                let seq_from = seq("out");
                let progress = Progress { seq_from, seq_to: seq_from + seqs, position: vec![1] };
                let checkpoints = vec![FinalCheckpoint { destination: "out".to_owned(), progress }];
                let done = self.pick.is_multiple_of(2);
                Release { partition, epoch, node: owner, incarnation, checkpoints, done }.into()
            }
            _ => {
                let seqs = match self.what {
                    What::Advance { seqs } => seqs,
                    _ => 0,
                };
                let from = seq("out") + u64::from(self.pick.is_multiple_of(8));
                let items = vec![item(&partition, epoch, from, from + seqs)];
                AdvanceCheckpoints { node: owner, incarnation, items }.into()
            }
        }
    }

    fn update(&self, state: &State) -> UpdateNode {
        let node = self.node(state);
        let known = state.nodes().get(node);
        UpdateNode {
            node,
            store: known.filter(|_| !self.is_off()).map_or(Uuid::nil(), |known| known.store),
            raft_address: None,
            admin_address: format!("admin {}", self.other % 3),
            software_version: "0.2.0".to_owned(),
            feature_level: 1,
        }
    }

    fn is_off(&self) -> bool {
        matches!(self.guard, Guard::Off)
    }

    fn is_absent(&self) -> bool {
        matches!(self.guard, Guard::Absent)
    }

    /// Who holds the coordinator of a run, when somebody does and the guard is not off.
    fn holder(&self, state: &State, run: Uuid) -> Holder {
        let known = state.assignments().get(&PartitionKey::coordinator(run));
        let incarnation = known.and_then(|known| known.claimed_by).unwrap_or(0);
        let (node, epoch) = known.map_or((1, 1), |known| (known.owner, known.epoch));
        match self.pick % 3 {
            0 if self.is_off() => Holder { node: node + 1, incarnation, epoch },
            1 if self.is_off() => Holder { node, incarnation: incarnation + 1, epoch },
            _ => Holder { node, incarnation, epoch: epoch + u64::from(self.is_off()) },
        }
    }

    fn version(&self, current: u64) -> Option<u64> {
        match self.guard {
            Guard::Fits => Some(current),
            Guard::Absent => None,
            Guard::Off => Some(current + 1),
        }
    }

    fn node(&self, state: &State) -> NodeId {
        let nodes: Vec<NodeId> = state.nodes().iter().map(|(id, _)| id).collect();
        nodes.get(self.other % nodes.len().max(1)).copied().unwrap_or(1)
    }

    /// One that is up, unless there is none or the guard is off.
    fn node_up(&self, state: &State) -> NodeId {
        let up = state.nodes().iter().filter(|(_, node)| node.state == NodeState::Up).map(|(id, _)| id);
        let up: Vec<NodeId> = up.collect();
        let fitting = up.get(self.other % up.len().max(1)).copied().filter(|_| !self.is_off());
        fitting.unwrap_or_else(|| self.node(state))
    }

    fn workflow(&self) -> String {
        ["orders", "users"][self.pick % 2].to_owned()
    }

    fn schedule(&self) -> String {
        ["nightly", "weekly"][self.other % 2].to_owned()
    }

    /// Mostly one that is running.
    fn run(&self, state: &State) -> Uuid {
        let others = ["orders", "users"].iter().find_map(|workflow| state.runs().active(workflow));
        let active = state.runs().active(&self.workflow()).or(others);
        let any = || state.runs().iter().map(|(id, _)| id).nth(self.other % 3);
        active.or_else(any).unwrap_or_default()
    }

    /// One that has nothing left to do, when there is one.
    fn ready(&self, state: &State) -> Uuid {
        let is_ready = |id: Uuid| state.partitions().open(id) == 0;
        let mut runs = state.runs().iter().filter(|(_, run)| run.discovered && !run.is_finished());
        runs.find(|(id, _)| is_ready(*id)).map_or_else(|| self.run(state), |(id, _)| id)
    }

    /// One whose coordinator is held, when there is one.
    fn coordinated(&self, state: &State) -> Uuid {
        let held = state
            .assignments()
            .iter()
            .filter(|(key, held)| key.is_coordinator() && held.claimed_by.is_some());
        let held: Vec<Uuid> = held.map(|(key, _)| key.run).collect();
        held.get(self.other % held.len().max(1)).copied().unwrap_or_else(|| self.run(state))
    }

    /// To be assigned, any of a run or its coordinator; otherwise one that is assigned, when there is one.
    fn partition(&self, state: &State) -> PartitionKey {
        let assigned = state.assignments().iter().map(|(key, _)| key);
        // A coordinator is mostly held.
        let wanted =
            |key: &&PartitionKey| !key.is_coordinator() || !matches!(self.what, What::Release { .. });
        let assigned: Vec<&PartitionKey> = assigned.filter(wanted).collect();
        let known = assigned.get(self.other % assigned.len().max(1)).copied();
        if let Some(known) = known.filter(|_| !matches!(self.what, What::Assign)) {
            return known.clone();
        }
        let run = self.run(state);
        let rows = state.partitions().of_run(run).filter(|(_, row)| row.done || !self.is_absent());
        let known: Vec<&PartitionKey> = rows.map(|(key, _)| key).collect();
        match known.get(self.other % known.len().max(1)) {
            _ if self.pick.is_multiple_of(4) => PartitionKey::coordinator(run),
            Some(known) => (*known).clone(),
            None if self.is_off() => partition(run, "a"),
            None => PartitionKey::coordinator(run),
        }
    }
}
