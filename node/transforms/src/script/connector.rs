use std::sync::Arc;

use etl_sdk::{Descriptor, FieldError, Processor, ProcessorConnector, parse_config};

use crate::script::config::ScriptConfig;
use crate::script::processor::ScriptProcessor;

/// The `script` transformation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Script;

const DOCUMENTATION: &str = "\
Makes new records of each record with a function in [Rhai](https://rhai.rs/book/), a small scripting language. Use it for \
what `mapping` and `filter` cannot say; they are faster, for they work on whole columns.

The script defines `fn process(record)`. What it returns becomes of the record:

| returned | |
|---|---|
| a map | the new record |
| an array of maps | several new records, which stay together |
| `()` or an empty array | the record is counted as *filtered* |

| value of a field | in the script |
|---|---|
| null | `()` |
| bool, whole numbers, floating point, text | `bool`, `i64`, `f64`, string. A whole number beyond `i64` is a record error (`overflow`) |
| decimal | its text with all digits: `parse_float(record.price)` |
| timestamp, date | a time with `year month day hour minute second unix`, comparisons, `+` and `-` of seconds; `time(\"2024-02-29T12:00:00Z\")` and `date(\"2024-02-29\")` make one |
| bytes | a blob |
| list, record, map | array, map |
| JSON | what the document holds |
| time of day, duration and other types | its text |

A field that the record lacks is an error; `\"name\" in record` and `record.get(\"name\")` ask for it.

With `output` the new records have exactly these fields and types in every batch; a value of another type is a record \
error (`invalid_type`), and so is a further field (`unknown_field`). Without `output` the fields are those of the records \
of one batch: first those of the source in its order, then new ones by name. Their types are those of the values: 64-bit \
whole numbers and floating point, bool, text, bytes, date, timestamp (microseconds, or nanoseconds where a value needs \
them), list, record. A field with values of several types is JSON; one that is null in all records keeps its type of the \
source.

The script is alone: no files, no network, no modules, no `eval`, no output, no `sleep`, no `this`. For each record it has \
`max_operations`, the time `timeout`, and `max_memory` for what the variables of a function hold together, which is looked \
at every millisecond or so and may be exceeded by that much work; functions call one another at most 24 deep and have at \
most 256 variables. What exceeds a limit is a record error: `script_operations`, \
`script_timeout`, `script_memory`, `script_depth`. So is what the script throws (`script_error`, with the line) and a \
result of another type (`script_result`). The step's `on_error` decides what becomes of such a record.

Records keep their order. The script keeps nothing from record to record; constants of its top level are reached as \
`global::NAME`. A closure shares the variables that it uses: one that goes over `record.items` cannot use `record` itself.
";

const EXAMPLE: &str = "\
type: script
config:
  script: |
    const RATE = 1.19;

    fn process(order) {
        if order.status == \"test\" { return (); }
        let id = order.id;
        order.items.map(|item| #{
            order: id,
            name: item.name,
            gross: item.net * global::RATE,
        })
    }
  output:
    - { name: order, type: int }
    - { name: name, type: string }
    - { name: gross, type: double }
";

impl ProcessorConnector for Script {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "script",
            summary: "Makes new records of each record with a sandboxed function in Rhai.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(ScriptConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: ScriptConfig = parse_config(config)?;
        Ok(Arc::new(ScriptProcessor::new(config.validate()?)))
    }
}
