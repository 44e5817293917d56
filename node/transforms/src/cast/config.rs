use std::collections::BTreeMap;

use etl_sdk::FieldError;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::convert::convert;
use super::moment::Moments;
use super::target::Target;
use super::values::Value;
use crate::cells::Cell;
use crate::field_path::FieldPath;

/// A type, or a type and how values of it are read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum RawFieldType {
    /// `string`, `int`, `uint`, `float`, `decimal(P,S)`, `bool`, `date`, `timestamp`, `bytes` or `json`.
    Name(String),
    /// The type with its options.
    Options(RawTypeOptions),
}

/// The type of a field, and what becomes of values that do not fit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTypeOptions {
    /// `string`, `int`, `uint`, `float`, `decimal(P,S)`, `bool`, `date`, `timestamp`, `bytes` or `json`.
    r#type: String,
    /// How a date or timestamp is written: parts such as `%d.%m.%Y %H:%M:%S`, or `unix`, `unix_ms`, `unix_us`, `unix_ns` for
    /// a count since 1970.
    format: Option<String>,
    /// The time zone of texts that have none, and of the day of a timestamp, such as `Europe/Berlin`; UTC by default.
    timezone: Option<String>,
    /// What becomes of a value that cannot be cast: `error` (default), `null`, or `{default: VALUE}`.
    #[serde(default, deserialize_with = "present")]
    on_failure: Option<RawOnFailure>,
    /// Records whose batch has no such field pass instead of failing.
    #[serde(default)]
    optional: bool,
}

/// Tells `on_failure: null` from no `on_failure`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RawOnFailure>, D::Error> {
    RawOnFailure::deserialize(deserializer).map(Some)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum RawOnFailure {
    Word(RawFailureWord),
    Default(RawDefault),
    /// The value becomes null.
    Null(()),
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum RawFailureWord {
    /// The record is a record error.
    Error,
    /// The value becomes null.
    Null,
}

/// The value becomes this one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawDefault {
    /// A value of the type.
    default: serde_json::Value,
}

/// A type, how its values are written, and what becomes of those that do not fit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FieldType {
    pub target: Target,
    pub moments: Moments,
    pub on_failure: OnFailure,
    pub optional: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum OnFailure {
    Error,
    Null,
    Default(Value),
}

impl FieldType {
    /// The type without options.
    pub fn of(target: Target) -> Self {
        Self { target, moments: Moments::standard(), on_failure: OnFailure::Error, optional: false }
    }

    /// A timestamp that is written in a format; the places of errors are `format` and `timezone`.
    pub fn timestamp(format: Option<&str>, zone: Option<&str>) -> Result<Self, FieldError> {
        Ok(Self { moments: Moments::parse(format, zone)?, ..Self::of(Target::Timestamp) })
    }
}

impl RawFieldType {
    /// Checks the type; errors have places inside its own value.
    pub fn validate(&self) -> Result<FieldType, Vec<FieldError>> {
        let options = match self {
            Self::Name(name) => {
                return Target::parse(name).map(FieldType::of).map_err(|error| vec![error]);
            }
            Self::Options(options) => options,
        };
        let mut errors = Vec::new();
        let target = Target::parse(&options.r#type).map_err(|error| errors.push(error.at("type")));
        let moments = Moments::parse(options.format.as_deref(), options.timezone.as_deref());
        let moments = moments.map_err(|error| errors.push(error));
        let (Ok(target), Ok(moments)) = (target, moments) else { return Err(errors) };
        for (place, given) in [("format", options.format.is_some()), ("timezone", options.timezone.is_some())]
        {
            if given && !target.has_format() {
                let message = format!("`{place}` belongs to date and timestamp, not to {target}");
                errors.push(FieldError::new("useless_option", message).at(place));
            }
        }
        let mut made = FieldType { moments, optional: options.optional, ..FieldType::of(target) };
        match &options.on_failure {
            None | Some(RawOnFailure::Word(RawFailureWord::Error)) => {}
            Some(RawOnFailure::Word(RawFailureWord::Null) | RawOnFailure::Null(())) => {
                made.on_failure = OnFailure::Null;
            }
            Some(RawOnFailure::Default(RawDefault { default })) => {
                match convert(Cell::Json(&default.to_string()), &made) {
                    Ok(Some(value)) => made.on_failure = OnFailure::Default(value),
                    Ok(None) => {
                        let error = FieldError::new("null_default", "a default is not null");
                        let error = error.at("on_failure").at("default");
                        errors.push(error.with_help("write `on_failure: null`"));
                    }
                    Err(failure) => errors
                        .push(FieldError::new(failure.code, failure.message).at("on_failure").at("default")),
                }
            }
        }
        if errors.is_empty() { Ok(made) } else { Err(errors) }
    }
}

/// Gives fields other types.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CastConfig {
    /// By field, a name or dotted path, its new type.
    #[schemars(extend("minProperties" = 1))]
    fields: BTreeMap<String, RawFieldType>,
}

/// The fields to cast, each once.
pub(super) struct CastRules(pub Vec<(FieldPath, FieldType)>);

impl CastConfig {
    /// Checks everything that needs no data, and reports all faults.
    pub fn validate(&self) -> Result<CastRules, Vec<FieldError>> {
        let mut errors = Vec::new();
        if self.fields.is_empty() {
            let error = FieldError::new("no_fields", "no field is cast").at("fields");
            errors.push(error.with_help("write `fields: {name: type}`"));
        }
        let mut rules = Vec::with_capacity(self.fields.len());
        for (name, raw) in &self.fields {
            let at = |mut error: FieldError| {
                error.path.splice(0..0, ["fields".into(), name.as_str().into()]);
                error
            };
            let path = FieldPath::parse(name).map_err(|error| errors.push(at(error)));
            match (path, raw.validate()) {
                (Ok(path), Ok(field_type)) => rules.push((path, field_type)),
                (_, Err(faults)) => errors.extend(faults.into_iter().map(at)),
                (Err(()), Ok(_)) => {}
            }
        }
        for name in self.fields.keys() {
            let inside =
                |outer: &String| name.strip_prefix(outer.as_str()).is_some_and(|rest| rest.starts_with('.'));
            if let Some(outer) = self.fields.keys().find(|outer| inside(outer)) {
                let message = format!("`{name}` lies inside `{outer}`, which is cast as a whole");
                errors.push(FieldError::new("duplicate_field", message).at("fields").at(name.as_str()));
            }
        }
        if errors.is_empty() { Ok(CastRules(rules)) } else { Err(errors) }
    }
}
