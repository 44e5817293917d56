use arrow::array::BooleanArray;
use arrow::buffer::BooleanBuffer;
use etl_expr::{Compiled, ExprError};
use etl_model::Batch;
use etl_sdk::{ConnectorError, Processed, Processor, ProcessorCapabilities};

use super::config::{Port, Rules};
use crate::expression::condition;
use crate::record_errors::RecordErrors;
use crate::schema_cache::SchemaCache;

/// One output of a configured route.
pub(super) struct RouteProcessor {
    rules: Rules,
    compiled: SchemaCache<Vec<Result<Compiled, ExprError>>>,
}

fn internal(error: impl std::fmt::Display) -> ConnectorError {
    ConnectorError::internal(format!("route: {error}"))
}

impl RouteProcessor {
    pub fn new(rules: Rules) -> Self {
        Self { rules, compiled: SchemaCache::new() }
    }

    /// The rows that take an output, and those for which nobody can say because a condition has no value.
    ///
    /// With the first match, what a condition says of a row that has matched before does not count.
    fn rows(&self, batch: &Batch, port: &Port) -> (BooleanBuffer, RecordErrors) {
        let rows = batch.len();
        let compiled = self.compiled.get(&batch.schema(), || {
            self.rules.conditions.iter().map(|text| condition(text, &batch.schema())).collect()
        });
        let mut errors = RecordErrors::default();
        let mut matched = BooleanBuffer::new_unset(rows);
        let mut taken = BooleanBuffer::new_unset(rows);
        for (index, condition) in compiled.iter().enumerate() {
            let mut own = RecordErrors::default();
            let yes = match condition {
                Ok(condition) => {
                    let (yes, failed) = condition.evaluate_condition(batch.records());
                    own.add(failed, None);
                    yes.values().clone()
                }
                Err(fault) => {
                    own.add_all(rows, fault, None);
                    BooleanBuffer::new_unset(rows)
                }
            };
            if !self.rules.all {
                own.forget(&matched);
            }
            if port.condition == Some(index) {
                taken = if self.rules.all { yes.clone() } else { &yes & &!&matched };
            }
            matched = &matched | &yes;
            errors.merge(own);
        }
        if port.condition.is_none() {
            taken = !&matched;
        }
        (&taken & errors.sound(rows).values(), errors)
    }
}

impl Processor for RouteProcessor {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let port = self.rules.port.as_ref().ok_or_else(|| internal("the step stands for no output"))?;
        let (taken, errors) = self.rows(&batch, port);
        let errors = if port.reports { errors } else { RecordErrors::default() };
        errors.divide(batch, &BooleanArray::new(taken, None)).map_err(internal)
    }
}
