use std::sync::Arc;

use etl_model::{Batch, Counters, OnError, Position, RecordError, Shard};
use etl_sdk::{Chunk, Encoded, Encoder, Repartition, failpoint};

use super::flow::{Flow, gather};
use super::plan::{ChainPlan, Input, Output, Place};
use crate::ports::DeadLetter;
use crate::taps::ChainTaps;
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

struct Run<'a> {
    plan: &'a ChainPlan,
    /// Per output: where it begins. Records before it are covered by the destination's marker.
    starts: &'a [Position],
    parts: Vec<Part>,
}

/// Decodes, transforms and encodes a chunk: the pure middle of a chain, run on any thread.
///
/// A record that a destination's marker covers is neither encoded nor counted for it.
pub(crate) fn process(
    plan: &ChainPlan,
    encoders: &[Arc<dyn Encoder>],
    starts: &[Position],
    chunk: Box<dyn Chunk>,
    taps: &ChainTaps,
) -> Result<Vec<Part>, EngineError> {
    let end = chunk.end();
    let source_bytes = chunk.source_bytes();
    let mut run = Run { plan, starts, parts: plan.outputs.iter().map(|_| Part::default()).collect() };
    for ((part, output), start) in run.parts.iter_mut().zip(&plan.outputs).zip(starts) {
        part.end = Some(end.clone());
        // Bytes belong to no shard: the first one counts them.
        let counts = output.shard.is_none_or(|shard| shard.number() == 0);
        if counts && !start.covers(end.next.saturating_sub(1)) {
            part.counters.bytes_read = source_bytes;
        }
    }
    let guard = Guard::new(plan.source.name.clone());
    let decoded = guard.compute(|| chunk.decode())?;
    taps.pass(&plan.source.name, &decoded.batches);
    run.count_read(&decoded.batches, &decoded.errors);
    run.lose(Place { at: Input::Source, shard: None }, decoded.errors)?;

    let mut results: Vec<Flow> = Vec::with_capacity(plan.nodes.len());
    for (index, node) in plan.nodes.iter().enumerate() {
        let mut out = Flow::new(plan.shards(index));
        match node.step.processor.repartition() {
            Some(repartition) => {
                for batch in gather(&node.inputs, &decoded.batches, &results, None) {
                    run.divide(index, repartition, batch, &mut out)?;
                }
            }
            None => {
                for shard in out.shards() {
                    for batch in gather(&node.inputs, &decoded.batches, &results, shard) {
                        let kept = run.transform(index, shard, batch)?;
                        out.push(shard, kept);
                    }
                }
            }
        }
        out.shards().for_each(|shard| taps.pass(&node.step.name, out.of(shard)));
        results.push(out);
    }
    for (index, output) in plan.outputs.iter().enumerate() {
        let guard = Guard::new(output.step.name.clone());
        let shard = output.shard.map(Shard::number);
        for batch in gather(&output.inputs, &decoded.batches, &results, shard) {
            let batch = batch.after(&starts[index]);
            if batch.is_empty() {
                continue;
            }
            taps.pass(&output.step.name, std::slice::from_ref(&batch));
            for piece in pieces(output, batch) {
                let mut encoded = guard.compute(|| encoders[index].encode(piece))?;
                let errors = std::mem::take(&mut encoded.errors);
                run.parts[index].counters.delivered += encoded.rows;
                run.parts[index].rows.push(encoded);
                run.refuse(index, errors)?;
            }
        }
    }
    failpoint("chunk_processed")
        .map_err(|error| EngineError::Step { step: plan.source.name.clone(), error })?;
    Ok(run.parts)
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

impl Run<'_> {
    fn uncovered(&self, output: usize, ordinals: impl Iterator<Item = u64>) -> u64 {
        let start = &self.starts[output];
        ordinals.filter(|&ordinal| !start.covers(ordinal)).count() as u64
    }

    /// Counts what the source has yielded for the destinations that rows reach undivided. Those of a shard are counted
    /// where it is known to which one they belong.
    fn count_read(&mut self, batches: &[Batch], errors: &[RecordError]) {
        for output in 0..self.parts.len() {
            if self.plan.outputs[output].shard.is_some() {
                continue;
            }
            let start = &self.starts[output];
            let rows: usize = batches.iter().map(|batch| batch.after(start).len()).sum();
            let malformed = self.uncovered(output, errors.iter().map(|error| error.ordinal));
            self.parts[output].counters.read += (rows as u64 + malformed) * self.plan.outputs[output].paths;
        }
    }

    /// Counts rows that have arrived in a shard at a repartition.
    fn count_arrived(&mut self, node: usize, shard: usize, batch: &Batch) {
        let place = Place { at: Input::Node(node), shard: Some(shard) };
        for output in 0..self.parts.len() {
            let weight = self.plan.weight(place, output);
            if weight > 0 {
                let rows = batch.after(&self.starts[output]).len() as u64;
                self.parts[output].counters.read += rows * weight;
            }
        }
    }

    /// Records that never arrive at a shard have not been counted as read by it.
    fn is_uncounted(&self, place: Place, output: usize) -> bool {
        place.shard.is_none() && self.plan.outputs[output].shard.is_some()
    }

    /// Has a repartition divide a batch.
    fn divide(
        &mut self,
        node: usize,
        repartition: &dyn Repartition,
        batch: Batch,
        out: &mut Flow,
    ) -> Result<(), EngineError> {
        let step = &self.plan.nodes[node].step.name;
        let divided = Guard::new(step.clone()).compute(|| repartition.divide(batch))?;
        let (found, expected) = (divided.shards.len(), self.plan.shards(node).unwrap_or_default());
        if found != expected {
            let message = format!("step `{step}` has divided a batch into {found} shards, not {expected}");
            return Err(EngineError::Internal(message));
        }
        self.lose(Place { at: Input::Node(node), shard: None }, divided.errors)?;
        for (shard, batch) in divided.shards.into_iter().enumerate() {
            self.count_arrived(node, shard, &batch);
            out.push(Some(shard), batch);
        }
        Ok(())
    }

    /// Has a transformation work on a batch.
    fn transform(&mut self, node: usize, shard: Option<usize>, batch: Batch) -> Result<Batch, EngineError> {
        let step = &self.plan.nodes[node].step;
        let processed = Guard::new(step.name.clone()).compute(|| step.processor.process(batch))?;
        let place = Place { at: Input::Node(node), shard };
        self.filter(place, &processed.filtered);
        self.lose(place, processed.errors)?;
        Ok(processed.batch)
    }

    fn filter(&mut self, place: Place, ordinals: &[u64]) {
        for output in 0..self.parts.len() {
            let weight = self.plan.weight(place, output);
            if weight > 0 {
                let count = self.uncovered(output, ordinals.iter().copied()) * weight;
                let read = if self.is_uncounted(place, output) { count } else { 0 };
                let counters = &mut self.parts[output].counters;
                counters.filtered += count;
                counters.read += read;
            }
        }
    }

    /// Applies the `on_error` of a source or transformation.
    fn lose(&mut self, place: Place, errors: Vec<RecordError>) -> Result<(), EngineError> {
        let on_error = self.plan.on_error(place.at);
        let keeper = self.plan.keeper(place);
        for error in errors {
            let mut concerned = false;
            for output in 0..self.parts.len() {
                let weight = self.plan.weight(place, output);
                if weight == 0 || self.starts[output].covers(error.ordinal) {
                    continue;
                }
                concerned = true;
                let read = if self.is_uncounted(place, output) { weight } else { 0 };
                let counters = &mut self.parts[output].counters;
                counters.read += read;
                match on_error {
                    OnError::Fail => {}
                    OnError::DeadLetter => counters.dead_lettered += weight,
                    OnError::Skip => counters.failed += weight,
                }
            }
            let step = self.plan.name(place.at).clone();
            match (on_error, keeper) {
                (OnError::Fail, _) if concerned => {
                    return Err(EngineError::Record { step, error: Box::new(error) });
                }
                (OnError::DeadLetter, Some(keeper)) if !self.starts[keeper].covers(error.ordinal) => {
                    self.parts[keeper].letters.push(DeadLetter { step, error });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Applies the `on_error` of a destination to rows that its encoder cannot represent.
    fn refuse(&mut self, output: usize, errors: Vec<RecordError>) -> Result<(), EngineError> {
        let step = &self.plan.outputs[output].step;
        refused(step.on_error, &step.name, errors, &mut self.parts[output])
    }
}

fn refused(
    on_error: OnError,
    step: &etl_model::StepName,
    errors: Vec<RecordError>,
    part: &mut Part,
) -> Result<(), EngineError> {
    for error in errors {
        match on_error {
            OnError::Fail => {
                return Err(EngineError::Record { step: step.clone(), error: Box::new(error) });
            }
            OnError::DeadLetter => {
                part.counters.dead_lettered += 1;
                part.letters.push(DeadLetter { step: step.clone(), error });
            }
            OnError::Skip => part.counters.failed += 1,
        }
    }
    Ok(())
}
