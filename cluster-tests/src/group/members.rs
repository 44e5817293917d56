use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use etl_proto::admin::{Consistency, GetClusterStatusResponse, NodeState, Role};

use super::addresses::Addresses;
use super::client::{Client, Failure};
use super::error::Error;
use super::namespaces::Namespaces;
use super::node_process::NodeProcess;

/// The longest time a group may take to become what a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(10);

/// The members of a group, counted from 1; the first founds it, the others join.
pub struct Members {
    addresses: Addresses,
    namespaces: Option<Namespaces>,
    root: PathBuf,
    logs: PathBuf,
    /// More arguments for each start.
    arguments: Vec<String>,
    processes: BTreeMap<u8, NodeProcess>,
}

impl Members {
    /// A group without members below an empty directory.
    pub fn new(
        root: &Path,
        addresses: Addresses,
        namespaces: Option<Namespaces>,
        arguments: Vec<String>,
    ) -> Self {
        let [root, logs] = [root.to_owned(), root.to_owned()];
        Self { addresses, namespaces, root, logs, arguments, processes: BTreeMap::new() }
    }

    /// What the members say goes elsewhere than their data.
    pub fn with_logs_in(mut self, directory: &Path) -> Self {
        self.logs = directory.to_owned();
        self
    }

    /// Founds a group of so many members and waits until all of them vote.
    pub async fn found(mut self, members: u8) -> Result<Self, Error> {
        self.start(1)?;
        self.wait_for("the first member leads", |status| status.leader != 0).await?;
        for member in 2..=members {
            self.start(member)?;
        }
        let all = usize::from(members);
        self.wait_for("all members vote", move |status| voters(status).count() == all).await?;
        Ok(self)
    }

    pub fn network(&self) -> Option<&Namespaces> {
        self.namespaces.as_ref()
    }

    /// Where a member has its data.
    pub fn directory(&self, member: u8) -> PathBuf {
        self.root.join(format!("node-{member}"))
    }

    /// Starts a member, for the first time or again.
    pub fn start(&mut self, member: u8) -> Result<(), Error> {
        let directory = self.directory(member);
        fs::create_dir_all(&self.root).map_err(Error::file(&self.root))?;
        let log = self.logs.join(format!("node-{member}.log"));
        let (raft, admin) = (self.addresses.raft(member), self.addresses.admin(member));
        let mut arguments: Vec<String> = vec!["--data-dir".to_owned(), directory.display().to_string()];
        for (flag, value) in [("--raft-listen", raft), ("--admin-listen", admin)] {
            arguments.extend([flag.to_owned(), value]);
        }
        // So that a group is whole soon.
        arguments.extend(["--cluster-promote-after", "500ms"].map(str::to_owned));
        if !self.addresses.are_loopback() {
            arguments.push("--insecure-plain-listener".to_owned());
        }
        if member == 1 {
            arguments.push("--bootstrap".to_owned());
        } else {
            arguments.extend(["--join".to_owned(), self.addresses.admin(1)]);
        }
        arguments.extend(self.arguments.iter().cloned());
        let namespace = self.namespaces.as_ref().map(|namespaces| namespaces.name(member));
        let process = NodeProcess::start(namespace.as_deref(), &arguments, &log)?;
        self.processes.insert(member, process);
        Ok(())
    }

    /// The process of a member that was started and not killed.
    pub fn process(&mut self, member: u8) -> Result<&mut NodeProcess, Error> {
        let missing = || Error::Unexpected(format!("member {member} does not run"));
        self.processes.get_mut(&member).ok_or_else(missing)
    }

    /// Kills a member's process with SIGKILL.
    pub fn kill(&mut self, member: u8) -> Result<(), Error> {
        match self.processes.remove(&member) {
            Some(mut process) => process.kill(),
            None => Ok(()),
        }
    }

    /// Members whose processes were started and not killed.
    pub fn running(&self) -> impl Iterator<Item = u8> {
        self.processes.keys().copied()
    }

    pub fn client(&self, member: u8, patience: Duration) -> Result<Client, Error> {
        Client::new(&self.addresses.admin(member), patience)
    }

    /// Which member a node id belongs to, by its address.
    pub fn member_of(&self, status: &GetClusterStatusResponse, node: u64) -> Option<u8> {
        let address = &status.nodes.iter().find(|each| each.id == node)?.raft_address;
        (1..=u8::MAX).find(|&member| self.addresses.raft(member) == *address)
    }

    /// Who leads, as a linearizable status tells; waits until somebody does.
    pub async fn leader(&mut self) -> Result<u8, Error> {
        let status = self.wait_for("a leader", |status| status.leader != 0).await?;
        let unknown = || Error::Unexpected(format!("node {} leads and has no address", status.leader));
        self.member_of(&status, status.leader).ok_or_else(unknown)
    }

    /// Asks the running members in turn until one gives a linearizable status for which the condition holds.
    pub async fn wait_for(
        &mut self,
        what: &str,
        holds: impl Fn(&GetClusterStatusResponse) -> bool,
    ) -> Result<GetClusterStatusResponse, Error> {
        let mut clients = BTreeMap::new();
        let mut last = String::new();
        let began = Instant::now();
        loop {
            for member in self.running().collect::<Vec<_>>() {
                let client = match clients.entry(member) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert(self.client(member, Duration::from_secs(2))?),
                };
                match client.status(Consistency::Linearizable).await {
                    Ok(status) if holds(&status) => return Ok(status),
                    Ok(status) => last = format!("{status:?}"),
                    Err(failure) => last = format!("member {member}: {failure:?}"),
                }
                if let Some(status) = self.process(member)?.ended()? {
                    let says = self.process(member)?.says();
                    return Err(Error::Unexpected(format!(
                        "waiting until {what}: member {member} ended with {status}: {says}"
                    )));
                }
            }
            if began.elapsed() > PATIENCE {
                return Err(Error::Unexpected(format!("waited in vain until {what}: {last}")));
            }
            tokio::time::sleep(GLANCE).await;
        }
    }
}

/// The nodes that vote.
pub fn voters(status: &GetClusterStatusResponse) -> impl Iterator<Item = u64> {
    let votes = |role| matches!(role, Role::Leader | Role::Voter);
    let up = |state| !matches!(state, NodeState::Removed | NodeState::Down);
    let voting = status.nodes.iter().filter(move |node| votes(node.role()) && up(node.state()));
    voting.map(|node| node.id)
}

/// Calls until it succeeds or the patience ends; gives the last failure then.
pub async fn retry<T, F: Future<Output = Result<T, Failure>>>(
    patience: Duration,
    mut call: impl FnMut() -> F,
) -> Result<T, Failure> {
    let began = Instant::now();
    loop {
        match call().await {
            Err(failure) if began.elapsed() > patience => return Err(failure),
            Err(_) => tokio::time::sleep(GLANCE).await,
            Ok(value) => return Ok(value),
        }
    }
}
