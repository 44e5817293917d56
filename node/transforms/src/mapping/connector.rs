use std::sync::Arc;

use etl_sdk::{Descriptor, FieldError, Processor, ProcessorConnector, parse_config};

use crate::mapping::config::MappingConfig;
use crate::mapping::processor::MappingProcessor;

/// The `mapping` transformation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mapping;

const DOCUMENTATION: &str = "\
Builds a new record out of each record. The new record has **only the fields that are named**: those of `mappings`, and \
those that `keep` carries over.

**`mappings`** computes fields. Each entry has a `destination` and exactly one of

| | |
|---|---|
| `source` | the value of a field, or of a field inside a record by its dotted path (`address.city`), unchanged and of the same type. A field whose own name has dots is found by that name first. Null where a record on the way is null |
| `expression` | the value of a [CEL](https://cel.dev) expression: `int(amount * 100.0)`, `first_name + ' ' + last_name` |
| `constant` | the same value for every record: a scalar, a list or a map |

Dots in a `destination` make nested records: `user.firstName` and `user.email` yield one field `user` with two fields \
inside.

**`keep`** carries fields over unchanged: a list of names, or `\"*\"` for all. With `\"*\"`, `drop` leaves fields out, and \
a mapping whose destination is the name of a source field replaces it. `rename` gives kept fields new names.

The order of the fields is: kept fields in the order of the source, then the destinations in the order in which they \
are first named.

A record is a **record error**, and the step's `on_error` decides what becomes of it, when

- an expression has no value for it: an overflow, a division by zero, a text that is not a number, `null` where a value \
is needed, a field that does not exist;
- a `source` or a kept or renamed field does not exist in its batch (`missing_field`). With `optional: true` the value \
of such a `source` is null. A field that some records of a batch have is null for those that lack it;
- the types of its batch do not fit an expression (`name + 1`).

`catch(expression, fallback)` has the fallback's value where the expression fails for a record: `catch(int(age), -1)`.

Nothing is converted silently. A computed value has one of the types `bool`, 64-bit `int` and `uint`, `double`, \
`string`, `bytes`, timestamp and duration (microseconds, or nanoseconds if computed from a field that has them), list, \
map or record; a value whose type differs from record to record becomes JSON.

Records keep their order. The step keeps no state.
";

const EXAMPLE: &str = "\
type: mapping
config:
  keep: [id, country]
  rename: { id: order_id }
  mappings:
    - { source: first_name, destination: customer.firstName }
    - { source: address.city, destination: customer.city, optional: true }
    - { expression: \"int(math.round(amount * 100.0))\", destination: amount_cents }
    - { constant: eur, destination: currency }
";

impl ProcessorConnector for Mapping {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "mapping",
            summary: "Builds new records out of fields, expressions and constants.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(MappingConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: MappingConfig = parse_config(config)?;
        Ok(Arc::new(MappingProcessor::new(config.validate()?)))
    }
}
