use schemars::JsonSchema;
use serde_json::Value;

/// How values that not everyone may read are protected.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "read from the tree; here for the schema")]
pub(crate) struct RawDataProtection {
    /// What is masked as soon as it has been read, before any step, dead letter or destination sees it; the rules are those
    /// of the transformation `mask`. What a source remembers to go on, such as the last value of `incremental_column`, is not
    /// masked, so such a column should hold nothing secret.
    #[schemars(length(min = 1))]
    masking_rules: Option<Vec<Value>>,
    /// What those who look on see of records that hold values as they are.
    viewing: Option<RawViewing>,
    /// How data is encrypted.
    encryption: Option<RawEncryption>,
}

/// What `preview` and `tap` show; nothing else is changed by it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "read from the tree; here for the schema")]
struct RawViewing {
    /// What is masked where a record is shown, at whichever step. The rules are those of the transformation `mask`, each with
    /// the `roles` that see the values all the same. A field that a step makes of a hidden one is another field: it needs a
    /// rule of its own, or `redact`.
    #[schemars(length(min = 1))]
    masking_rules: Vec<Value>,
}

/// How data is encrypted.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "read from the tree; here for the schema")]
struct RawEncryption {
    /// Connections that are not encrypted are refused.
    in_transit: Option<bool>,
    /// What is stored is encrypted.
    at_rest: Option<bool>,
    /// Where the keys are kept.
    key_management: Option<String>,
}
