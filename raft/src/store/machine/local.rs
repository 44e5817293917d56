use std::io;
use std::ops::Deref;
use std::sync::{PoisonError, RwLockReadGuard};

use bytes::Bytes;
use etl_raft_state::State;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::task;

use super::current::Current;
use super::shared::SharedState;
use crate::Error;
use crate::store::local_state::{Incoming, LocalState, SnapshotContent};
use crate::store::snapshot::{IncomingSnapshot, Shelf, SnapshotMeta};
use crate::type_config::{LogId, SnapshotFile};

impl LocalState for SharedState {
    fn look(&self) -> Box<dyn Deref<Target = State> + '_> {
        // A panic while applying ends the process, so the state is never half changed.
        Box::new(Look(self.machine.current.read().unwrap_or_else(PoisonError::into_inner)))
    }

    fn applied(&self) -> watch::Receiver<Option<LogId>> {
        Self::applied(self)
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<(SnapshotMeta, SnapshotFile), Error>> {
        Self::snapshot(self).boxed()
    }

    fn open(&self, file: &SnapshotFile) -> BoxFuture<'static, io::Result<SnapshotContent>> {
        let (state, path) = (self.clone(), file.path.clone());
        async move {
            let checked = path.clone();
            if !task::spawn_blocking(move || Shelf::is_sound(&checked)).await.unwrap_or(false) {
                // Whoever asks again is to find another.
                let made = Self::snapshot(&state).await;
                let reason = made.err().map_or_else(String::new, |error| format!(", which failed: {error}"));
                let problem = format!("it is damaged and was made anew{reason}");
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
            Ok(Box::new(tokio::fs::File::open(path).await?) as SnapshotContent)
        }
        .boxed()
    }

    fn incoming(&self) -> BoxFuture<'_, Result<Box<dyn Incoming>, Error>> {
        let state = self.clone();
        async move {
            let incoming = off_thread(move || state.new_incoming_snapshot()).await?;
            Ok(Box::new(OffThread { size: 0, incoming: Some(incoming) }) as Box<dyn Incoming>)
        }
        .boxed()
    }
}

/// The state, and the lock that keeps it as it is.
struct Look<'a>(RwLockReadGuard<'a, Current>);

impl Deref for Look<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0.state
    }
}

/// Receives on threads that may block.
struct OffThread {
    size: u64,
    /// Absent while a part is written, and after that has failed.
    incoming: Option<IncomingSnapshot>,
}

impl OffThread {
    fn take(&mut self) -> Result<IncomingSnapshot, Error> {
        let given_up = || Error::io("snapshots")(io::Error::other("the snapshot was given up before"));
        self.incoming.take().ok_or_else(given_up)
    }
}

impl Incoming for OffThread {
    fn size(&self) -> u64 {
        self.size
    }

    fn write(&mut self, part: Bytes, crc32: u32) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let mut incoming = self.take()?;
            let incoming = off_thread(move || incoming.write(&part, crc32).map(|()| incoming)).await?;
            self.size = incoming.size();
            self.incoming = Some(incoming);
            Ok(())
        }
        .boxed()
    }

    fn finish(mut self: Box<Self>, expected_size: u64) -> BoxFuture<'static, Result<SnapshotFile, Error>> {
        async move {
            let incoming = self.take()?;
            off_thread(move || incoming.finish(expected_size)).await
        }
        .boxed()
    }
}

/// Files block.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(died) => Err(Error::io("snapshots")(io::Error::other(died))),
    }
}
