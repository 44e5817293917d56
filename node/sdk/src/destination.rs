use std::any::Any;
use std::sync::Arc;

use arrow::array::UInt64Array;
use async_trait::async_trait;
use etl_model::{Batch, Claim, Marker, RecordError, Route, RunId, Unit, WorkflowName};

use crate::{Account, ConnectorError, DestinationCapabilities};

/// The run on whose behalf a destination is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunContext {
    /// The workflow.
    pub workflow: WorkflowName,
    /// The run.
    pub run: RunId,
}

/// A configured destination. Cheap to build; all IO happens in the async methods.
#[async_trait]
pub trait Destination: Send + Sync {
    /// What it promises.
    fn capabilities(&self) -> DestinationCapabilities;

    /// Whether what it writes lies on this machine only, so that no other node can write to it.
    fn is_local(&self) -> bool {
        false
    }

    /// Who carries out a route at the moment, where that is another than this one itself. Asked each time that a chain is
    /// opened, which then asks nobody else.
    fn delegate(&self, _route: &Route) -> Option<Arc<dyn Destination>> {
        None
    }

    /// Whether it carries out the steps between a repartition and itself, too: it is then given the rows of a shard as they
    /// leave the repartition, and tells by [`RouteWriter::account`] what became of them.
    fn carries_steps(&self) -> bool {
        false
    }

    /// Whether it can be reached and written, without writing rows; also refuses what can never succeed
    /// (an existing file in append mode, a table whose columns do not fit).
    async fn check(&self, run: &RunContext) -> Result<(), ConnectorError>;

    /// The encoder of this destination; shared by all threads.
    fn encoder(&self) -> Arc<dyn Encoder>;

    /// Opens the writer of one route. Does not fence yet; `index` numbers the routes into this destination in the order
    /// of the partitions of all sources, for destinations that must put them in order. A partition whose rows are divided
    /// among N shards has N numbers, one after the other.
    async fn open(
        &self,
        run: &RunContext,
        route: &Route,
        index: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError>;

    /// Called when the markers of all routes are done: makes a `replace` visible, joins parts, removes staging.
    /// `routes` are in the order of their indexes. Idempotent: called again after a crash.
    async fn complete(&self, run: &RunContext, routes: &[Route]) -> Result<(), ConnectorError>;
}

/// The parallel half of writing: turns rows into what [`RouteWriter::write`] takes. Pure, CPU only.
pub trait Encoder: Send + Sync {
    /// Encodes a batch. Rows that cannot be represented are record errors.
    fn encode(&self, batch: Batch) -> Result<Encoded, ConnectorError>;
}

/// Encoded rows of one batch.
#[derive(Debug)]
pub struct Encoded {
    /// The rows.
    pub payload: Payload,
    /// How many.
    pub rows: u64,
    /// Bytes the payload occupies in memory.
    pub bytes: usize,
    /// Rows that cannot be represented.
    pub errors: Vec<RecordError>,
}

/// The form that the destination's own encoder produced.
#[derive(Debug)]
pub enum Payload {
    /// Text or binary rows; `header` is written once before the first of a file and must not change.
    Bytes {
        /// The rows.
        body: Vec<u8>,
        /// What precedes the first row of a file (the names of CSV columns).
        header: Option<Arc<[u8]>>,
    },
    /// Columns.
    Columns(Batch),
    /// Rows in the wire form of the destination.
    Rows {
        /// The rows, one after the other.
        body: Vec<u8>,
        /// One ordinal per row.
        ordinals: UInt64Array,
        /// What the destination needs to tell them apart again; its own type.
        layout: Arc<dyn Any + Send + Sync>,
    },
}

/// The sequential half of writing: one route, one writer, units one after the other.
///
/// The engine's order of calls: `fence`, then per unit `write`*, `stage`, `account`, (dead letters made durable),
/// `commit`.
/// After any error the writer is dropped; the next one fences again and reads the marker, which tells what happened.
#[async_trait]
pub trait RouteWriter: Send {
    /// The stored marker, without changing anything; what is read here may be outdated the moment it returns. Only
    /// [`RouteWriter::fence`] decides where a run goes on.
    async fn marker(&mut self) -> Result<Option<Marker>, ConnectorError>;

    /// Atomically executes [`Claim::decide`] on the stored marker and returns the marker now in force. After it
    /// returns, no older epoch can commit any more, and what an older epoch left uncommitted is gone or ignored.
    async fn fence(&mut self, claim: &Claim) -> Result<Marker, ConnectorError>;

    /// Takes encoded rows of the current unit, in order. May buffer.
    async fn write(&mut self, rows: Encoded) -> Result<(), ConnectorError>;

    /// Puts the rows of the unit where only `commit` is missing: inside an open transaction that has already
    /// advanced the marker from `unit.marker.seq - 1` of the same epoch, or durably in a file nobody sees yet.
    /// Returns the rows the destination refused; they are not part of the unit.
    async fn stage(&mut self, unit: &Unit) -> Result<Vec<RecordError>, ConnectorError>;

    /// What became of the rows of the staged unit as far as the engine cannot know it; asked once, after `stage`.
    fn account(&mut self) -> Account {
        Account::default()
    }

    /// Commits the staged unit. `unit` is the staged one with its counters corrected for refused rows.
    /// An error means "unknown": the marker tells.
    async fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError>;
}
