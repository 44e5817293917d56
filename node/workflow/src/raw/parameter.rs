use schemars::JsonSchema;
use serde_json::Value;

/// A value that is given when a run starts, and used as `${param:NAME}`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "read from the tree; here for the schema")]
pub(crate) struct RawParameter {
    /// What its values are.
    r#type: RawParameterType,
    /// The value of a run that gives none; without it, a run has to give one.
    default: Option<Value>,
    /// The only values it takes.
    #[schemars(length(min = 1))]
    values: Option<Vec<Value>>,
    /// What it is for.
    description: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "read from the tree; here for the schema")]
pub(crate) enum RawParameterType {
    /// Any text.
    String,
    /// A whole number of 64 bits.
    Int,
    /// A finite number.
    Float,
    /// `true` or `false`.
    Bool,
    /// A day: `2026-01-31`.
    Date,
    /// A moment as RFC 3339 writes it: `2026-01-31T12:00:00Z`.
    Timestamp,
}
