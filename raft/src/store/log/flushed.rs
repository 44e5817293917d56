use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};

use raft_log::Callback;

use crate::store::reserve::{Reserve, is_full};

/// Told once whether what it stands for is on disk.
pub(crate) type Waiter = Box<dyn FnOnce(Result<(), io::Error>) + Send + Sync>;

/// What the one who writes, the one who syncs and the one who keeps watch share. It does not own the log: the thread that
/// syncs would otherwise be the last owner and wait for itself.
#[derive(Debug)]
pub(crate) struct Flow {
    /// All before this offset is on disk.
    synced: AtomicU64,
    /// Whether a sync is under way. There is never more than one, so that waiters are told in the order they came.
    syncing: AtomicBool,
    /// Whether somebody waits for the sync after the one under way.
    wanted: AtomicBool,
    /// Whether the watcher waits for the next sync to end.
    resting: AtomicBool,
    failure: OnceLock<(io::ErrorKind, String)>,
    events: mpsc::Sender<Event>,
    reserve: Arc<Reserve>,
    wal: PathBuf,
}

/// Wakes the watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A sync is over, and there is something to do; or it has failed.
    Synced,
    Stop,
}

impl Flow {
    pub(crate) fn new(synced: u64, events: mpsc::Sender<Event>, reserve: Arc<Reserve>, wal: PathBuf) -> Self {
        let (synced, failure) = (AtomicU64::new(synced), OnceLock::new());
        let [syncing, wanted, resting] = [const { AtomicBool::new(false) }; 3];
        Self { synced, syncing, wanted, resting, failure, events, reserve, wal }
    }

    pub(crate) fn synced(&self) -> u64 {
        self.synced.load(Ordering::SeqCst)
    }

    /// Whether the caller may start a sync, which it then must. If not, the watcher is told when the one under way is over.
    pub(crate) fn may_sync(&self) -> bool {
        let begin = || !self.syncing.swap(true, Ordering::SeqCst);
        if begin() {
            return true;
        }
        self.wanted.store(true, Ordering::SeqCst);
        // It may have ended before it could be seen that another is wanted.
        begin()
    }

    /// Whether a sync is under way, of whose end the watcher will be told.
    pub(crate) fn will_tell(&self) -> bool {
        self.wanted.store(true, Ordering::SeqCst);
        self.syncing.load(Ordering::SeqCst)
    }

    /// Whether the watcher, which has marked `end`, may wait until it is told of a sync.
    pub(crate) fn may_rest(&self, end: u64) -> bool {
        self.resting.store(true, Ordering::SeqCst);
        // One that ended before may have told nobody.
        let may_rest = self.synced() <= end;
        if !may_rest {
            self.resting.store(false, Ordering::SeqCst);
        }
        may_rest
    }

    /// The first failure, for ever. What the disk holds after a failed write or sync is not known, so nothing may be
    /// tried again: the process has to end and read what is there.
    pub(crate) fn failure(&self) -> Result<(), io::Error> {
        match self.failure.get() {
            None => Ok(()),
            Some((kind, problem)) => Err(io::Error::new(*kind, format!("the log has failed: {problem}"))),
        }
    }

    pub(crate) fn fail(&self, error: &io::Error) {
        if self.failure.set((error.kind(), error.to_string())).is_ok() {
            tracing::error!(%error, "vote and log cannot be written any more; this node stops taking part");
            if is_full(error) {
                self.reserve.release();
            }
        }
        self.send(Event::Synced);
    }

    pub(crate) fn send(&self, event: Event) {
        // Without a watcher the log is being closed, and there is nothing left to watch.
        let _ = self.events.send(event);
    }
}

/// Handed to raft-log with a sync, and called by its worker when that is over.
pub(crate) struct Flushed {
    waiters: Vec<Waiter>,
    end: u64,
    flow: Arc<Flow>,
    called: bool,
}

impl Flushed {
    /// `end` is the offset up to which the sync goes.
    pub(crate) fn new(waiters: Vec<Waiter>, end: u64, flow: Arc<Flow>) -> Self {
        Self { waiters, end, flow, called: false }
    }

    fn tell(&mut self, result: &Result<(), io::Error>) {
        for waiter in self.waiters.drain(..) {
            waiter(match result {
                Ok(()) => Ok(()),
                Err(error) => {
                    let wal = self.flow.wal.display();
                    Err(io::Error::new(error.kind(), format!("{wal} cannot be written any more: {error}")))
                }
            });
        }
    }
}

impl Callback for Flushed {
    fn send(mut self, result: Result<(), io::Error>) {
        match &result {
            Ok(()) => self.flow.synced.store(self.end, Ordering::SeqCst),
            Err(error) => self.flow.fail(error),
        }
        self.tell(&result);
        self.called = true;
        self.flow.syncing.store(false, Ordering::SeqCst);
        let is_wanted = self.flow.wanted.swap(false, Ordering::SeqCst);
        // Waking the watcher costs more than most of what it would find to do.
        if self.flow.resting.swap(false, Ordering::SeqCst) || is_wanted {
            self.flow.send(Event::Synced);
        }
    }
}

impl Drop for Flushed {
    /// Dropped without having been called to the end: the worker has died, with its queue or of a waiter that panicked.
    fn drop(&mut self) {
        if !self.called {
            let error = io::Error::other("the thread that syncs the log has stopped");
            self.flow.fail(&error);
            self.tell(&Err(error));
            self.flow.send(Event::Synced);
        }
    }
}
