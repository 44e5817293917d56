use std::path::Path;
use std::time::{Duration, Instant};

use etl_proto::admin::{
    ApplyWorkflowRequest, AssignmentState, Consistency, GetClusterStatusResponse, GetRunRequest,
    ListPartitionsRequest, NodeState, Partition, RunPhase, RunTarget, RunView, RunWorkflowRequest,
    run_target,
};
use tonic::Status;

use crate::group::{Addresses, Client, Error, Members};

/// How long a node may take for an answer: lists of ten thousand partitions are long.
const ANSWER: Duration = Duration::from_secs(20);
/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// Nodes, and a client of the first.
pub struct Crowd {
    pub members: Members,
    client: Client,
}

pub fn unexpected(status: &Status) -> Error {
    Error::Unexpected(format!("{:?}: {}", status.code(), status.message()))
}

fn target(workflow: &str) -> Option<RunTarget> {
    Some(RunTarget { target: Some(run_target::Target::Workflow(workflow.to_owned())) })
}

impl Crowd {
    /// Founds a cluster of so many nodes below a directory.
    pub async fn found(root: &Path, nodes: u8) -> Result<Self, Error> {
        let addresses = Addresses::loopback(&mut fastrand::Rng::new());
        let members = Members::new(root, addresses, None, Vec::new());
        let members = match nodes {
            // Of two nodes one votes.
            2 => {
                let mut members = members.found(1).await?;
                members.start(2)?;
                let are_up = |status: &GetClusterStatusResponse| {
                    status.nodes.iter().filter(|node| node.state() == NodeState::Up).count() == 2
                };
                members.wait_for("both nodes are up", are_up).await?;
                members
            }
            _ => members.found(nodes).await?,
        };
        let client = members.client(1, ANSWER)?;
        Ok(Self { members, client })
    }

    /// A client of the first node.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Puts a workflow in force and runs it; returns when that was asked for.
    pub async fn start(&mut self, name: &str, document: String) -> Result<Instant, Error> {
        let apply = ApplyWorkflowRequest { document, ..ApplyWorkflowRequest::default() };
        self.client.admin().apply_workflow(apply).await.map_err(|status| unexpected(&status))?;
        let began = Instant::now();
        let run = RunWorkflowRequest { name: name.to_owned(), ..RunWorkflowRequest::default() };
        self.client.admin().run_workflow(run).await.map_err(|status| unexpected(&status))?;
        Ok(began)
    }

    /// How the run of a workflow is.
    ///
    /// # Errors
    /// It has failed, or the node does not answer.
    pub async fn run(&mut self, workflow: &str) -> Result<RunView, Error> {
        let request = GetRunRequest { target: target(workflow), consistency: Consistency::Stale.into() };
        let answer = self.client.admin().get_run(request).await.map_err(|status| unexpected(&status))?;
        let view = answer.into_inner().run.unwrap_or_default();
        let summary = view.summary.clone().unwrap_or_default();
        match summary.phase() {
            RunPhase::Running | RunPhase::Completed => Ok(view),
            phase => Err(Error::Unexpected(format!("the run is {phase:?}: {}", summary.message))),
        }
    }

    /// Waits until the run of a workflow is complete; how many records it has delivered.
    pub async fn until_complete(&mut self, workflow: &str) -> Result<u64, Error> {
        let began = Instant::now();
        loop {
            let view = self.run(workflow).await?;
            if view.summary.clone().unwrap_or_default().phase() == RunPhase::Completed {
                return Ok(view
                    .routes
                    .iter()
                    .filter_map(|route| route.counters)
                    .map(|all| all.delivered)
                    .sum());
            }
            patient(began, "the run is complete")?;
            tokio::time::sleep(GLANCE).await;
        }
    }

    async fn partitions(&mut self, workflow: &str) -> Result<Vec<Partition>, Error> {
        let consistency = Consistency::Stale.into();
        let request = ListPartitionsRequest { target: target(workflow), consistency };
        let answer = self.client.admin().list_partitions(request).await;
        Ok(answer.map_err(|status| unexpected(&status))?.into_inner().partitions)
    }

    /// Waits until nodes have claimed so many partitions of a workflow; how long that has taken since `began`.
    pub async fn until_claimed(
        &mut self,
        workflow: &str,
        partitions: usize,
        began: Instant,
    ) -> Result<Duration, Error> {
        let is_claimed = |partition: &&Partition| {
            let known = partition.assignment.as_ref();
            known.is_some_and(|known| known.claimed && known.state() == AssignmentState::Assigned)
        };
        loop {
            // A run without partitions yet is cheaper to ask for.
            let counts = self.run(workflow).await?.summary.and_then(|summary| summary.partitions);
            let assigned = counts.map_or(0, |counts| counts.assigned);
            if usize::try_from(assigned).is_ok_and(|assigned| assigned >= partitions)
                && self.partitions(workflow).await?.iter().filter(is_claimed).count() >= partitions
            {
                return Ok(began.elapsed());
            }
            patient(began, "all partitions have a node that works on them")?;
            tokio::time::sleep(GLANCE * 4).await;
        }
    }
}

fn patient(began: Instant, what: &str) -> Result<(), Error> {
    match began.elapsed() > PATIENCE {
        true => Err(Error::Unexpected(format!("waited in vain until {what}"))),
        false => Ok(()),
    }
}
