use etl_raft_state::command::{SetNodeState, UpdateNode};
use etl_raft_state::{Command, FEATURE_LEVEL, NodeState};

use crate::scene::{Scene, View, after, nodes, store};

const NODE: u64 = 2;

/// Moves the node on from where it sees it.
fn set(view: &View<'_>, to: NodeState) -> Option<Command> {
    let from = view.state.nodes().get(NODE)?.state;
    from.may_become(to).then(|| SetNodeState { node: NODE, from, to }.into())
}

fn update(store: uuid::Uuid, version: &str) -> Option<Command> {
    let update = UpdateNode {
        node: NODE,
        store,
        raft_address: None,
        admin_address: String::new(),
        software_version: version.into(),
        feature_level: FEATURE_LEVEL,
    };
    Some(update.into())
}

/// Two judge a node, each by what it has seen, an operator removes it, and a wiped machine speaks in its name.
pub fn judges() -> Scene {
    Scene {
        name: "judges",
        beginning: after(nodes()),
        actors: vec![
            vec![|view| set(view, NodeState::Down), |view| set(view, NodeState::Up)],
            vec![|view| set(view, NodeState::Draining), |view| set(view, NodeState::Removed)],
            vec![|_| update(store(NODE), "new")],
            vec![|_| update(store(99), "impostor")],
        ],
        repetitions: 1,
        is_read_again: false,
        climax: |state| {
            state
                .nodes()
                .get(NODE)
                .is_some_and(|node| node.state == NodeState::Removed && node.software_version == "new")
        },
    }
}
