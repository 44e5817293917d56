use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use etl_cluster::Problem;
use etl_proto::admin as wire;
use etl_raft::NodeId;
use etl_raft::consensus::Status as RaftStatus;
use etl_raft_state::parts::{AssignmentState, Halt, Run, RunPhase};
use etl_raft_state::{NodeState, RunOutcome, State};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Shared;
use super::leader::{Leader, Stub};
use crate::model::{HealthCheck, HealthReport, HealthStatus};

/// Problems with which nothing can be done any more.
const GRAVE: [&str; 3] = ["no_leader", "quorum_silent", "refused"];
/// Entries that this node may not have applied yet and still be up to date.
const LAG: u64 = 1000;

/// What a node can say at once about whether it takes part, and about the health of the cluster.
#[derive(Clone)]
pub struct HealthSight(Arc<Shared>);

impl HealthSight {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Why work should not be sent to this node; `None` when it takes part: it knows a leader, its state is up to date, and it
    /// is not being drained.
    pub fn unready(&self) -> Option<String> {
        let Shared { consensus, leaders, .. } = &*self.0;
        let me = leaders.me();
        let state = consensus.peek(|state| state.nodes().get(me).map(|node| node.state));
        unready(state, &consensus.status())
    }

    /// How this node and what it knows of the cluster are.
    pub async fn report(&self) -> HealthReport {
        self.0.health(false).await
    }

    /// Problems of the cluster, as far as this node knows.
    pub fn problems(&self) -> usize {
        self.0.duties.problems().len()
    }
}

fn unready(state: Option<NodeState>, status: &RaftStatus) -> Option<String> {
    match state {
        None => return Some("the cluster does not know this node yet".to_owned()),
        Some(NodeState::Draining) => return Some("it is being drained".to_owned()),
        Some(NodeState::Removed) => return Some("it was removed from the cluster".to_owned()),
        Some(NodeState::Joining | NodeState::Up | NodeState::Down) => {}
    }
    if status.leader.is_none() {
        return Some("it hears no leader".to_owned());
    }
    let (committed, applied) = (status.committed.unwrap_or(0), status.applied.unwrap_or(0));
    let lag = committed.saturating_sub(applied);
    (lag > LAG).then(|| format!("its state is {lag} entries behind"))
}

impl Shared {
    /// The leader knows most; without one it is what this node knows.
    pub(super) async fn get_health(
        &self,
        request: Request<wire::GetHealthRequest>,
    ) -> Result<Response<wire::GetHealthResponse>, Status> {
        if request.get_ref().here {
            return Ok(Response::new(HealthReport::of(self.parts().await).into()));
        }
        if let Ok(Leader::There(leader)) = self.leaders.find(&self.consensus, &request) {
            let send = |mut stub: Stub, request| async move { stub.get_health(request).await };
            return leader.pass_on(request, true, send).await;
        }
        Ok(Response::new(self.health(true).await.into()))
    }

    /// The parts of this node.
    async fn parts(&self) -> Vec<HealthCheck> {
        let (insight, me) = (Arc::clone(&self.insight), self.leaders.me());
        let with_node = |check: HealthCheck| HealthCheck { node: Some(me), ..check };
        match tokio::task::spawn_blocking(move || insight.checks()).await {
            Ok(checks) => checks.into_iter().map(with_node).collect(),
            Err(defect) => {
                vec![check(
                    "node",
                    HealthStatus::Unhealthy,
                    format!("it cannot be looked at: {defect}"),
                    Some(me),
                )]
            }
        }
    }

    async fn health(&self, asks_others: bool) -> HealthReport {
        let mut checks = cluster_checks(&self.consensus.status(), &self.duties.problems());
        let states = self.consensus.peek(|state| {
            state
                .nodes()
                .members()
                .map(|(id, node)| (id, node.state))
                .collect::<BTreeMap<NodeId, NodeState>>()
        });
        checks.extend(node_checks(&states, &self.duties.problems()));
        checks.extend(self.parts().await);
        if asks_others {
            let send = |mut stub: Stub, request| async move { stub.get_health(request).await };
            let here = |_| wire::GetHealthRequest { here: true };
            for (node, answer) in self.elsewhere(None, here, send).await {
                match answer.map(HealthReport::try_from) {
                    Ok(Ok(report)) => checks.extend(report.checks),
                    // That it is down is told already.
                    Err(_) if states.get(&node) == Some(&NodeState::Down) => {}
                    Ok(Err(problem)) => checks.push(silent(node, &problem.to_string())),
                    Err(reason) => checks.push(silent(node, &reason)),
                }
            }
        }
        let seen = self.consensus.peek(seen);
        let mut workflows = Vec::new();
        for mut workflow in seen {
            if workflow.is_running && asks_others {
                let sights = self.duties.look_at_run(workflow.run).await;
                workflow.waiting =
                    sights.into_values().flat_map(|sight| sight.waiting).map(|(.., why)| why).collect();
            }
            workflows.push(workflow.check());
        }
        checks.extend(workflows);
        checks.sort_by_key(|check| (check.component.starts_with("workflow/"), check.node));
        HealthReport::of(checks)
    }
}

fn silent(node: NodeId, reason: &str) -> HealthCheck {
    check("node", HealthStatus::Degraded, format!("it does not tell how it is: {reason}"), Some(node))
}

/// What was found just now.
fn check(
    component: &str,
    status: HealthStatus,
    details: impl Into<String>,
    node: Option<NodeId>,
) -> HealthCheck {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let last_checked_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    HealthCheck { component: component.to_owned(), status, details: details.into(), last_checked_ms, node }
}

fn sentences(problems: &[&Problem]) -> String {
    problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ")
}

fn gravity(problems: &[&Problem]) -> HealthStatus {
    match problems {
        [] => HealthStatus::Healthy,
        some if some.iter().any(|problem| GRAVE.contains(&problem.code)) => HealthStatus::Unhealthy,
        _ => HealthStatus::Degraded,
    }
}

/// Consensus, and the cluster as a whole.
fn cluster_checks(status: &RaftStatus, problems: &[Problem]) -> Vec<HealthCheck> {
    let of_cluster: Vec<&Problem> = problems.iter().filter(|problem| problem.node.is_none()).collect();
    let details = match status.leader {
        Some(leader) if of_cluster.is_empty() => {
            format!("node {leader} leads term {}, {} nodes vote", status.term, status.voters.len())
        }
        _ => sentences(&of_cluster),
    };
    vec![check("consensus", gravity(&of_cluster), details, None)]
}

/// The nodes, as the others see them.
fn node_checks(states: &BTreeMap<NodeId, NodeState>, problems: &[Problem]) -> Vec<HealthCheck> {
    let of_node = |(id, state): (&NodeId, &NodeState)| {
        let own: Vec<&Problem> = problems.iter().filter(|problem| problem.node == Some(*id)).collect();
        let (least, word) = match state {
            NodeState::Up => (HealthStatus::Healthy, "it is up"),
            NodeState::Joining => (HealthStatus::Degraded, "it has joined and has yet to catch up"),
            NodeState::Draining => (HealthStatus::Degraded, "it is being drained"),
            NodeState::Down | NodeState::Removed => (HealthStatus::Unhealthy, "it is down"),
        };
        let details = if own.is_empty() { word.to_owned() } else { format!("{word}; {}", sentences(&own)) };
        check("node", least.max(gravity(&own)), details, Some(*id))
    };
    states.iter().map(of_node).collect()
}

/// What decides how a workflow is, from its source to its destinations.
struct SeenWorkflow {
    name: String,
    run: Uuid,
    is_running: bool,
    phase: RunPhase,
    open: u64,
    assigned: u64,
    has_coordinator: bool,
    /// Nodes that carry out a step for all and are down.
    hosts_away: BTreeSet<NodeId>,
    /// Why partitions wait.
    waiting: Vec<String>,
}

/// The workflows in force, each with its unfinished run, else the last one. Those that never ran are left out.
fn seen(state: &State) -> Vec<SeenWorkflow> {
    let mut last: BTreeMap<String, (Uuid, &Run)> = BTreeMap::new();
    for (id, run) in state.runs().iter() {
        let is_newer = |known: &(Uuid, &Run)| {
            let is_over = |run: &Run| matches!(run.phase, RunPhase::Finished(_));
            (is_over(known.1), run.created_at_ms) >= (is_over(run), known.1.created_at_ms)
        };
        if last.get(&run.workflow).is_none_or(is_newer) {
            last.insert(run.workflow.clone(), (id, run));
        }
    }
    let is_down = |node: &NodeId| state.nodes().get(*node).is_none_or(|node| node.state == NodeState::Down);
    let seen = |(name, (id, run)): (String, (Uuid, &Run))| {
        let held = state.assignments().of_run(id).filter(|(_, held)| held.state != AssignmentState::Released);
        let (coordinators, partitions): (Vec<_>, Vec<_>) = held.partition(|(key, _)| key.is_coordinator());
        let open = |key| state.partitions().get(key).is_some_and(|partition| !partition.done);
        SeenWorkflow {
            run: id,
            is_running: run.phase == RunPhase::Running,
            phase: run.phase.clone(),
            open: state.partitions().open(id) as u64,
            assigned: partitions.iter().filter(|(key, _)| open(key)).count() as u64,
            has_coordinator: !coordinators.is_empty(),
            hosts_away: run.hosts.values().copied().filter(is_down).collect(),
            waiting: Vec::new(),
            name,
        }
    };
    last.into_iter().map(seen).collect()
}

impl SeenWorkflow {
    fn check(&self) -> HealthCheck {
        let (status, details) = self.judge();
        check(&format!("workflow/{}", self.name), status, details, None)
    }

    fn judge(&self) -> (HealthStatus, String) {
        let run = self.run;
        match &self.phase {
            RunPhase::Queued => (HealthStatus::Healthy, format!("run {run} waits for the one before it")),
            RunPhase::Halted(Halt::Paused) => (HealthStatus::Degraded, format!("run {run} is paused")),
            RunPhase::Halted(Halt::Failed { message })
            | RunPhase::Finished(RunOutcome::Failed { message }) => {
                let first = message.lines().next().unwrap_or_default();
                (HealthStatus::Unhealthy, format!("run {run} has failed: {first}"))
            }
            RunPhase::Finished(RunOutcome::Completed) => {
                (HealthStatus::Healthy, format!("run {run} has completed"))
            }
            RunPhase::Finished(RunOutcome::Cancelled | RunOutcome::Replaced { .. }) => {
                (HealthStatus::Healthy, format!("run {run} was ended"))
            }
            RunPhase::Running => self.judge_running(),
        }
    }

    fn judge_running(&self) -> (HealthStatus, String) {
        let Self { run, open, assigned, waiting, hosts_away, .. } = self;
        let mut faults = Vec::new();
        if !self.has_coordinator {
            faults.push("no node looks after it".to_owned());
        }
        if assigned < open {
            faults.push(format!("{} of {open} open partitions have no node", open - assigned));
        }
        if !hosts_away.is_empty() {
            let nodes: Vec<String> = hosts_away.iter().map(NodeId::to_string).collect();
            faults.push(format!("node {}, which carries out a step, is down", nodes.join(", ")));
        }
        if let Some(first) = waiting.first() {
            faults.push(format!("{} partitions wait: {first}", waiting.len()));
        }
        match faults.is_empty() {
            true => (HealthStatus::Healthy, format!("run {run} goes on, with {open} open partitions")),
            false => (HealthStatus::Degraded, format!("run {run}: {}", faults.join("; "))),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn problem(code: &'static str, node: Option<NodeId>) -> Problem {
        Problem { code, message: code.to_owned(), remedy: String::new(), node }
    }

    #[test]
    fn a_node_is_ready_when_it_takes_part() {
        let led = RaftStatus {
            leader: Some(2),
            committed: Some(5000),
            applied: Some(4500),
            ..RaftStatus::default()
        };
        assert_eq!(unready(Some(NodeState::Up), &led), None);
        assert!(unready(Some(NodeState::Draining), &led).unwrap().contains("drained"));
        assert!(unready(None, &led).is_some() && unready(Some(NodeState::Removed), &led).is_some());
        let behind = RaftStatus { applied: Some(3000), ..led.clone() };
        assert_eq!(unready(Some(NodeState::Up), &behind).unwrap(), "its state is 2000 entries behind");
        let alone = RaftStatus { leader: None, ..led };
        assert!(unready(Some(NodeState::Up), &alone).unwrap().contains("no leader"));
    }

    #[test]
    fn what_is_wrong_with_a_node_is_told_of_that_node() {
        let states = BTreeMap::from([(1, NodeState::Up), (2, NodeState::Up), (3, NodeState::Down)]);
        let problems = [problem("disk_low", Some(2)), problem("two_voters", None)];
        let found: Vec<_> =
            node_checks(&states, &problems).iter().map(|check| (check.node, check.status)).collect();
        use HealthStatus::{Degraded, Healthy, Unhealthy};
        assert_eq!(found, [(Some(1), Healthy), (Some(2), Degraded), (Some(3), Unhealthy)]);
        let led = RaftStatus { leader: Some(2), ..RaftStatus::default() };
        assert_eq!(cluster_checks(&led, &problems)[0].status, Degraded);
        assert_eq!(cluster_checks(&led, &[])[0].status, Healthy);
        assert_eq!(
            cluster_checks(&RaftStatus::default(), &[problem("no_leader", None)])[0].status,
            Unhealthy
        );
    }

    #[test]
    fn a_workflow_is_judged_from_end_to_end() {
        let seen = |phase: RunPhase| SeenWorkflow {
            name: "orders".to_owned(),
            run: Uuid::nil(),
            is_running: phase == RunPhase::Running,
            phase,
            open: 3,
            assigned: 3,
            has_coordinator: true,
            hosts_away: BTreeSet::new(),
            waiting: Vec::new(),
        };
        let status = |seen: &SeenWorkflow| seen.check().status;
        let running = || seen(RunPhase::Running);
        assert_eq!(status(&running()), HealthStatus::Healthy);
        assert_eq!(running().check().component, "workflow/orders");
        let failed = Halt::Failed { message: "no route\nto host".to_owned() };
        let failed = seen(RunPhase::Halted(failed)).check();
        assert_eq!(failed.status, HealthStatus::Unhealthy);
        assert!(failed.details.ends_with("has failed: no route"), "{}", failed.details);
        assert_eq!(status(&seen(RunPhase::Halted(Halt::Paused))), HealthStatus::Degraded);
        assert_eq!(status(&seen(RunPhase::Finished(RunOutcome::Completed))), HealthStatus::Healthy);
        for faulty in [
            SeenWorkflow { assigned: 1, ..running() },
            SeenWorkflow { has_coordinator: false, ..running() },
            SeenWorkflow { hosts_away: [2].into(), ..running() },
            SeenWorkflow { waiting: vec!["breaker `crm` is open".to_owned()], ..running() },
        ] {
            assert_eq!(status(&faulty), HealthStatus::Degraded);
        }
    }
}
