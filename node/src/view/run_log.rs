use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write, stderr, stdout};

use etl_api::model::{LogEvent, RunLogTold, SilentNode};
use serde::Serialize;

use super::{moment, print_json_line, printable};
use crate::arguments::Output;

/// Shows what was logged about a run, an event a line.
pub(crate) struct RunLogView {
    output: Output,
    is_empty: bool,
}

/// An event for programs.
#[derive(Serialize)]
struct Document<'a> {
    at_us: u64,
    node: u64,
    level: &'a str,
    target: &'a str,
    message: &'a str,
    fields: BTreeMap<&'a str, &'a str>,
}

impl RunLogView {
    pub fn new(output: Output) -> Self {
        Self { output, is_empty: true }
    }

    /// Writes events to standard output, and to standard error which nodes are missing.
    pub fn show(&mut self, told: &RunLogTold) -> io::Result<()> {
        for SilentNode { node, reason } in &told.silent {
            let reason = printable(reason);
            writeln!(stderr(), "node {node} does not tell what it has logged: {reason}")?;
        }
        self.is_empty &= told.events.is_empty();
        if self.output == Output::Json {
            return told.events.iter().try_for_each(|event| print_json_line(&document(event)));
        }
        let mut out = BufWriter::new(stdout().lock());
        for event in &told.events {
            writeln!(out, "{}", line(event))?;
        }
        out.flush()
    }

    /// Says so when there was nothing.
    pub fn finish(self) -> io::Result<()> {
        match (self.output, self.is_empty) {
            (Output::Text, true) => writeln!(
                stderr(),
                "nothing is kept about it; nodes keep the last 1,000 events of the last 64 runs in memory"
            ),
            _ => Ok(()),
        }
    }
}

fn document(event: &LogEvent) -> Document<'_> {
    let LogEvent { node, at_us, level, target, message, fields, .. } = event;
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Document { at_us: *at_us, node: *node, level: level.as_str(), target, message, fields }
}

fn line(event: &LogEvent) -> String {
    let LogEvent { node, at_us, level, message, fields, .. } = event;
    let at_ms = at_us / 1000;
    let (moment, ms, level) = (moment(at_ms), at_ms % 1000, level.as_str().to_uppercase());
    let fields: String =
        fields.iter().map(|(name, value)| format!(" {}={}", printable(name), quoted(value))).collect();
    format!("{moment}.{ms:03} node {node} {level:<5} {}{fields}", printable(message))
}

/// A value that has spaces stands in quotes.
fn quoted(value: &str) -> String {
    let value = printable(value);
    match value.is_empty() || value.contains([' ', '"', '=']) {
        true => format!("\"{}\"", value.replace('"', "\\\"")),
        false => value,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use etl_api::model::LogLevel;

    use super::*;

    fn event() -> LogEvent {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        LogEvent {
            node: 2,
            incarnation: 7,
            number: 1,
            at_us: 1_795_386_601_007_999,
            level: LogLevel::Warn,
            target: "etl_engine::actors".to_owned(),
            message: "retrying\n\x1b[2J".to_owned(),
            fields: vec![field("attempt", "3"), field("error", "no \"route\"")],
        }
    }

    #[test]
    fn an_event_is_a_line() {
        assert_eq!(
            line(&event()),
            "2026-11-22 22:30:01.007 node 2 WARN  retrying\\n\\u{1b}[2J attempt=3 error=\"no \\\"route\\\"\""
        );
    }

    #[test]
    fn an_event_is_a_document() {
        let value = serde_json::to_value(document(&event())).unwrap();
        assert_eq!((value["node"].as_u64(), value["level"].as_str()), (Some(2), Some("warn")));
        assert_eq!(value["fields"]["attempt"], "3");
    }
}
