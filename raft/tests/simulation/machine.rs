//! The real state on a simulated disk.

use std::io;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use bytes::Bytes;
use etl_raft::store::{Incoming, LocalState, SnapshotContent, SnapshotMeta};
use etl_raft::{Error, LogId, NodeId, Peer, SnapshotFile, TypeConfig};
use etl_raft_state::{EncodingError, Envelope, Response, State};
use futures::FutureExt;
use futures::future::BoxFuture;
use openraft::storage::RaftStateMachine;
use openraft::{
    AnyError, Entry, EntryPayload, OptionalSend, RaftSnapshotBuilder, Snapshot, StorageError, StorageIOError,
    StoredMembership,
};
use tokio::sync::watch;

use crate::disk::{Kept, Shelved};
use crate::site::Place;

/// Clones are the same machine.
#[derive(Clone)]
pub struct Machine {
    place: Arc<Place>,
    current: Arc<RwLock<Kept>>,
    applied: Arc<watch::Sender<Option<LogId>>>,
}

/// The state as it was when the snapshot was ordered.
pub struct Builder {
    machine: Machine,
    view: Kept,
}

impl Machine {
    /// With what the disk holds, read from its rows as a starting process does.
    pub fn open(place: Arc<Place>) -> Self {
        let mut kept = place.disk().kept().clone();
        let digest = kept.state.digest();
        kept.state = State::load(kept.state.rows()).expect("a state can read its own rows");
        if kept.state.digest() != digest {
            place.witness.violation(format!("node {} reads another state", place.member.node));
        }
        let applied = Arc::new(watch::Sender::new(kept.applied));
        Self { place, current: Arc::new(RwLock::new(kept)), applied }
    }

    pub fn watch(&self) -> watch::Receiver<Option<LogId>> {
        self.applied.subscribe()
    }

    pub fn kept(&self) -> Kept {
        self.current.read().unwrap().clone()
    }

    /// Writes a snapshot of `view`, unless there is a newer one.
    pub async fn build(&self, view: Kept) -> Shelved {
        let latency = self.place.disk().latency();
        tokio::time::sleep(latency).await;
        let mut disk = self.place.disk();
        let shelved = Shelved { meta: meta(&view), bytes: encode(&view.state) };
        disk.shelve(view, shelved);
        disk.shelf.clone().expect("just put there")
    }

    fn apply_one(&self, kept: &mut Kept, entry: Entry<TypeConfig>) -> Result<Response, EncodingError> {
        let Entry { log_id, payload } = entry;
        let (node, witness) = (self.place.member.node, &self.place.witness);
        let mut hash = crc32fast::Hasher::new();
        let response = match payload {
            EntryPayload::Blank => Response::Done,
            EntryPayload::Normal(proposal) => {
                hash.update(&proposal.0);
                let envelope = Envelope::decode(&proposal.0)?;
                kept.state.apply(log_id.index, &envelope)
            }
            EntryPayload::Membership(membership) => {
                hash.update(format!("{membership:?}").as_bytes());
                kept.membership = StoredMembership::new(Some(log_id), membership);
                Response::Done
            }
        };
        kept.applied = Some(log_id);
        witness.applied(node, log_id, hash.finalize(), || kept.state.digest());
        Ok(response)
    }
}

impl RaftStateMachine<TypeConfig> for Machine {
    type SnapshotBuilder = Builder;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<LogId>, StoredMembership<NodeId, Peer>), StorageError<NodeId>> {
        let current = self.current.read().unwrap();
        Ok((current.applied, current.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Response>, StorageError<NodeId>>
    where
        I: IntoIterator<Item = Entry<TypeConfig>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut current = self.current.write().unwrap();
        let mut responses = Vec::new();
        for entry in entries {
            let log_id = entry.log_id;
            let response = self.apply_one(&mut current, entry);
            responses.push(response.map_err(|error| StorageIOError::apply(log_id, AnyError::new(&error)))?);
        }
        current.state.take_changes();
        self.place.disk().write_state(current.clone());
        self.applied.send_replace(current.applied);
        Ok(responses)
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder { machine: self.clone(), view: self.kept() }
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<SnapshotFile>, StorageError<NodeId>> {
        Ok(Box::new(SnapshotFile { path: PathBuf::new(), size: 0 }))
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Box<SnapshotFile>,
    ) -> Result<(), StorageError<NodeId>> {
        let latency = self.place.disk().latency();
        tokio::time::sleep(latency).await;
        let failed = |problem: String| {
            StorageIOError::write_snapshot(Some(meta.signature()), AnyError::error(problem))
        };
        let bytes = self.place.disk().file(&snapshot.path);
        let bytes = bytes.ok_or_else(|| failed(format!("{} is missing", snapshot.path.display())))?;
        let state = decode(&bytes).map_err(failed)?;
        let kept = Kept { state, applied: meta.last_log_id, membership: meta.last_membership.clone() };
        self.place.witness.installed(meta.last_log_id, kept.state.digest());
        self.place.disk().install(kept.clone(), Shelved { meta: meta.clone(), bytes });
        *self.current.write().unwrap() = kept;
        self.applied.send_replace(meta.last_log_id);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<TypeConfig>>, StorageError<NodeId>> {
        let shelved = self.place.disk().shelf.clone();
        Ok(shelved.map(|shelved| {
            let file = file_of(&shelved);
            Snapshot { meta: shelved.meta, snapshot: Box::new(file) }
        }))
    }
}

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    async fn build_snapshot(&mut self) -> Result<Snapshot<TypeConfig>, StorageError<NodeId>> {
        let shelved = self.machine.build(self.view.clone()).await;
        let file = file_of(&shelved);
        Ok(Snapshot { meta: shelved.meta, snapshot: Box::new(file) })
    }
}

impl LocalState for Machine {
    fn look(&self) -> Box<dyn Deref<Target = State> + '_> {
        Box::new(Look(self.current.read().unwrap()))
    }

    fn applied(&self) -> watch::Receiver<Option<LogId>> {
        self.watch()
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<(SnapshotMeta, SnapshotFile), Error>> {
        async move {
            let shelved = self.build(self.kept()).await;
            let file = file_of(&shelved);
            Ok((shelved.meta, file))
        }
        .boxed()
    }

    fn open(&self, file: &SnapshotFile) -> BoxFuture<'static, io::Result<SnapshotContent>> {
        let found = self.place.disk().file(&file.path);
        async move {
            let bytes = found.ok_or(io::ErrorKind::NotFound)?;
            Ok(Box::new(io::Cursor::new(bytes)) as SnapshotContent)
        }
        .boxed()
    }

    fn incoming(&self) -> BoxFuture<'_, Result<Box<dyn Incoming>, Error>> {
        let incoming = Arriving { place: self.place.clone(), bytes: Vec::new() };
        async move { Ok(Box::new(incoming) as Box<dyn Incoming>) }.boxed()
    }
}

struct Look<'a>(RwLockReadGuard<'a, Kept>);

impl Deref for Look<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0.state
    }
}

struct Arriving {
    place: Arc<Place>,
    bytes: Vec<u8>,
}

impl Incoming for Arriving {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn write(&mut self, part: Bytes, crc32: u32) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            if crc32fast::hash(&part) != crc32 {
                return Err(damaged("the part does not fit its checksum".to_owned()));
            }
            self.bytes.extend_from_slice(&part);
            Ok(())
        }
        .boxed()
    }

    fn finish(self: Box<Self>, expected_size: u64) -> BoxFuture<'static, Result<SnapshotFile, Error>> {
        async move {
            if self.size() != expected_size {
                return Err(damaged(format!("{} bytes came, not {expected_size}", self.size())));
            }
            decode(&self.bytes).map_err(damaged)?;
            let mut disk = self.place.disk();
            let path = PathBuf::from(format!("incoming-{}", disk.incoming.len()));
            disk.incoming.insert(path.clone(), self.bytes.into());
            Ok(SnapshotFile { path, size: expected_size })
        }
        .boxed()
    }
}

fn damaged(problem: String) -> Error {
    Error::Damaged { path: "incoming".into(), problem }
}

/// What a snapshot of this says of itself.
pub fn meta(kept: &Kept) -> SnapshotMeta {
    let snapshot_id = kept.applied.map_or_else(|| "empty".to_owned(), |last| last.to_string());
    SnapshotMeta { last_log_id: kept.applied, last_membership: kept.membership.clone(), snapshot_id }
}

fn file_of(shelved: &Shelved) -> SnapshotFile {
    SnapshotFile { path: shelved.meta.snapshot_id.clone().into(), size: shelved.bytes.len() as u64 }
}

/// Each key and value with its length before it.
pub fn encode(state: &State) -> Bytes {
    let mut bytes = Vec::new();
    for (key, value) in state.rows() {
        for piece in [key, value] {
            bytes.extend_from_slice(&(piece.len() as u32).to_be_bytes());
            bytes.extend_from_slice(&piece);
        }
    }
    bytes.into()
}

fn decode(mut bytes: &[u8]) -> Result<State, String> {
    let mut pieces = Vec::new();
    while let Some((size, rest)) = bytes.split_first_chunk::<4>() {
        let size = u32::from_be_bytes(*size) as usize;
        let (piece, rest) = rest.split_at_checked(size).ok_or("it ends too early")?;
        pieces.push(piece.to_vec());
        bytes = rest;
    }
    let rows = pieces.chunks_exact(2).map(|row| (row[0].clone(), row[1].clone()));
    State::load(rows).map_err(|error| error.to_string())
}
