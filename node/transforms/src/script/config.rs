use std::collections::BTreeSet;
use std::time::Duration;

use arrow::datatypes::TimeUnit;
use etl_model::{ByteSize, Span};
use etl_sdk::FieldError;
use rhai::ParseError;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::script::engine::{Limits, Sandbox};
use crate::script::shape::Shape;
use crate::text_place::offset;

const MEMORY: std::ops::RangeInclusive<u64> = 1024..=1024 * 1024 * 1024;

/// Makes new records of each record with a function in the language Rhai.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptConfig {
    /// The script. It defines `fn process(record)`, which returns the new record as a map, several as an array of maps,
    /// or `()` to filter the record out.
    script: String,
    /// The fields of the new records in their order, with their types. Without it the fields are those of the records of
    /// a batch, and their types those of the values.
    output: Option<Vec<OutputField>>,
    /// Most operations of the script for one record.
    #[serde(default = "default_operations")]
    max_operations: u64,
    /// Longest time for one record.
    #[serde(default = "default_timeout")]
    #[schemars(with = "String")]
    timeout: Span,
    /// What the variables of a function may hold together: the bytes of texts and blobs, 16 for each value, 64 for each
    /// entry of a map.
    #[serde(default = "default_memory")]
    #[schemars(with = "String")]
    max_memory: ByteSize,
}

/// A field of the new records.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OutputField {
    /// Its name.
    name: String,
    /// Its type.
    r#type: OutputType,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OutputType {
    /// `true` and `false`.
    Bool,
    /// Whole numbers of 64 bits.
    Int,
    /// Numbers in floating point; whole ones that are exact fit too.
    Double,
    /// Text.
    String,
    /// A blob.
    Bytes,
    /// A time, or its text in RFC 3339; in microseconds, UTC.
    Timestamp,
    /// A date, or its text such as `2024-02-29`.
    Date,
    /// Any value, as JSON.
    Json,
}

fn default_operations() -> u64 {
    1_000_000
}

fn default_timeout() -> Span {
    Span(Duration::from_secs(1))
}

fn default_memory() -> ByteSize {
    ByteSize(16 * 1024 * 1024)
}

/// A compiled script.
pub(crate) struct ScriptRules {
    pub sandbox: Sandbox,
    pub output: Option<Vec<(String, Shape)>>,
}

impl ScriptConfig {
    /// Compiles the script and reports all faults.
    pub fn validate(self) -> Result<ScriptRules, Vec<FieldError>> {
        let mut errors = Vec::new();
        if self.max_operations == 0 {
            errors.push(
                FieldError::new("out_of_range", "a script needs operations; 0 would be no limit")
                    .at("max_operations"),
            );
        }
        if self.timeout.0.is_zero() {
            errors.push(FieldError::new("out_of_range", "a script needs time").at("timeout"));
        }
        if !MEMORY.contains(&self.max_memory.0) {
            errors.push(
                FieldError::new("out_of_range", "the memory of a script is between 1KiB and 1GiB")
                    .at("max_memory"),
            );
        }
        let mut names = BTreeSet::new();
        for (place, field) in self.output.iter().flatten().enumerate() {
            let fault =
                |code, message: String| FieldError::new(code, message).at("output").at(place).at("name");
            if field.name.is_empty() {
                errors.push(fault("empty_name", "the name of the field is empty".to_owned()));
            } else if !names.insert(field.name.as_str()) {
                errors.push(fault("duplicate_field", format!("`{}` is in the output twice", field.name)));
            }
        }
        if self.output.as_ref().is_some_and(Vec::is_empty) {
            errors.push(
                FieldError::new("empty_output", "the output has no fields")
                    .at("output")
                    .with_help("name the fields, or remove `output`"),
            );
        }
        let limits = Limits {
            operations: self.max_operations,
            time: self.timeout.0,
            memory: usize::try_from(self.max_memory.0).unwrap_or(usize::MAX),
        };
        let sandbox = match Sandbox::new(&self.script, limits) {
            Ok(sandbox) if !sandbox.has_entry() => {
                errors.push(
                    FieldError::new("no_process", "the script has no function `process` of one parameter")
                        .at("script")
                        .with_help("write `fn process(record) { record }`"),
                );
                None
            }
            Ok(sandbox) => Some(sandbox),
            Err(error) => {
                errors.push(syntax(&self.script, &error));
                None
            }
        };
        match sandbox {
            Some(sandbox) if errors.is_empty() => {
                let kinds = |fields: Vec<OutputField>| {
                    fields.into_iter().map(|field| (field.name, field.r#type.kind())).collect()
                };
                Ok(ScriptRules { sandbox, output: self.output.map(kinds) })
            }
            _ => Err(errors),
        }
    }
}

impl OutputType {
    fn kind(self) -> Shape {
        match self {
            Self::Bool => Shape::Bool,
            Self::Int => Shape::Int,
            Self::Double => Shape::Float,
            Self::String => Shape::Text,
            Self::Bytes => Shape::Bytes,
            Self::Timestamp => Shape::Time(TimeUnit::Microsecond),
            Self::Date => Shape::Date,
            Self::Json => Shape::Json,
        }
    }
}

fn syntax(script: &str, error: &ParseError) -> FieldError {
    let place = error.position();
    let (line, column) = (place.line().unwrap_or(1), place.position().unwrap_or(1));
    let message = format!("line {line}, column {column}: {}", error.err_type());
    FieldError::new("syntax", message).at("script").at_offset(offset(script, line, column))
}
