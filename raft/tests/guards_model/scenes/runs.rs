use etl_raft_state::command::{Assign, FinishRun, FireSchedule, PutSchedule, StartRun};
use etl_raft_state::parts::{CatchUp, Overlap, RunOutcome};
use etl_raft_state::{Command, PartitionKey};

use crate::scene::{RUNS, Scene, TIME_MS, View, WORKFLOW, after, epoch_at, put, running};

const SCHEDULE: &str = "nightly";

fn start(view: &View<'_>, run: usize) -> Option<Command> {
    let expected_version = Some(view.state.workflows().current_version(WORKFLOW));
    let replaces = view.state.runs().active(WORKFLOW);
    Some(
        StartRun {
            run: RUNS[run],
            workflow: WORKFLOW.into(),
            expected_version,
            replaces,
            pinned: None,
            hosts: Default::default(),
            parameters: Default::default(),
        }
        .into(),
    )
}

/// Two start runs in the place of the one they see, while the workflow changes and the first run ends.
pub fn starters() -> Scene {
    Scene {
        name: "starters",
        beginning: after(running()),
        actors: vec![
            vec![|view| start(view, 1)],
            vec![|view| start(view, 2)],
            vec![|_| Some(put(2, None).into())],
            vec![|_| Some(FinishRun { run: RUNS[0], outcome: RunOutcome::Cancelled, by: None }.into())],
            vec![|view| {
                let partition = PartitionKey::coordinator(RUNS[0]);
                let expected_epoch = epoch_at(view.state, &partition);
                Some(Assign { partition, owner: 1, expected_epoch }.into())
            }],
        ],
        repetitions: 1,
        is_read_again: false,
        climax: |state| {
            let coordinator = PartitionKey::coordinator(RUNS[0]);
            state.runs().active(WORKFLOW) == Some(RUNS[2]) && epoch_at(state, &coordinator) == 2
        },
    }
}

fn fire(view: &View<'_>, run: usize) -> Option<Command> {
    let next = view.state.schedules().get(SCHEDULE)?.next_fire_ms;
    let fire = FireSchedule {
        name: SCHEDULE.into(),
        expected_next_fire_ms: next,
        next_fire_ms: next + 1_000,
        run: RUNS[run],
    };
    Some(fire.into())
}

/// Two leaders, of whom one does not know that it has been replaced, see the same ticks.
pub fn ticks() -> Scene {
    let mut beginning = running();
    beginning.push(
        PutSchedule {
            name: SCHEDULE.into(),
            workflow: WORKFLOW.into(),
            cron: "* * * * *".into(),
            timezone: "UTC".into(),
            overlap: Overlap::Replace,
            catch_up: CatchUp::One,
            next_fire_ms: TIME_MS - 5_000,
            expected_version: None,
            pinned: None,
            hosts: Default::default(),
        }
        .into(),
    );
    Scene {
        name: "ticks",
        beginning: after(beginning),
        actors: vec![vec![|view| fire(view, 1), |view| fire(view, 1)], vec![|view| fire(view, 2)]],
        repetitions: 2,
        is_read_again: false,
        climax: |state| {
            state.schedules().get(SCHEDULE).is_some_and(|known| known.next_fire_ms == TIME_MS - 3_000)
        },
    }
}
