use std::io;
use std::ops::Deref;

use bytes::Bytes;
use etl_raft_state::State;
use futures::future::BoxFuture;
use tokio::io::AsyncRead;
use tokio::sync::watch;

use super::SnapshotMeta;
use crate::Error;
use crate::type_config::{LogId, SnapshotFile};

/// The copy of the state that this node has, as the rest of consensus sees it beside openraft.
/// [`SharedState`](super::SharedState) is the one in use; simulations bring one without threads and files.
pub trait LocalState: Send + Sync + 'static {
    /// The state as far as the log has been applied. Nothing is applied as long as the answer lives.
    fn look(&self) -> Box<dyn Deref<Target = State> + '_>;

    /// The last entry applied, as it changes. What it names can be seen by [`look`](Self::look).
    fn applied(&self) -> watch::Receiver<Option<LogId>>;

    /// A snapshot of the state as it is now or later.
    ///
    /// # Errors
    /// [`Error::Io`]
    fn snapshot(&self) -> BoxFuture<'_, Result<(SnapshotMeta, SnapshotFile), Error>>;

    /// What is in a sound snapshot, to be read from its beginning.
    ///
    /// # Errors
    /// When it cannot be read or is damaged; another one is there then, if one could be made.
    fn open(&self, file: &SnapshotFile) -> BoxFuture<'static, io::Result<SnapshotContent>>;

    /// A place for a snapshot that arrives from another node.
    ///
    /// # Errors
    /// [`Error::Io`]
    fn incoming(&self) -> BoxFuture<'_, Result<Box<dyn Incoming>, Error>>;
}

/// The bytes of a snapshot.
pub type SnapshotContent = Box<dyn AsyncRead + Send + Unpin>;

/// A snapshot that is being received. Dropped before it is finished, nothing is left of it.
pub trait Incoming: Send {
    /// Bytes received so far.
    fn size(&self) -> u64;

    /// Takes in the next part, of which the sender says that this is its CRC-32 (IEEE). After an error, or when the future was
    /// dropped, nothing more can be taken in.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is not what was sent, or more than a snapshot may be; [`Error::Io`]
    fn write(&mut self, part: Bytes, crc32: u32) -> BoxFuture<'_, Result<(), Error>>;

    /// Ends receiving and checks all that has come.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is not `expected_size` bytes long or not a sound snapshot, [`Error::Io`]
    fn finish(self: Box<Self>, expected_size: u64) -> BoxFuture<'static, Result<SnapshotFile, Error>>;
}
