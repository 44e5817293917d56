use std::io::{self, BufWriter, Write, stderr, stdout};

use etl_api::model::{TapTold, TappedRecord};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{count, plural};
use crate::arguments::Output;

/// Shows records one a line, and at the end how many there were.
pub(crate) struct TapView {
    output: Output,
    run: Option<Uuid>,
}

/// A record as a line.
#[derive(Serialize)]
struct Line<'a> {
    node: u64,
    source: &'a str,
    partition: &'a str,
    ordinal: u64,
    /// Null when it is too large to be shown.
    record: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record_bytes: Option<u64>,
}

/// The last line for programs.
#[derive(Serialize)]
struct Total {
    run: Option<Uuid>,
    went_by: u64,
    shown: u64,
}

impl TapView {
    pub fn new(output: Output) -> Self {
        Self { output, run: None }
    }

    /// Writes records to standard output, also those that are few and come slowly.
    pub fn show(&mut self, told: TapTold) -> io::Result<()> {
        self.run = Some(told.run);
        if told.records.is_empty() {
            return Ok(());
        }
        let mut out = BufWriter::new(stdout().lock());
        for record in &told.records {
            write_record(&mut out, record)?;
        }
        out.flush()
    }

    /// Says how much has gone by.
    pub fn finish(self, seen: u64, shown: u64) -> io::Result<()> {
        match self.output {
            Output::Json => {
                let total = Total { run: self.run, went_by: seen, shown };
                writeln!(stdout(), "{}", serde_json::to_string(&total)?)
            }
            Output::Text => writeln!(stderr(), "{}", sentence(seen, shown)),
        }
    }
}

fn write_record(out: &mut impl Write, record: &TappedRecord) -> io::Result<()> {
    let TappedRecord { node, source, partition, ordinal, json, json_bytes } = record;
    // A node writes JSON; what is not would break the lines.
    let parsed = json.as_deref().and_then(|json| serde_json::from_str::<Value>(json).ok());
    let line = Line {
        node: *node,
        source,
        partition,
        ordinal: *ordinal,
        record: parsed.as_ref(),
        record_bytes: parsed.is_none().then_some(*json_bytes),
    };
    writeln!(out, "{}", escaped(&serde_json::to_string(&line)?))
}

/// JSON whose strings have no control characters, of which JSON itself leaves some as they are.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character.is_control() {
            true => text.push_str(&format!("\\u{:04x}", u32::from(character))),
            false => text.push(character),
        }
    }
    text
}

fn sentence(seen: u64, shown: u64) -> String {
    format!("{} went by, {} shown", plural(seen, "record"), count(shown))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn written(json: Option<&str>) -> String {
        let record = TappedRecord {
            node: 2,
            source: "in".to_owned(),
            partition: "data/ä.csv".to_owned(),
            ordinal: 7,
            json: json.map(str::to_owned),
            json_bytes: 70_000,
        };
        let mut out = Vec::new();
        write_record(&mut out, &record).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_record_is_a_line_of_json() {
        let place = r#"{"node":2,"source":"in","partition":"data/ä.csv","ordinal":7,"record":"#;
        assert_eq!(written(Some(r#"{"b":1.0,"a":"x"}"#)), format!("{place}{{\"b\":1.0,\"a\":\"x\"}}}}\n"));
        assert_eq!(written(Some("{\n\"a\":\"\u{9b}2J\"}")), format!("{place}{{\"a\":\"\\u009b2J\"}}}}\n"));
        let too_large = format!("{place}null,\"record_bytes\":70000}}\n");
        assert_eq!(written(None), too_large);
        assert_eq!(written(Some("{\"a\":1}\n{}")), too_large, "never two lines for one record");
    }

    #[test]
    fn the_end_tells_how_much_went_by() {
        assert_eq!(sentence(12_345, 200), "12,345 records went by, 200 shown");
        assert_eq!(sentence(1, 1), "1 record went by, 1 shown");
    }
}
