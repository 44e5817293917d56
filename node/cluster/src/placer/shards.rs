use std::collections::BTreeSet;

use etl_raft_state::command::HostShards;
use etl_raft_state::parts::RunPhase;
use etl_raft_state::{Command, NodeId, NodeState, State};

use super::trust::is_distrusted;
use crate::hosts::{balance_shards, place_shards};

fn is_up(state: &State, node: NodeId) -> bool {
    state.nodes().get(node).is_some_and(|known| known.state == NodeState::Up)
}

/// Nodes that can be given shards: all that are up and do not come and go, or, if there are none, all that are up.
fn members(state: &State, now_ms: u64) -> Vec<NodeId> {
    let up = || state.nodes().members().filter(|(_, node)| node.state == NodeState::Up);
    let trusted = up().filter(|(_, node)| !is_distrusted(node, now_ms)).map(|(id, _)| id);
    let trusted: Vec<NodeId> = trusted.collect();
    // Somebody has to do it.
    if trusted.is_empty() { up().map(|(id, _)| id).collect() } else { trusted }
}

/// Spreads the shards of running runs evenly again, after nodes have come. All of one run at once: every chain of it is
/// opened anew for a move, whether it is one shard or ten. `now_ms` is the time since 1970.
pub(super) fn spread_shards(state: &State, now_ms: u64) -> Option<Command> {
    let members = members(state, now_ms);
    let is_whole = |shards: &std::collections::BTreeMap<String, NodeId>| {
        !shards.is_empty() && shards.values().all(|node| is_up(state, *node))
    };
    let mut runs =
        state.runs().iter().filter(|(_, run)| run.phase == RunPhase::Running && is_whole(&run.shards));
    runs.find_map(|(id, run)| {
        let moves = balance_shards(id, &run.shards, &members);
        (!moves.is_empty()).then(|| HostShards { run: id, version: run.version, moves }.into())
    })
}

/// Gives the shards of unfinished runs that are with a node which is down, gone or to give everything away to nodes that are
/// up, to those that come and go only if there are no others. `now_ms` is the time since 1970.
pub(super) fn move_shards(state: &State, now_ms: u64) -> Vec<Command> {
    let is_up = |node: NodeId| is_up(state, node);
    let runs = state.runs().iter().filter(|(_, run)| !run.is_finished());
    let mut astray = runs.filter(|(_, run)| run.shards.values().any(|node| !is_up(*node))).peekable();
    if astray.peek().is_none() {
        return Vec::new();
    }
    let members = members(state, now_ms);
    let mut commands = Vec::new();
    for (id, run) in astray {
        let lost = run.shards.iter().filter(|(_, node)| !is_up(**node)).map(|(shard, _)| shard.clone());
        let lost: BTreeSet<String> = lost.collect();
        // Those that are with a node that comes and goes stay there: it works.
        let wanted: BTreeSet<String> = run.shards.keys().cloned().collect();
        let mut moves = place_shards(id, &wanted, &run.shards, &members);
        moves.retain(|each| lost.contains(&each.shard));
        if !moves.is_empty() {
            commands.push(HostShards { run: id, version: run.version, moves }.into());
        }
    }
    commands
}
