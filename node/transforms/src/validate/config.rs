use etl_sdk::FieldError;
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::expression;
use crate::field_path::FieldPath;
use crate::schema_cache::SchemaCache;
use crate::validate::check::{Check, RuleType};
use crate::validate::document::Document;
use crate::validate::limit::Limit;
use crate::validate::one_of::OneOf;
use crate::validate::rule::{About, Rule};

/// Lets the records through that fulfil rules; the others are record errors.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ValidateConfig {
    /// What must be so of every record, in order; a record is reported with the first rule that it breaks.
    #[serde(default)]
    rules: Vec<RuleConfig>,
    /// A JSON Schema for the whole record, without references to other places.
    schema: Option<Value>,
}

/// A rule on one field, or a condition: exactly one of `field` and `expression`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RuleConfig {
    /// A field, or a dotted path to one: `address.city`.
    field: Option<String>,
    /// A CEL expression that must be true: `end >= start`.
    expression: Option<String>,
    /// What to say of a record that breaks the rule.
    message: Option<String>,
    /// The field must be there and not null.
    #[serde(default)]
    required: bool,
    /// The field must not be null where it is there.
    #[serde(default)]
    not_null: bool,
    /// The type of the field.
    r#type: Option<RuleType>,
    /// The least value: a number, a date or a time.
    min: Option<Value>,
    /// The greatest value: a number, a date or a time.
    max: Option<Value>,
    /// The least number of characters, bytes or items.
    min_length: Option<usize>,
    /// The greatest number of characters, bytes or items.
    max_length: Option<usize>,
    /// A regular expression that must match somewhere in the text.
    pattern: Option<String>,
    /// The values that are allowed: texts, numbers, bools.
    one_of: Option<Vec<Value>>,
}

/// Rules without contradictions.
pub(crate) struct Rules {
    pub rules: Vec<Rule>,
    pub document: Option<Document>,
}

impl ValidateConfig {
    /// Checks everything that needs no data, and reports all faults.
    pub fn validate(self) -> Result<Rules, Vec<FieldError>> {
        let mut errors = Vec::new();
        if self.rules.is_empty() == self.schema.is_none() {
            errors.push(FieldError::new("rules_or_schema", "a validation has either `rules` or a `schema`"));
        }
        let mut rules = Vec::with_capacity(self.rules.len());
        for (place, rule) in self.rules.into_iter().enumerate() {
            match rule.validate() {
                Ok(rule) => rules.push(rule),
                Err(faults) => errors.extend(faults.into_iter().map(|fault| within(fault, place))),
            }
        }
        let document = match self.schema.as_ref().map(Document::new) {
            Some(Err(message)) => {
                errors.push(FieldError::new("invalid_schema", message).at("schema"));
                None
            }
            Some(Ok(document)) => Some(document),
            None => None,
        };
        if errors.is_empty() { Ok(Rules { rules, document }) } else { Err(errors) }
    }
}

/// The error at its place inside the list of rules.
fn within(fault: FieldError, place: usize) -> FieldError {
    let path = fault.path.clone();
    let fault = FieldError { path: Vec::new(), ..fault };
    let placed = fault.at("rules").at(place);
    FieldError { path: placed.path.iter().cloned().chain(path).collect(), ..placed }
}

impl RuleConfig {
    fn validate(self) -> Result<Rule, Vec<FieldError>> {
        let mut errors = Vec::new();
        let checks = self.checks(&mut errors);
        let about = match (&self.field, &self.expression) {
            (Some(field), None) => {
                if checks.is_empty() && errors.is_empty() {
                    errors.push(
                        FieldError::new("empty_rule", format!("the rule asks nothing of `{field}`"))
                            .with_help("add `required: true`, `type`, `min`, `pattern` or another check"),
                    );
                }
                let path = FieldPath::parse(field).map_err(|error| errors.push(error.at("field")));
                path.ok().map(|path| About::Field { path, checks })
            }
            (None, Some(text)) => {
                if !checks.is_empty() {
                    errors.push(FieldError::new(
                        "check_without_field",
                        "a rule with an `expression` has no other checks",
                    ));
                }
                match expression::parse(text, |error| error.at("expression")) {
                    Ok(condition) => Some(About::Condition { condition, compiled: SchemaCache::new() }),
                    Err(faults) => {
                        errors.extend(faults);
                        None
                    }
                }
            }
            _ => {
                errors.push(FieldError::new(
                    "field_or_expression",
                    "a rule has exactly one of `field` and `expression`",
                ));
                None
            }
        };
        match about {
            Some(about) if errors.is_empty() => Ok(Rule { about, message: self.message }),
            _ => Err(errors),
        }
    }

    fn checks(&self, errors: &mut Vec<FieldError>) -> Vec<Check> {
        let mut checks = Vec::new();
        checks.extend(self.required.then_some(Check::Required));
        checks.extend(self.not_null.then_some(Check::NotNull));
        checks.extend(self.r#type.map(Check::Type));
        let min = limit("min", &self.min, errors);
        let max = limit("max", &self.max, errors);
        if let (Some(min), Some(max)) = (&min, &max)
            && !min.order(max).is_some_and(|order| order.is_le())
        {
            errors.push(FieldError::new("empty_range", format!("no value is from {min} to {max}")).at("max"));
        }
        checks.extend(min.map(Check::Min));
        checks.extend(max.map(Check::Max));
        if let (Some(min), Some(max)) = (self.min_length, self.max_length)
            && min > max
        {
            let message = format!("no length is from {min} to {max}");
            errors.push(FieldError::new("empty_range", message).at("max_length"));
        }
        checks.extend(self.min_length.map(Check::MinLength));
        checks.extend(self.max_length.map(Check::MaxLength));
        match self.pattern.as_deref().map(Regex::new) {
            Some(Ok(pattern)) => checks.push(Check::Pattern(pattern)),
            Some(Err(error)) => {
                errors.push(FieldError::new("invalid_pattern", error.to_string()).at("pattern"));
            }
            None => {}
        }
        match self.one_of.as_deref().map(OneOf::read) {
            Some(Ok(values)) => checks.push(Check::OneOf(values)),
            Some(Err(place)) => errors.push(
                FieldError::new("invalid_value", "a value that is allowed is a text, a number or a bool")
                    .at("one_of")
                    .at(place)
                    .with_help("null is allowed unless there is `required` or `not_null`"),
            ),
            None => {}
        }
        checks
    }
}

fn limit(name: &str, value: &Option<Value>, errors: &mut Vec<FieldError>) -> Option<Limit> {
    let value = value.as_ref()?;
    let limit = Limit::read(value);
    if limit.is_none() {
        let message = format!(
            "`{}` is neither a number, a date nor a time",
            crate::cells::shortened(&value.to_string())
        );
        errors.push(FieldError::new("invalid_limit", message).at(name).with_help(
            "write 5, 2024-02-29 or 2024-02-29T12:00:00Z; for the length of a text use min_length",
        ));
    }
    limit
}
