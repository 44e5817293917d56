use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use async_trait::async_trait;
use etl_model::{Batch, Claim, Fence, Marker, RecordError, Route, Unit};
use etl_sdk::{
    CommitKind, ConnectorError, Destination, DestinationCapabilities, Encoded, Encoder, Payload, RouteWriter,
    RunContext,
};
use tokio::sync::Semaphore;

/// A fault that strikes once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    Open(ConnectorError),
    Marker(ConnectorError),
    Fence(ConnectorError),
    Encode(ConnectorError),
    Write(ConnectorError),
    Stage(ConnectorError),
    Commit(ConnectorError),
    Check(ConnectorError),
    Complete(ConnectorError),
    /// A panic in staging.
    Panic,
}

/// What is committed, and what was called.
#[derive(Debug, Default)]
pub struct Content {
    pub rows: BTreeMap<Route, Vec<Batch>>,
    pub markers: BTreeMap<Route, Marker>,
    pub commits: usize,
    pub completed: Vec<Vec<Route>>,
    pub checked: Vec<RunContext>,
    pub indexes: Vec<usize>,
}

/// A transactional destination. Clones share their content.
#[derive(Clone, Default)]
pub struct Memory {
    pub content: Arc<Mutex<Content>>,
    pub faults: Arc<Mutex<Vec<Fault>>>,
    /// Multiples of it cannot be encoded.
    pub cannot_encode: Option<i64>,
    /// Multiples of it are refused when staged.
    pub rejects: Option<i64>,
    /// One permit is taken per write, for a destination that is as slow as the test lets it be.
    pub gate: Option<Arc<Semaphore>>,
    /// One permit is taken per commit, after it has happened.
    pub commit_gate: Option<Arc<Semaphore>>,
    pub max_writers: Option<NonZeroUsize>,
    /// Writers alive.
    pub writers: Arc<AtomicUsize>,
    /// Writers with a unit open, and the most there were.
    pub open_units: Arc<AtomicUsize>,
    pub most_open: Arc<AtomicUsize>,
    /// Writes called.
    pub writes: Arc<AtomicUsize>,
    /// Rows thrown away with a writer.
    pub rolled_back: Arc<AtomicUsize>,
}

impl Memory {
    pub fn with_fault(fault: Fault) -> Self {
        let memory = Self::default();
        memory.faults.lock().unwrap().push(fault);
        memory
    }

    /// Numbers committed by all routes, in the order of routes and commits.
    pub fn numbers(&self) -> Vec<i64> {
        let content = self.content.lock().unwrap();
        let batches = content.rows.values().flatten();
        batches
            .flat_map(|batch| batch.records().column(0).as_primitive::<Int64Type>().values().to_vec())
            .collect()
    }

    pub fn markers(&self) -> Vec<Marker> {
        self.content.lock().unwrap().markers.values().cloned().collect()
    }

    pub fn writers(&self) -> usize {
        self.writers.load(Ordering::SeqCst)
    }

    fn strike(&self, is: impl Fn(&Fault) -> Option<ConnectorError>) -> Result<(), ConnectorError> {
        let mut faults = self.faults.lock().unwrap();
        let Some(found) = faults.iter().position(|fault| is(fault).is_some()) else { return Ok(()) };
        Err(is(&faults.remove(found)).unwrap())
    }
}

macro_rules! fault {
    ($memory:expr, $kind:ident) => {
        $memory.strike(|fault| match fault {
            Fault::$kind(error) => Some(error.clone()),
            _ => None,
        })?
    };
}

struct Columns(Memory);

fn is_number(batch: &Batch) -> bool {
    batch.records().num_columns() > 0 && batch.records().column(0).as_primitive_opt::<Int64Type>().is_some()
}

/// Splits off the rows whose number is a multiple.
fn without_multiples(batch: Batch, multiple: Option<i64>) -> (Batch, Vec<(u64, i64)>) {
    let Some(multiple) = multiple.filter(|_| is_number(&batch)) else { return (batch, Vec::new()) };
    let values = batch.records().column(0).as_primitive::<Int64Type>();
    let mask = values.values().iter().map(|n| Some(n % multiple != 0)).collect();
    let rows = batch.ordinals().values().iter().copied().zip(values.values().iter().copied());
    let gone = rows.filter(|(_, n)| n % multiple == 0).collect();
    (batch.filter(&mask).unwrap(), gone)
}

impl Encoder for Columns {
    fn encode(&self, batch: Batch) -> Result<Encoded, ConnectorError> {
        fault!(self.0, Encode);
        let (batch, gone) = without_multiples(batch, self.0.cannot_encode);
        let refused = |(ordinal, n): (u64, i64)| {
            RecordError::new(ordinal, "no_form", format!("{n} has no form"))
                .with_field("n")
                .with_help("use another")
                .with_record(serde_json::json!({ "n": n, "float": 0.1 }))
        };
        let errors = gone.into_iter().map(refused).collect();
        let (rows, bytes) = (batch.len() as u64, batch.memory());
        Ok(Encoded { payload: Payload::Columns(batch), rows, bytes, errors })
    }
}

struct Writer {
    memory: Memory,
    route: Route,
    open: Vec<Batch>,
    in_unit: bool,
}

#[async_trait]
impl Destination for Memory {
    fn capabilities(&self) -> DestinationCapabilities {
        DestinationCapabilities {
            commit: CommitKind::Transactional,
            max_writers: self.max_writers,
            holds_rows: true,
            rejects_rows: true,
            unit_bytes: Some(5000),
        }
    }

    async fn check(&self, run: &RunContext) -> Result<(), ConnectorError> {
        fault!(self, Check);
        self.content.lock().unwrap().checked.push(run.clone());
        Ok(())
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        Arc::new(Columns(self.clone()))
    }

    async fn open(
        &self,
        _: &RunContext,
        route: &Route,
        index: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        fault!(self, Open);
        self.content.lock().unwrap().indexes.push(index);
        self.writers.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Writer { memory: self.clone(), route: route.clone(), open: Vec::new(), in_unit: false }))
    }

    async fn complete(&self, _: &RunContext, routes: &[Route]) -> Result<(), ConnectorError> {
        fault!(self, Complete);
        self.content.lock().unwrap().completed.push(routes.to_vec());
        Ok(())
    }
}

impl Writer {
    fn unit(&mut self, is_open: bool) {
        match (self.in_unit, is_open) {
            (false, true) => {
                let open = self.memory.open_units.fetch_add(1, Ordering::SeqCst) + 1;
                self.memory.most_open.fetch_max(open, Ordering::SeqCst);
            }
            (true, false) => {
                self.memory.open_units.fetch_sub(1, Ordering::SeqCst);
            }
            _ => {}
        }
        self.in_unit = is_open;
    }

    fn fenced(&self, found: &Marker, held: u64) -> ConnectorError {
        let (place, run) = (self.route.to_string(), found.run.to_string());
        ConnectorError::Fenced { place, found: found.epoch, held, run }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.unit(false);
        let rows = self.open.iter().map(Batch::len).sum();
        self.memory.rolled_back.fetch_add(rows, Ordering::SeqCst);
        self.memory.writers.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl RouteWriter for Writer {
    async fn marker(&mut self) -> Result<Option<Marker>, ConnectorError> {
        fault!(self.memory, Marker);
        Ok(self.memory.content.lock().unwrap().markers.get(&self.route).cloned())
    }

    async fn fence(&mut self, claim: &Claim) -> Result<Marker, ConnectorError> {
        fault!(self.memory, Fence);
        let mut content = self.memory.content.lock().unwrap();
        match claim.decide(content.markers.get(&self.route)) {
            Fence::Store(marker) => {
                content.markers.insert(self.route.clone(), marker.clone());
                Ok(marker)
            }
            Fence::Held(marker) => Ok(marker),
            Fence::Fenced { .. } => {
                let found = content.markers[&self.route].clone();
                Err(self.fenced(&found, claim.epoch))
            }
            Fence::Stranger { run } => {
                Err(ConnectorError::user("stranger", format!("{run} is not known"), "use its state"))
            }
        }
    }

    async fn write(&mut self, rows: Encoded) -> Result<(), ConnectorError> {
        self.unit(true);
        self.memory.writes.fetch_add(1, Ordering::SeqCst);
        if let Some(gate) = &self.memory.gate {
            gate.acquire().await.unwrap().forget();
        }
        fault!(self.memory, Write);
        let Payload::Columns(batch) = rows.payload else { panic!("columns expected") };
        self.open.push(batch);
        Ok(())
    }

    async fn stage(&mut self, _: &Unit) -> Result<Vec<RecordError>, ConnectorError> {
        let mut faults = self.memory.faults.lock().unwrap();
        if let Some(found) = faults.iter().position(|fault| *fault == Fault::Panic) {
            faults.remove(found);
            drop(faults);
            panic!("boom");
        }
        drop(faults);
        fault!(self.memory, Stage);
        self.unit(true);
        let mut errors = Vec::new();
        for batch in &mut self.open {
            let (kept, gone) = without_multiples(batch.clone(), self.memory.rejects);
            *batch = kept;
            let refused = |(ordinal, n)| RecordError::new(ordinal, "refused", format!("{n} is refused"));
            errors.extend(gone.into_iter().map(refused));
        }
        Ok(errors)
    }

    async fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        fault!(self.memory, Commit);
        {
            let mut content = self.memory.content.lock().unwrap();
            let found = content.markers[&self.route].clone();
            let Marker { run, epoch, seq, .. } = unit.marker;
            if (found.run, found.epoch, found.seq + 1) != (run, epoch, seq) {
                return Err(self.fenced(&found, epoch));
            }
            let rows = std::mem::take(&mut self.open);
            content.rows.entry(self.route.clone()).or_default().extend(rows);
            content.markers.insert(self.route.clone(), unit.marker.clone());
            content.commits += 1;
        }
        self.unit(false);
        if let Some(gate) = &self.memory.commit_gate {
            gate.acquire().await.unwrap().forget();
        }
        Ok(())
    }
}
