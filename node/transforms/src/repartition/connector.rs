use std::num::NonZeroU16;
use std::sync::Arc;

use etl_model::Shard;
use etl_sdk::{Descriptor, FieldError, Processor, ProcessorConnector, parse_config};
use schemars::JsonSchema;
use serde::Deserialize;

use super::processor::RepartitionProcessor;
use crate::key::check_paths;

/// The `repartition` transformation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Repartition;

/// Brings records with equal keys together.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RepartitionConfig {
    /// The fields of the key: names, or dotted paths such as `customer.id`.
    #[schemars(length(min = 1))]
    by: Vec<String>,
    /// How many shards there are, 1 to 256.
    #[serde(default = "usual")]
    #[schemars(range(min = 1, max = 256))]
    shards: u16,
}

fn usual() -> u16 {
    8
}

const DOCUMENTATION: &str = "\
Divides the records among shards, so that records with equal values in all fields of `by` meet in one shard, whichever \
partition of whichever source they come from. Everything behind this step is carried out by shard: each shard has its \
own writer and its own position at every destination. In a cluster one node at a time carries out a shard at the \
destinations; records reach it over the network. A destination that lies on one machine stays there, with all shards. \
With `shards: 8`, four partitions that are worked on at once have 32 writers, which for a database are as many connections.

Records of one source partition keep their order inside a shard.

A field is found as in `mapping`: a name or a dotted path, where a field whose own name has dots is found by that name \
first. Equal are

- null and a field that is missing;
- numbers of the same value, whatever their width and whether signed or not: `5`, `5.0` and a decimal `5.00`; `-0.0` and \
`0.0`; every NaN;
- texts with the same bytes, bytes with the same bytes; also in dictionaries;
- timestamps of the same moment, whatever their unit and zone; dates, times and durations likewise;
- lists with equal values in the same order; records, maps and JSON objects with equal values under the same names, in \
any order, where a value that is null counts as missing.

Text is never equal to a number. The shard is XXH3 (64 bits) of a canonical form of the values, modulo `shards`; neither \
ever changes, so a run that goes on finds its records in the same shards. Changing `by` or `shards` changes the meaning \
of the workflow: an interrupted run is not silently continued. Continued by request, with another number of shards it \
delivers everything again, because the new shards have no position yet.

A record whose key cannot be computed (a path that leads into a text, JSON that cannot be read) is a **record error**, \
and the step's `on_error` decides what becomes of it.

A path from a source to a destination can have one repartition, and a step cannot read divided and undivided records at \
once. The step keeps no state.
";

const EXAMPLE: &str = "\
type: repartition
config:
  by: [customer.id, country]
  shards: 6
";

impl ProcessorConnector for Repartition {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "repartition",
            summary: "Brings records with equal keys together.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(RepartitionConfig),
            example: EXAMPLE,
        }
    }

    fn is_repartition(&self) -> bool {
        true
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: RepartitionConfig = parse_config(config)?;
        let mut errors = Vec::new();
        if config.by.is_empty() {
            errors.push(FieldError::new("no_key", "the key has no fields").at("by").with_help("name one"));
        }
        check_paths(&config.by, "by", &mut errors);
        let shards = NonZeroU16::new(config.shards).filter(|shards| shards.get() <= Shard::MOST);
        match shards {
            Some(shards) if errors.is_empty() => Ok(Arc::new(RepartitionProcessor::new(config.by, shards))),
            Some(_) => Err(errors),
            None => {
                let message = format!("there cannot be {} shards", config.shards);
                let error = FieldError::new("shards", message).at("shards");
                errors.push(error.with_help(format!("write a number from 1 to {}", Shard::MOST)));
                Err(errors)
            }
        }
    }
}
