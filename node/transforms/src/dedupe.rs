use std::collections::{HashSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow::array::BooleanArray;
use etl_expr::Expression;
use etl_model::Batch;
use etl_sdk::{
    ConnectorError, Descriptor, FieldError, Processed, Processor, ProcessorCapabilities, ProcessorConnector,
    Sequential, parse_config,
};
use schemars::JsonSchema;
use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_128;

use crate::key::{Key, check_paths};
use crate::record_errors::RecordErrors;
use crate::schema_cache::SchemaCache;
use crate::unfit::Unfit;

/// The `dedupe` transformation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dedupe;

/// Lets the first of equal records through.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DedupeConfig {
    /// The fields of the key: names, or dotted paths such as `customer.id`.
    #[schemars(length(min = 1))]
    by: Vec<String>,
    /// Only records among so many before it make a record a duplicate; all of the partition by default.
    records: Option<NonZeroUsize>,
    /// How many different keys are remembered; the oldest is forgotten for a new one. 1000000 by default.
    max_keys: Option<NonZeroUsize>,
}

const USUAL_KEYS: usize = 1_000_000;

const DOCUMENTATION: &str = "\
Lets the first of the records with equal values in all fields of `by` through and counts the others as *filtered*, within \
**each partition of the source**: a file, a range of a table, or whatever the source divides itself into. Duplicates in \
different partitions are not found; a destination with `mode: upsert` finds these.

Values are compared as `repartition` does: numbers by value, null and a missing field are equal.

What is remembered has bounds. `max_keys` keys are remembered (1,000,000 by default, about 70 bytes each, for every partition \
that is worked on at once); for a new one the oldest is forgotten, and its next record counts as a first one again. With \
`records: N` a record is a duplicate only of one that was at most N records before it. A duplicate does not prolong the \
memory of its key.

Keys are remembered by a hash of 128 bits (XXH3). A record whose key cannot be computed (`dedupe_key`) is a **record error**, and \
the step's `on_error` decides what becomes of it.

The step depends on earlier records, so it cannot stand behind a `repartition` or be placed on a node. What it remembers is not \
stored: a continued run remembers anew from the start of the partition, and what has been delivered already is left out at the \
destination. Delivery stays exactly once.
";

const EXAMPLE: &str = "\
type: dedupe
config:
  by: [event_id]
  records: 100000
";

/// What is wrong with a value that cannot be part of a key.
const CODE: &str = "dedupe_key";

impl ProcessorConnector for Dedupe {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "dedupe",
            summary: "Lets the first of equal records through.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(DedupeConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: DedupeConfig = parse_config(config)?;
        let mut errors = Vec::new();
        if config.by.is_empty() {
            errors.push(FieldError::new("no_key", "the key has no fields").at("by").with_help("name one"));
        }
        check_paths(&config.by, "by", &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let paths = config.by.iter().map(|path| Expression::path(path)).collect();
        let rules = Rules {
            paths,
            window: config.records.map_or(u64::MAX, |records| records.get() as u64),
            max_keys: config.max_keys.map_or(USUAL_KEYS, NonZeroUsize::get),
            keys: SchemaCache::new(),
        };
        Ok(Arc::new(DedupeProcessor { rules: Arc::new(rules) }))
    }
}

struct Rules {
    paths: Vec<Expression>,
    /// How many records before it a record can be a duplicate of.
    window: u64,
    max_keys: usize,
    keys: SchemaCache<Result<Key, Unfit>>,
}

struct DedupeProcessor {
    rules: Arc<Rules>,
}

/// The keys of a partition.
struct Seen {
    rules: Arc<Rules>,
    keys: HashSet<u128>,
    /// The same keys, the oldest first, each with the number of its record.
    ages: VecDeque<(u64, u128)>,
    /// Records so far.
    records: u64,
}

fn internal(error: impl std::fmt::Display) -> ConnectorError {
    ConnectorError::internal(format!("dedupe: {error}"))
}

impl DedupeProcessor {
    fn seen(&self) -> Seen {
        let rules = self.rules.clone();
        Seen { rules, keys: HashSet::new(), ages: VecDeque::new(), records: 0 }
    }
}

impl Seen {
    /// Whether the key of the next record is new; it is remembered then.
    fn is_new(&mut self, key: u128) -> bool {
        let number = self.records;
        self.records += 1;
        let too_old = |age: &(u64, u128)| number - age.0 > self.rules.window;
        while let Some((_, old)) = self.ages.pop_front_if(|age| too_old(age)) {
            self.keys.remove(&old);
        }
        if !self.keys.insert(key) {
            return false;
        }
        self.ages.push_back((number, key));
        if self.ages.len() > self.rules.max_keys
            && let Some((_, oldest)) = self.ages.pop_front()
        {
            self.keys.remove(&oldest);
        }
        true
    }
}

impl Processor for DedupeProcessor {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: false, waits: false }
    }

    fn begin(&self) -> Option<Box<dyn Sequential>> {
        Some(Box::new(self.seen()))
    }

    /// The batch as the first one of its partition.
    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        self.seen().process(batch)
    }
}

impl Sequential for Seen {
    fn process(&mut self, batch: Batch) -> Result<Processed, ConnectorError> {
        let (rules, schema) = (self.rules.clone(), batch.schema());
        let key = rules.keys.get(&schema, || Key::new(&rules.paths, &schema));
        let mut errors = RecordErrors::default();
        let hashes = match key.as_ref() {
            Ok(key) => key.each(&batch, CODE, &mut errors, xxh3_128),
            Err(unfit) => {
                // They are records before those that follow.
                self.records += batch.len() as u64;
                return Ok(unfit.refuse(&batch));
            }
        };
        let sound = errors.sound(batch.len());
        let mut first = |(row, key): (usize, &u128)| match sound.value(row) {
            true => self.is_new(*key),
            false => {
                self.records += 1;
                false
            }
        };
        let first: Vec<bool> = hashes.iter().enumerate().map(&mut first).collect();
        errors.divide(batch, &BooleanArray::from(first)).map_err(internal)
    }
}
