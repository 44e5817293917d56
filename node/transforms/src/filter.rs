use std::sync::Arc;

use arrow::array::BooleanArray;
use etl_expr::{Compiled, ExprError, Expression};
use etl_model::Batch;
use etl_sdk::{
    ConnectorError, Descriptor, FieldError, Processed, Processor, ProcessorCapabilities, ProcessorConnector,
    parse_config,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::expression;
use crate::record_errors::RecordErrors;
use crate::schema_cache::SchemaCache;

/// The `filter` transformation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter;

/// Lets the records through for which a condition is true.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FilterConfig {
    /// A CEL expression that is true for the records to keep, such as `user.email != null && amount > 100.0`.
    condition: String,
}

const DOCUMENTATION: &str = "\
Evaluates a [CEL](https://cel.dev) condition for every record. A record for which it is `true` goes on unchanged; one \
for which it is `false` is counted as *filtered*.

A record for which the condition has no value is a **record error**, and the step's `on_error` decides what becomes of \
it. It is never dropped silently. That is the case for

- an operation that fails: an overflow, a division by zero, a text that is not a number, an index outside a list;
- `null` where a value is needed: `amount > 100.0` for a record whose `amount` is null (write \
`amount != null && amount > 100.0`);
- a field that does not exist, other than in `== null`, `!= null` and `has()`, where it counts as null;
- a condition that is null or anything else but a bool.

Numbers are not converted by themselves in arithmetic: an `int` field is multiplied by `2`, a `double` field by `2.0`. \
Comparisons work between all numbers. If the types of a batch do not fit the condition at all (`name + 1`), every \
record of that batch is a record error.

Records keep their order. The step keeps no state.
";

const EXAMPLE: &str = "\
type: filter
config:
  condition: \"user.email != null && amount > 100.0 && country in ['DE', 'FR']\"
";

impl ProcessorConnector for Filter {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "filter",
            summary: "Lets the records through for which a condition is true.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(FilterConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: FilterConfig = parse_config(config)?;
        let condition = expression::parse(&config.condition, |error| error.at("condition"))?;
        Ok(Arc::new(FilterProcessor { condition, compiled: SchemaCache::new() }))
    }
}

struct FilterProcessor {
    condition: Expression,
    compiled: SchemaCache<Result<Compiled, ExprError>>,
}

impl Processor for FilterProcessor {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let compiled =
            self.compiled.get(&batch.schema(), || expression::condition(&self.condition, &batch.schema()));
        let mut errors = RecordErrors::default();
        let keep = match compiled.as_ref() {
            Ok(condition) => {
                let (keep, failed) = condition.evaluate_condition(batch.records());
                errors.add(failed, None);
                keep
            }
            Err(fault) => {
                errors.add_all(batch.len(), fault, None);
                BooleanArray::from(vec![false; batch.len()])
            }
        };
        errors.divide(batch, &keep).map_err(|error| ConnectorError::internal(format!("filter: {error}")))
    }
}

/// The first of the faults; there is at least one.
pub(crate) fn first(faults: Vec<ExprError>) -> ExprError {
    faults.into_iter().next().unwrap_or_else(|| ExprError {
        offset: None,
        code: "internal",
        message: "the expression cannot be compiled".to_owned(),
        help: None,
    })
}
