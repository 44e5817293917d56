use std::sync::Arc;

use etl_sdk::{Descriptor, FieldError, Processor, ProcessorConnector, Registry, Source, parse_config};

use super::config::{RawEnrich, RawTable, Rules};
use super::http::HttpEnrich;
use super::lookup::LookupEnrich;

/// The `enrich` transformation.
pub struct Enrich {
    /// The types of sources that tables are read from.
    tables: Registry,
}

const DOCUMENTATION: &str = "\
Adds fields that a system outside knows: a server that is asked over HTTP (`type: http`), or a table that is read before \
(`type: lookup`). Several records are asked for at the same time; they keep their order.

## http

`{{ ... }}` in `url`, `headers` and `body_template` stands for the value of a [CEL](https://cel.dev) expression, escaped for \
the place it stands in:

| place | becomes |
|---|---|
| path or query of the URL, a form | percent-encoded; a part of the path that would be `.` or `..` is refused |
| host of the URL | letters, digits and `-` alone |
| header | refused with characters that end a line |
| JSON, between quotes | the text, escaped |
| JSON, elsewhere | the value as JSON: number, text with its quotes, list, null |

A value that is null, a list or a record stands only where JSON has a value.

`result_mapping` takes fields out of the answer. `source` is an expression over `response`, such as `response.score` or \
`response.items[0].name`. A value must have the `type` that is asked for; without one the field is JSON. Where there is no \
value (no such field, null, or a status of `not_found`) the field gets its `default`, and without one the record has failed.

What a server may say, and what becomes of it:

| | |
|---|---|
| a status of success with JSON | the fields |
| 408, 429, 500, 502, 503, 504, a lost connection, a timeout | tried again as `retry` has it, after what `Retry-After` asks for; no more than a fifth of the calls |
| the last attempt: no connection, no answer, 429, 502, 503, 504 | `unavailable: retry` (default): the partition is tried again, and nothing is lost; `record_error`: the record has failed |
| any other status | the record has failed (`http_status`) |
| no JSON, another media type, more than `max_response` | the record has failed (`http_not_json`, `http_content_type`, `http_too_large`) |

`batch` asks for several records with one call: the body is a JSON list, and so has to be the answer, in the same order. \
`cache` remembers answers by method, URL and body, and asks once where several partitions would ask for the same. The step \
may have a `rate_limit`, which counts calls, and a `circuit_breaker`.

Records may be asked for again after a failure: what a call changes at the server has to bear that.

## lookup

The table is read whole, with the first batch, from any source of this program, and kept in memory; with `refresh` it is read \
again, while records go on with the one of before. Keys are equal when their values are, whatever their types: the int `7` and \
the double `7.0`, but not the string `'7'`; null equals nothing. A field has the type of its column.

A record whose key no row has, or where the row has null, gets the `default`; without one it has failed. Two rows with one key \
are a fault of the table, unless `duplicates` says which counts.
";

const EXAMPLE: &str = "\
type: enrich
config:
  type: http
  url: \"https://api.example.com/enrich\"
  method: POST
  body_template: '{\"email\": \"{{user.email}}\"}'
  result_mapping:
    - { source: response.score, destination: user.score, type: double, default: 0.0 }
  cache: { ttl: 10m }
";

impl Enrich {
    /// Reads tables from these sources.
    pub fn new(tables: Registry) -> Self {
        Self { tables }
    }

    fn table(&self, raw: &RawTable) -> Result<Arc<dyn Source>, Vec<FieldError>> {
        let inside = |faults: Vec<FieldError>| -> Vec<FieldError> {
            let within = |mut fault: FieldError| {
                fault.path.splice(0..0, ["source".into(), "config".into()]);
                fault
            };
            faults.into_iter().map(within).collect()
        };
        let Some(connector) = self.tables.find_source(&raw.r#type) else {
            let known: Vec<&str> = self.tables.sources().map(|source| source.descriptor().name).collect();
            let message = format!("there is no source `{}`", raw.r#type);
            let fault = FieldError::new("unknown_type", message).at("source").at("type");
            return Err(vec![fault.with_help(format!("write one of {}", known.join(", ")))]);
        };
        let source = connector.configure(&raw.config.clone().into()).map_err(inside)?;
        if !source.capabilities().bounded || source.rediscovery().is_some() {
            let fault = FieldError::new("lookup_table", "the table has no end").at("source");
            return Err(vec![fault.with_help("read a table or files that do not go on for ever")]);
        }
        Ok(source)
    }
}

impl ProcessorConnector for Enrich {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "enrich",
            summary: "Adds fields that a server or a table knows.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(RawEnrich),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let raw: RawEnrich = parse_config(config)?;
        match raw.validate()? {
            Rules::Http(rules) => Ok(Arc::new(HttpEnrich::new(*rules)?)),
            Rules::Lookup(table, rules) => Ok(Arc::new(LookupEnrich::new(self.table(&table)?, rules))),
        }
    }
}
