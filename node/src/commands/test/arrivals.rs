use std::collections::BTreeMap;

use etl_engine::{EngineError, Pipeline};
use etl_expr::record_json;
use etl_model::{Batch, OnError, RecordError, StepName};
use serde_json::Value;

use crate::preview::{StepTrial, gathered};

/// What has come out of steps and to destinations, and what has failed.
#[derive(Default)]
pub(super) struct Arrivals {
    pub records: BTreeMap<StepName, Vec<Value>>,
    /// Set aside by steps that set aside.
    pub letters: Vec<(StepName, RecordError)>,
    /// The first failure that would end a run.
    pub failure: Option<Failure>,
}

/// How a run would end.
pub(super) struct Failure {
    pub step: StepName,
    pub code: String,
    pub message: String,
    pub record: Value,
}

impl Arrivals {
    /// Adds what has become of the records of one source.
    pub fn add(&mut self, pipeline: &Pipeline, steps: Vec<StepTrial>) {
        for step in &pipeline.destinations {
            let arrived = gathered(&steps, &step.inputs);
            self.records.entry(step.name.clone()).or_default().extend(rows(&arrived));
        }
        for StepTrial { name, batches, errors, .. } in steps {
            let step = pipeline.processors.iter().find(|step| step.name == name);
            self.records.entry(name.clone()).or_default().extend(rows(&batches));
            for error in errors {
                match step.map_or(OnError::Fail, |step| step.on_error) {
                    OnError::Skip => {}
                    OnError::DeadLetter => self.letters.push((name.clone(), error)),
                    OnError::Fail | OnError::Retry => self.fail(name.clone(), error),
                }
            }
        }
    }

    fn fail(&mut self, step: StepName, error: RecordError) {
        let RecordError { code, message, record, .. } = error;
        self.failure.get_or_insert(Failure { step, code, message, record });
    }

    /// A transformation is broken, which ends a run as well.
    pub fn break_off(&mut self, error: &EngineError) {
        let EngineError::Step { step, error } = error else { return };
        let (code, message) = (error.code().to_owned(), error.to_string());
        self.failure.get_or_insert(Failure { step: step.clone(), code, message, record: Value::Null });
    }
}

fn rows(batches: &[Batch]) -> Vec<Value> {
    let of =
        |batch: &Batch| (0..batch.len()).map(|row| record_json(batch.records(), row)).collect::<Vec<_>>();
    batches.iter().flat_map(of).collect()
}
