use etl_sdk::FieldError;
use schemars::JsonSchema;
use serde::Deserialize;

use super::detect::{Detector, Kind};
use super::method::{End, HIDDEN, Method};
use super::token::Tokens;
use crate::field_path::FieldPath;

/// Characters of the shortest key; what is shorter can be guessed.
const SHORTEST_KEY: usize = 16;

/// Hides values.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MaskConfig {
    /// What is masked and how; carried out in this order.
    #[schemars(length(min = 1))]
    masking_rules: Vec<RawRule>,
}

/// What is masked and how.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
enum RawRule {
    /// Shows a few characters and `*` for each of the others.
    Partial {
        /// A name, or a dotted path.
        field: String,
        /// How many characters are shown, at most half of them.
        show_chars: usize,
        /// At which end they are shown; `end` by default.
        #[serde(default)]
        from: RawEnd,
        /// Records whose batch has no such field fail instead of passing.
        #[serde(default)]
        required: bool,
    },
    /// Replaces the value.
    Full {
        /// A name, or a dotted path.
        field: String,
        /// What stands in its place; `****` by default.
        replacement: Option<String>,
        /// Records whose batch has no such field fail instead of passing.
        #[serde(default)]
        required: bool,
    },
    /// Replaces the value by its HMAC-SHA-256 in hexadecimal digits: equal values stay equal.
    Hash {
        /// A name, or a dotted path.
        field: String,
        /// At least 16 characters, usually a secret: `${secret:masking}`.
        key: String,
        /// Records whose batch has no such field fail instead of passing.
        #[serde(default)]
        required: bool,
    },
    /// Replaces the value by a token that `detokenise` can turn back: equal values have equal tokens.
    Tokenise {
        /// A name, or a dotted path.
        field: String,
        /// At least 16 characters, usually a secret: `${secret:tokens}`.
        key: String,
        /// Records whose batch has no such field fail instead of passing.
        #[serde(default)]
        required: bool,
    },
    /// Replaces what is found inside texts.
    Redact {
        /// A name, or a dotted path; without it every text of the record.
        field: Option<String>,
        /// What is looked for.
        #[serde(default)]
        detect: Vec<Kind>,
        /// Regular expressions for other things to look for.
        #[serde(default)]
        patterns: Vec<String>,
        /// What stands in its place; `[REDACTED]` by default.
        replacement: Option<String>,
        /// Records whose batch has no such field fail instead of passing.
        #[serde(default)]
        required: bool,
    },
}

/// Keys stay out of it.
impl std::fmt::Debug for RawRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawRule").field("field", &self.field()).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum RawEnd {
    /// The first characters.
    Start,
    /// The last characters.
    #[default]
    End,
}

/// What is masked and how.
pub(super) struct Rule {
    /// `None` for everything.
    pub field: Option<FieldPath>,
    pub method: Method,
    pub required: bool,
}

impl MaskConfig {
    /// Checks everything that needs no data, and reports all faults.
    pub fn validate(self) -> Result<Vec<Rule>, Vec<FieldError>> {
        let mut errors = Vec::new();
        if self.masking_rules.is_empty() {
            let error = FieldError::new("no_rules", "nothing is masked").at("masking_rules");
            errors.push(error.with_help("write a rule such as `{field: email, method: full}`"));
        }
        let mut rules = Vec::with_capacity(self.masking_rules.len());
        for (i, raw) in self.masking_rules.iter().enumerate() {
            let first = self.masking_rules.iter().take(i).any(|earlier| {
                let redacts = |rule: &RawRule| matches!(rule, RawRule::Redact { .. });
                !redacts(raw) && !redacts(earlier) && earlier.field() == raw.field()
            });
            let mut faults = Vec::new();
            if first && let Some(field) = raw.field() {
                let message = format!("there are two rules for `{field}`");
                faults.push(FieldError::new("duplicate_field", message).at("field"));
            }
            rules.extend(raw.validate(&mut faults));
            errors.extend(faults.into_iter().map(|mut error| {
                error.path.splice(0..0, ["masking_rules".into(), i.into()]);
                error
            }));
        }
        if errors.is_empty() { Ok(rules) } else { Err(errors) }
    }
}

impl RawRule {
    fn field(&self) -> Option<&str> {
        match self {
            Self::Partial { field, .. }
            | Self::Full { field, .. }
            | Self::Hash { field, .. }
            | Self::Tokenise { field, .. } => Some(field),
            Self::Redact { field, .. } => field.as_deref(),
        }
    }

    fn required(&self) -> bool {
        match self {
            Self::Partial { required, .. }
            | Self::Full { required, .. }
            | Self::Hash { required, .. }
            | Self::Tokenise { required, .. }
            | Self::Redact { required, .. } => *required,
        }
    }

    fn validate(&self, errors: &mut Vec<FieldError>) -> Option<Rule> {
        let path = self.field().map(FieldPath::parse).transpose();
        let field = path.map_err(|error| errors.push(error.at("field")));
        if self.required() && self.field().is_none() {
            let error = FieldError::new("required_without_field", "`required` belongs to a `field`");
            errors.push(error.at("required"));
        }
        let method = match self {
            Self::Partial { show_chars, from, .. } => {
                let from = match from {
                    RawEnd::Start => End::Start,
                    RawEnd::End => End::End,
                };
                Some(Method::Partial { show_chars: *show_chars, from })
            }
            Self::Full { replacement, .. } => {
                Some(Method::Full { replacement: replacement.clone().unwrap_or_else(|| HIDDEN.to_owned()) })
            }
            Self::Hash { key, .. } => {
                check_key(key, errors);
                Some(Method::Hash { key: key.clone() })
            }
            Self::Tokenise { key, .. } => {
                check_key(key, errors);
                Tokens::new(key).map(Method::Tokenise)
            }
            Self::Redact { detect, patterns, replacement, .. } => {
                let replacement = replacement.clone().unwrap_or_else(|| "[REDACTED]".to_owned());
                let detectors = detectors(detect, patterns, errors);
                Some(Method::Redact { detectors, replacement })
            }
        };
        Some(Rule { field: field.ok()?, method: method?, required: self.required() })
    }
}

/// Reports a key that can be guessed, without showing it.
pub(super) fn check_key(key: &str, errors: &mut Vec<FieldError>) {
    if key.chars().count() < SHORTEST_KEY {
        let message = format!("the key has less than {SHORTEST_KEY} characters");
        let help = "use a random secret, for example of `openssl rand -hex 32`";
        errors.push(FieldError::new("short_key", message).at("key").with_help(help));
    }
}

fn detectors(detect: &[Kind], patterns: &[String], errors: &mut Vec<FieldError>) -> Vec<Detector> {
    if detect.is_empty() && patterns.is_empty() {
        let error = FieldError::new("nothing_to_detect", "there is nothing to look for");
        errors.push(
            error.with_help("name something in `detect`, for example [email, phone], or in `patterns`"),
        );
    }
    let mut found = Vec::new();
    for (i, kind) in detect.iter().enumerate() {
        match Detector::of(*kind) {
            Ok(detector) => found.push(detector),
            Err(error) => {
                errors.push(FieldError::new("invalid_pattern", error.to_string()).at("detect").at(i))
            }
        }
    }
    for (i, pattern) in patterns.iter().enumerate() {
        match Detector::pattern(pattern) {
            Ok(detector) => found.push(detector),
            Err(error) => {
                errors.push(FieldError::new("invalid_pattern", error.to_string()).at("patterns").at(i))
            }
        }
    }
    found
}
