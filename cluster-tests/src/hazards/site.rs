use std::path::PathBuf;
use std::time::{Duration, Instant};

use etl_proto::admin::{GetClusterStatusResponse, Node, NodeState};
use tempfile::TempDir;

use super::ledger::SharedLedger;
use super::mount::Mount;
use super::outcome::Outcome;
use super::writers::Writers;
use crate::group::{Addresses, Client, Error, Members, Told, tool, voters};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Clients that do not get on for longer are stuck.
const STUCK: Duration = Duration::from_secs(40);
/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(10);
/// Clients that write at the same time.
const CLIENTS: usize = 4;

/// How hard to try.
#[derive(Debug, Clone)]
pub struct Effort {
    pub short: bool,
    pub seed: u64,
    /// Where the members have their data; the system's temporary directory when there is none.
    pub scratch: Option<PathBuf>,
    /// Whether that stays.
    pub keep: bool,
}

/// A group in trouble, clients that write to it, and what was seen so far.
pub struct Site {
    pub members: Members,
    pub ledger: SharedLedger,
    pub outcome: Outcome,
    pub random: fastrand::Rng,
    pub short: bool,
    size: u8,
    writers: Option<Writers>,
    // Given up after the members, and the directory after the disks that are mounted in it.
    disks: Vec<Mount>,
    scratch: TempDir,
}

impl Site {
    /// Before any member is started; the first `size` of them will found a group. Small disks of so many MiB can be
    /// mounted for some.
    pub fn prepare(
        scenario: &'static str,
        effort: &Effort,
        size: u8,
        arguments: &[&str],
        disks: &[(u8, u64)],
    ) -> Result<Self, Error> {
        let mut scratch = tempfile::Builder::new();
        scratch.prefix(scenario).disable_cleanup(effort.keep);
        let scratch = match &effort.scratch {
            Some(parent) => scratch.tempdir_in(parent)?,
            None => scratch.tempdir()?,
        };
        let addresses = Addresses::loopback(&mut fastrand::Rng::new());
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let members = Members::new(scratch.path(), addresses, None, arguments);
        let disks = disks.iter().map(|&(member, mib)| Mount::new(&members.directory(member), mib));
        let disks = disks.collect::<Result<_, _>>()?;
        Ok(Self {
            members,
            ledger: SharedLedger::default(),
            outcome: Outcome { scenario, ..Outcome::default() },
            random: fastrand::Rng::with_seed(effort.seed),
            short: effort.short,
            size,
            writers: None,
            disks,
            scratch,
        })
    }

    /// A group of so many members that is whole, and that clients write to.
    pub async fn found(
        scenario: &'static str,
        effort: &Effort,
        size: u8,
        arguments: &[&str],
    ) -> Result<Self, Error> {
        Self::prepare(scenario, effort, size, arguments, &[])?.begin().await
    }

    /// Founds the group and lets clients write.
    pub async fn begin(mut self) -> Result<Self, Error> {
        self.members = self.members.found(self.size).await?;
        self.write()?;
        self.more_writes(20).await?;
        Ok(self)
    }

    /// Lets clients write, to the members the group was founded with.
    pub fn write(&mut self) -> Result<(), Error> {
        let clients = (1..=self.size).map(|member| self.members.client(member, PATIENCE));
        let clients = clients.collect::<Result<Vec<_>, _>>()?;
        self.write_to(&clients);
        Ok(())
    }

    /// Lets clients write, with these connections.
    pub fn write_to(&mut self, clients: &[Client]) {
        self.writers = Some(Writers::start(CLIENTS, clients, &self.ledger));
    }

    /// Lets clients write no more.
    pub async fn quiet(&mut self) -> Result<(), Error> {
        match self.writers.take() {
            Some(writers) => writers.stop().await,
            None => Ok(()),
        }
    }

    /// Waits until so many more writes were acknowledged.
    pub async fn more_writes(&self, number: u64) -> Result<(), Error> {
        let before = self.ledger.lock().acknowledged;
        let began = Instant::now();
        while self.ledger.lock().acknowledged < before + number {
            if began.elapsed() > STUCK {
                return Err(Error::Unexpected(format!("no {number} writes in {STUCK:?}: clients are stuck")));
            }
            tokio::time::sleep(GLANCE).await;
        }
        Ok(())
    }

    /// A file or directory beside the members' data.
    pub fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Members the group was founded with.
    pub fn size(&self) -> u8 {
        self.size
    }

    pub async fn status(&mut self) -> Result<GetClusterStatusResponse, Error> {
        self.members.wait_for("a status", |status| status.leader != 0).await
    }

    /// The node id of a member; waits until it is not taken to be down any more.
    pub async fn node(&mut self, member: u8) -> Result<u64, Error> {
        let address = self.members.addresses().raft(member);
        let here = |status: &GetClusterStatusResponse| {
            let is_gone = |node: &Node| matches!(node.state(), NodeState::Removed | NodeState::Down);
            status
                .nodes
                .iter()
                .rfind(|node| node.raft_address == address && !is_gone(node))
                .map(|node| node.id)
        };
        let what = format!("member {member} is up");
        let status = self.members.wait_for(&what, |status| here(status).is_some()).await?;
        here(&status).ok_or(Error::Unexpected(what))
    }

    /// A member that does not lead, by chance.
    pub async fn follower(&mut self) -> Result<u8, Error> {
        let leader = self.members.leader().await?;
        let followers: Vec<u8> = self.members.running().filter(|&member| member != leader).collect();
        let chosen = self.random.choice(followers);
        chosen.ok_or_else(|| Error::Unexpected("a group of one has no followers".to_owned()))
    }

    /// Runs a command against whichever members run.
    pub async fn operate(&self, arguments: &[&str]) -> Result<Told, Error> {
        let servers: Vec<String> =
            self.members.running().map(|member| self.members.addresses().admin(member)).collect();
        let servers = servers.join(",");
        tool(&[arguments, &["--server", &servers]].concat()).await
    }

    /// Waits until a member is there as another node than before and votes; the one before is removed.
    pub async fn replace(&mut self, member: u8, before: u64) -> Result<u64, Error> {
        let address = self.members.addresses().raft(member);
        let what = format!("member {member} is up as another node than {before}");
        let status = self
            .members
            .wait_for(&what, |status| {
                let mut here = status.nodes.iter().filter(|node| node.raft_address == address);
                here.any(|node| node.id != before && node.state() == NodeState::Up)
            })
            .await?;
        let here = self.members.node_of(&status, member);
        let node = here.map(|node| node.id).ok_or(Error::Unexpected(what))?;
        let old = before.to_string();
        let remove = ["cluster", "remove", &old, "--force", "--yes", "--timeout", "60s"];
        self.operate(&remove).await?.succeeded("cluster remove")?;
        let all = usize::from(self.size);
        let what = format!("node {node} votes in the place of {before}");
        let voting = |status: &GetClusterStatusResponse| {
            let voters: Vec<u64> = voters(status).collect();
            voters.len() >= all && voters.contains(&node) && !voters.contains(&before)
        };
        self.members.wait_for(&what, voting).await?;
        Ok(node)
    }

    /// Waits until a member itself has all that is acknowledged now; what it answers meanwhile is checked, too.
    pub async fn reads_the_same(&mut self, member: u8) -> Result<(), Error> {
        let known = self.ledger.lock().clone();
        let began = Instant::now();
        loop {
            let last = match known.compare(self.members.client(member, PATIENCE)?).await {
                Ok((behind, wrong)) => {
                    self.outcome.wrong += wrong;
                    if behind == 0 {
                        return Ok(());
                    }
                    format!("it lacks the last write to {behind} keys")
                }
                Err(failure) => format!("{failure:?}"),
            };
            if began.elapsed() > STUCK {
                return Err(Error::Unexpected(format!("member {member} does not catch up: {last}")));
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Waits until a member's process has said something, or has ended; returns all that it has said.
    pub async fn said(&mut self, member: u8, words: &str) -> Result<(String, bool), Error> {
        let began = Instant::now();
        loop {
            let process = self.members.process(member)?;
            let has_ended = process.ended()?.is_some();
            let said = process.said();
            if said.contains(words) || has_ended {
                return Ok((said, has_ended));
            }
            if began.elapsed() > STUCK {
                return Err(Error::Unexpected(format!("member {member} does not say `{words}`: {said}")));
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Lets clients stop and looks every acknowledged write up on every member that runs.
    pub async fn finish(mut self) -> Result<Outcome, Error> {
        self.quiet().await?;
        let ledger = self.ledger.lock().clone();
        self.outcome.look_up(ledger.look_up(&self.members).await?);
        self.outcome.calls += ledger.calls;
        self.outcome.acknowledged += ledger.acknowledged;
        drop(self.members);
        for disk in self.disks {
            disk.unmount()?;
        }
        Ok(self.outcome)
    }
}
