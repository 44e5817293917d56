use std::collections::{BTreeMap, BTreeSet};

use etl_raft_state::command::{
    AddPartitions, AdoptCluster, AdvanceCheckpoints, Assign, BeginDrain, Claim, DeleteSchedule, DeleteSecret,
    DeleteUser, DeleteWorkflow, FinalCheckpoint, FinishRun, FireSchedule, ForgetProgress, HaltRun, Holder,
    HostShards, NewPartition, PartitionClaim, Progress, PutSchedule, PutSecret, PutUser, PutWorkflow,
    RaiseFeatureLevel, RecordAudit, RegisterNode, Release, ResumeRun, SetNodeState, ShardMove, SkipTicks,
    StartRun, UpdateNode, WorkflowSchedule,
};
use etl_raft_state::parts::{CatchUp, Halt, Overlap};
use etl_raft_state::{Advance, Command, Fired, Kind, NodeState, PutOutcome, Rejection, Response, RunOutcome};
use uuid::Uuid;

use crate::checkpoints::{item, route};
use crate::schedules::schedule;
use crate::world::{World, add, founder, hash, node, partition, put, start, told};

/// One command of each kind. A new kind does not compile here before it has a name and a sample.
pub fn commands() -> Vec<(&'static str, Command)> {
    let run = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);
    let key = partition(run, "data/orders-1.csv");
    let guard = Some(3);
    let progress = Progress { seq_from: 4, seq_to: 9, position: vec![0, 1, 254, 255] };
    let last = FinalCheckpoint { destination: "out".to_owned(), progress };
    let samples: Vec<Command> = vec![
        RegisterNode { zone: "eu-1a".to_owned(), ..founder() }.into(),
        UpdateNode {
            node: 2,
            store: Uuid::from_u128(2),
            raft_address: Some("n2:7001".to_owned()),
            admin_address: "n2:7002".to_owned(),
            software_version: "0.2.0".to_owned(),
            feature_level: 1,
        }
        .into(),
        SetNodeState { node: 2, from: NodeState::Up, to: NodeState::Draining }.into(),
        PutWorkflow {
            schedule: Some(WorkflowSchedule {
                cron: "0 2 * * *".to_owned(),
                timezone: "Europe/Berlin".to_owned(),
                overlap: Overlap::Replace,
                catch_up: CatchUp::All,
                next_fire_ms: 1_700_000_000_000,
                pinned: Some(2),
                hosts: BTreeMap::new(),
            }),
            ..put("orders", "workflow: {name: orders}\n", Some(0))
        }
        .into(),
        DeleteWorkflow { name: "orders".to_owned(), expected_version: None }.into(),
        PutSchedule { pinned: Some(2), ..schedule("nightly", "orders") }.into(),
        FireSchedule {
            name: "nightly".to_owned(),
            expected_next_fire_ms: 1_700_000_000_000,
            next_fire_ms: 1_700_086_400_000,
            run,
        }
        .into(),
        SkipTicks {
            name: "nightly".to_owned(),
            expected_next_fire_ms: 1_700_000_000_000,
            next_fire_ms: 1_700_086_400_000,
        }
        .into(),
        DeleteSchedule { name: "nightly".to_owned(), expected_version: guard }.into(),
        StartRun {
            run,
            workflow: "orders".to_owned(),
            expected_version: guard,
            replaces: Some(Uuid::from_u128(9)),
            pinned: Some(2),
            hosts: BTreeMap::new(),
            parameters: BTreeMap::new(),
        }
        .into(),
        HaltRun {
            run,
            halt: Halt::Failed { message: "disk full".to_owned() },
            by: Some(PartitionClaim {
                partition: key.clone(),
                holder: Holder { node: 2, incarnation: 1, epoch: 7 },
            }),
        }
        .into(),
        ResumeRun { run, version: 4, takes_over: false }.into(),
        AddPartitions {
            run,
            epoch: 7,
            node: 2,
            incarnation: u64::MAX,
            partitions: vec![
                NewPartition { bytes: Some(1 << 40), records: Some(0), ..told("orders", "a") },
                told("orders", "b"),
            ],
            complete: true,
        }
        .into(),
        FinishRun {
            run,
            outcome: RunOutcome::Failed { message: "disk full".to_owned() },
            by: Some(Holder { node: 2, incarnation: 1, epoch: 7 }),
        }
        .into(),
        HostShards {
            run,
            version: 4,
            moves: vec![
                ShardMove { shard: "out.0of2".to_owned(), from: None, to: 2 },
                ShardMove { shard: "out.1of2".to_owned(), from: Some(2), to: 3 },
            ],
        }
        .into(),
        ForgetProgress { workflow: "orders".to_owned(), halted: Some(run), last: None }.into(),
        Assign { partition: key.clone(), owner: 2, expected_epoch: 6 }.into(),
        BeginDrain { partition: key.clone(), epoch: 7, to: Some(3) }.into(),
        Claim { partition: key.clone(), epoch: 7, node: 2, incarnation: u64::MAX }.into(),
        Release {
            partition: key.clone(),
            epoch: 7,
            node: 2,
            incarnation: 1,
            checkpoints: vec![last],
            done: true,
        }
        .into(),
        AdvanceCheckpoints { node: 2, incarnation: 1, items: vec![item(&key, 7, 4, 9)] }.into(),
        PutSecret { name: "pg".to_owned(), envelope: vec![0, 255, 128], expected_version: guard }.into(),
        DeleteSecret { name: "pg".to_owned(), expected_version: guard }.into(),
        PutUser {
            name: "ann".to_owned(),
            credential: vec![1, 2, 3],
            roles: BTreeSet::from(["admin".to_owned(), "viewer".to_owned()]),
            expected_version: guard,
        }
        .into(),
        DeleteUser { name: "ann".to_owned(), expected_version: guard }.into(),
        RecordAudit {
            actor: "ann".to_owned(),
            action: "workflow.apply".to_owned(),
            subject: "orders".to_owned(),
            detail: "version 3".to_owned(),
        }
        .into(),
        RaiseFeatureLevel { to: 2 }.into(),
        AdoptCluster { cluster: Uuid::from_u128(77), raise_epochs_by: 1 << 20 }.into(),
        Command::Batch(vec![RaiseFeatureLevel { to: 2 }.into(), node(3).into()]),
    ];
    samples.into_iter().map(|command| (command_name(&command), command)).collect()
}

fn command_name(command: &Command) -> &'static str {
    match command {
        Command::RegisterNode(_) => "register-node",
        Command::UpdateNode(_) => "update-node",
        Command::SetNodeState(_) => "set-node-state",
        Command::PutWorkflow(_) => "put-workflow",
        Command::DeleteWorkflow(_) => "delete-workflow",
        Command::PutSchedule(_) => "put-schedule",
        Command::FireSchedule(_) => "fire-schedule",
        Command::SkipTicks(_) => "skip-ticks",
        Command::DeleteSchedule(_) => "delete-schedule",
        Command::StartRun(_) => "start-run",
        Command::HaltRun(_) => "halt-run",
        Command::ResumeRun(_) => "resume-run",
        Command::AddPartitions(_) => "add-partitions",
        Command::FinishRun(_) => "finish-run",
        Command::HostShards(_) => "host-shards",
        Command::ForgetProgress(_) => "forget-progress",
        Command::Assign(_) => "assign",
        Command::BeginDrain(_) => "begin-drain",
        Command::Claim(_) => "claim",
        Command::Release(_) => "release",
        Command::AdvanceCheckpoints(_) => "advance-checkpoints",
        Command::PutSecret(_) => "put-secret",
        Command::DeleteSecret(_) => "delete-secret",
        Command::PutUser(_) => "put-user",
        Command::DeleteUser(_) => "delete-user",
        Command::RecordAudit(_) => "record-audit",
        Command::RaiseFeatureLevel(_) => "raise-feature-level",
        Command::AdoptCluster(_) => "adopt-cluster",
        Command::Batch(_) => "batch",
    }
}

/// One response of each kind, and every rejection.
pub fn responses() -> Vec<(String, Response)> {
    let run = Uuid::from_u128(5);
    let advances = vec![
        Advance::Ok,
        Advance::Fenced { epoch: 8 },
        Advance::Gap { seq: 3 },
        Advance::Duplicate { seq: 9 },
        Advance::TooLarge { size: 4096, limit: 2048 },
    ];
    let mut samples = vec![
        Response::Done,
        Response::Registered { node: 17 },
        Response::WorkflowPut { version: 3, outcome: PutOutcome::Updated },
        Response::WorkflowDeleted { version: 3 },
        Response::Stored { version: 1_000_000 },
        Response::Fired(Fired::Skipped { running: run }),
        Response::RunStarted { version: 3 },
        Response::Assigned { epoch: 1 << 20 },
        Response::Advanced(advances),
        Response::Batch(vec![
            Response::Done,
            Response::Fired(Fired::Started),
            Response::Fired(Fired::Queued),
            Response::Fired(Fired::Replaced { replaced: run }),
            Response::WorkflowPut { version: 1, outcome: PutOutcome::Created },
            Response::WorkflowPut { version: 1, outcome: PutOutcome::Unchanged },
        ]),
    ];
    samples.extend(rejections().into_iter().map(Response::Rejected));
    samples.into_iter().map(|response| (response_name(&response), response)).collect()
}

fn response_name(response: &Response) -> String {
    match response {
        Response::Done => "done",
        Response::Registered { .. } => "registered",
        Response::WorkflowPut { .. } => "workflow-put",
        Response::WorkflowDeleted { .. } => "workflow-deleted",
        Response::Stored { .. } => "stored",
        Response::Fired(_) => "fired",
        Response::RunStarted { .. } => "run-started",
        Response::Assigned { .. } => "assigned",
        Response::Advanced(_) => "advanced",
        Response::Batch(_) => "batch",
        Response::Rejected(rejection) => return format!("rejected-{}", rejection_name(rejection)),
    }
    .to_owned()
}

fn rejections() -> Vec<Rejection> {
    let run = Uuid::from_u128(5);
    let partition = partition(run, "a");
    let name = || "nightly".to_owned();
    vec![
        Rejection::AlreadyApplied { index: 3, last: 4 },
        Rejection::NotFounded,
        Rejection::AlreadyFounded,
        Rejection::FeatureLevel { needs: 2, cluster: 1 },
        Rejection::NestedBatch,
        Rejection::SessionExpired { client: Uuid::from_u128(8), seq: 3 },
        Rejection::Invalid { what: "workflow name".to_owned(), problem: "it is empty".to_owned() },
        Rejection::TooLarge { what: "secret".to_owned(), size: 70_000, limit: 65_536 },
        Rejection::NotFound { kind: Kind::Schedule, name: name() },
        Rejection::VersionConflict { kind: Kind::Workflow, name: name(), expected: 1, actual: 2 },
        Rejection::HashConflict { hash: hash("x") },
        Rejection::UnknownNode { node: 9 },
        Rejection::NodeRemoved { node: 9 },
        Rejection::StoreMismatch { node: 9 },
        Rejection::AddressInUse { address: "n2:7001".to_owned(), node: 9 },
        Rejection::SoftwareTooOld { reported: 1, cluster: 2 },
        Rejection::NodeBehind { node: 9, reported: 1, to: 2 },
        Rejection::NodeStateConflict { node: 9, expected: NodeState::Joining, actual: NodeState::Down },
        Rejection::NodeTransition { node: 9, from: NodeState::Up, to: NodeState::Removed },
        Rejection::NodeNotUp { node: 9, actual: NodeState::Draining },
        Rejection::LastNode { node: 9 },
        Rejection::NextFireConflict { schedule: name(), expected: 1, actual: 2 },
        Rejection::NotDue { schedule: name(), next_fire_ms: 2 },
        Rejection::RunExists { run },
        Rejection::RunFinished { run },
        Rejection::RunQueued { run },
        Rejection::RunHalted { run },
        Rejection::RunPinned { run, node: 9 },
        Rejection::RunDiscovered { run, source_step: "orders".to_owned(), partition: name() },
        Rejection::RunIncomplete { run, discovered: false, open: 3 },
        Rejection::RunNotFinished { workflow: name(), run },
        Rejection::RunConflict { workflow: name(), expected: None, actual: Some(run) },
        Rejection::EpochConflict { partition: partition.clone(), expected: 1, actual: 2 },
        Rejection::NotAssigned { partition: partition.clone() },
        Rejection::NotClaimed { partition: partition.clone() },
        Rejection::PartitionDone { partition: partition.clone() },
        Rejection::NotOwner { partition: partition.clone(), node: 1, owner: 2 },
        Rejection::ClaimedByAnother { partition: partition.clone() },
        Rejection::Draining { partition: partition.clone() },
        Rejection::Released { partition: partition.clone() },
        Rejection::FinalCheckpoint { route: route(&partition), advance: Advance::Gap { seq: 4 } },
        Rejection::EpochsNotRaised,
        Rejection::EpochsExhausted,
    ]
}

fn rejection_name(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::AlreadyApplied { .. } => "already-applied",
        Rejection::NotFounded => "not-founded",
        Rejection::AlreadyFounded => "already-founded",
        Rejection::FeatureLevel { .. } => "feature-level",
        Rejection::NestedBatch => "nested-batch",
        Rejection::SessionExpired { .. } => "session-expired",
        Rejection::Invalid { .. } => "invalid",
        Rejection::TooLarge { .. } => "too-large",
        Rejection::NotFound { .. } => "not-found",
        Rejection::VersionConflict { .. } => "version-conflict",
        Rejection::HashConflict { .. } => "hash-conflict",
        Rejection::UnknownNode { .. } => "unknown-node",
        Rejection::NodeRemoved { .. } => "node-removed",
        Rejection::StoreMismatch { .. } => "store-mismatch",
        Rejection::AddressInUse { .. } => "address-in-use",
        Rejection::SoftwareTooOld { .. } => "software-too-old",
        Rejection::NodeBehind { .. } => "node-behind",
        Rejection::NodeStateConflict { .. } => "node-state-conflict",
        Rejection::NodeTransition { .. } => "node-transition",
        Rejection::NodeNotUp { .. } => "node-not-up",
        Rejection::LastNode { .. } => "last-node",
        Rejection::NextFireConflict { .. } => "next-fire-conflict",
        Rejection::NotDue { .. } => "not-due",
        Rejection::RunExists { .. } => "run-exists",
        Rejection::RunFinished { .. } => "run-finished",
        Rejection::RunQueued { .. } => "run-queued",
        Rejection::RunHalted { .. } => "run-halted",
        Rejection::RunPinned { .. } => "run-pinned",
        Rejection::RunDiscovered { .. } => "run-discovered",
        Rejection::RunIncomplete { .. } => "run-incomplete",
        Rejection::RunNotFinished { .. } => "run-not-finished",
        Rejection::RunConflict { .. } => "run-conflict",
        Rejection::EpochConflict { .. } => "epoch-conflict",
        Rejection::NotAssigned { .. } => "not-assigned",
        Rejection::NotClaimed { .. } => "not-claimed",
        Rejection::PartitionDone { .. } => "partition-done",
        Rejection::NotOwner { .. } => "not-owner",
        Rejection::ClaimedByAnother { .. } => "claimed-by-another",
        Rejection::Draining { .. } => "draining",
        Rejection::Released { .. } => "released",
        Rejection::FinalCheckpoint { .. } => "final-checkpoint",
        Rejection::EpochsNotRaised => "epochs-not-raised",
        Rejection::EpochsExhausted => "epochs-exhausted",
    }
}

/// The rows that the state has, by the first byte of their keys.
pub const ROW_KINDS: [(u8, &str); 16] = [
    (1, "facts"),
    (2, "node"),
    (3, "workflow"),
    (4, "workflow-version"),
    (5, "document"),
    (6, "schedule"),
    (7, "run"),
    (8, "epoch"),
    (9, "assignment"),
    (10, "checkpoint"),
    (11, "secret"),
    (12, "user"),
    (13, "audit-event"),
    (14, "client"),
    (15, "answer"),
    (16, "partition"),
];

/// A state that has rows of every kind, in every shape they have.
pub fn story() -> World {
    let mut world = World::founded();
    world.ok(AdoptCluster { cluster: Uuid::from_u128(77), raise_epochs_by: 3 });
    let draining = world.node_up(2);
    world.set_state(draining, NodeState::Up, NodeState::Draining);
    world.set_state(draining, NodeState::Draining, NodeState::Down);
    let removed = world.node(3);
    world.set_state(removed, NodeState::Joining, NodeState::Removed);
    let to = world.node_up(4);

    world.put("orders", "one");
    world.put("orders", &"a document of more than one row, ".repeat(1000));
    world.put("gone", "one");
    world.ok(DeleteWorkflow { name: "gone".to_owned(), expected_version: None });
    world.ok(PutSchedule { overlap: Overlap::Queue, ..schedule("nightly", "orders") });

    let outcomes = [
        RunOutcome::Completed,
        RunOutcome::Cancelled,
        RunOutcome::Failed { message: "disk full".to_owned() },
    ];
    for (number, outcome) in (10..).zip(outcomes) {
        let run = world.run("orders", number);
        match outcome {
            RunOutcome::Completed => world.complete(run),
            outcome => drop(world.ok(FinishRun { run, outcome, by: None })),
        }
    }
    let run = world.run("orders", 20);
    world.ok(FireSchedule {
        name: "nightly".to_owned(),
        expected_next_fire_ms: world.time_ms,
        next_fire_ms: world.time_ms + 1,
        run: Uuid::from_u128(21),
    });
    let key = |name: &str| partition(run, name);
    let holder = world.coordinate(run);
    let mut sized = told("orders", "assigned");
    (sized.bytes, sized.records) = (Some(1 << 40), Some(7));
    world.ok(AddPartitions { partitions: vec![sized], ..add(run, holder, &[], false) });
    for (number, name) in (1..).zip(["assigned", "draining", "released", "done", "a\0zero"]) {
        let epoch = world.assign_and_claim(&key(name), 1, 7);
        let items = vec![item(&key(name), epoch, 0, number)];
        world.ok(AdvanceCheckpoints { node: 1, incarnation: 7, items });
    }
    world.assign(&key("unclaimed"), 1);
    world.ok(BeginDrain { partition: key("draining"), epoch: 4, to: Some(to) });
    for (name, done) in [("released", false), ("done", true)] {
        let partition = key(name);
        world.ok(Release { partition, epoch: 4, node: 1, incarnation: 7, checkpoints: vec![], done });
    }
    let failed = Halt::Failed { message: "disk full".to_owned() };
    for (number, (workflow, halt)) in (30..).zip([("paused", Halt::Paused), ("failed", failed)]) {
        let run = Uuid::from_u128(number);
        world.put(workflow, workflow);
        world.ok(StartRun { pinned: Some(1), ..start(run, workflow) });
        world.add(run, &["only"], true);
        world.ok(HaltRun { run, halt, by: None });
    }

    for (_, command) in commands() {
        if matches!(command, Command::PutSecret(_) | Command::PutUser(_) | Command::RecordAudit(_)) {
            let command = match command {
                Command::PutSecret(put) => PutSecret { expected_version: Some(0), ..put }.into(),
                Command::PutUser(put) => PutUser { expected_version: Some(0), ..put }.into(),
                other => other,
            };
            world.ok(command);
        }
    }
    world.time_ms += 1234;
    world.send_in(99, 1, 1, founder());
    world.send_in(99, 2, 1, put("orders", "refused", Some(1)));
    world
}
