use std::sync::Arc;

use etl_sdk::{Descriptor, FieldError, Processor, ProcessorConnector, parse_config};

use super::config::CastConfig;
use super::processor::CastProcessor;

/// The `cast` transformation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cast;

const DOCUMENTATION: &str = "\
Gives fields other types. Nothing is lost silently: a value that the new type cannot hold exactly is a **record error**, and \
the step's `on_error` decides what becomes of the record. Null stays null, other fields stay as they are.

`fields` names the fields, also inside records (`customer.age`), and their types:

| type | from |
|---|---|
| `string` | text, numbers, bool, timestamps (RFC 3339), dates, UTF-8 bytes, durations; JSON: the text of a text, else the document |
| `int`, `uint` (64 bits) | whole numbers in range (also `5.0` and a decimal `5.00`), text of digits, bool (0 and 1); `int` also timestamps of whole seconds since 1970 |
| `float` | numbers and text; whole numbers beyond 2^53 and decimals become the nearest one, as in expressions |
| `decimal(P,S)` | numbers and text with at most S digits behind the point and P in all; a float is taken by its shortest text |
| `bool` | text (`true`, `false`, `t`, `f`, `1`, `0`, also in capitals), whole numbers 0 and 1 |
| `date` | text such as `2026-01-31`; timestamps, whose day in `timezone` it is |
| `timestamp` (microseconds, UTC) | text in RFC 3339; dates (their midnight in UTC); whole numbers, as seconds since 1970 |
| `bytes` | text, as UTF-8 |
| `json` | text that is a JSON document; every other type, also records and lists |

JSON fields are cast value by value: a number as a number with all of its digits, a text as a text; `null` is null.

With options a type is written as `{type: timestamp, format: \"%d.%m.%Y %H:%M\", timezone: Europe/Berlin}`. `format` says how \
dates and timestamps are written: [these parts](https://docs.rs/chrono/latest/chrono/format/strftime/index.html), or \
`unix`, `unix_ms`, `unix_us`, `unix_ns` for a count since 1970. `timezone` is for texts without an offset; a time that its \
clock shows twice or never is an error. `on_failure: null` puts null in place of a value that cannot be cast, \
`on_failure: {default: 0}` another value.

A batch without the field is an error of all of its records (`missing_field`), unless `optional: true`.

Codes of errors: `invalid_conversion`, `inexact` (digits would be lost), `overflow`, `time_precision`, `invalid_timestamp`, \
`invalid_date`, `invalid_json`, `invalid_utf8`.

Records keep their order. The step keeps no state.
";

const EXAMPLE: &str = "\
type: cast
config:
  fields:
    quantity: int
    price: decimal(10,2)
    ordered_at: { type: timestamp, format: \"%d.%m.%Y %H:%M\", timezone: Europe/Berlin }
    discount: { type: float, on_failure: { default: 0 } }
";

impl ProcessorConnector for Cast {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "cast",
            summary: "Gives fields other types, exactly.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(CastConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: CastConfig = parse_config(config)?;
        Ok(Arc::new(CastProcessor::new(config.validate()?)))
    }
}
