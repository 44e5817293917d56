use etl_raft_state::command::HaltRun;
use etl_raft_state::parts::{Halt, Run, RunPhase};
use etl_raft_state::{Command, NodeId, NodeState, State};

/// Running runs that are tied to a node which is not a member any more: each is halted, because it would wait for ever.
pub(super) fn halt_lost(state: &State) -> Vec<Command> {
    let is_gone =
        |node: NodeId| state.nodes().get(node).is_none_or(|known| known.state == NodeState::Removed);
    let running = state.runs().iter().filter(|(_, run)| run.phase == RunPhase::Running);
    running
        .filter_map(|(id, run)| {
            let message = why_lost(run, is_gone)?;
            Some(HaltRun { run: id, halt: Halt::Failed { message }, by: None }.into())
        })
        .collect()
}

/// Why a run can never go on, and what to do; `None` when all nodes it is tied to are members.
fn why_lost(run: &Run, is_gone: impl Fn(NodeId) -> bool) -> Option<String> {
    let name = &run.workflow;
    let source = run.pinned.filter(|node| is_gone(*node)).map(|node| {
        format!("the sources are read on node {node}, which was removed from the cluster and has their files")
    });
    let host = || {
        let (step, node) = run.hosts.iter().find(|(_, node)| is_gone(**node))?;
        Some(format!("step `{step}` is carried out on node {node}, which was removed from the cluster"))
    };
    let what = source.or_else(host)?;
    Some(format!(
        "{what}; apply the workflow with `placement` on a member that has the files, then start over there with `workflow \
         run {name} --restart`, or end this run with `workflow stop {name}`"
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use etl_raft_state::ContentHash;

    use super::*;

    fn run(pinned: Option<NodeId>, hosts: &[(&str, NodeId)]) -> Run {
        Run {
            workflow: "orders".to_owned(),
            version: 1,
            hash: ContentHash::from([0; 32]),
            schedule: None,
            phase: RunPhase::Running,
            pinned,
            hosts: hosts.iter().map(|(step, node)| ((*step).to_owned(), *node)).collect(),
            shards: Default::default(),
            parameters: Default::default(),
            tick_ms: None,
            discovered: false,
            created_index: 1,
            created_at_ms: 1,
            finished_at_ms: None,
        }
    }

    #[test]
    fn a_run_that_is_tied_to_a_node_that_is_gone_says_which_and_what_to_do() {
        let gone = |node| node == 3;
        for fine in [run(None, &[]), run(Some(1), &[("sink", 2)])] {
            assert_eq!(why_lost(&fine, gone), None);
        }
        let why = why_lost(&run(Some(1), &[("mask", 2), ("sink", 3)]), gone).unwrap();
        assert!(why.contains("step `sink`") && why.contains("node 3"), "{why}");
        let why = why_lost(&run(Some(3), &[]), gone).unwrap();
        assert!(why.contains("sources") && why.contains("node 3"), "{why}");
        assert!(why.contains("workflow run orders --restart") && why.contains("placement"), "{why}");
    }
}
