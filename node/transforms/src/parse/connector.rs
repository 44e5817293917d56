use std::sync::Arc;

use etl_sdk::{Descriptor, FieldError, Processor, ProcessorConnector, parse_config};

use super::config::ParseConfig;
use super::processor::ParseProcessor;

/// The `parse` transformation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parse;

const DOCUMENTATION: &str = "\
Takes a text field apart. `field` is a text, a JSON field whose value is a text, or UTF-8 bytes; `format` says what it \
holds:

| `format` | found |
|---|---|
| `json` | with `fields`, these fields of the object, null where it lacks one; without, the document, as a JSON field |
| `csv` | the values of one line, named by `columns`; an empty value without quotes is null. `delimiter` stands between them |
| `url` | `scheme`, `username`, `host`, `port` (int), `path`, `query`, `fragment`; null where the URL has none. A password is left out |
| `key_value` | with `fields`, the values of these keys, null where one is missing; without, all pairs, as a JSON object of texts |
| `regex` | what the named groups of `pattern` match, null for a group that takes no part |
| `timestamp` | the time, as a timestamp in UTC with microseconds; `pattern` is its format as in `cast`, RFC 3339 by default |

What is found becomes fields of the record, at its end. With `into` it becomes one field of that name: a record of what is \
found, or the single value of `json`, `key_value` and `timestamp`. Without `into` such a single value takes the place of the \
text. The text itself is left out; `keep: true` keeps it.

What is found is text. `fields` gives types as `cast` does, also with options: `fields: {status: int, took: {type: float, \
on_failure: null}}`.

In `key_value`, a value in double quotes may hold separators, and `\\\"` for a quote. Of a key given twice the last value \
counts.

A record is a **record error**, and the step's `on_error` decides what becomes of it, when the text does not have the format \
(`invalid_json`, `invalid_csv`, `csv_field_count`, `invalid_url`, `invalid_key_value`, `no_match`, `invalid_timestamp`), when \
a value does not fit its type (as in `cast`), when its batch has no such field (`missing_field`), when the field is no text \
(`not_a_text`), and when a new field has the name of one that the record has (`duplicate_field`). For null everything found \
is null.

Records keep their order. The step keeps no state.
";

const EXAMPLE: &str = "\
type: parse
config:
  field: line
  format: regex
  pattern: '^(?<client>\\S+) \\[(?<at>[^\\]]+)\\] (?<status>\\d+)$'
  into: request
  fields:
    status: int
    at: { type: timestamp, format: \"%d/%b/%Y:%H:%M:%S %z\" }
";

impl ProcessorConnector for Parse {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "parse",
            summary: "Takes a text apart: JSON, CSV, URLs, pairs, patterns, times.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(ParseConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: ParseConfig = parse_config(config)?;
        Ok(Arc::new(ParseProcessor::new(config.validate()?)))
    }
}
