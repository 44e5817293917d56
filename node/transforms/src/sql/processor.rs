use std::collections::BTreeSet;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::take;
use etl_expr::ExprError;
use etl_model::Batch;
use etl_sdk::{ConnectorError, Processed, Processor, ProcessorCapabilities};

use super::config::SqlRules;
use super::failure::failure;
use super::output::Output;
use super::plan::Plan;
use crate::record_errors::RecordErrors;
use crate::schema_cache::SchemaCache;

/// A query, planned once per schema.
pub(super) struct SqlProcessor {
    rules: SqlRules,
    plans: SchemaCache<Result<Plan, ExprError>>,
}

impl SqlProcessor {
    pub fn new(rules: SqlRules) -> Self {
        Self { rules, plans: SchemaCache::new() }
    }

    fn plan(&self, batch: &Batch) -> Result<Plan, ExprError> {
        Plan::new(&self.rules.session, &self.rules.query, &batch.schema()).map_err(|error| ExprError {
            offset: None,
            code: "sql_plan",
            message: error.strip_backtrace(),
            help: None,
        })
    }

    /// What becomes of numbered records. If a record among them fails, so does the plan, and each half is run by itself:
    /// a batch takes at most twice as many runs as it has records.
    fn run(
        &self,
        plan: &Plan,
        numbered: RecordBatch,
        results: &mut Vec<RecordBatch>,
        errors: &mut RecordErrors,
    ) {
        let mut parts = vec![(0, numbered)];
        while let Some((first, part)) = parts.pop() {
            let error = match plan.run(&self.rules.session, part.clone()) {
                Ok(made) => {
                    results.extend(made);
                    continue;
                }
                Err(error) => error,
            };
            if part.num_rows() <= 1 {
                let (code, message) = failure(&error);
                errors.put(first, code, message, None);
                continue;
            }
            let half = part.num_rows() / 2;
            parts.push((first + half, part.slice(half, part.num_rows() - half)));
            parts.push((first, part.slice(0, half)));
        }
    }
}

impl Processor for SqlProcessor {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let internal = |error: String| ConnectorError::internal(format!("sql: {error}"));
        let mut errors = RecordErrors::default();
        let plan = self.plans.get(&batch.schema(), || self.plan(&batch));
        let plan = match plan.as_ref() {
            Ok(plan) => plan,
            Err(fault) => {
                errors.add_all(batch.len(), fault, None);
                let none = batch.slice(0, 0);
                return Ok(Processed { batch: none, filtered: Vec::new(), errors: errors.finish(&batch) });
            }
        };
        let numbered = plan.numbered(batch.records()).map_err(|error| internal(error.to_string()))?;
        let mut results = Vec::new();
        self.run(plan, numbered, &mut results, &mut errors);
        let made = Output::new(&plan.schema(), &results).map_err(|error| internal(error.to_string()))?;
        if !made.rows.values().is_sorted() {
            return Err(internal("the plan has changed the order of the records".to_owned()));
        }
        let gone_on: BTreeSet<u64> = made.rows.values().iter().copied().collect();
        let sound = errors.sound(batch.len());
        let ordinals = batch.ordinals().values().iter().copied();
        let filtered = (0u64..).zip(ordinals).zip(sound.values().iter());
        let filtered = filtered.filter(|((row, _), sound)| *sound && !gone_on.contains(row));
        let filtered = filtered.map(|((_, ordinal), _)| ordinal).collect();
        let ordinals =
            take(batch.ordinals(), &made.rows, None).map_err(|error| internal(error.to_string()))?;
        let made = Batch::new(made.records, ordinals.as_primitive().clone())
            .map_err(|error| internal(error.to_string()))?;
        Ok(Processed { batch: made, filtered, errors: errors.finish(&batch) })
    }
}
