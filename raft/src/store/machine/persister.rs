use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::{io, mem};

use etl_raft_state::State;
use openraft::StoredMembership;
use tokio::sync::oneshot;

use super::database::{Changes, Database};
use super::generation;
use super::jobs::{Closed, Done, Job, Jobs};
use super::position::Position;
use crate::Error;
use crate::store::reserve::Reserve;
use crate::type_config::{LogId, NodeId, Peer};

/// The database is written anew when its file is this many times as large as what is in it,
const WASTE: u64 = 8;

/// but not while it is smaller than this.
const SMALL_BYTES: u64 = 32 << 20;

/// Writes the state machine to disk, on a thread of its own and in the order of the calls, so that neither readers nor
/// those who apply entries wait for the disk. Dropping it writes and syncs what is left.
///
/// What a crash loses is applied again from the log, so that nothing is gained by writing each change at once: a row that
/// changes all the time is written about once a second.
pub(super) struct Persister {
    jobs: Arc<Jobs>,
    failure: Arc<OnceLock<String>>,
    dir: PathBuf,
    /// Absent only while dropping.
    thread: Option<JoinHandle<()>>,
}

impl Persister {
    /// `dir` is the directory of all databases, `database` the one in use.
    pub(super) fn start(dir: PathBuf, database: Database, reserve: Arc<Reserve>) -> Result<Self, Error> {
        let jobs = Arc::new(Jobs::default());
        let failure = Arc::new(OnceLock::new());
        let thread = thread::Builder::new()
            .name("state-writer".to_owned())
            .spawn({
                let (dir, jobs, failure) = (dir.clone(), jobs.clone(), failure.clone());
                let worker = Worker { dir, database, jobs: Abandoning(jobs), failure, reserve };
                move || worker.run()
            })
            .map_err(Error::io(&dir))?;
        Ok(Self { jobs, failure, dir, thread: Some(thread) })
    }

    /// Takes over what an application of entries has changed, and returns before it is on disk.
    ///
    /// # Errors
    /// [`Error::Io`] when something could not be written before.
    pub(super) async fn write(
        &self,
        changes: Changes,
        applied: Option<LogId>,
        membership: Option<StoredMembership<NodeId, Peer>>,
    ) -> Result<(), Error> {
        let written = self.jobs.write(changes, applied, membership).await;
        written.map_err(|Closed| self.failed())
    }

    /// Returns when all that was taken over before is durable.
    pub(super) async fn sync(&self) -> Result<(), Error> {
        let (done, answer) = oneshot::channel();
        self.jobs.push(Job::Sync { done }).map_err(|Closed| self.failed())?;
        answer.await.unwrap_or_else(|_| Err(self.failed()))
    }

    /// Puts another state in the place of all that was written, behind what was taken over before, and returns before that
    /// is done; a crash leaves the one or the other.
    ///
    /// # Errors
    /// [`Error::Io`] when something could not be written before.
    pub(super) fn replace(&self, state: State, position: Position) -> Result<(), Error> {
        let job = Job::Replace { state: Box::new(state), position: Box::new(position) };
        self.jobs.push(job).map_err(|Closed| self.failed())
    }

    fn failed(&self) -> Error {
        let problem = self.failure.get().map_or("its thread has died", String::as_str);
        Error::io(&self.dir)(io::Error::other(format!("the state cannot be written any more: {problem}")))
    }
}

impl Drop for Persister {
    fn drop(&mut self) {
        self.jobs.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes the state has died");
        }
    }
}

struct Worker {
    dir: PathBuf,
    database: Database,
    jobs: Abandoning,
    failure: Arc<OnceLock<String>>,
    reserve: Arc<Reserve>,
}

/// The jobs of a worker, which nobody carries out any more once it is gone, however it has ended.
struct Abandoning(Arc<Jobs>);

impl Drop for Abandoning {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Worker {
    fn run(mut self) {
        while let Some(job) = self.jobs.0.next() {
            if let Err(error) = self.carry_out(job) {
                tracing::error!(%error, "the state cannot be written any more; this node stops taking part");
                self.reserve.release_if_full(&error);
                // Before those who wait are told, which dropping the jobs does.
                let _ = self.failure.set(error.to_string());
                return;
            }
        }
        if let Err(error) = self.database.sync() {
            tracing::warn!(%error, "the state was not written completely; the rest is applied from the log again");
        }
    }

    fn carry_out(&mut self, job: Job) -> Result<(), Error> {
        match job {
            Job::Write(mut unwritten) => {
                let (applied, membership) = (unwritten.applied, unwritten.membership.take());
                self.database.write(unwritten.into_changes(), applied, membership.as_ref())
            }
            Job::Sync { done } => {
                let result = self.sync();
                answer(done, result)
            }
            Job::Replace { state, position } => self.replace(&state, &position),
        }
    }

    fn sync(&mut self) -> Result<(), Error> {
        self.database.sync()?;
        let (live, disk) = (self.database.live_bytes(), self.database.disk_bytes());
        if disk > SMALL_BYTES && disk > WASTE.saturating_mul(live) {
            tracing::info!(live, disk, "the state is written anew to give room back");
            let path = generation::fresh(&self.dir)?;
            let copy = self.database.copy_to(&path)?;
            self.switch(copy, path)?;
        }
        Ok(())
    }

    fn replace(&mut self, state: &State, position: &Position) -> Result<(), Error> {
        let path = generation::fresh(&self.dir)?;
        let database = Database::create(&path, state.rows(), position)?;
        self.switch(database, path)
    }

    fn switch(&mut self, database: Database, path: PathBuf) -> Result<(), Error> {
        generation::switch(&self.dir, &path)?;
        drop(mem::replace(&mut self.database, database));
        generation::remove_others(&self.dir, &path)
    }
}

/// Tells the one who waits; the failure goes on to the others.
fn answer(done: Done, result: Result<(), Error>) -> Result<(), Error> {
    let copy = match &result {
        Ok(()) => Ok(()),
        Err(Error::Io { path, source }) => {
            Err(Error::Io { path: path.clone(), source: io::Error::new(source.kind(), source.to_string()) })
        }
        Err(other) => Err(Error::io("state")(io::Error::other(other.to_string()))),
    };
    let _ = done.send(copy);
    result
}
