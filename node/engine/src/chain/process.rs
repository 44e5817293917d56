use std::sync::{Arc, Mutex};

use arrow::datatypes::Schema;
use etl_model::{Batch, Counters, OnError, Position, RecordError, Shard};
use etl_sdk::{Chunk, Encoded, Encoder, Sequential, failpoint};

use super::flow::{Flow, gather};
use super::outside::Outside;
use super::plan::{ChainPlan, Input, Output, Place};
use super::walk::Walk;
use crate::concealment::concealed;
use crate::pipeline::DestinationStep;
use crate::ports::{DeadLetter, Operation, column_types};
use crate::taps::ChainTaps;
use crate::watch::Origin;
use crate::{EngineError, guard::Guard};

/// What one chunk means for one destination.
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// Rows to write, in order.
    pub rows: Vec<Encoded>,
    /// Where the chunk ends.
    pub end: Option<Position>,
    /// What became of the chunk's records; `delivered` counts the encoded rows.
    pub counters: Counters,
    /// Records set aside by the steps this destination keeps the letters of.
    pub letters: Vec<DeadLetter>,
}

impl Part {
    /// Bytes the encoded rows occupy.
    pub fn memory(&self) -> usize {
        self.rows.iter().map(|rows| rows.bytes).sum()
    }
}

/// What a chain that was opened knows of its outputs, in their order.
pub(crate) struct Outlets {
    pub encoders: Vec<Arc<dyn Encoder>>,
    /// Where each begins. Records before it are covered by the destination's marker.
    pub starts: Vec<Position>,
    /// Whether the steps between a repartition and it are carried out by the one who writes.
    pub elsewhere: Vec<bool>,
    /// Per transformation: what remembers the partition, if it does.
    pub sequences: Vec<Option<Mutex<Box<dyn Sequential>>>>,
}

/// Decodes, transforms and encodes a chunk: the pure middle of a chain, run on any thread.
///
/// A record that a destination's marker covers is neither encoded nor counted for it. A destination that carries out the
/// steps behind a repartition is given what leaves that.
pub(crate) fn process(
    plan: &ChainPlan,
    outlets: &Outlets,
    chunk: Box<dyn Chunk>,
    origin: Origin,
    taps: &ChainTaps,
    outside: Outside<'_>,
) -> Result<Vec<Part>, EngineError> {
    let watch = &plan.watch;
    let end = chunk.end();
    let source_bytes = chunk.source_bytes();
    let Outlets { encoders, starts, elsewhere, sequences } = outlets;
    let mut walk = Walk::new(plan, starts, elsewhere, taps);
    (walk.sequences, walk.outside) = (sequences, Some(outside));
    walk.trace = origin.trace;
    for ((part, output), start) in walk.parts.iter_mut().zip(&plan.outputs).zip(starts) {
        part.end = Some(end.clone());
        // Bytes belong to no shard: the first one counts them.
        let counts = output.shard.is_none_or(|shard| shard.number() == 0);
        if counts && !start.covers(end.next.saturating_sub(1)) {
            part.counters.bytes_read = source_bytes;
        }
    }
    let guard = Guard::new(plan.source.name.clone());
    let started = watch.start(origin.trace);
    let decoded = guard.compute(|| chunk.decode());
    let records = decoded.as_ref().map_or(0, |decoded| rows(&decoded.batches));
    let decoded = decoded.and_then(|mut decoded| {
        if plan.source.conceals {
            decoded.errors = decoded.errors.into_iter().map(concealed).collect();
        } else {
            taps.pass(&plan.source.name, &decoded.batches);
        }
        walk.count_read(&decoded.batches, &decoded.errors);
        walk.lose_unread(std::mem::take(&mut decoded.errors), &decoded.batches)?;
        Ok(decoded)
    });
    let error = decoded.as_ref().err();
    watch.ended(started, &plan.source.name, Operation::Decode, (records, source_bytes), error);
    let decoded = decoded?;

    let mut results: Vec<Flow> = Vec::with_capacity(plan.nodes.len());
    for (index, node) in plan.nodes.iter().enumerate() {
        let flow = walk.visit(index, node, &decoded.batches, &results)?;
        results.push(flow);
    }
    for (index, output) in plan.outputs.iter().enumerate() {
        let guard = Guard::new(output.step.name.clone());
        let shard = output.shard.map(Shard::number);
        // As often as they would reach the destination if none was lost: what was, its writer tells.
        let divided_at = output.divided_by.filter(|_| elsewhere[index]).map(Input::Node);
        let (inputs, times) = match &divided_at {
            Some(at) => (std::slice::from_ref(at), plan.weight(Place { at: *at, shard }, index)),
            None => (output.inputs.as_slice(), 1),
        };
        for batch in gather(inputs, &decoded.batches, &results, shard) {
            let batch = batch.after(&starts[index]);
            if batch.is_empty() {
                continue;
            }
            if !elsewhere[index] {
                taps.pass(&output.step.name, std::slice::from_ref(&batch));
            }
            let started = watch.start(origin.trace);
            let (mut records, mut bytes) = (0, 0);
            let part = &mut walk.parts[index];
            let schema = batch.schema();
            let encoded = pieces(output, batch).into_iter().try_for_each(|piece| {
                let mut encoded = guard.compute(|| encoders[index].encode(piece))?;
                let errors = std::mem::take(&mut encoded.errors);
                records += encoded.rows;
                bytes += encoded.bytes as u64;
                part.counters.delivered += encoded.rows * times;
                part.rows.push(encoded);
                refused(&output.step, errors, &schema, part)
            });
            let error = encoded.as_ref().err();
            watch.ended(started, &output.step.name, Operation::Encode, (records, bytes), error);
            encoded?;
        }
    }
    failpoint("chunk_processed")
        .map_err(|error| EngineError::Step { step: plan.source.name.clone(), error })?;
    Ok(walk.parts)
}

fn rows(batches: &[Batch]) -> u64 {
    batches.iter().map(|batch| batch.len() as u64).sum()
}

/// A batch as it may pass a destination: in one, or in pieces that do not wait long for a rate limit.
fn pieces(output: &Output, batch: Batch) -> Vec<Batch> {
    let rows = batch.len();
    let most = output.gate.as_ref().map_or(rows, |gate| gate.piece_rows(rows, batch.memory()));
    if most >= rows {
        return vec![batch];
    }
    (0..rows).step_by(most).map(|begin| batch.slice(begin, most.min(rows - begin))).collect()
}

/// Applies the `on_error` of a destination to rows that its encoder cannot represent.
fn refused(
    step: &DestinationStep,
    errors: Vec<RecordError>,
    columns: &Schema,
    part: &mut Part,
) -> Result<(), EngineError> {
    for error in errors {
        let name = step.name.clone();
        match step.on_error {
            OnError::Fail => return Err(EngineError::Record { step: name, error: Box::new(error) }),
            OnError::Retry => return Err(EngineError::Unsettled { step: name, error: Box::new(error) }),
            OnError::DeadLetter => {
                part.counters.dead_lettered += 1;
                part.letters.push(DeadLetter { step: name, types: column_types(columns), error });
            }
            OnError::Skip => part.counters.failed += 1,
        }
    }
    Ok(())
}
