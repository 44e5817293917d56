use std::sync::Arc;

use arrow::array::BooleanArray;
use etl_expr::Expression;
use etl_model::Batch;
use etl_sdk::{
    ConnectorError, Descriptor, FieldError, Processed, Processor, ProcessorCapabilities, ProcessorConnector,
    parse_config,
};
use schemars::JsonSchema;
use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_64;

use crate::key::{Key, check_paths};
use crate::record_errors::RecordErrors;
use crate::schema_cache::SchemaCache;
use crate::unfit::Unfit;

/// The `sample` transformation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample;

/// Lets a part of the records through.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SampleConfig {
    /// The part of the records that goes on, from 0 to 1: `0.1` for a tenth.
    #[schemars(range(min = 0.0, max = 1.0))]
    rate: Option<f64>,
    /// One of so many records goes on.
    #[schemars(range(min = 1))]
    every: Option<u64>,
    /// Records with equal values in these fields go on together or not at all.
    #[serde(default)]
    by: Vec<String>,
}

const DOCUMENTATION: &str = "\
Lets a part of the records through and counts the others as *filtered*: on average the share `rate`, or one of `every`.

Which records go on depends on a hash (XXH3, 64 bits) and not on chance, so a run that is repeated or continued takes the same \
ones. Without `by` it is the hash of the record's place in its partition; records that were made of one, as `explode` does, \
stay together. With `by` it is that of the values of these fields, compared as `repartition` does: all records of a customer \
go on, or none, in whichever partition they are.

A record whose key cannot be computed (`sample_key`) is a **record error**, and the step's `on_error` decides what becomes of \
it. A field that is missing counts as null.

Records keep their order. The step keeps no state.
";

const EXAMPLE: &str = "\
type: sample
config:
  rate: 0.05
  by: [customer_id]
";

/// What is wrong with a value that cannot be part of a key.
const CODE: &str = "sample_key";

impl ProcessorConnector for Sample {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "sample",
            summary: "Lets a part of the records through, always the same.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(SampleConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: SampleConfig = parse_config(config)?;
        let mut errors = Vec::new();
        check_paths(&config.by, "by", &mut errors);
        let bound = match (config.rate, config.every) {
            (Some(rate), None) if (0.0..=1.0).contains(&rate) => Some(of_rate(rate)),
            (Some(rate), None) => {
                let error = FieldError::new("rate", format!("{rate} is not a share from 0 to 1")).at("rate");
                errors.push(error.with_help("write 0.1 for a tenth"));
                None
            }
            (None, Some(0)) => {
                errors.push(FieldError::new("every", "`every` is at least 1").at("every"));
                None
            }
            (None, Some(every)) => Some((1 << 64) / u128::from(every)),
            (both, _) => {
                let has =
                    if both.is_some() { "both `rate` and `every`" } else { "neither `rate` nor `every`" };
                errors.push(
                    FieldError::new("one_share", format!("there is {has}")).with_help("give one of them"),
                );
                None
            }
        };
        match bound {
            Some(bound) if errors.is_empty() => {
                let by = config.by.iter().map(|path| Expression::path(path)).collect();
                Ok(Arc::new(SampleProcessor { bound, by, keys: SchemaCache::new() }))
            }
            _ => Err(errors),
        }
    }
}

/// A share of all hashes.
fn of_rate(rate: f64) -> u128 {
    // From 0 to 2^64, both exact.
    (rate * 18_446_744_073_709_551_616.0) as u128
}

struct SampleProcessor {
    /// Hashes below it go on.
    bound: u128,
    by: Vec<Expression>,
    keys: SchemaCache<Result<Key, Unfit>>,
}

fn internal(error: impl std::fmt::Display) -> ConnectorError {
    ConnectorError::internal(format!("sample: {error}"))
}

impl Processor for SampleProcessor {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let mut errors = RecordErrors::default();
        let taken = |hash: u64| u128::from(hash) < self.bound;
        let taken: Vec<bool> = if self.by.is_empty() {
            batch.ordinals().values().iter().map(|ordinal| taken(xxh3_64(&ordinal.to_le_bytes()))).collect()
        } else {
            let schema = batch.schema();
            let key = self.keys.get(&schema, || Key::new(&self.by, &schema));
            match key.as_ref() {
                Ok(key) => key.each(&batch, CODE, &mut errors, |key| taken(xxh3_64(key))),
                Err(unfit) => return Ok(unfit.refuse(&batch)),
            }
        };
        errors.divide(batch, &BooleanArray::from(taken)).map_err(internal)
    }
}
