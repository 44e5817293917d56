use std::borrow::Cow;

use regex::Regex;
use url::Url;

use super::csv;
use super::key_value::Separators;
use crate::cast::{Failure, FieldType, Target};
use crate::cells::shortened;
use crate::json_document;

/// How a text is taken apart.
pub(super) enum Parser {
    /// The fields to take, or the whole document.
    Json(Option<Vec<String>>),
    Csv {
        delimiter: char,
        columns: Vec<String>,
    },
    Url,
    /// The fields to take, or all as a JSON object.
    KeyValue(Separators, Option<Vec<String>>),
    Regex(Regex),
    Timestamp(FieldType),
}

const URL_PARTS: [&str; 7] = ["scheme", "username", "host", "port", "path", "query", "fragment"];

/// What is found in a text, in the order of what is looked for.
pub(super) type Found<'t> = Vec<Option<Cow<'t, str>>>;

impl Parser {
    /// The names of what is found; none if it is a single value.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Json(names) | Self::KeyValue(_, names) => names.clone().unwrap_or_default(),
            Self::Csv { columns, .. } => columns.clone(),
            Self::Url => URL_PARTS.map(str::to_owned).to_vec(),
            Self::Regex(regex) => regex.capture_names().flatten().map(str::to_owned).collect(),
            Self::Timestamp(_) => Vec::new(),
        }
    }

    /// The type of a single value.
    pub fn single(&self) -> Option<FieldType> {
        match self {
            Self::Json(None) | Self::KeyValue(_, None) => Some(FieldType::of(Target::Json)),
            Self::Timestamp(field_type) => Some(field_type.clone()),
            _ => None,
        }
    }

    /// The type of what is found under a name, unless another one is given.
    pub fn usual(&self, name: &str) -> FieldType {
        let port = matches!(self, Self::Url) && name == "port";
        FieldType::of(if port { Target::Int } else { Target::String })
    }

    /// Whether what is found are JSON documents and not texts.
    pub fn finds_json(&self) -> bool {
        matches!(self, Self::Json(Some(_)))
    }

    /// Takes a text apart.
    pub fn parse<'t>(&self, text: &'t str) -> Result<Found<'t>, Failure> {
        match self {
            Self::Json(None) | Self::Timestamp(_) => Ok(vec![Some(Cow::Borrowed(text))]),
            Self::Json(Some(names)) => {
                let not_json = |error: serde_json::Error| {
                    let message = format!("`{}` is not a JSON object: {error}", shortened(text));
                    Failure::new("invalid_json", message)
                };
                let fields = json_document::fields(text).map_err(not_json)?;
                // Of a key given twice the last value counts, as everywhere in JSON.
                let find = |name: &String| fields.iter().rev().find(|(found, _)| found == name);
                Ok(names.iter().map(|name| find(name).map(|(_, value)| Cow::Borrowed(value.get()))).collect())
            }
            Self::Csv { delimiter, columns } => {
                let values = csv::values(text, *delimiter)?;
                if values.len() != columns.len() {
                    let message = format!("the line has {} values, not {}", values.len(), columns.len());
                    return Err(Failure::new("csv_field_count", message));
                }
                Ok(values.into_iter().map(|value| value.map(Cow::Owned)).collect())
            }
            Self::Url => url(text),
            Self::KeyValue(separators, names) => {
                let mut pairs = separators.pairs(text)?;
                let Some(names) = names else {
                    let object: serde_json::Map<_, _> =
                        pairs.into_iter().map(|(key, value)| (key, value.into())).collect();
                    return Ok(vec![Some(Cow::Owned(serde_json::Value::Object(object).to_string()))]);
                };
                let mut take = |name: &String| {
                    let at = pairs.iter().position(|(key, _)| key == name)?;
                    Some(Cow::Owned(pairs.swap_remove(at).1))
                };
                Ok(names.iter().map(&mut take).collect())
            }
            Self::Regex(regex) => {
                let captures = regex.captures(text).ok_or_else(|| {
                    Failure::new("no_match", format!("`{}` does not match the pattern", shortened(text)))
                })?;
                let group = |name: &str| captures.name(name).map(|found| Cow::Borrowed(found.as_str()));
                Ok(regex.capture_names().flatten().map(group).collect())
            }
        }
    }
}

fn url(text: &str) -> Result<Found<'_>, Failure> {
    let url = Url::parse(text).map_err(|error| {
        Failure::new("invalid_url", format!("`{}` is not a URL: {error}", shortened(text)))
    })?;
    let owned = |part: &str| Some(Cow::Owned(part.to_owned()));
    let username = Some(url.username()).filter(|name| !name.is_empty());
    Ok(vec![
        owned(url.scheme()),
        username.and_then(owned),
        url.host_str().and_then(owned),
        url.port().map(|port| Cow::Owned(port.to_string())),
        owned(url.path()),
        url.query().and_then(owned),
        url.fragment().and_then(owned),
    ])
}
