use std::sync::Arc;
use std::time::Instant;

use etl_model::Batch;
use etl_sdk::{ConnectorError, FieldError, Processed, Processor, Registry};

use super::case::Case;
use super::checksum::Checksum;
use super::figure::Times;
use crate::bench::BenchError;

/// A case's transformation, configured as a workflow would.
pub struct Ours {
    name: &'static str,
    processor: Arc<dyn Processor>,
}

impl Ours {
    /// `None` where this build lacks the transformation.
    pub fn configure(registry: &Registry, case: &Case) -> Result<Option<Self>, BenchError> {
        let Some(connector) = registry.find_processor(case.transformation) else { return Ok(None) };
        let message = |faults: Vec<FieldError>| {
            faults.iter().map(|fault| fault.message.clone()).collect::<Vec<_>>().join("; ")
        };
        let processor = connector
            .configure(&case.config)
            .map_err(|faults| BenchError::transformation(case.name, message(faults)))?;
        Ok(Some(Self { name: case.name, processor }))
    }

    /// What becomes of the batches of one partition; no row may fail.
    pub fn transform(&self, batches: Vec<Batch>) -> Result<Vec<Batch>, BenchError> {
        let mut sequential = self.processor.begin();
        let mut made = Vec::with_capacity(batches.len());
        for batch in batches {
            let processed = match (self.processor.repartition(), &mut sequential) {
                (Some(repartition), _) => {
                    let divided = repartition.divide(batch).map_err(|error| self.failed(&error))?;
                    made.extend(divided.shards);
                    self.sound(&divided.errors)?;
                    continue;
                }
                (None, Some(sequential)) => sequential.process(batch),
                (None, None) => self.processor.process(batch),
            };
            let Processed { batch, errors, .. } = processed.map_err(|error| self.failed(&error))?;
            self.sound(&errors)?;
            made.push(batch);
        }
        Ok(made)
    }

    /// Times rounds over the same batches; what a round made is dropped outside of its time.
    pub fn measure(
        &self,
        batches: &[Batch],
        rounds: usize,
        checked: &[&str],
    ) -> Result<(Times, Checksum), BenchError> {
        let mut seconds = Vec::with_capacity(rounds);
        // The first round compiles expressions and reads tables; it is not counted.
        let checksum = Checksum::of(&self.transform(batches.to_vec())?, checked)?;
        for _ in 0..rounds {
            let given = batches.to_vec();
            let started = Instant::now();
            let made = self.transform(given)?;
            seconds.push(started.elapsed().as_secs_f64());
            drop(made);
        }
        Ok((Times::of(seconds), checksum))
    }

    fn failed(&self, error: &ConnectorError) -> BenchError {
        BenchError::transformation(self.name, error.to_string())
    }

    fn sound(&self, errors: &[etl_model::RecordError]) -> Result<(), BenchError> {
        match errors.first() {
            None => Ok(()),
            Some(error) => {
                Err(BenchError::transformation(self.name, format!("a row has failed: {}", error.message)))
            }
        }
    }
}
