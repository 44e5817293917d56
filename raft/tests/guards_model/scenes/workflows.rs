use etl_raft_state::Command;
use etl_raft_state::command::{DeleteWorkflow, RecordAudit};

use crate::scene::{Scene, View, WORKFLOW, after, nodes, put};

fn put_seen(view: &View<'_>, document: u8) -> Option<Command> {
    Some(put(document, Some(view.state.workflows().current_version(WORKFLOW))).into())
}

fn note(detail: &str) -> Option<Command> {
    let note =
        RecordAudit { actor: "a".into(), action: "b".into(), subject: "c".into(), detail: detail.into() };
    Some(note.into())
}

/// Three change the same workflow, each what it has seen.
pub fn writers() -> Scene {
    Scene {
        name: "writers",
        beginning: after(nodes()),
        actors: vec![
            vec![|view| put_seen(view, 1), |view| put_seen(view, 2)],
            vec![|view| put_seen(view, 3), |view| put_seen(view, 4)],
            vec![|view| {
                let seen = view.state.workflows().get(WORKFLOW)?.version;
                Some(DeleteWorkflow { name: WORKFLOW.into(), expected_version: Some(seen) }.into())
            }],
        ],
        repetitions: 1,
        is_read_again: false,
        climax: |state| state.workflows().current_version(WORKFLOW) >= 4,
    }
}

/// Commands that have nothing to guard them but their entry's place in the log.
pub fn replays() -> Scene {
    Scene { name: "replays", is_read_again: true, ..retries() }
}

/// Commands that nothing but the session keeps from acting again.
pub fn retries() -> Scene {
    Scene {
        name: "retries",
        beginning: after(nodes()),
        actors: vec![
            vec![|_| Some(put(1, None).into()), |_| Some(put(2, None).into())],
            vec![|_| note("one"), |_| note("two")],
        ],
        repetitions: 3,
        is_read_again: false,
        climax: |state| state.audit().newest_first().count() == 2,
    }
}
