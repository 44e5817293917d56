use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::{io, mem};

use etl_raft_state::State;
use openraft::StoredMembership;
use tokio::sync::{mpsc, oneshot};

use super::database::{Changes, Database};
use super::generation;
use super::position::Position;
use crate::Error;
use crate::store::reserve::Reserve;
use crate::type_config::{LogId, NodeId, Peer};

/// How many applications of entries may wait for the disk before applying waits too.
const QUEUE: usize = 1024;

/// The database is written anew when its file is this many times as large as what is in it,
const WASTE: u64 = 8;

/// but not while it is smaller than this.
const SMALL_BYTES: u64 = 32 << 20;

enum Job {
    Write { changes: Changes, applied: Option<LogId>, membership: Option<StoredMembership<NodeId, Peer>> },
    Sync { done: Done },
    Replace { state: Box<State>, position: Box<Position>, done: Done },
}

type Done = oneshot::Sender<Result<(), Error>>;

/// Writes the state machine to disk, on a thread of its own and in the order of the calls, so that neither readers nor
/// those who apply entries wait for the disk. Dropping it writes and syncs what is left.
pub(super) struct Persister {
    /// Absent only while dropping.
    jobs: Option<mpsc::Sender<Job>>,
    failure: Arc<OnceLock<String>>,
    dir: PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl Persister {
    /// `dir` is the directory of all databases, `database` the one in use.
    pub(super) fn start(dir: PathBuf, database: Database, reserve: Arc<Reserve>) -> Result<Self, Error> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let failure = Arc::new(OnceLock::new());
        let thread = thread::Builder::new()
            .name("state-writer".to_owned())
            .spawn({
                let worker = Worker { dir: dir.clone(), database, failure: failure.clone(), reserve };
                move || worker.run(queue)
            })
            .map_err(Error::io(&dir))?;
        Ok(Self { jobs: Some(jobs), failure, dir, thread: Some(thread) })
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
        self.send(Job::Write { changes, applied, membership }).await
    }

    /// Returns when all that was taken over before is durable.
    pub(super) async fn sync(&self) -> Result<(), Error> {
        let (done, answer) = oneshot::channel();
        self.send(Job::Sync { done }).await?;
        answer.await.unwrap_or_else(|_| Err(self.failed()))
    }

    /// Puts another state in the place of all that was written, durably; a crash leaves the one or the other.
    pub(super) async fn replace(&self, state: State, position: Position) -> Result<(), Error> {
        let (done, answer) = oneshot::channel();
        self.send(Job::Replace { state: Box::new(state), position: Box::new(position), done }).await?;
        answer.await.unwrap_or_else(|_| Err(self.failed()))
    }

    async fn send(&self, job: Job) -> Result<(), Error> {
        if self.failure.get().is_some() {
            return Err(self.failed());
        }
        match &self.jobs {
            Some(jobs) => jobs.send(job).await.map_err(|_| self.failed()),
            None => Err(self.failed()),
        }
    }

    fn failed(&self) -> Error {
        let problem = self.failure.get().map_or("its thread has died", String::as_str);
        Error::io(&self.dir)(io::Error::other(format!("the state cannot be written any more: {problem}")))
    }
}

impl Drop for Persister {
    fn drop(&mut self) {
        self.jobs = None;
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
    failure: Arc<OnceLock<String>>,
    reserve: Arc<Reserve>,
}

impl Worker {
    fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(job) = queue.blocking_recv() {
            if let Err(error) = self.carry_out(job) {
                tracing::error!(%error, "the state cannot be written any more; this node stops taking part");
                self.reserve.release_if_full(&error);
                // Dropping the queue tells those who wait and those who come.
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
            Job::Write { changes, applied, membership } => {
                self.database.write(changes, applied, membership.as_ref())
            }
            Job::Sync { done } => {
                let result = self.sync();
                answer(done, result)
            }
            Job::Replace { state, position, done } => {
                let result = self.replace(&state, &position);
                answer(done, result)
            }
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
