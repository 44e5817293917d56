use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use async_trait::async_trait;
use etl_model::{Batch, Claim, Fence, Marker, RecordError, Route, Shard, Unit};
use etl_sdk::{
    CommitKind, ConnectorError, Destination, DestinationCapabilities, Encoded, Encoder, Payload, RouteWriter,
    RunContext,
};
use tokio::sync::Semaphore;

/// A fault that strikes once, at the commit of this unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An error instead of the commit.
    BeforeCommit(u64),
    /// The commit happens, its answer is lost.
    AfterCommit(u64),
    /// A panic while staging.
    PanicInStage(u64),
    /// A later owner fences just before the commit.
    Overtaken(u64),
}

/// What is committed.
#[derive(Debug, Default)]
pub struct Content {
    pub rows: BTreeMap<Route, Vec<i64>>,
    pub markers: BTreeMap<Route, Marker>,
    pub completed: usize,
    /// Routes with their indexes, as they were opened last.
    pub opened: BTreeMap<Route, usize>,
    /// The routes of the last completion.
    pub completed_routes: Vec<Route>,
}

/// A transactional destination. Clones share their content.
#[derive(Clone, Default)]
pub struct Memory {
    pub content: Arc<Mutex<Content>>,
    pub faults: Arc<Mutex<Vec<Fault>>>,
    /// Multiples of it are refused row by row.
    pub rejects: Option<i64>,
    /// One permit is taken per write, for a destination that is as slow as the test lets it be.
    pub gate: Option<Arc<Semaphore>>,
    /// Bytes written and not yet committed, and their maximum.
    pub held: Arc<AtomicUsize>,
    pub most_held: Arc<AtomicUsize>,
    /// Whether it keeps no marker.
    pub forgets: bool,
    /// Completions that fail before one succeeds.
    pub failing_completions: Arc<AtomicUsize>,
    pub max_writers: Option<NonZeroUsize>,
    /// Writers with rows that are not committed, and the most at once.
    pub writing: Arc<AtomicUsize>,
    pub most_writing: Arc<AtomicUsize>,
    /// Bytes that a row claims to occupy; 100 unless given.
    pub row_bytes: Option<usize>,
    /// The only shard that faults strike, if not all routes.
    pub faulty_shard: Option<usize>,
}

impl Memory {
    pub fn with_fault(fault: Fault) -> Self {
        let memory = Self::default();
        memory.faults.lock().unwrap().push(fault);
        memory
    }

    /// Everything committed, in the order of partitions and commits.
    pub fn rows(&self) -> Vec<i64> {
        self.content.lock().unwrap().rows.values().flatten().copied().collect()
    }

    pub fn markers(&self) -> Vec<Marker> {
        self.content.lock().unwrap().markers.values().cloned().collect()
    }

    fn strikes(&self, route: &Route, fault: Fault) -> bool {
        if self.faulty_shard.is_some() && self.faulty_shard != route.shard.map(Shard::number) {
            return false;
        }
        let mut faults = self.faults.lock().unwrap();
        let found = faults.iter().position(|known| *known == fault);
        found.map(|index| faults.remove(index)).is_some()
    }
}

struct Columns {
    row_bytes: usize,
}

impl Encoder for Columns {
    fn encode(&self, batch: Batch) -> Result<Encoded, ConnectorError> {
        let (rows, bytes) = (batch.len() as u64, batch.len() * self.row_bytes);
        Ok(Encoded { payload: Payload::Columns(batch), rows, bytes, errors: Vec::new() })
    }
}

struct Writer {
    memory: Memory,
    route: Route,
    open: Vec<(u64, i64)>,
    bytes: usize,
}

#[async_trait]
impl Destination for Memory {
    fn capabilities(&self) -> DestinationCapabilities {
        DestinationCapabilities {
            commit: if self.forgets { CommitKind::None } else { CommitKind::Transactional },
            max_writers: self.max_writers,
            holds_rows: true,
            rejects_rows: true,
            unit_bytes: Some(5000),
        }
    }

    async fn check(&self, _: &RunContext) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        Arc::new(Columns { row_bytes: self.row_bytes.unwrap_or(100) })
    }

    async fn open(
        &self,
        _: &RunContext,
        route: &Route,
        index: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        self.content.lock().unwrap().opened.insert(route.clone(), index);
        Ok(Box::new(Writer { memory: self.clone(), route: route.clone(), open: Vec::new(), bytes: 0 }))
    }

    async fn complete(&self, _: &RunContext, routes: &[Route]) -> Result<(), ConnectorError> {
        let failing = self.failing_completions.load(Ordering::SeqCst);
        if failing > 0 {
            self.failing_completions.store(failing - 1, Ordering::SeqCst);
            return Err(ConnectorError::transient("busy", "not now"));
        }
        let mut content = self.content.lock().unwrap();
        content.completed += 1;
        content.completed_routes = routes.to_vec();
        Ok(())
    }
}

impl Writer {
    fn held(&self, change: isize) {
        let held =
            self.memory.held.fetch_add(change as usize, Ordering::SeqCst).wrapping_add(change as usize);
        self.memory.most_held.fetch_max(held, Ordering::SeqCst);
    }

    fn let_go(&mut self) {
        self.held(-(self.bytes as isize));
        if std::mem::take(&mut self.bytes) > 0 {
            self.memory.writing.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn fenced(&self, found: &Marker, held: u64) -> ConnectorError {
        ConnectorError::Fenced {
            place: self.route.to_string(),
            found: found.epoch,
            held,
            run: found.run.to_string(),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.let_go();
    }
}

#[async_trait]
impl RouteWriter for Writer {
    async fn marker(&mut self) -> Result<Option<Marker>, ConnectorError> {
        Ok(self.memory.content.lock().unwrap().markers.get(&self.route).cloned())
    }

    async fn fence(&mut self, claim: &Claim) -> Result<Marker, ConnectorError> {
        let mut content = self.memory.content.lock().unwrap();
        let found = content.markers.get(&self.route).filter(|_| !self.memory.forgets);
        match claim.decide(found) {
            Fence::Store(marker) => {
                content.markers.insert(self.route.clone(), marker.clone());
                Ok(marker)
            }
            Fence::Held(marker) => Ok(marker),
            Fence::Fenced { .. } | Fence::Stranger { .. } => {
                let found = content.markers[&self.route].clone();
                Err(self.fenced(&found, claim.epoch))
            }
        }
    }

    async fn write(&mut self, rows: Encoded) -> Result<(), ConnectorError> {
        if let Some(gate) = &self.memory.gate {
            gate.acquire().await.unwrap().forget();
        }
        if self.bytes == 0 && rows.bytes > 0 {
            let writing = self.memory.writing.fetch_add(1, Ordering::SeqCst) + 1;
            self.memory.most_writing.fetch_max(writing, Ordering::SeqCst);
        }
        self.bytes += rows.bytes;
        self.held(rows.bytes as isize);
        let Payload::Columns(batch) = rows.payload else { panic!("columns expected") };
        let values = batch.records().column(0).as_primitive::<Int64Type>();
        self.open.extend(batch.ordinals().values().iter().copied().zip(values.values().iter().copied()));
        Ok(())
    }

    async fn stage(&mut self, unit: &Unit) -> Result<Vec<RecordError>, ConnectorError> {
        if self.memory.strikes(&self.route, Fault::PanicInStage(unit.marker.seq)) {
            panic!("panic in unit {}", unit.marker.seq);
        }
        let is_refused = |&(_, n): &(u64, i64)| self.memory.rejects.is_some_and(|multiple| n % multiple == 0);
        let refused = self.open.iter().copied().filter(is_refused);
        let errors =
            refused.map(|(ordinal, n)| RecordError::new(ordinal, "refused", format!("{n} is refused")));
        let errors = errors.collect();
        self.open.retain(|row| !is_refused(row));
        Ok(errors)
    }

    async fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        let lost = || ConnectorError::transient("reset", "connection reset");
        let seq = unit.marker.seq;
        if self.memory.strikes(&self.route, Fault::BeforeCommit(seq)) {
            return Err(lost());
        }
        if self.memory.strikes(&self.route, Fault::Overtaken(seq)) {
            let mut content = self.memory.content.lock().unwrap();
            content.markers.get_mut(&self.route).unwrap().epoch += 1;
        }
        {
            let mut content = self.memory.content.lock().unwrap();
            let found = content.markers[&self.route].clone();
            let follows =
                (found.run, found.epoch, found.seq + 1) == (unit.marker.run, unit.marker.epoch, seq);
            if !follows && !self.memory.forgets {
                return Err(self.fenced(&found, unit.marker.epoch));
            }
            let rows = std::mem::take(&mut self.open);
            content.rows.entry(self.route.clone()).or_default().extend(rows.into_iter().map(|(_, n)| n));
            content.markers.insert(self.route.clone(), unit.marker.clone());
        }
        self.let_go();
        if self.memory.strikes(&self.route, Fault::AfterCommit(seq)) { Err(lost()) } else { Ok(()) }
    }
}
