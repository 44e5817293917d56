use std::sync::Arc;

use etl_model::{Claim, Marker, Position, Route};
use etl_sdk::{
    CommitKind, Destination, PartitionInfo, PartitionReader, ReadOptions, RouteWriter, RunContext, failpoint,
    guard_removed,
};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::plan::ChainPlan;
use crate::limits::{Held, admit};
use crate::ports::{DeadLetters, RunState};
use crate::{EngineError, guard::Guard};

/// What a chain needs to be opened; stays the same over its attempts.
#[derive(Clone)]
pub(crate) struct OpenChain {
    pub run: RunContext,
    pub plan: Arc<ChainPlan>,
    pub partition: PartitionInfo,
    /// The partition's stable number within the run.
    pub index: usize,
    /// Where a new run begins (incremental), if not at the beginning.
    pub start: Option<Position>,
    /// Runs whose markers this one may replace.
    pub replaces: Arc<Vec<etl_model::RunId>>,
    pub state: Arc<dyn RunState>,
    pub dead_letters: Arc<dyn DeadLetters>,
    pub read: ReadOptions,
}

/// One destination of an open chain.
pub(crate) struct OpenRoute {
    pub route: Route,
    /// Who carries it out: the encoder and the writer are of the same.
    pub destination: Arc<dyn Destination>,
    pub marker: Marker,
    /// What the checkpoint store has of it in this run.
    pub stored: Option<Marker>,
    pub writer: Box<dyn RouteWriter>,
}

/// A chain that has been claimed and fenced.
pub(crate) struct Opened {
    pub routes: Vec<OpenRoute>,
    /// `None` when every route is done already.
    pub reader: Option<Box<dyn PartitionReader>>,
    /// The number of the record that the reader begins with.
    pub from: u64,
    pub source_guard: Guard,
}

impl OpenChain {
    /// The route to one output.
    pub fn route(&self, output: usize) -> Route {
        Route {
            workflow: self.run.workflow.clone(),
            source: self.plan.source.name.clone(),
            partition: self.partition.id.clone(),
            destination: self.plan.outputs[output].step.name.clone(),
            shard: self.plan.outputs[output].shard,
        }
    }
}

/// Calls into the state store that block a thread each, over all chains that are being opened: of thousands that a node takes up
/// at once each needs a few.
static PORT_CALLS: Semaphore = Semaphore::const_new(128);

async fn on_port<P: ?Sized + Send + Sync + 'static, T: Send + 'static>(
    port: &Arc<P>,
    work: impl FnOnce(&P) -> Result<T, crate::PortError> + Send + 'static,
) -> Result<T, EngineError> {
    // They are never closed.
    let _turn = PORT_CALLS.acquire().await;
    let port = Arc::clone(port);
    match tokio::task::spawn_blocking(move || work(&port)).await {
        Ok(result) => result.map_err(EngineError::State),
        Err(error) => Err(EngineError::Internal(format!("state store: {error}"))),
    }
}

/// A marker behind its checkpoint means that the destination has lost what it had committed: halt, never guess.
fn rewound(marker: &Marker, checkpoint: Option<&Marker>) -> bool {
    checkpoint.is_some_and(|known| known.run == marker.run && marker.seq < known.seq)
}

/// A destination that keeps no marker is gone on with where the checkpoint says: what was written after it is written
/// again.
fn resume_from(marker: &mut Marker, checkpoint: Option<&Marker>) {
    if let Some(known) = checkpoint.filter(|known| known.run == marker.run) {
        *marker = Marker { epoch: marker.epoch, ..known.clone() };
    }
}

/// Shards that are fenced at the same time: each may have to reach another node.
const FENCED_AT_ONCE: usize = 8;

/// Opens a chain in the one safe order: raise the epoch, fence every destination and read its marker, only then seek
/// the source to the smallest position. A position read before the fence could be overtaken by an older owner's
/// commit, whose rows would then be written twice.
///
/// Waits for circuit breakers that are open, in the same order; `None` when `ending` comes first.
pub(crate) async fn open(
    request: &OpenChain,
    held: &Held,
    ending: &CancellationToken,
) -> Result<Option<Opened>, EngineError> {
    let source_name = request.plan.source.name.clone();
    let source_guard = Guard::gated(source_name.clone(), request.plan.gate.as_ref());
    let epoch = {
        let (source, partition) = (source_name.clone(), request.partition.id.clone());
        on_port(&request.state, move |state| state.raise_epoch(&source, &partition)).await?
    };
    let claim = Claim {
        run: request.run.run,
        epoch,
        start: request.start.clone(),
        replaces: request.replaces.as_ref().clone(),
    };
    let is_divided = request.plan.outputs.iter().any(|output| output.shard.is_some());
    let at_once = if is_divided { FENCED_AT_ONCE } else { 1 };
    let fencing: Vec<_> = (0..request.plan.outputs.len())
        .map(|output| open_route(request, output, &claim, held, ending))
        .collect();
    let routes: Vec<Option<OpenRoute>> =
        futures::stream::iter(fencing).buffered(at_once).try_collect().await?;
    let Some(routes) = routes.into_iter().collect::<Option<Vec<OpenRoute>>>() else { return Ok(None) };
    source_guard.call("fence", async { failpoint("fenced") }).await?;
    let unfinished = routes.iter().filter(|route| !route.marker.done);
    let from = unfinished
        .map(|route| route.marker.position.as_ref())
        .min_by_key(|position| position.map_or(0, |position| position.next));
    // Transformations that remember the partition see it from where the run began with it; the destinations drop what they
    // have already.
    let from = from.map(|from| if request.plan.is_sequential() { request.start.as_ref() } else { from });
    let next = from.flatten().map_or(0, |position| position.next);
    let reader = match from {
        None => None,
        Some(from) => {
            let Some(admitted) = admit(request.plan.gate.as_ref(), held, ending).await? else {
                return Ok(None);
            };
            let read = request.plan.source.source.read(&request.partition, from, &request.read);
            let read = source_guard.call("read", read).await;
            admitted.conclude(&read);
            Some(read?)
        }
    };
    Ok(Some(Opened { routes, reader, from: next, source_guard }))
}

/// Fences one destination and reads its marker.
async fn open_route(
    request: &OpenChain,
    output: usize,
    claim: &Claim,
    held: &Held,
    ending: &CancellationToken,
) -> Result<Option<OpenRoute>, EngineError> {
    let step = &request.plan.outputs[output].step;
    let gate = request.plan.outputs[output].gate.as_ref();
    let guard = Guard::gated(step.name.clone(), gate);
    let route = request.route(output);
    let destination = step.destination.delegate(&route).unwrap_or_else(|| Arc::clone(&step.destination));
    let index = request.plan.route_index(request.index, output);
    let Some(admitted) = admit(gate, held, ending).await? else { return Ok(None) };
    let fenced = async {
        let mut writer = guard.call("open", destination.open(&request.run, &route, index)).await?;
        let before = match guard_removed("seek_before_fence") {
            true => Some(guard.call("marker", writer.marker()).await?),
            false => None,
        };
        guard.call("open", async { failpoint("claimed") }).await?;
        let marker = guard.call("fence", writer.fence(claim)).await?;
        Ok((writer, before, marker))
    };
    let fenced = fenced.await;
    admitted.conclude(&fenced);
    let (writer, before, mut marker) = fenced?;
    let checkpoint = {
        let route = route.clone();
        on_port(&request.state, move |state| state.checkpoint(&route)).await?
    };
    if destination.capabilities().commit == CommitKind::None {
        resume_from(&mut marker, checkpoint.as_ref());
    }
    if guard_removed("ignore_marker") {
        marker.position = checkpoint.as_ref().and_then(|checkpoint| checkpoint.position.clone());
    }
    if let Some(before) = before {
        marker.position = before.and_then(|marker| marker.position);
    }
    if rewound(&marker, checkpoint.as_ref()) {
        let place = |marker: &Marker| {
            let position = marker.position.as_ref().map_or(0, |position| position.next);
            format!("unit {} (position {position})", marker.seq)
        };
        return Err(EngineError::Rewound {
            step: step.name.clone(),
            found: place(&marker),
            expected: checkpoint.as_ref().map(place).unwrap_or_default(),
        });
    }
    // Only now: the letters of units that a restored destination has lost still belong to its newest state.
    {
        let (run, route, seq) = (marker.run, route.clone(), marker.seq);
        on_port(&request.dead_letters, move |letters| letters.truncate(run, &route, seq)).await?;
    }
    let stored = checkpoint.filter(|known| known.run == marker.run);
    Ok(Some(OpenRoute { route, destination, marker, stored, writer }))
}
