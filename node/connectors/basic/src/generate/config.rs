use etl_model::ByteSize;
use etl_sdk::{FieldError, parse_config};
use schemars::JsonSchema;
use serde::Deserialize;

use super::rows::BASE_ROW_BYTES;

const MAX_PARTITIONS: u64 = 4096;

/// Configuration of the source `generate`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    /// How many records to make in all. Without it the source never ends.
    rows: Option<u64>,
    /// Records per second over all partitions together. Without it, as fast as they are taken.
    #[schemars(extend("exclusiveMinimum" = 0))]
    rate: Option<f64>,
    /// Number from which all values follow; another seed makes other records.
    #[serde(default)]
    seed: u64,
    /// How many partitions to split the records into; they are read in parallel. At most 4096.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 4096))]
    partitions: u64,
    /// Size of each record, reached with a column `padding` of random text (for example `1MB`); at least 64B.
    #[schemars(with = "Option<String>")]
    row_bytes: Option<ByteSize>,
}

fn one() -> u64 {
    1
}

/// What to generate, checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Config {
    pub(super) rows: Option<u64>,
    pub(super) rate: Option<f64>,
    pub(super) seed: u64,
    pub(super) partitions: u64,
    pub(super) row_bytes: Option<u64>,
}

impl Config {
    pub(super) fn parse(config: &serde_json::Value) -> Result<Self, Vec<FieldError>> {
        let raw: RawConfig = parse_config(config)?;
        let mut errors = Vec::new();
        if raw.rows.is_some_and(|rows| rows > i64::MAX as u64) {
            errors.push(
                FieldError::new(
                    "out_of_range",
                    "ids are 64-bit integers, so `rows` is at most 9223372036854775807",
                )
                .at("rows"),
            );
        }
        if raw.rate.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
            errors.push(
                FieldError::new("out_of_range", "`rate` is a number of records per second above 0")
                    .at("rate")
                    .with_help("leave `rate` out for full speed"),
            );
        }
        if !(1..=MAX_PARTITIONS).contains(&raw.partitions) {
            errors.push(
                FieldError::new(
                    "out_of_range",
                    format!("`partitions` is a number from 1 to {MAX_PARTITIONS}"),
                )
                .at("partitions"),
            );
        }
        let row_bytes = raw.row_bytes.map(|size| size.0);
        if row_bytes.is_some_and(|bytes| !(BASE_ROW_BYTES..=1 << 30).contains(&bytes)) {
            errors.push(
                FieldError::new(
                    "out_of_range",
                    format!("`row_bytes` is a size from {BASE_ROW_BYTES}B to 1GiB"),
                )
                .at("row_bytes"),
            );
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self { rows: raw.rows, rate: raw.rate, seed: raw.seed, partitions: raw.partitions, row_bytes })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_faults_are_reported_at_once() {
        let errors = Config::parse(&json!({
            "rows": u64::MAX, "rate": 0.0, "partitions": 0, "row_bytes": "1B"
        }))
        .unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.to_string()).collect();
        assert_eq!(errors.len(), 4, "{fields:?}");
        assert!(fields[0].starts_with("rows: ") && fields[3].starts_with("row_bytes: "));
    }

    #[test]
    fn defaults_are_one_endless_partition() {
        let config = Config::parse(&json!({})).unwrap();
        let expected = Config { rows: None, rate: None, seed: 0, partitions: 1, row_bytes: None };
        assert_eq!(config, expected);
        assert!(Config::parse(&json!({ "rowz": 1 })).is_err());
    }
}
