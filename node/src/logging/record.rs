use std::fmt;
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use tracing::Level;
use tracing::field::{Field, Visit};

use super::names::{names_of, node};
use crate::secrets::redacted;

/// What stands in front of a record's other fields, in this order, where it is known.
const FIRST: [&str; 8] = ["workflow", "run", "step", "connector", "partition", "epoch", "node", "trace_id"];
/// Fields of events that name a step.
const STEPS: [&str; 2] = ["destination", "source"];

/// The fields of events and spans, those of inner ones last.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    pub message: String,
    pub others: Vec<(&'static str, Value)>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        let name = field.name();
        match (name, &value) {
            ("message", Value::String(text)) => self.message.clone_from(text),
            _ => {
                self.others.retain(|(known, _)| *known != name);
                self.others.push((name, value));
            }
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.others.iter().find(|(known, _)| *known == name).and_then(|(_, value)| value.as_str())
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::String(redacted(value).into_owned()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        self.put(field, Value::String(redacted(&text).into_owned()));
    }
}

/// One line of the log.
#[derive(Debug, Clone)]
pub(super) struct Record {
    at: SystemTime,
    level: Level,
    target: String,
    message: String,
    /// In the order in which they are written.
    fields: Vec<(&'static str, Value)>,
}

impl Record {
    /// Puts together what an event and its spans tell with what is known of the run and the node.
    pub fn new(at: SystemTime, level: Level, target: &str, mut fields: Fields) -> Self {
        // What libraries log by another way has its place in fields.
        let target = fields.text("log.target").unwrap_or(target).to_owned();
        fields.others.retain(|(name, _)| !name.starts_with("log."));
        if fields.text("step").is_none()
            && let Some(step) = STEPS.iter().find_map(|name| fields.text(name)).map(str::to_owned)
        {
            fields.others.push(("step", step.into()));
        }
        if let Some((workflow, connector)) =
            fields.text("run").and_then(|run| names_of(run, fields.text("step")))
        {
            for (name, value) in [("workflow", Some(workflow)), ("connector", connector)] {
                if let Some(value) = value.filter(|_| fields.text(name).is_none()) {
                    fields.others.push((name, value.into()));
                }
            }
        }
        if let Some(node) = node()
            && !fields.others.iter().any(|(name, _)| *name == "node")
        {
            fields.others.push(("node", node.into()));
        }
        if let Some(trace) = etl_sdk::current_trace() {
            fields.others.push(("trace_id", trace.trace_id().into()));
        }
        let place = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
        fields.others.sort_by_key(|(name, _)| place(name));
        Self { at, level, target, message: fields.message, fields: fields.others }
    }

    /// Adds a field.
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// As a JSON document on one line.
    pub fn json(&self) -> String {
        let mut document = Map::new();
        document.insert("timestamp".to_owned(), timestamp(self.at).into());
        document.insert("level".to_owned(), self.level.as_str().into());
        let first = self.fields.iter().filter(|(name, _)| FIRST.contains(name));
        document.extend(first.map(|(name, value)| ((*name).to_owned(), value.clone())));
        document.insert("message".to_owned(), self.message.clone().into());
        for (name, value) in self.fields.iter().filter(|(name, _)| !FIRST.contains(name)) {
            // A field must not take the place of one of the above.
            document.entry((*name).to_owned()).or_insert_with(|| value.clone());
        }
        document.entry("target").or_insert_with(|| self.target.clone().into());
        Value::Object(document).to_string()
    }

    /// For people, with colours where they are wanted.
    pub fn text(&self, has_colours: bool) -> String {
        let (on, off) = match (has_colours, self.level) {
            (false, _) => ("", ""),
            (true, Level::ERROR) => ("\x1b[31m", "\x1b[0m"),
            (true, Level::WARN) => ("\x1b[33m", "\x1b[0m"),
            (true, Level::INFO) => ("\x1b[32m", "\x1b[0m"),
            (true, _) => ("\x1b[34m", "\x1b[0m"),
        };
        let mut line =
            format!("{} {on}{:>5}{off} {}", timestamp(self.at), self.level.as_str(), plain(&self.message));
        for (name, value) in &self.fields {
            // Writing to a string does not fail.
            let _ = match value {
                Value::String(text) if text.is_empty() || text.contains([' ', '"', '=']) => {
                    write!(line, " {name}=\"{}\"", plain(text).replace('"', "\\\""))
                }
                Value::String(text) => write!(line, " {name}={}", plain(text)),
                other => write!(line, " {name}={other}"),
            };
        }
        line
    }
}

/// Without what would change the terminal or begin another line.
fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// RFC 3339 in UTC, with microseconds.
fn timestamp(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z", since.subsec_micros())
}

/// The date so many days after 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::super::names::name_run;
    use super::*;

    const RUN: &str = "01920000-0000-7000-8000-000000000abc";

    fn record() -> Record {
        name_run(RUN.parse().unwrap(), "orders", [("in".to_owned(), "postgres".to_owned())]);
        let mut fields = Fields { message: "retrying\n\x1b[2J".to_owned(), others: Vec::new() };
        fields.others.push(("attempt", 3.into()));
        fields.others.push(("source", "in".into()));
        fields.others.push(("partition", "a b".into()));
        fields.others.push(("run", RUN.into()));
        let at = UNIX_EPOCH + Duration::from_micros(1_795_386_601_000_042);
        Record::new(at, Level::WARN, "etl_engine", fields)
    }

    #[test]
    fn a_line_has_what_is_known_in_a_fixed_order() {
        let line = record().with("held_back", 2).json();
        let expected = format!(
            r#"{{"timestamp":"2026-11-22T22:30:01.000042Z","level":"WARN","workflow":"orders","run":"{RUN}","step":"in","connector":"postgres","partition":"a b","#
        );
        assert!(line.starts_with(&expected), "{line}");
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((value["attempt"].as_u64(), value["held_back"].as_u64()), (Some(3), Some(2)));
        assert_eq!(
            (value["message"].as_str(), value["target"].as_str()),
            (Some("retrying\n\x1b[2J"), Some("etl_engine"))
        );
    }

    #[test]
    fn people_see_one_line_that_harms_no_terminal() {
        let line = record().text(false);
        assert!(
            line.starts_with("2026-11-22T22:30:01.000042Z  WARN retrying\\n\\u{1b}[2J workflow=orders"),
            "{line}"
        );
        assert!(line.contains(" partition=\"a b\"") && !line.contains('\x1b'), "{line}");
        assert!(record().text(true).contains("\x1b[33m WARN\x1b[0m"));
    }

    #[test]
    fn dates_are_right_at_their_edges() {
        for (days, expected) in
            [(0, (1970, 1, 1)), (59, (1970, 3, 1)), (11_016, (2000, 2, 29)), (20_453, (2025, 12, 31))]
        {
            assert_eq!(date(days), expected);
        }
    }
}
