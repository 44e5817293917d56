//! Who plays, and what they do.

use etl_raft_state::command::{
    AddPartitions, Assign, Claim, Holder, NewPartition, PutWorkflow, RegisterNode, SetNodeState, StartRun,
};
use etl_raft_state::{
    Command, ContentHash, Envelope, EpochKey, FEATURE_LEVEL, NodeState, PartitionKey, RouteKey, State,
};
use stateright::{Model, Property};
use uuid::Uuid;

use crate::ghost::Harm;
use crate::guards::Guard;
use crate::world::{Action, Sent, World};

pub const WORKFLOW: &str = "w";

/// The first is running from the beginning, where there is one.
pub const RUNS: [Uuid; 3] = [Uuid::from_u128(0x41), Uuid::from_u128(0x42), Uuid::from_u128(0x43)];

/// Who coordinates the first run from the beginning, where there is one.
pub const COORDINATOR: Holder = Holder { node: 1, incarnation: 10, epoch: 1 };

/// When everything happens, in milliseconds since 1970.
pub const TIME_MS: u64 = 10_000;

/// What an actor sees when it acts: the state now, and what it has sent and was told.
pub struct View<'a> {
    pub state: &'a State,
    pub mine: &'a [Sent],
}

/// What an actor sends next; absent while it has no reason to.
pub type Step = fn(&View<'_>) -> Option<Command>;

pub struct Scene {
    pub name: &'static str,
    pub beginning: State,
    pub actors: Vec<Vec<Step>>,
    /// How many commands are committed once more.
    pub repetitions: u8,
    /// What is committed once more is the same entry, as when a node starts again from an older state; its commands have no
    /// session. Otherwise it is a new entry with the same command.
    pub is_read_again: bool,
    /// What must happen in some order of things, so that the scene is not empty.
    pub climax: fn(&State) -> bool,
}

/// A scene, with all guards or without one.
pub struct Play {
    pub scene: Scene,
    pub missing: Option<Guard>,
}

impl Model for Play {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(&self.scene)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        world.possible(&self.scene, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        world.after(self, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties: Vec<Property<Self>> = Harm::ALL.map(never).into();
        properties.push(Property::sometimes("it comes to the point", |play: &Self, world: &World| {
            (play.scene.climax)(&world.state)
        }));
        properties
    }
}

fn never(harm: Harm) -> Property<Play> {
    let condition: fn(&Play, &World) -> bool = match harm {
        Harm::Twice => |_, world| !world.ghost.harm.contains(&Harm::Twice),
        Harm::Unseen => |_, world| !world.ghost.harm.contains(&Harm::Unseen),
        Harm::Stale => |_, world| !world.ghost.harm.contains(&Harm::Stale),
        Harm::EpochAgain => |_, world| !world.ghost.harm.contains(&Harm::EpochAgain),
        Harm::Shared => |_, world| !world.ghost.harm.contains(&Harm::Shared),
        Harm::Backwards => |_, world| !world.ghost.harm.contains(&Harm::Backwards),
        Harm::TickTwice => |_, world| !world.ghost.harm.contains(&Harm::TickTwice),
        Harm::Impostor => |_, world| !world.ghost.harm.contains(&Harm::Impostor),
        Harm::DoneAgain => |_, world| !world.ghost.harm.contains(&Harm::DoneAgain),
        Harm::Begun => |_, world| !world.ghost.harm.contains(&Harm::Begun),
        Harm::LeftOut => |_, world| !world.ghost.harm.contains(&Harm::LeftOut),
        Harm::Usurped => |_, world| !world.ghost.harm.contains(&Harm::Usurped),
    };
    Property::always(harm.name(), condition)
}

/// The state after these commands, none of which may be refused.
pub fn after(commands: Vec<Command>) -> State {
    let mut state = State::default();
    for (index, command) in commands.into_iter().enumerate() {
        let envelope = Envelope { time_ms: TIME_MS, session: None, command };
        let response = state.apply(index as u64 + 1, &envelope);
        assert!(response.rejection().is_none(), "{response:?}");
    }
    state.take_changes();
    state
}

/// Two nodes that are up.
pub fn nodes() -> Vec<Command> {
    let mut commands = Vec::new();
    for node in [1_u64, 2] {
        commands.push(
            RegisterNode {
                store: store(node),
                raft_address: format!("n{node}:1"),
                admin_address: String::new(),
                software_version: String::new(),
                feature_level: FEATURE_LEVEL,
                zone: String::new(),
                founder: node == 1,
            }
            .into(),
        );
    }
    let up = |node| SetNodeState { node, from: NodeState::Joining, to: NodeState::Up };
    commands.extend([up(1).into(), up(2).into()]);
    commands
}

pub fn store(node: u64) -> Uuid {
    Uuid::from_u128(u128::from(node))
}

/// Two nodes and a workflow that runs, whose coordinator is held by [`COORDINATOR`] and which has one partition.
pub fn running() -> Vec<Command> {
    let mut commands = coordinated();
    commands.push(add(COORDINATOR, "p", false).into());
    commands
}

/// Two nodes and a workflow that runs, whose coordinator is held by [`COORDINATOR`].
pub fn coordinated() -> Vec<Command> {
    let mut commands = nodes();
    commands.push(put(1, Some(0)).into());
    let run = StartRun {
        run: RUNS[0],
        workflow: WORKFLOW.into(),
        expected_version: None,
        replaces: None,
        pinned: None,
        hosts: Default::default(),
        parameters: Default::default(),
    };
    let Holder { node, incarnation, epoch } = COORDINATOR;
    let partition = PartitionKey::coordinator(RUNS[0]);
    commands.push(run.into());
    commands.push(Assign { partition: partition.clone(), owner: node, expected_epoch: 0 }.into());
    commands.push(Claim { partition, epoch, node, incarnation }.into());
    commands
}

/// A partition of the first run, as the holder of its coordinator tells of it.
pub fn add(by: Holder, partition: &str, complete: bool) -> AddPartitions {
    let Holder { node, incarnation, epoch } = by;
    let told = NewPartition { source: "s".into(), partition: partition.into(), bytes: None, records: None };
    AddPartitions { run: RUNS[0], epoch, node, incarnation, partitions: vec![told], complete }
}

/// Another number is another document.
pub fn put(document: u8, expected_version: Option<u64>) -> PutWorkflow {
    let hash = ContentHash([document; 32]);
    PutWorkflow {
        name: WORKFLOW.into(),
        document: document.to_string(),
        hash,
        expected_version,
        schedule: None,
    }
}

/// The partition of a run.
pub fn partition(run: usize) -> PartitionKey {
    PartitionKey { run: RUNS[run], source: "s".into(), partition: "p".into() }
}

/// Where the partition of the first run is delivered to.
pub fn route() -> RouteKey {
    RouteKey { partition: partition(0), destination: "d".into() }
}

/// The partition's last epoch.
pub fn epoch_of(state: &State) -> u64 {
    epoch_at(state, &partition(0))
}

/// The last epoch of a partition or coordinator.
pub fn epoch_at(state: &State, key: &PartitionKey) -> u64 {
    let (source, partition) = (key.source.clone(), key.partition.clone());
    let key = EpochKey { workflow: WORKFLOW.into(), source, partition };
    state.epochs().current(&key, state.meta())
}
