use std::sync::Arc;

use arrow::array::RecordBatch;
use etl_model::{Batch, Counters, OnError, Position, RecordError};
use etl_sdk::{Chunk, Encoded, Encoder, failpoint};

use super::plan::{ChainPlan, Input};
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
    for (part, start) in run.parts.iter_mut().zip(starts) {
        part.end = Some(end.clone());
        if !start.covers(end.next.saturating_sub(1)) {
            part.counters.bytes_read = source_bytes;
        }
    }
    let guard = Guard::new(plan.source.name.clone());
    let decoded = guard.compute(|| chunk.decode())?;
    taps.pass(&plan.source.name, &decoded.batches);
    run.count_read(&decoded.batches, &decoded.errors);
    run.lose(Input::Source, decoded.errors)?;

    let mut results: Vec<Vec<Batch>> = Vec::with_capacity(plan.nodes.len());
    for (index, node) in plan.nodes.iter().enumerate() {
        let guard = Guard::new(node.step.name.clone());
        let mut out = Vec::new();
        for batch in gather(&node.inputs, &decoded.batches, &results) {
            let processed = guard.compute(|| node.step.processor.process(batch))?;
            run.filter(index, &processed.filtered);
            run.lose(Input::Node(index), processed.errors)?;
            if !processed.batch.is_empty() {
                out.push(processed.batch);
            }
        }
        taps.pass(&node.step.name, &out);
        results.push(out);
    }
    for (index, output) in plan.outputs.iter().enumerate() {
        let guard = Guard::new(output.step.name.clone());
        for batch in gather(&output.inputs, &decoded.batches, &results) {
            let batch = batch.after(&starts[index]);
            if batch.is_empty() {
                continue;
            }
            taps.pass(&output.step.name, std::slice::from_ref(&batch));
            let mut encoded = guard.compute(|| encoders[index].encode(batch))?;
            let errors = std::mem::take(&mut encoded.errors);
            run.parts[index].counters.delivered += encoded.rows;
            run.parts[index].rows.push(encoded);
            run.refuse(index, errors)?;
        }
    }
    failpoint("chunk_processed")
        .map_err(|error| EngineError::Step { step: plan.source.name.clone(), error })?;
    Ok(run.parts)
}

/// The batches of all inputs; where several paths meet, rows are put back in the order of their ordinals.
fn gather(inputs: &[Input], source: &[Batch], results: &[Vec<Batch>]) -> Vec<Batch> {
    let of = |input: &Input| match input {
        Input::Source => source.to_vec(),
        Input::Node(index) => results[*index].clone(),
    };
    let mut batches: Vec<Batch> = inputs.iter().flat_map(of).collect();
    if inputs.len() > 1 {
        batches.sort_by_key(|batch| batch.ordinals().values().first().copied());
    }
    batches.retain(|batch| RecordBatch::num_rows(batch.records()) > 0);
    batches
}

impl Run<'_> {
    fn uncovered(&self, output: usize, ordinals: impl Iterator<Item = u64>) -> u64 {
        let start = &self.starts[output];
        ordinals.filter(|&ordinal| !start.covers(ordinal)).count() as u64
    }

    fn count_read(&mut self, batches: &[Batch], errors: &[RecordError]) {
        for output in 0..self.parts.len() {
            let start = &self.starts[output];
            let rows: usize = batches.iter().map(|batch| batch.after(start).len()).sum();
            let malformed = self.uncovered(output, errors.iter().map(|error| error.ordinal));
            self.parts[output].counters.read += (rows as u64 + malformed) * self.plan.outputs[output].paths;
        }
    }

    fn filter(&mut self, node: usize, ordinals: &[u64]) {
        for output in 0..self.parts.len() {
            let weight = self.plan.weight(Input::Node(node), output);
            if weight > 0 {
                let count = self.uncovered(output, ordinals.iter().copied());
                self.parts[output].counters.filtered += count * weight;
            }
        }
    }

    /// Applies the `on_error` of a source or transformation.
    fn lose(&mut self, at: Input, errors: Vec<RecordError>) -> Result<(), EngineError> {
        let on_error = self.plan.on_error(at);
        let keeper = self.plan.keeper(at);
        for error in errors {
            let mut concerned = false;
            for output in 0..self.parts.len() {
                let weight = self.plan.weight(at, output);
                if weight == 0 || self.starts[output].covers(error.ordinal) {
                    continue;
                }
                concerned = true;
                let counters = &mut self.parts[output].counters;
                match on_error {
                    OnError::Fail => {}
                    OnError::DeadLetter => counters.dead_lettered += weight,
                    OnError::Skip => counters.failed += weight,
                }
            }
            let step = self.plan.name(at).clone();
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
