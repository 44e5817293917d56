use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use etl_proto::admin::{Consistency, GetClusterStatusResponse, Node, NodeState, Role};
use rustix::process::Signal;

use super::addresses::Addresses;
use super::client::{Client, Failure};
use super::error::Error;
use super::namespaces::Namespaces;
use super::node_process::NodeProcess;

/// The longest time a group may take to become what a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);
/// The member that founds the group.
const FOUNDER: u8 = 1;
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
    /// Variables in the environment of a member, from its next start on.
    environments: BTreeMap<u8, Vec<(String, String)>>,
    /// Members that others join by; the first one alone as long as the group is being founded.
    known: BTreeSet<u8>,
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
        Self {
            addresses,
            namespaces,
            root,
            logs,
            arguments,
            environments: BTreeMap::new(),
            known: BTreeSet::from([FOUNDER]),
            processes: BTreeMap::new(),
        }
    }

    /// What the members say goes elsewhere than their data.
    pub fn with_logs_in(mut self, directory: &Path) -> Self {
        self.logs = directory.to_owned();
        self
    }

    /// Founds a group of so many members and waits until all of them vote.
    pub async fn found(mut self, members: u8) -> Result<Self, Error> {
        self.start(FOUNDER)?;
        self.wait_for("the first member leads", |status| status.leader != 0).await?;
        for member in 2..=members {
            self.start(member)?;
        }
        let all = usize::from(members);
        self.wait_for("all members vote", move |status| voters(status).count() == all).await?;
        self.known.extend(1..=members);
        Ok(self)
    }

    /// The same members, started with these, too, from now on.
    pub fn set_environment(&mut self, member: u8, variables: &[(&str, &str)]) {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.environments.insert(member, owned.collect());
    }

    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    pub fn network(&self) -> Option<&Namespaces> {
        self.namespaces.as_ref()
    }

    /// Where a member has its data.
    pub fn directory(&self, member: u8) -> PathBuf {
        self.root.join(format!("node-{member}"))
    }

    /// Starts a member, for the first time or again. Without data it joins the others, unless nobody is there yet and it
    /// is the first.
    pub fn start(&mut self, member: u8) -> Result<(), Error> {
        let others = self.known.iter().filter(|&&other| other != member);
        let others: Vec<String> = others.map(|&other| self.addresses.admin(other)).collect();
        if others.is_empty() {
            return self.found_anew(member);
        }
        self.spawn(member, ["--join".to_owned(), others.join(",")])
    }

    /// Starts a member that founds a group when it has no data.
    pub fn found_anew(&mut self, member: u8) -> Result<(), Error> {
        self.spawn(member, ["--bootstrap".to_owned()])
    }

    fn spawn(&mut self, member: u8, entry: impl IntoIterator<Item = String>) -> Result<(), Error> {
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
        arguments.extend(entry);
        arguments.extend(self.arguments.iter().cloned());
        let namespace = self.namespaces.as_ref().map(|namespaces| namespaces.name(member));
        let environment = self.environments.get(&member).map_or(&[][..], Vec::as_slice);
        let process = NodeProcess::start(namespace.as_deref(), &arguments, environment, &log)?;
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

    /// Asks a member's process to stop, and waits until it has.
    pub async fn stop(&mut self, member: u8) -> Result<ExitStatus, Error> {
        self.process(member)?.signal(Signal::TERM)?;
        Ok(self.until_ended(member).await?.0)
    }

    /// Waits until a member's process ends by itself; how it did, and all that it has said.
    pub async fn until_ended(&mut self, member: u8) -> Result<(ExitStatus, String), Error> {
        let began = Instant::now();
        loop {
            let process = self.process(member)?;
            if let Some(status) = process.ended()? {
                let said = process.said();
                self.processes.remove(&member);
                return Ok((status, said));
            }
            if began.elapsed() > PATIENCE {
                let says = self.process(member)?.says();
                return Err(Error::Unexpected(format!("member {member} does not end: {says}")));
            }
            tokio::time::sleep(GLANCE).await;
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

    /// The node that listens where a member does and is neither removed nor down.
    pub fn node_of<'a>(&self, status: &'a GetClusterStatusResponse, member: u8) -> Option<&'a Node> {
        let address = self.addresses.raft(member);
        let is_gone = |node: &Node| matches!(node.state(), NodeState::Removed | NodeState::Down);
        status.nodes.iter().rfind(|node| node.raft_address == address && !is_gone(node))
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
