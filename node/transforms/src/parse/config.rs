use std::collections::BTreeMap;

use etl_sdk::FieldError;
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

use super::key_value::Separators;
use super::parser::Parser;
use crate::cast::{FieldType, RawFieldType};
use crate::field_path::FieldPath;

/// Takes a text apart.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ParseConfig {
    /// The text: a name, or a dotted path.
    field: String,
    /// What the text is.
    format: ParseFormat,
    /// A new field for what is found; without it the fields found become fields of the record, and a single value takes the
    /// place of the text.
    into: Option<String>,
    /// The text stays beside what is found in it.
    #[serde(default)]
    keep: bool,
    /// By name of a field found, its type. For `json` and `key_value` these are the only fields taken.
    fields: Option<BTreeMap<String, RawFieldType>>,
    /// The names of the values of a line, in their order; for `csv`.
    columns: Option<Vec<String>>,
    /// What stands between values, one character; for `csv`, `,` by default.
    delimiter: Option<String>,
    /// A regular expression with named groups, for `regex`: `^(?<user>\S+) (?<status>\d+)$`. For `timestamp`, how the time is
    /// written: `%d/%b/%Y:%H:%M:%S %z`.
    pattern: Option<String>,
    /// The time zone of times without an offset, for `timestamp`; UTC by default.
    timezone: Option<String>,
    /// What stands between two pairs, for `key_value`; a space by default.
    pair_separator: Option<String>,
    /// What stands between a key and its value, for `key_value`; `=` by default.
    value_separator: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ParseFormat {
    /// A JSON document.
    Json,
    /// One line of CSV.
    Csv,
    /// A URL.
    Url,
    /// Pairs such as `level=info msg="it works"`.
    KeyValue,
    /// What the groups of a regular expression match.
    Regex,
    /// A date and time.
    Timestamp,
}

/// What is parsed into what.
pub(super) struct Rules {
    pub field: FieldPath,
    pub into: Option<String>,
    pub keep: bool,
    pub parser: Parser,
    /// Name and type of what is found; one without a name for a single value.
    pub found: Vec<(Option<String>, FieldType)>,
}

impl ParseConfig {
    /// Checks everything that needs no data, and reports all faults.
    pub fn validate(self) -> Result<Rules, Vec<FieldError>> {
        let mut errors = Vec::new();
        let field = FieldPath::parse(&self.field).map_err(|error| errors.push(error.at("field")));
        if self.into.as_deref() == Some("") {
            errors.push(FieldError::new("empty_name", "the name of the new field is empty").at("into"));
        }
        self.check_options(&mut errors);
        let mut types = BTreeMap::new();
        for (name, raw) in self.fields.iter().flatten() {
            let mut faults = Vec::new();
            match raw.validate() {
                Ok(field_type) if field_type.optional => {
                    let error = FieldError::new("useless_option", "what is not found is null anyway");
                    faults.push(error.at("optional"));
                }
                Ok(field_type) => drop(types.insert(name.clone(), field_type)),
                Err(found) => faults = found,
            }
            errors.extend(faults.into_iter().map(|mut error| {
                error.path.splice(0..0, ["fields".into(), name.as_str().into()]);
                error
            }));
        }
        let parser = self.parser(&types).map_err(|faults| errors.extend(faults));
        let (Ok(field), Ok(parser)) = (field, parser) else { return Err(errors) };
        let names = parser.names();
        for name in self.fields.iter().flatten().map(|(name, _)| name) {
            if !names.is_empty() && !names.contains(name) {
                let error = FieldError::new("unknown_field", format!("nothing found is called `{name}`"));
                let help = format!("what is found is called {}", names.join(", "));
                errors.push(error.at("fields").at(name.as_str()).with_help(help));
            }
        }
        if self.keep && self.into.is_none() && parser.single().is_some() {
            let error =
                FieldError::new("keep_in_place", "the value would take the place of the text").at("keep");
            errors.push(error.with_help("name a field for the value with `into`, or remove `keep`"));
        }
        let single = parser.single().map(|field_type| (None, field_type));
        let named = names.into_iter().map(|name| {
            let field_type = types.remove(&name).unwrap_or_else(|| parser.usual(&name));
            (Some(name), field_type)
        });
        let found = named.chain(single).collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Rules { field, into: self.into, keep: self.keep, parser, found })
    }

    /// Reports options of other formats.
    fn check_options(&self, errors: &mut Vec<FieldError>) {
        use ParseFormat::{Csv, KeyValue, Regex, Timestamp};
        let options: [(&str, bool, &[ParseFormat]); 6] = [
            ("columns", self.columns.is_some(), &[Csv]),
            ("delimiter", self.delimiter.is_some(), &[Csv]),
            ("pattern", self.pattern.is_some(), &[Regex, Timestamp]),
            ("timezone", self.timezone.is_some(), &[Timestamp]),
            ("pair_separator", self.pair_separator.is_some(), &[KeyValue]),
            ("value_separator", self.value_separator.is_some(), &[KeyValue]),
        ];
        for (name, given, formats) in options {
            if given && !formats.contains(&self.format) {
                let message = format!("`{name}` says nothing about this format");
                errors.push(FieldError::new("useless_option", message).at(name));
            }
        }
        if self.format == Timestamp && self.fields.is_some() {
            let error = FieldError::new("useless_option", "a timestamp has no fields").at("fields");
            errors.push(error.with_help("`into` gives the value another name"));
        }
    }

    fn parser(&self, types: &BTreeMap<String, FieldType>) -> Result<Parser, Vec<FieldError>> {
        let names = self.fields.is_some().then(|| types.keys().cloned().collect());
        match self.format {
            ParseFormat::Json => Ok(Parser::Json(names)),
            ParseFormat::Url => Ok(Parser::Url),
            ParseFormat::Csv => self.csv(),
            ParseFormat::KeyValue => {
                let or =
                    |given: &Option<String>, usual: &str| given.clone().unwrap_or_else(|| usual.to_owned());
                let separators = Separators {
                    pairs: or(&self.pair_separator, " "),
                    value: or(&self.value_separator, "="),
                };
                let mut errors = Vec::new();
                for (place, separator) in
                    [("pair_separator", &separators.pairs), ("value_separator", &separators.value)]
                {
                    if separator.is_empty() {
                        errors.push(FieldError::new("empty_separator", "the separator is empty").at(place));
                    }
                }
                if separators.pairs == separators.value {
                    let message = "pairs and their values have the same separator";
                    errors.push(FieldError::new("same_separator", message).at("value_separator"));
                }
                if errors.is_empty() { Ok(Parser::KeyValue(separators, names)) } else { Err(errors) }
            }
            ParseFormat::Regex => {
                let Some(pattern) = &self.pattern else {
                    let error = FieldError::new("missing_pattern", "there is no `pattern`");
                    return Err(vec![error.with_help("write one such as `^(?<user>\\S+) (?<status>\\d+)$`")]);
                };
                let regex = Regex::new(pattern).map_err(|error| {
                    vec![FieldError::new("invalid_pattern", error.to_string()).at("pattern")]
                })?;
                if regex.capture_names().flatten().next().is_none() {
                    let error = FieldError::new("no_groups", "the pattern has no named groups").at("pattern");
                    return Err(vec![error.with_help("name what is to become a field: `(?<name>...)`")]);
                }
                Ok(Parser::Regex(regex))
            }
            ParseFormat::Timestamp => {
                FieldType::timestamp(self.pattern.as_deref(), self.timezone.as_deref())
                    .map(Parser::Timestamp)
                    .map_err(|mut error| {
                        // The option has another name here.
                        if error.path == ["format".into()] {
                            error.path = vec!["pattern".into()];
                        }
                        vec![error]
                    })
            }
        }
    }

    fn csv(&self) -> Result<Parser, Vec<FieldError>> {
        let mut errors = Vec::new();
        let delimiter = self.delimiter.as_deref().unwrap_or(",");
        let mut letters = delimiter.chars();
        let only = letters.next().filter(|letter| letters.next().is_none() && *letter != '"');
        if only.is_none() {
            let message = format!("`{delimiter}` is not one character other than a quote");
            errors.push(FieldError::new("invalid_delimiter", message).at("delimiter"));
        }
        let columns = self.columns.clone().unwrap_or_default();
        if columns.is_empty() {
            let error = FieldError::new("no_columns", "the values of a line have no names");
            errors.push(error.with_help("name them in their order: `columns: [id, name]`"));
        }
        for (i, name) in columns.iter().enumerate() {
            if name.is_empty() || columns.iter().take(i).any(|earlier| earlier == name) {
                let message = format!("`{name}` cannot be the name of a column, or is one already");
                errors.push(FieldError::new("duplicate_field", message).at("columns").at(i));
            }
        }
        match only {
            Some(delimiter) if errors.is_empty() => Ok(Parser::Csv { delimiter, columns }),
            _ => Err(errors),
        }
    }
}
