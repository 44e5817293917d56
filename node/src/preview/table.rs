use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};
use etl_expr::record_json;
use etl_model::StepName;
use serde_json::Value;

use super::changes::Change;
use super::trial::{StepTrial, asked};
use crate::view::{count, plural, printable};

/// Characters of a value that are shown.
const SHOWN: usize = 40;

/// Writes what has come out of each step: its columns with their changes, its first records, and what has failed.
pub(crate) fn write_preview(
    out: &mut impl Write,
    steps: &[StepTrial],
    kinds: &dyn Fn(&StepName) -> String,
    only: Option<&StepName>,
) -> io::Result<()> {
    for (number, at) in asked(steps, only).into_iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        step(out, &steps[at], &kinds(&steps[at].name))?;
    }
    Ok(())
}

fn step(out: &mut impl Write, step: &StepTrial, kind: &str) -> io::Result<()> {
    let records = step.records();
    write!(out, "{} ({kind}): ", step.name)?;
    match step.inputs.is_empty() {
        true => write!(out, "{}", plural(records as u64, "record"))?,
        false => write!(out, "{} of {}", count(records as u64), plural(step.came as u64, "record"))?,
    }
    if step.filtered > 0 {
        write!(out, ", {} filtered", count(step.filtered as u64))?;
    }
    if !step.errors.is_empty() {
        write!(out, ", {} failed", count(step.errors.len() as u64))?;
    }
    writeln!(out)?;
    for change in &step.changes {
        match change {
            Change::Added(name, kind) => writeln!(out, "  + {}: {kind}", printable(name))?,
            Change::Removed(name) => writeln!(out, "  - {}", printable(name))?,
            Change::Retyped(name, before, after) => {
                writeln!(out, "  ~ {}: {before} -> {after}", printable(name))?;
            }
        }
    }
    if records > 0 {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        let heads = step.columns.iter().map(|(name, kind)| format!("{}\n{kind}", printable(name)));
        table.set_header(std::iter::once("#".to_owned()).chain(heads));
        for batch in &step.batches {
            for row in 0..batch.len() {
                let record = record_json(batch.records(), row);
                let cells = step.columns.iter().map(|(name, _)| cell(record.get(name)));
                table.add_row(std::iter::once(batch.ordinals().value(row).to_string()).chain(cells));
            }
        }
        writeln!(out, "{table}")?;
    }
    for error in &step.errors {
        let field = error.field.as_ref().map(|field| format!("field `{field}`: ")).unwrap_or_default();
        writeln!(out, "  record {}: {}{}", error.ordinal, printable(&field), printable(&error.message))?;
    }
    Ok(())
}

fn cell(value: Option<&Value>) -> String {
    let text = match value {
        None => return String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let text = printable(&text).to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
