use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use etl_expr::Expression;
use etl_sdk::FieldError;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::expression;

/// The output of the records that no other one takes.
pub(super) const DEFAULT: &str = "default";

/// Gives records one of several ways.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteConfig {
    /// By name of the output, the condition of its records, a CEL expression.
    outputs: RawOutputs,
    /// Whether a record takes the first output whose condition is true, or all of them.
    #[serde(default)]
    r#match: RawMatch,
    /// Records of outputs that nobody reads are filtered; without it every output, `default` too, must have a reader.
    #[serde(default)]
    #[allow(dead_code, reason = "checked by the language, which knows the readers")]
    drop_unmatched: bool,
    /// Which output a step stands for; put in by the language.
    #[serde(default)]
    #[schemars(skip)]
    port: Option<RawPort>,
}

/// Outputs in the order of the file.
#[derive(Debug)]
struct RawOutputs(Vec<(String, String)>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum RawMatch {
    /// The first one.
    #[default]
    First,
    /// All of them; a record may go several ways.
    All,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPort {
    output: String,
    /// All outputs in their order, which keys of a JSON object need not keep.
    order: Vec<String>,
    reports: bool,
}

impl<'de> Deserialize<'de> for RawOutputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OutputsVisitor)
    }
}

struct OutputsVisitor;

impl<'de> Visitor<'de> for OutputsVisitor {
    type Value = RawOutputs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping from outputs to conditions")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawOutputs, A::Error> {
        let mut outputs = Vec::new();
        while let Some(output) = map.next_entry()? {
            outputs.push(output);
        }
        Ok(RawOutputs(outputs))
    }
}

impl JsonSchema for RawOutputs {
    fn schema_name() -> Cow<'static, str> {
        "Outputs".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = BTreeMap::<String, String>::json_schema(generator);
        schema.insert("minProperties".to_owned(), 1.into());
        schema
    }
}

/// Conditions without contradictions.
#[derive(Debug)]
pub(super) struct Rules {
    /// In their order.
    pub conditions: Vec<Expression>,
    pub all: bool,
    pub port: Option<Port>,
}

/// The output a step stands for.
#[derive(Debug)]
pub(super) struct Port {
    /// Which of the conditions; `None` for `default`.
    pub condition: Option<usize>,
    /// Whether records for which a condition has no value are errors of this step; at the others they count as filtered.
    pub reports: bool,
}

impl RouteConfig {
    /// Checks everything that needs no data, and reports all faults.
    pub fn validate(self) -> Result<Rules, Vec<FieldError>> {
        let mut errors = Vec::new();
        if self.outputs.0.is_empty() {
            let error = FieldError::new("no_outputs", "there is no output").at("outputs");
            errors.push(error.with_help("write one as `name: \"condition\"`"));
        }
        let mut conditions = BTreeMap::new();
        for (name, text) in &self.outputs.0 {
            let at = |error: FieldError| error.at("outputs").at(name.as_str());
            let valid =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
            if name == DEFAULT {
                let error =
                    FieldError::new("default_condition", "`default` takes the records of no other output");
                errors.push(at(error).with_help("give this output another name"));
            } else if name.is_empty() || !name.bytes().all(valid) {
                let error = FieldError::new("invalid_name", format!("`{name}` is not a name for an output"));
                errors.push(at(error).with_help("use lower-case letters, digits, `_` and `-`"));
            }
            match expression::parse(text, at) {
                // Every output has a step of its own, which would get values of its own.
                Ok(condition) if condition.is_volatile() => {
                    let error = FieldError::new(
                        "volatile_condition",
                        "the condition has another value every time it is asked",
                    );
                    errors.push(
                        at(error).with_help("compute the value in a `mapping` before, and compare that"),
                    );
                }
                Ok(condition) => drop(conditions.insert(name.clone(), condition)),
                Err(faults) => errors.extend(faults),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let written = || self.outputs.0.iter().map(|(name, _)| name.clone()).collect();
        let order: Vec<String> = self.port.as_ref().map_or_else(written, |port| port.order.clone());
        let port = self.port.map(|port| Port {
            condition: order.iter().position(|name| *name == port.output),
            reports: port.reports,
        });
        let conditions = order.iter().filter_map(|name| conditions.remove(name)).collect();
        Ok(Rules { conditions, all: self.r#match == RawMatch::All, port })
    }
}
