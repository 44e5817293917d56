use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use etl_proto::admin::{
    ApplyWorkflowRequest, Checkpoint, Consistency, GetRunRequest, ListCheckpointsRequest,
    ListPartitionsRequest, RunPhase, RunTarget, RunView, RunWorkflowRequest, run_target,
};
use etl_test_services::PostgresServer;
use tempfile::TempDir;
use tonic::Status;

use super::cell::Cell;
use super::database::{Data, PARTITIONS};
use super::fault::Fault;
use super::hosted::Hosted;
use super::outcome::Tally;
use super::view::{Held, View};
use crate::group::{Addresses, Error, Members, Namespaces, Told, retry, tool};
use crate::hazards::Mount;

/// How long a node may take for an answer.
const ANSWER: Duration = Duration::from_secs(2);
/// The longest time for which a condition is waited, beside the time that the source takes for its rows.
const PATIENCE: Duration = Duration::from_secs(120);
/// Nodes that share a run.
const MEMBERS: u8 = 3;
/// How often a condition is looked at. Looking takes work from two cores that the nodes need.
const GLANCE: Duration = Duration::from_millis(100);
/// The member that has the destination of a hosted cell.
pub const HOST: u8 = 1;
/// Where that lies, in the directory of a run.
const HOSTED: &str = "hosted";
/// Size of the disks that are filled, in MiB; of one with a destination beside what its records take.
const DISK_MIB: u64 = 192;
/// Bytes that a record takes at most, where it is written more than once.
const RECORD: u64 = 600;
/// The name of the workflow.
const NAME: &str = "takeover";

/// A group whose nodes share the partitions of a run.
pub struct Site<'a> {
    pub members: Members,
    pub data: Data,
    /// Where the records arrive when that is not a table of the database.
    hosted: Option<Hosted>,
    pub server: &'a PostgresServer,
    /// Members that do not answer although their processes are there.
    pub silent: BTreeSet<u8>,
    records: u64,
    patience: Duration,
    // Given up after the members.
    _disks: Vec<Mount>,
    scratch: TempDir,
}

fn workflow(cell: Cell, url: &str, directory: &Path, host: u64) -> String {
    let placement =
        if cell.is_hosted() { format!("    placement: {{ node: {host} }}\n") } else { String::new() };
    // So many could run at once that the chunks of each are small: a partition takes many units.
    format!(
        "workflow:\n  name: {NAME}\n  parallelism: 128\n  commit_interval: 100ms\n  \
         retry: {{ max_attempts: 12, initial_backoff: 200ms, max_backoff: 5s, backoff_multiplier: 2.0 }}\n  \
         source:\n    type: postgres\n    config: {{ url: \"{url}\", table: input.records, where: input.paced(id), partitions: \
         {PARTITIONS} }}\n  transformations: []\n  destination:\n{placement}    {}\n",
        cell.destination(url, directory)
    )
}

/// Small disks for what is to run out of room, and the directory of the destination.
fn disks(
    fault: Fault,
    cell: Cell,
    records: u64,
    members: &Members,
    scratch: &Path,
) -> Result<Vec<Mount>, Error> {
    let directory = scratch.join(HOSTED);
    std::fs::create_dir_all(&directory).map_err(Error::file(&directory))?;
    match (fault, cell.is_hosted()) {
        (Fault::DiskFull, true) => {
            Ok(vec![Mount::new(&directory, (records * RECORD).div_ceil(1 << 20) + DISK_MIB / 4)?])
        }
        (Fault::DiskFull, false) => {
            (1..=MEMBERS).map(|member| Mount::new(&members.directory(member), DISK_MIB)).collect()
        }
        _ => Ok(Vec::new()),
    }
}

fn unexpected(status: &Status) -> Error {
    Error::Unexpected(format!("{:?}: {}", status.code(), status.message()))
}

fn target() -> Option<RunTarget> {
    Some(RunTarget { target: Some(run_target::Target::Workflow(NAME.to_owned())) })
}

impl<'a> Site<'a> {
    /// Founds a group of three, with these variables in their environment, and starts a run of so many records on it.
    pub async fn begin(
        server: &'a PostgresServer,
        fault: Fault,
        cell: Cell,
        records: u64,
        environment: &[(&str, &str)],
        scratch: TempDir,
    ) -> Result<Self, Error> {
        let network = if fault.needs_network() { Some(Namespaces::lay_out(MEMBERS)?) } else { None };
        let addresses = match &network {
            Some(network) => network.addresses(),
            None => Addresses::loopback(&mut fastrand::Rng::new()),
        };
        let at = network.as_ref().map_or(Ipv4Addr::LOCALHOST, Namespaces::hub);
        let mut members = Members::new(scratch.path(), addresses, network, Vec::new());
        for member in 1..=MEMBERS {
            members.set_environment(member, environment);
        }
        let disks = disks(fault, cell, records, &members, scratch.path())?;
        let members = members.found(MEMBERS).await?;
        let data = Data::prepare(server, cell, records, fault.pace(), at)?;
        let directory = scratch.path().join(HOSTED);
        let this = Self {
            members,
            data,
            hosted: cell.is_hosted().then(|| Hosted::new(cell, &directory, records)),
            server,
            silent: BTreeSet::new(),
            records,
            patience: PATIENCE + fault.pace() * 2,
            _disks: disks,
            scratch,
        };
        let mut client = this.members.client(1, Duration::from_secs(10))?;
        // The first member leads at the beginning, and the faults of hosted cells leave the leader alone or start it again.
        let host = if cell.is_hosted() { this.node(HOST).await? } else { 0 };
        let document = workflow(cell, &this.data.url(), &directory, host);
        let apply = ApplyWorkflowRequest { document, ..ApplyWorkflowRequest::default() };
        client.admin().apply_workflow(apply).await.map_err(|status| unexpected(&status))?;
        let run = RunWorkflowRequest { name: NAME.to_owned(), ..RunWorkflowRequest::default() };
        client.admin().run_workflow(run).await.map_err(|status| unexpected(&status))?;
        Ok(this)
    }

    /// Members that answer.
    pub fn answering(&self) -> Vec<u8> {
        self.members.running().filter(|member| !self.silent.contains(member)).collect()
    }

    /// Looks until a condition holds.
    pub async fn until<T>(
        &self,
        what: &str,
        look: impl AsyncFn() -> Result<Option<T>, Error>,
    ) -> Result<T, Error> {
        let began = Instant::now();
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if began.elapsed() > self.patience {
                let run = self.run().await.map(|run| format!("{run:?}"));
                let run = run.unwrap_or_else(|error| error.to_string());
                return Err(Error::Unexpected(format!("waited in vain until {what}; {run}")));
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Waits until a share of the records, in hundredths, is delivered.
    pub async fn until_delivered(&self, percent: u64) -> Result<(), Error> {
        let enough = self.records * percent / 100;
        let what = format!("{percent} % of the records are delivered");
        self.until(&what, async || {
            let delivered = self.delivered().await?;
            if delivered < enough {
                // A run that has failed delivers nothing more.
                self.run().await?;
            }
            Ok((delivered >= enough).then_some(()))
        })
        .await
    }

    /// Records whose commit is known.
    async fn delivered(&self) -> Result<u64, Error> {
        if self.hosted.is_none() {
            return self.data.delivered();
        }
        let counted = self.run().await?.routes;
        Ok(counted.iter().filter_map(|route| route.counters).map(|counters| counters.delivered).sum())
    }

    /// Of these partitions the ones in which something was committed under a newer epoch, with the time of the first such
    /// commit in milliseconds since 1970 where the destination knows it.
    pub async fn taken_over(&self, held: &[Held]) -> Result<Vec<(String, Option<f64>)>, Error> {
        if self.hosted.is_none() {
            let taken = self.data.taken_over(held)?;
            return Ok(taken.into_iter().map(|(partition, ms)| (partition, Some(ms))).collect());
        }
        let checkpoints = self.checkpoints().await?;
        let is_newer = |held: &&Held| {
            let of_partition = checkpoints.iter().find(|checkpoint| checkpoint.partition == held.partition);
            of_partition.is_some_and(|checkpoint| checkpoint.epoch > held.epoch)
        };
        Ok(held.iter().filter(is_newer).map(|held| (held.partition.clone(), None)).collect())
    }

    /// How long these partitions paused when they moved, in milliseconds, where the destination knows it.
    pub fn moved(&self, held: &[Held]) -> Result<Vec<f64>, Error> {
        if self.hosted.is_some() { Ok(Vec::new()) } else { self.data.pauses(held) }
    }

    /// The directory of the destination, when one node has it.
    pub fn hosted_in(&self) -> Option<PathBuf> {
        self.hosted.is_some().then(|| self.scratch.path().join(HOSTED))
    }

    async fn phase(&self) -> Result<RunPhase, Error> {
        self.ask(async |client| {
            let request = GetRunRequest { target: target(), consistency: Consistency::Linearizable.into() };
            let view = client.admin().get_run(request).await?.into_inner().run.unwrap_or_default();
            Ok(view.summary.unwrap_or_default().phase())
        })
        .await
    }

    /// Whether nothing more happens in the run, however it has ended.
    pub async fn is_over(&self) -> Result<bool, Error> {
        Ok(self.phase().await? != RunPhase::Running)
    }

    /// Resumes the run if it has stopped because it could not go on; whether it had.
    pub async fn resume_if_failed(&self) -> Result<bool, Error> {
        let has_failed = self.phase().await? == RunPhase::Failed;
        if has_failed {
            self.operate(&["workflow", "resume", NAME]).await?.succeeded("workflow resume")?;
        }
        Ok(has_failed)
    }

    /// Looks every record up.
    pub async fn tally(&self) -> Result<Tally, Error> {
        match &self.hosted {
            None => self.data.tally(),
            Some(hosted) => hosted.tally(&self.checkpoints().await?),
        }
    }

    async fn checkpoints(&self) -> Result<Vec<Checkpoint>, Error> {
        self.ask(async |client| {
            let consistency = Consistency::Linearizable.into();
            let request = ListCheckpointsRequest { target: target(), consistency };
            Ok(client.admin().list_checkpoints(request).await?.into_inner().checkpoints)
        })
        .await
    }

    /// The run as the members tell that answer.
    ///
    /// # Errors
    /// It has failed, or nobody answers.
    pub async fn run(&self) -> Result<RunView, Error> {
        let view = self.ask(async |client| {
            let request = GetRunRequest { target: target(), consistency: Consistency::Linearizable.into() };
            Ok(client.admin().get_run(request).await?.into_inner().run.unwrap_or_default())
        });
        let view = view.await?;
        let summary = view.summary.clone().unwrap_or_default();
        match summary.phase() {
            RunPhase::Running | RunPhase::Completed => Ok(view),
            phase => Err(Error::Unexpected(format!("the run is {phase:?}: {}", summary.message))),
        }
    }

    /// Who has which partition.
    pub async fn view(&self) -> Result<View, Error> {
        self.ask(async |client| {
            let consistency = Consistency::Linearizable.into();
            let request = ListPartitionsRequest { target: target(), consistency };
            Ok(View(client.admin().list_partitions(request).await?.into_inner().partitions))
        })
        .await
    }

    /// Asks the members that answer in turn, until one has.
    async fn ask<T>(
        &self,
        question: impl AsyncFn(&mut crate::group::Client) -> Result<T, Status>,
    ) -> Result<T, Error> {
        let mut last = String::from("nobody is there");
        let began = Instant::now();
        while began.elapsed() < self.patience {
            for member in self.answering() {
                let mut client = self.members.client(member, ANSWER)?;
                match tokio::time::timeout(ANSWER, question(&mut client)).await {
                    Ok(Ok(answer)) => return Ok(answer),
                    Ok(Err(status)) => last = format!("member {member}: {status}"),
                    Err(_) => last = format!("member {member} does not answer"),
                }
            }
            tokio::time::sleep(GLANCE).await;
        }
        Err(Error::Unexpected(format!("no answer about the run: {last}")))
    }

    /// Whether the run is complete.
    pub async fn is_complete(&self) -> Result<bool, Error> {
        Ok(self.run().await?.summary.unwrap_or_default().phase() == RunPhase::Completed)
    }

    /// Waits until the run is complete; how many records it says it has read and delivered, if that is the same number.
    pub async fn until_complete(&self) -> Result<u64, Error> {
        self.until("the run is complete", async || Ok(self.is_complete().await?.then_some(()))).await?;
        let routes = self.run().await?.routes;
        let counters = routes.iter().filter_map(|route| route.counters);
        let (read, delivered) = counters.fold((0, 0), |(read, delivered), counters| {
            (read + counters.read, delivered + counters.delivered)
        });
        if read != delivered {
            let message = format!("the run counts {read} records read and {delivered} delivered");
            return Err(Error::Unexpected(message));
        }
        Ok(delivered)
    }

    /// The node id of a member.
    pub async fn node(&self, member: u8) -> Result<u64, Error> {
        let asked =
            *self.answering().first().ok_or_else(|| Error::Unexpected("nobody is there".to_owned()))?;
        let status = retry(self.patience, || async {
            self.members
                .client(asked, ANSWER)
                .map_err(|error| crate::group::Failure::Refused(error.to_string()))?
                .status(Consistency::Linearizable)
                .await
        });
        let status = status.await.map_err(|failure| Error::Unexpected(format!("{failure:?}")))?;
        let node = self.members.node_of(&status, member).map(|node| node.id);
        node.ok_or_else(|| Error::Unexpected(format!("member {member} is no node")))
    }

    /// Runs a command against whichever members answer.
    pub async fn operate(&self, arguments: &[&str]) -> Result<Told, Error> {
        let servers: Vec<String> =
            self.answering().into_iter().map(|member| self.members.addresses().admin(member)).collect();
        tool(&[arguments, &["--server", &servers.join(",")]].concat()).await
    }

    /// How often the members have said one of these since their last start.
    pub fn said(&mut self, words: &[&str]) -> Result<u64, Error> {
        let mut times = 0;
        for member in self.members.running().collect::<Vec<_>>() {
            let said = self.members.process(member)?.said();
            times += said.lines().filter(|line| words.iter().any(|word| line.contains(word))).count() as u64;
        }
        Ok(times)
    }
}
