use std::collections::{HashMap, HashSet};

use arrow::datatypes::SchemaRef;
use etl_engine::{EngineError, Pipeline, SourceStep, Veil, concealed, error_records};
use etl_model::{Batch, RecordError, StepName};
use etl_sdk::{ConnectorError, Fetched, Processed, ReadOptions, blocking};

use super::changes::{Change, changes, columns};

/// What has come out of a step.
pub(crate) struct StepTrial {
    pub name: StepName,
    /// Empty for a source.
    pub inputs: Vec<StepName>,
    /// Its records must not be seen.
    pub is_concealed: bool,
    /// Records that have come to it.
    pub came: usize,
    pub batches: Vec<Batch>,
    /// What failed and goes on to the step that takes its errors.
    pub diverted: Vec<Batch>,
    pub filtered: usize,
    pub errors: Vec<RecordError>,
    /// Names and types.
    pub columns: Vec<(String, String)>,
    pub changes: Vec<Change>,
}

/// Bytes of raw data that are read at a time.
const CHUNK: usize = 64 << 10;
/// The largest record.
const RECORD: usize = 64 << 20;

/// Reads up to so many records of every source and has the transformations work on them.
///
/// # Errors
/// A source cannot be read, or a transformation is broken. A record that fails is none: it is told with its step.
pub(crate) async fn trial(pipeline: &Pipeline, records: usize) -> Result<Vec<StepTrial>, EngineError> {
    let mut steps: Vec<StepTrial> = Vec::new();
    for source in &pipeline.sources {
        steps.push(read(source, records).await?);
    }
    transform(pipeline, steps, &HashMap::new()).await
}

/// Has the transformations work on what has come out of sources, and on what is pushed into them beside that.
///
/// # Errors
/// A transformation is broken.
pub(crate) async fn transform(
    pipeline: &Pipeline,
    mut steps: Vec<StepTrial>,
    pushed: &HashMap<StepName, Vec<Batch>>,
) -> Result<Vec<StepTrial>, EngineError> {
    let takers = pipeline.processors.iter().filter(|step| step.processor.takes_errors());
    let read_by_takers: HashSet<&StepName> = takers.flat_map(|step| &step.inputs).collect();
    for step in &mut steps {
        let at = |error| EngineError::Step { step: step.name.clone(), error };
        if read_by_takers.contains(&step.name) {
            let errors = std::mem::take(&mut step.errors);
            step.diverted.push(error_records(&step.name, None, errors).map_err(at)?);
        }
    }
    for step in &pipeline.processors {
        if step.processor.takes_errors() {
            let mut made = StepTrial::new(step.name.clone(), step.inputs.clone(), 0);
            let failed = steps.iter().filter(|trial| step.inputs.contains(&trial.name));
            made.batches = failed.flat_map(|trial| trial.diverted.clone()).collect();
            made.came = made.records();
            made.tell_columns(&[]);
            steps.push(made);
            continue;
        }
        let mut given = gathered(&steps, &step.inputs);
        given.extend(pushed.get(&step.name).into_iter().flatten().cloned());
        let before: Vec<(String, String)> =
            columns(&given.iter().map(Batch::schema).collect::<Vec<SchemaRef>>());
        let came = given.iter().map(Batch::len).sum();
        let processor = std::sync::Arc::clone(&step.processor);
        let name = read_by_takers.contains(&step.name).then(|| step.name.clone());
        let work = move || -> Result<Vec<(Processed, Option<Batch>)>, ConnectorError> {
            let mut sequence = processor.begin();
            let mut one = |batch| match &mut sequence {
                Some(sequence) => sequence.process(batch),
                None => processor.process(batch),
            };
            let divert = |given: Batch| {
                let mut processed = one(given.clone())?;
                let Some(name) = &name else { return Ok((processed, None)) };
                let errors = std::mem::take(&mut processed.errors);
                Ok((processed, Some(error_records(name, Some(&given), errors)?)))
            };
            given.into_iter().map(divert).collect()
        };
        let done =
            blocking(work).await.map_err(|error| EngineError::Step { step: step.name.clone(), error })?;
        let mut made = StepTrial::new(step.name.clone(), step.inputs.clone(), came);
        for (Processed { batch, filtered, errors }, diverted) in done {
            made.diverted.extend(diverted);
            made.filtered += filtered.len();
            made.errors.extend(errors);
            made.batches.push(batch);
        }
        made.tell_columns(&before);
        steps.push(made);
    }
    Ok(steps)
}

/// What comes to a step with these inputs; where several meet, in the order of the first records, as in a run.
pub(crate) fn gathered(steps: &[StepTrial], inputs: &[StepName]) -> Vec<Batch> {
    let found = |name: &StepName| steps.iter().find(|trial| trial.name == *name);
    let mut batches: Vec<Batch> =
        inputs.iter().filter_map(found).flat_map(|trial| trial.batches.clone()).collect();
    if inputs.len() > 1 {
        batches.sort_by_key(|batch| batch.ordinals().values().first().copied());
    }
    batches
}

async fn read(step: &SourceStep, records: usize) -> Result<StepTrial, EngineError> {
    let at = |error| EngineError::Step { step: step.name.clone(), error };
    step.source.check().await.map_err(at)?;
    let discovery = step.source.discover(&[]).await.map_err(at)?;
    let options = ReadOptions { chunk_bytes: CHUNK, max_record_bytes: RECORD };
    let mut made = StepTrial::new(step.name.clone(), Vec::new(), 0);
    made.is_concealed = step.conceals;
    let mut left = records;
    for partition in &discovery.partitions {
        let mut reader = step.source.read(partition, None, &options).await.map_err(at)?;
        while left > 0 {
            // A source that waits for more has shown what there is.
            let Fetched::Chunk(chunk) = reader.next().await.map_err(at)? else { break };
            let decoded = blocking(move || chunk.decode()).await.map_err(at)?;
            for batch in decoded.batches {
                let taken = batch.slice(0, batch.len().min(left));
                left -= taken.len();
                made.batches.push(taken);
            }
            // Of the malformed ones those in front of the last record that is shown.
            let last = made.batches.last().and_then(|batch| batch.ordinals().values().last().copied());
            let shown = |error: &RecordError| left > 0 || last.is_some_and(|last| error.ordinal < last);
            let told = |error| if step.conceals { concealed(error) } else { error };
            made.errors.extend(decoded.errors.into_iter().filter(shown).map(told));
        }
    }
    made.came = made.records() + made.errors.len();
    made.tell_columns(&[]);
    Ok(made)
}

impl StepTrial {
    /// Of a source that has yielded these records.
    pub fn yielded(name: StepName, batches: Vec<Batch>) -> Self {
        let mut made = Self { batches, ..Self::new(name, Vec::new(), 0) };
        made.came = made.records();
        made
    }

    /// Hides what may not be seen; of records that have failed everything.
    ///
    /// # Errors
    /// It cannot be hidden.
    pub fn veil(&mut self, veil: &Veil) -> Result<(), EngineError> {
        if veil.is_empty() {
            return Ok(());
        }
        for batch in &mut self.batches {
            let at = |error| EngineError::Step { step: self.name.clone(), error };
            *batch = veil.over(batch.clone()).map_err(at)?;
        }
        self.errors = std::mem::take(&mut self.errors).into_iter().map(concealed).collect();
        Ok(())
    }

    fn new(name: StepName, inputs: Vec<StepName>, came: usize) -> Self {
        Self {
            name,
            inputs,
            is_concealed: false,
            came,
            batches: Vec::new(),
            diverted: Vec::new(),
            filtered: 0,
            errors: Vec::new(),
            columns: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Records that have come out of it.
    pub fn records(&self) -> usize {
        self.batches.iter().map(Batch::len).sum()
    }

    fn tell_columns(&mut self, before: &[(String, String)]) {
        self.columns = columns(&self.batches.iter().map(Batch::schema).collect::<Vec<SchemaRef>>());
        if !self.inputs.is_empty() && self.records() > 0 {
            self.changes = changes(before, &self.columns);
        }
    }
}

/// The steps that were asked for, with what comes to them; all where none was. None whose records must not be seen.
pub(super) fn asked(steps: &[StepTrial], only: Option<&StepName>) -> Vec<usize> {
    let places: HashMap<&StepName, usize> =
        steps.iter().enumerate().map(|(at, step)| (&step.name, at)).collect();
    let mut shown: Vec<usize> = match only {
        None => (0..steps.len()).collect(),
        Some(only) => {
            let Some(&at) = places.get(only) else { return Vec::new() };
            let inputs = steps[at].inputs.iter().filter_map(|input| places.get(input).copied());
            inputs.chain([at]).collect()
        }
    };
    shown.retain(|at| !steps[*at].is_concealed);
    shown
}
