use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use etl_http::HttpTlsConfig;
use etl_model::{ByteSize, Span};
use etl_sdk::RetryPolicy;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Adds fields that a system outside knows.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[expect(clippy::large_enum_variant, reason = "read once per step")]
pub(in crate::enrich) enum RawEnrich {
    /// Asks a server over HTTP.
    Http {
        /// The URL; `{{ user.id }}` stands for the value of an expression, escaped for its place.
        url: String,
        /// The method; `GET`, or `POST` where there is a body.
        method: Option<String>,
        /// Headers; `{{ ... }}` as in the URL.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body. JSON unless the header `Content-Type` says otherwise: `"{{ name }}"` between quotes is a text, `{{ amount }}`
        /// without is any value.
        body_template: Option<String>,
        /// What to take from the answer.
        #[schemars(length(min = 1))]
        result_mapping: Vec<RawResult>,
        /// How the answer is read.
        #[serde(default)]
        response: ResponseAs,
        /// Further media types that are read as JSON, such as `text/plain`. Without them an answer has to say that it is JSON, or
        /// nothing.
        #[serde(default)]
        content_types: Vec<String>,
        /// Statuses that mean that there is nothing to be known: the record gets the defaults.
        #[serde(default)]
        not_found: Vec<u16>,
        /// What a server means that cannot be reached, answers too late, or says 429, 502, 503 or 504 to the last attempt.
        #[serde(default)]
        unavailable: Unavailable,
        /// Calls at the same time, over all partitions on a node; 8 by default.
        concurrency: Option<NonZeroUsize>,
        /// Asks for several records with one call.
        batch: Option<RawBatch>,
        /// Remembers answers.
        cache: Option<RawCache>,
        /// Longest time for one attempt; `30s` by default.
        #[schemars(with = "Option<String>", extend("format" = "time-span"))]
        timeout: Option<Span>,
        /// Longest time to connect; `10s` by default.
        #[schemars(with = "Option<String>", extend("format" = "time-span"))]
        connect_timeout: Option<Span>,
        /// Largest answer that is read; `1MiB` by default.
        #[schemars(with = "Option<String>", extend("format" = "byte-size"))]
        max_response: Option<ByteSize>,
        /// How calls are tried again: after a lost connection, a timeout, and the statuses 408, 429, 500, 502, 503 and 504.
        retry: Option<RetryPolicy>,
        /// Certificates for `https`.
        tls: Option<HttpTlsConfig>,
    },
    /// Looks a row up in a table that is read before, from a file or a database.
    Lookup {
        /// Where the table is read from: a source with its `type` and `config`.
        source: RawTable,
        /// Fields of the record that find the row, as names or dotted paths.
        #[schemars(length(min = 1))]
        key: Vec<String>,
        /// Columns of the table that are compared with them, in the same order; those of `key` by default.
        #[serde(default)]
        lookup_key: Vec<String>,
        /// What to take from the row. `source` is a column.
        #[schemars(length(min = 1))]
        result_mapping: Vec<RawResult>,
        /// How often the table is read again; never by default.
        #[schemars(with = "Option<String>", extend("format" = "time-span"))]
        refresh: Option<Span>,
        /// What several rows with one key mean.
        #[serde(default)]
        duplicates: Duplicates,
        /// Memory that the table may take; `64MiB` by default.
        #[schemars(with = "Option<String>", extend("format" = "byte-size"))]
        max_size: Option<ByteSize>,
    },
}

/// One field to take over.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::enrich) struct RawResult {
    /// What to take: an expression over `response`, such as `response.score`; for a lookup a column.
    pub source: String,
    /// Where it goes; dots make nested records: `user.score`.
    pub destination: String,
    /// What it is where there is nothing: no answer, no row, or null. `null` is a value, too.
    #[serde(default, deserialize_with = "present")]
    pub default: Option<Value>,
    /// For `http`: what the value has to be. Without it the field is JSON.
    pub r#type: Option<ResultType>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What a value of an answer has to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::enrich) enum ResultType {
    /// Any JSON.
    #[default]
    Json,
    /// A string.
    String,
    /// A whole number of 64 bits.
    Int,
    /// A number.
    Double,
    /// `true` or `false`.
    Bool,
    /// A moment as RFC 3339 writes it.
    Timestamp,
}

/// How an answer is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::enrich) enum ResponseAs {
    /// `response` is the JSON document.
    #[default]
    Json,
    /// `response` is the text, which has to be UTF-8.
    Text,
}

/// What a server means that is not available.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::enrich) enum Unavailable {
    /// The partition is tried again, as the workflow's `retry` and the step's `circuit_breaker` have it.
    #[default]
    Retry,
    /// The record has failed; the step's `on_error` decides.
    RecordError,
}

/// Several records with one call: the body is a JSON list of what `body_template` makes of each.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::enrich) struct RawBatch {
    /// Records at most.
    pub size: NonZeroUsize,
    /// Where the answer has the list of the results, in the same order: `results.items`. The answer itself by default.
    pub results: Option<String>,
}

/// How long answers are remembered.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::enrich) struct RawCache {
    /// How long; requests are the same when method, URL and body are.
    #[schemars(with = "String", extend("format" = "time-span"))]
    pub ttl: Span,
    /// Memory for it; `16MiB` by default.
    #[schemars(with = "Option<String>", extend("format" = "byte-size"))]
    pub max_size: Option<ByteSize>,
}

/// Where a table is read from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::enrich) struct RawTable {
    /// A type of source.
    pub r#type: String,
    /// Its settings.
    #[serde(default)]
    pub config: serde_json::Map<String, Value>,
}

/// What several rows with one key mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::enrich) enum Duplicates {
    /// A fault of the table.
    #[default]
    Fail,
    /// The first one counts.
    First,
    /// The last one counts.
    Last,
}
