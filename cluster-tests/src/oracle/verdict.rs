use std::fs;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::cell::{CORRECTED_SHARE, Cell, Fate};
use super::error::Error;
use super::output::Row;
use super::record::{Class, DataSet, Record};

/// What is wrong with an output; all zero when nothing is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Records that should have been delivered and were not.
    pub lost: u64,
    /// Rows beyond the first of the same record.
    pub doubled: u64,
    /// Rows with a value that is not the expected one.
    pub altered: u64,
    /// Rows of records that should not have been delivered, or that do not exist.
    pub foreign: u64,
    /// Rows that come before an earlier record of their partition.
    pub disordered: u64,
    /// Records that should be among the dead letters and are not.
    pub letters_lost: u64,
    /// Dead letters beyond the first of the same record.
    pub letters_doubled: u64,
    /// Dead letters of records that should have none.
    pub letters_foreign: u64,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }

    /// Adds the counts of another output.
    pub fn add(&mut self, other: &Self) {
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.altered += other.altered;
        self.foreign += other.foreign;
        self.disordered += other.disordered;
        self.letters_lost += other.letters_lost;
        self.letters_doubled += other.letters_doubled;
        self.letters_foreign += other.letters_foreign;
    }
}

/// How often each record of a data set was seen.
struct Sightings(Vec<Vec<u8>>);

impl Sightings {
    fn new(data: &DataSet) -> Self {
        Self(data.partitions.iter().map(|partition| vec![0; partition.len()]).collect())
    }

    /// Counts a sighting; returns how often the record had been seen before.
    fn see(&mut self, record: &Record) -> u8 {
        // The record came out of the data set with these numbers.
        let count = &mut self.0[record.p as usize][record.i as usize];
        let before = *count;
        *count = count.saturating_add(1);
        before
    }

    fn missing(&self, data: &DataSet, wanted: impl Fn(&Record) -> bool) -> u64 {
        let pairs = self.0.iter().flatten().zip(data.records());
        pairs.filter(|&(&count, record)| count == 0 && wanted(record)).count() as u64
    }
}

/// The order in which a source reads records, where it is not that of their numbers within their partitions.
#[derive(Debug, Default)]
pub struct Order {
    /// The rank of each record; empty where that is its number.
    pub ranks: Vec<i64>,
    /// The ranks at which the parts but the first begin, where one partition of the data is read in several.
    pub bounds: Vec<i64>,
}

/// Compares an output with what it must be, row by row.
pub struct Checker<'a> {
    cell: Cell,
    data: &'a DataSet,
    rows: Sightings,
    /// Whether what could not be computed has been replayed through the corrected workflow: such records arrive as well, and
    /// all of them in any order.
    pub is_replayed: bool,
    order: Order,
    last: Vec<i64>,
    verdict: Verdict,
}

impl<'a> Checker<'a> {
    /// For the output of a run over `data`.
    pub fn new(cell: Cell, data: &'a DataSet, order: Order) -> Self {
        let last = vec![-1; data.partitions.len() * (order.bounds.len() + 1)];
        Self {
            cell,
            data,
            rows: Sightings::new(data),
            is_replayed: false,
            order,
            last,
            verdict: Verdict::default(),
        }
    }

    /// Takes the next delivered row.
    pub fn row(&mut self, row: &Row<'_>) {
        let expected = self.data.get(row.p, row.i).filter(|record| self.is_delivered(record));
        let Some(expected) = expected else {
            self.verdict.foreign += 1;
            return;
        };
        self.verdict.altered += u64::from(!is_same(expected, row));
        self.verdict.doubled += u64::from(self.rows.see(expected) > 0);
        if self.is_replayed {
            return;
        }
        // The data has this partition and record, and there is an entry for each of the partition's parts.
        let rank = self.order.ranks.get(row.i as usize).copied().unwrap_or(row.i);
        let part = self.order.bounds.partition_point(|&bound| bound <= rank);
        let last = &mut self.last[row.p as usize * (self.order.bounds.len() + 1) + part];
        self.verdict.disordered += u64::from(self.cell.destination.keeps_order() && rank < *last);
        *last = rank;
    }

    fn is_delivered(&self, record: &Record) -> bool {
        self.cell.fate(record) == Fate::Delivered || self.is_replayed && record.class == Class::Uncomputable
    }

    /// Reads the dead letters of a run and tells what is wrong in all.
    pub fn finish(mut self, letters: &Path) -> Result<Verdict, Error> {
        let cell = self.cell;
        self.verdict.lost = self.rows.missing(self.data, |record| self.is_delivered(record));
        let mut seen = Sightings::new(self.data);
        for_each_letter(letters, &mut |letter| {
            let record = numbers(letter).and_then(|(p, i)| self.data.get(p, i));
            match record.filter(|record| cell.fate(record) == Fate::DeadLettered) {
                Some(record) => self.verdict.letters_doubled += u64::from(seen.see(record) > 0),
                None => self.verdict.letters_foreign += 1,
            }
        })?;
        self.verdict.letters_lost = seen.missing(self.data, |record| cell.fate(record) == Fate::DeadLettered);
        Ok(self.verdict)
    }
}

fn is_same(expected: &Record, row: &Row<'_>) -> bool {
    row.text == expected.text
        && row.note.as_deref() == expected.note.as_deref()
        && row.price.to_bits() == expected.price.to_bits()
        && row.flag.value() == Some(expected.flag)
        && row.checksum == expected.checksum
        && 1000_i64.checked_div(expected.divisor).unwrap_or(CORRECTED_SHARE) == row.share
        && row.meta.bucket == expected.bucket
        && row.meta.label == format!("p{}", expected.p)
}

/// The record a letter is about: every record made to fail says its numbers in its text, which survives in the raw
/// text of malformed ones too.
fn numbers(letter: &Value) -> Option<(i64, i64)> {
    let record = letter.get("record")?;
    let text = record.get("text").or(Some(record)).and_then(Value::as_str)?;
    let (_, rest) = text.split_once("dead-")?;
    let (numbers, _) = rest.split_once(';')?;
    let (p, i) = numbers.split_once('-')?;
    Some((p.parse().ok()?, i.parse().ok()?))
}

fn for_each_letter(path: &Path, each: &mut dyn FnMut(&Value)) -> Result<(), Error> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::file(path))?,
    };
    for entry in entries {
        let path = entry.map_err(Error::file(path))?.path();
        if path.is_dir() {
            for_each_letter(&path, each)?;
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            let text = fs::read_to_string(&path).map_err(Error::file(&path))?;
            for line in text.lines() {
                each(&serde_json::from_str(line).map_err(Error::json(path.display().to_string()))?);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::oracle::output::{Flag, Meta};

    fn row(record: &Record) -> Row<'_> {
        Row {
            p: record.p,
            i: record.i,
            text: record.text.as_str().into(),
            note: record.note.as_deref().map(Into::into),
            price: record.price,
            flag: Flag::Bool(record.flag),
            checksum: record.checksum.as_str().into(),
            share: 1000 / record.divisor,
            meta: Meta { bucket: record.bucket, label: format!("p{}", record.p).into() },
        }
    }

    fn write_letters(directory: &Path, records: &[&Record]) {
        let line =
            |record: &&Record| format!("{}\n", serde_json::json!({ "record": { "text": record.text } }));
        let text: String = records.iter().map(line).collect();
        fs::write(directory.join("1.jsonl"), text).unwrap();
    }

    #[test]
    fn every_kind_of_damage_is_counted() {
        let cell: Cell = "csv-sqlite".parse().unwrap();
        let data = DataSet::generate(1, 2, 2_000);
        let with = |fate| data.records().filter(move |record| cell.fate(record) == fate).collect::<Vec<_>>();
        let (delivered, dead) = (with(Fate::Delivered), with(Fate::DeadLettered));
        let directory = tempfile::tempdir().unwrap();
        let check = |rows: &[Row<'_>]| {
            let mut checker = Checker::new(cell, &data, Order::default());
            rows.iter().for_each(|row| checker.row(row));
            checker.finish(directory.path()).unwrap()
        };
        let mut rows: Vec<_> = delivered.iter().map(|record| row(record)).collect();
        write_letters(directory.path(), &dead);
        assert!(check(&rows).is_clean());

        rows.swap(3, 4);
        rows.push(row(delivered[delivered.len() - 1]));
        rows.push(Row { p: 9, ..row(delivered[0]) });
        rows[7].price += 1.0;
        rows.remove(10);
        write_letters(directory.path(), &[&dead[1..], &dead[1..2], &delivered[..1]].concat());
        let expected = Verdict {
            lost: 1,
            doubled: 1,
            altered: 1,
            foreign: 1,
            disordered: 1,
            letters_lost: 1,
            letters_doubled: 1,
            letters_foreign: 1,
        };
        assert_eq!(check(&rows), expected);
    }

    #[test]
    fn parts_of_a_partition_have_an_order_of_their_own() {
        let cell: Cell = "postgres-postgres".parse().unwrap();
        let data = DataSet::generate(1, 1, 100);
        let delivered = data.records().filter(|record| cell.fate(record) == Fate::Delivered);
        let (first, second): (Vec<_>, Vec<_>) = delivered.partition(|record| record.i < 50);
        let disordered = |bounds: Vec<i64>, records: &[&Record]| {
            let mut checker = Checker::new(cell, &data, Order { ranks: (0..100).collect(), bounds });
            records.iter().for_each(|record| checker.row(&row(record)));
            checker.verdict.disordered
        };
        let swapped = [&second[..], &first[..]].concat();
        assert_eq!(disordered(vec![50], &swapped), 0);
        assert_eq!(disordered(Vec::new(), &swapped), 1);
        assert_eq!(disordered(vec![50], &[second[1], first[0], second[0]]), 1);
    }
}
