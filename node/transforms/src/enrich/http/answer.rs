use std::sync::Arc;

use etl_http::{HttpError, Response};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::enrich::config::{HttpRules, ResponseAs};

/// What a server knows of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// A JSON document.
    Known(Arc<str>),
    /// There is nothing to be known.
    Nothing,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is about this record.
    Record { code: &'static str, message: String },
    /// It is about the server.
    Unavailable { code: &'static str, message: String },
    /// The chain is to end.
    Ended,
}

/// Characters of an answer that are shown.
const SHOWN: usize = 200;

fn record(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal::Record { code, message: message.into() }
}

impl From<HttpError> for Refusal {
    fn from(error: HttpError) -> Self {
        let (code, message) = (error.code(), error.to_string());
        match error.may_go_away() {
            true => Self::Unavailable { code, message },
            false => Self::Record { code, message },
        }
    }
}

/// The beginning of an answer, for a person.
fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..SHOWN * 4).unwrap_or(body)).into_owned();
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
    if line.trim().is_empty() { String::new() } else { format!(": {}", line.trim()) }
}

/// Reads the answer for one record.
pub(super) fn read(rules: &HttpRules, response: &Response) -> Result<Answer, Refusal> {
    match body(rules, response)? {
        None => Ok(Answer::Nothing),
        Some(body) if rules.response == ResponseAs::Text => {
            Ok(Answer::Known(Value::String(body.to_owned()).to_string().into()))
        }
        Some(body) => {
            let document: &RawValue = serde_json::from_str(body)
                .map_err(|error| record("http_not_json", format!("the answer is not JSON: {error}")))?;
            Ok(Answer::Known(document.get().into()))
        }
    }
}

/// Reads the answer for a batch of so many records.
pub(super) fn read_batch(
    rules: &HttpRules,
    path: &[String],
    response: &Response,
    records: usize,
) -> Result<Vec<Answer>, Refusal> {
    let Some(body) = body(rules, response)? else { return Ok(vec![Answer::Nothing; records]) };
    let document: Value = serde_json::from_str(body)
        .map_err(|error| record("http_not_json", format!("the answer is not JSON: {error}")))?;
    let found = path.iter().try_fold(&document, |value, name| value.get(name));
    let Some(items) = found.and_then(Value::as_array) else {
        let place = if path.is_empty() { "the answer".to_owned() } else { format!("`{}`", path.join(".")) };
        return Err(record("http_batch", format!("{place} is not a list")));
    };
    if items.len() != records {
        let message = format!("the answer has {} results for {records} records", items.len());
        return Err(record("http_batch", message));
    }
    Ok(items.iter().map(|item| Answer::Known(item.to_string().into())).collect())
}

/// The body of an answer of success; none where there is nothing to be known.
fn body<'a>(rules: &HttpRules, response: &'a Response) -> Result<Option<&'a str>, Refusal> {
    let status = response.status;
    if rules.not_found.contains(&status) {
        return Ok(None);
    }
    if !response.is_success() {
        let message = format!("the server has answered {status}{}", beginning(&response.body));
        return Err(match response.is_unavailable() {
            true => Refusal::Unavailable { code: "http_unavailable", message },
            false => Refusal::Record { code: "http_status", message },
        });
    }
    if let Some(name) = &response.content_type
        && rules.response == ResponseAs::Json
        && !name.ends_with("/json")
        && !name.ends_with("+json")
        && !rules.content_types.contains(name)
    {
        let message = format!("the answer is `{name}`, not JSON{}", beginning(&response.body));
        return Err(record("http_content_type", message));
    }
    let text = std::str::from_utf8(&response.body);
    text.map(Some).map_err(|error| record("http_not_utf8", format!("the answer is not UTF-8: {error}")))
}
