use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of the destination `stdout`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConfig {
    /// `jsonl` (the default) prints one JSON object a line, `csv` a header and one record a line.
    pub(super) format: OutputFormat,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OutputFormat {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// A header line, then one record a line, after RFC 4180.
    Csv,
}
