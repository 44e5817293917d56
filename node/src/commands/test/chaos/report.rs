use std::io::Write;

use serde_json::{Value, json};

use super::rows::Row;
use crate::view::{count, plural, printable};

/// What crashes have done to a workflow.
#[derive(Debug, Default)]
pub(in crate::commands::test) struct Report {
    /// Why there were none.
    pub skipped: Option<String>,
    pub(super) rows: Vec<Row>,
    /// What was not compared.
    pub(super) notes: Vec<String>,
}

impl Report {
    /// Writes a line per crash row.
    pub fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        if let Some(reason) = &self.skipped {
            return writeln!(out, "  no crashes: {}", printable(reason));
        }
        for note in &self.notes {
            writeln!(out, "  {}", printable(note))?;
        }
        if !self.rows.is_empty() {
            writeln!(out, "  crash row            passages crashes   lost doubled repeated")?;
        }
        for Row { name, passages, crashes, lost, doubled, repeated } in &self.rows {
            writeln!(out, "  {name:<20} {passages:>8} {crashes:>7} {lost:>6} {doubled:>7} {repeated:>8}")?;
        }
        if !self.rows.is_empty() {
            writeln!(out, "  {}", self.total())?;
        }
        Ok(())
    }

    /// The same for programs.
    pub fn document(&self) -> Value {
        let row = |row: &Row| {
            let Row { name, passages, crashes, lost, doubled, repeated } = row;
            json!({ "row": name, "passages": passages, "crashes": crashes, "lost": lost, "doubled": doubled,
                    "repeated": repeated })
        };
        let rows: Vec<Value> = self.rows.iter().map(row).collect();
        json!({ "skipped": self.skipped, "rows": rows, "notes": self.notes })
    }

    fn total(&self) -> String {
        let sum = |of: fn(&Row) -> u64| self.rows.iter().map(of).sum::<u64>();
        let (crashes, lost, doubled) = (sum(|row| row.crashes), sum(|row| row.lost), sum(|row| row.doubled));
        format!(
            "{} crashes, {} lost, {} doubled",
            count(crashes),
            plural(lost, "record"),
            plural(doubled, "record")
        )
    }
}
