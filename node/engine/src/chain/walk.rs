use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use arrow::array::UInt64Array;
use arrow::datatypes::Schema;
use etl_model::{Batch, OnError, Position, RecordError, TraceContext};
use etl_sdk::{Processed, Repartition, Sequential};

use super::flow::{Flow, gather};
use super::outside::Outside;
use super::plan::{ChainPlan, Input, Node, Place};
use super::process::Part;
use crate::ports::{DeadLetter, Operation, column_types};
use crate::taps::ChainTaps;
use crate::{EngineError, error_records, guard::Guard};

/// Rows on their way through the transformations of a chain, with what is counted and set aside on the way.
///
/// Behind a repartition only what leads to outputs of this walk is computed, counted and shown: what leads to others is
/// carried out where those are written, by a walk of its own.
pub(super) struct Walk<'a> {
    pub plan: &'a ChainPlan,
    /// Per output: where it begins. Records before it are covered by the destination's marker.
    pub starts: &'a [Position],
    /// Per output: whether the steps between a repartition and it are walked elsewhere.
    pub elsewhere: &'a [bool],
    /// The only shard that it has rows of, if it is one.
    pub only: Option<usize>,
    pub taps: &'a ChainTaps,
    /// Per output.
    pub parts: Vec<Part>,
    /// The trace of the rows, if it is kept.
    pub trace: Option<TraceContext>,
    /// Per node: what remembers the partition. Empty where no step may.
    pub sequences: &'a [Option<Mutex<Box<dyn Sequential>>>],
    /// What a step that waits for a system outside needs; without it such a step works as any other.
    pub outside: Option<Outside<'a>>,
    /// The span of the node that works on them.
    span: Option<TraceContext>,
    /// Waiting for the nodes that take them.
    diverted: Vec<Diverted>,
}

/// Records that have failed at a step and go on to a node that takes its errors.
struct Diverted {
    node: usize,
    shard: Option<usize>,
    /// The ordinals of all records that came to the step.
    came: UInt64Array,
    records: Batch,
}

impl<'a> Walk<'a> {
    /// A walk that has not begun.
    pub fn new(
        plan: &'a ChainPlan,
        starts: &'a [Position],
        elsewhere: &'a [bool],
        taps: &'a ChainTaps,
    ) -> Self {
        let parts = plan.outputs.iter().map(|_| Part::default()).collect();
        Self {
            plan,
            starts,
            elsewhere,
            only: None,
            taps,
            parts,
            trace: None,
            sequences: &[],
            outside: None,
            span: None,
            diverted: Vec::new(),
        }
    }

    /// Has a node work on what has come to it.
    pub fn visit(
        &mut self,
        index: usize,
        node: &Node,
        source: &[Batch],
        results: &[Flow],
    ) -> Result<Flow, EngineError> {
        let started = self.plan.watch.start(self.trace);
        self.span = started.context();
        let mut records = 0;
        let passed = self.pass(index, node, source, results, &mut records);
        let error = passed.as_ref().err();
        self.plan.watch.ended(started, &node.step.name, Operation::Transform, (records, 0), error);
        passed
    }

    fn pass(
        &mut self,
        index: usize,
        node: &Node,
        source: &[Batch],
        results: &[Flow],
        records: &mut u64,
    ) -> Result<Flow, EngineError> {
        if node.errors_of.is_some() {
            return Ok(self.take_errors(index, node, records));
        }
        let mut out = Flow::new(self.plan.shards(index));
        match node.step.processor.repartition() {
            Some(repartition) => {
                for batch in gather(&node.inputs, source, results, None) {
                    *records += batch.len() as u64;
                    self.divide(index, repartition, batch, &mut out)?;
                }
                out.shards().for_each(|shard| self.taps.pass(&node.step.name, out.of(shard)));
            }
            None => {
                let has_rows = |shard: &Option<usize>| self.only.is_none() || *shard == self.only;
                for shard in out.shards().filter(has_rows).collect::<Vec<_>>() {
                    let place = Place { at: Input::Node(index), shard };
                    if !self.is_needed(place) {
                        continue;
                    }
                    for batch in gather(&node.inputs, source, results, shard) {
                        *records += batch.len() as u64;
                        let kept = self.transform(place, index, node, batch)?;
                        out.push(shard, kept);
                    }
                    if self.taps.are_open() && self.is_shown(place) {
                        self.taps.pass(&node.step.name, out.of(shard));
                        self.show_for_source(node, out.of(shard));
                    }
                }
            }
        }
        Ok(out)
    }

    /// Whether it is for this walk to say what happens at a place to the records of an output.
    fn concerns(&self, place: Place, output: usize) -> bool {
        (place.shard.is_none() || !self.elsewhere[output]) && self.plan.weight(place, output) > 0
    }

    fn is_needed(&self, place: Place) -> bool {
        let errors = self.plan.errors_to(place.at).map(|node| Place { at: Input::Node(node), ..place });
        let concerns = |output| {
            self.concerns(place, output) || errors.is_some_and(|errors| self.concerns(errors, output))
        };
        place.shard.is_none() || (0..self.parts.len()).any(concerns)
    }

    /// Several walks may pass a place, for one output each: one of them shows what goes by.
    fn is_shown(&self, place: Place) -> bool {
        place.shard.is_none() || self.plan.keeper(place).is_some_and(|keeper| !self.elsewhere[keeper])
    }

    /// What leaves the mask of a source whose fields are protected is what a tap of the source sees.
    fn show_for_source(&self, node: &Node, batches: &[Batch]) {
        if self.plan.source.conceals && node.inputs.contains(&Input::Source) {
            self.taps.pass(&self.plan.source.name, batches);
        }
    }

    fn uncovered(&self, output: usize, ordinals: impl Iterator<Item = u64>) -> u64 {
        let start = &self.starts[output];
        ordinals.filter(|&ordinal| !start.covers(ordinal)).count() as u64
    }

    /// Counts what the source has yielded for the destinations that rows reach undivided. Those of a shard are counted
    /// where it is known to which one they belong.
    pub fn count_read(&mut self, batches: &[Batch], errors: &[RecordError]) {
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
        let given = batch.clone();
        let divided = Guard::new(step.clone()).compute(|| repartition.divide(batch))?;
        let (found, expected) = (divided.shards.len(), self.plan.shards(node).unwrap_or_default());
        if found != expected {
            let message = format!("step `{step}` has divided a batch into {found} shards, not {expected}");
            return Err(EngineError::Internal(message));
        }
        self.lose(Place { at: Input::Node(node), shard: None }, divided.errors, &given)?;
        for (shard, batch) in divided.shards.into_iter().enumerate() {
            self.count_arrived(node, shard, &batch);
            out.push(Some(shard), batch);
        }
        Ok(())
    }

    /// Has a transformation work on a batch.
    fn transform(
        &mut self,
        place: Place,
        index: usize,
        node: &Node,
        batch: Batch,
    ) -> Result<Batch, EngineError> {
        let step = &node.step;
        let given = batch.clone();
        let sequence = self.sequences.get(index).and_then(Option::as_ref);
        let outside = self.outside.as_mut().filter(|_| step.processor.capabilities().waits);
        let work = || match (outside, sequence) {
            (Some(outside), _) => outside.process(node, batch),
            (None, sequence) => Guard::new(step.name.clone()).compute(|| match sequence {
                // A panic inside ends the chain, which begins with another.
                Some(sequence) => sequence.lock().unwrap_or_else(PoisonError::into_inner).process(batch),
                None => step.processor.process(batch),
            }),
        };
        let processed = match self.span {
            Some(span) => etl_sdk::within_blocking(span, work),
            None => work(),
        }?;
        self.create(place, given.ordinals(), &processed);
        self.filter(place, &processed.filtered);
        self.lose(place, processed.errors, &given)?;
        Ok(processed.batch)
    }

    /// What has failed at the step whose errors a node takes.
    fn take_errors(&mut self, index: usize, node: &Node, count: &mut u64) -> Flow {
        let mut out = Flow::new(self.plan.shards(index));
        let (mine, others) = std::mem::take(&mut self.diverted).into_iter().partition(|of| of.node == index);
        self.diverted = others;
        let mine: Vec<Diverted> = mine;
        for Diverted { shard, came, records, .. } in mine {
            let place = Place { at: Input::Node(index), shard };
            let failed: HashSet<u64> = records.ordinals().values().iter().copied().collect();
            let passed = came.values().iter().copied().filter(|ordinal| !failed.contains(ordinal)).collect();
            *count += records.len() as u64;
            let taken = Processed { batch: records, filtered: passed, errors: Vec::new() };
            self.create(place, &came, &taken);
            self.filter(place, &taken.filtered);
            out.push(shard, taken.batch);
        }
        for shard in out.shards().collect::<Vec<_>>() {
            if self.is_shown(Place { at: Input::Node(index), shard }) {
                self.taps.pass(&node.step.name, out.of(shard));
            }
        }
        out
    }

    /// Counts rows that a step has made in addition to those that came.
    fn create(&mut self, place: Place, came: &UInt64Array, processed: &Processed) {
        let went = processed.batch.len() + processed.filtered.len() + processed.errors.len();
        if went <= came.len() {
            return;
        }
        for output in 0..self.parts.len() {
            if !self.concerns(place, output) {
                continue;
            }
            let came = self.uncovered(output, came.values().iter().copied());
            let errors = processed.errors.iter().map(|error| error.ordinal);
            let left = processed.filtered.iter().copied().chain(errors);
            let went =
                self.uncovered(output, processed.batch.ordinals().values().iter().copied().chain(left));
            let weight = self.plan.weight(place, output);
            self.parts[output].counters.created += went.saturating_sub(came) * weight;
        }
    }

    fn filter(&mut self, place: Place, ordinals: &[u64]) {
        for output in 0..self.parts.len() {
            if !self.concerns(place, output) {
                continue;
            }
            let count = self.uncovered(output, ordinals.iter().copied()) * self.plan.weight(place, output);
            let read = if self.is_uncounted(place, output) { count } else { 0 };
            let counters = &mut self.parts[output].counters;
            counters.filtered += count;
            counters.read += read;
        }
    }

    /// What a transformation makes of the records that fail there, which it was given in this batch.
    fn lose(&mut self, place: Place, errors: Vec<RecordError>, given: &Batch) -> Result<(), EngineError> {
        match self.plan.errors_to(place.at) {
            Some(node) => self.divert(place, node, errors, Some(given), given.ordinals().clone()),
            None => self.apply(place, errors, Some(&given.schema())),
        }
    }

    /// What a source makes of the records that it cannot read, beside these that it can.
    pub fn lose_unread(&mut self, errors: Vec<RecordError>, read: &[Batch]) -> Result<(), EngineError> {
        let place = Place { at: Input::Source, shard: None };
        let Some(node) = self.plan.errors_to(place.at) else { return self.apply(place, errors, None) };
        let read = read.iter().flat_map(|batch| batch.ordinals().values().iter().copied());
        let came = read.chain(errors.iter().map(|error| error.ordinal)).collect::<Vec<u64>>();
        self.divert(place, node, errors, None, came.into())
    }

    /// Has records go on to a node that takes the errors of a place.
    fn divert(
        &mut self,
        place: Place,
        node: usize,
        errors: Vec<RecordError>,
        given: Option<&Batch>,
        came: UInt64Array,
    ) -> Result<(), EngineError> {
        let step = self.plan.name(place.at);
        let failed: Vec<u64> = errors.iter().map(|error| error.ordinal).collect();
        self.filter(place, &failed);
        let records = error_records(step, given, errors)
            .map_err(|error| EngineError::Step { step: step.clone(), error })?;
        self.diverted.push(Diverted { node, shard: place.shard, came, records });
        Ok(())
    }

    /// Applies the `on_error` of a source or transformation, whose records had these columns.
    fn apply(
        &mut self,
        place: Place,
        errors: Vec<RecordError>,
        columns: Option<&Schema>,
    ) -> Result<(), EngineError> {
        let types = columns.filter(|_| !errors.is_empty()).map(column_types).unwrap_or_default();
        let on_error = self.plan.on_error(place.at);
        let keeper = self.plan.keeper(place).filter(|keeper| self.concerns(place, *keeper));
        for error in errors {
            let mut concerned = false;
            for output in 0..self.parts.len() {
                if !self.concerns(place, output) || self.starts[output].covers(error.ordinal) {
                    continue;
                }
                concerned = true;
                let weight = self.plan.weight(place, output);
                let read = if self.is_uncounted(place, output) { weight } else { 0 };
                let counters = &mut self.parts[output].counters;
                counters.read += read;
                match on_error {
                    OnError::Fail | OnError::Retry => {}
                    OnError::DeadLetter => counters.dead_lettered += weight,
                    OnError::Skip => counters.failed += weight,
                }
            }
            let step = self.plan.name(place.at).clone();
            match (on_error, keeper) {
                (OnError::Fail, _) if concerned => {
                    return Err(EngineError::Record { step, error: Box::new(error) });
                }
                (OnError::Retry, _) if concerned => {
                    return Err(EngineError::Unsettled { step, error: Box::new(error) });
                }
                (OnError::DeadLetter, Some(keeper)) if !self.starts[keeper].covers(error.ordinal) => {
                    let types = types.clone();
                    self.parts[keeper].letters.push(DeadLetter { step, types, error });
                }
                _ => {}
            }
        }
        Ok(())
    }
}
