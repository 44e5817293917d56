use std::sync::Arc;

use etl_model::Batch;
use etl_sdk::{
    ConnectorError, Descriptor, FieldError, Processed, Processor, ProcessorCapabilities, ProcessorConnector,
    Sequential, parse_config,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The `limit` transformation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limit;

/// Lets the first records of each partition through.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LimitConfig {
    /// How many records of each partition go on.
    records: u64,
}

const DOCUMENTATION: &str = "\
Lets the first records of **each partition of the source** through, in its order, and counts the others as *filtered*. A \
partition is a file, a range of a table, or whatever the source divides itself into; a source with one partition has one limit.

The partition is read to its end nevertheless. Records are counted as they reach this step: a filter before it comes first.

The step depends on earlier records, so it cannot stand behind a `repartition` or be placed on a node. Its count is not stored: \
a continued run counts anew from the start of the partition, and what has been delivered already is left out at the \
destination. Delivery stays exactly once.
";

const EXAMPLE: &str = "\
type: limit
config:
  records: 1000
";

impl ProcessorConnector for Limit {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "limit",
            summary: "Lets the first records of each partition through.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(LimitConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: LimitConfig = parse_config(config)?;
        Ok(Arc::new(LimitProcessor { records: config.records }))
    }
}

struct LimitProcessor {
    records: u64,
}

/// How many records may still go on.
struct Remaining(u64);

impl Processor for LimitProcessor {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: false, waits: false }
    }

    fn begin(&self) -> Option<Box<dyn Sequential>> {
        Some(Box::new(Remaining(self.records)))
    }

    /// The batch as the first one of its partition.
    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        Remaining(self.records).process(batch)
    }
}

impl Sequential for Remaining {
    fn process(&mut self, batch: Batch) -> Result<Processed, ConnectorError> {
        let taken = usize::try_from(self.0).unwrap_or(usize::MAX).min(batch.len());
        self.0 -= taken as u64;
        let filtered = batch.ordinals().values().iter().skip(taken).copied().collect();
        Ok(Processed { batch: batch.slice(0, taken), filtered, errors: Vec::new() })
    }
}
