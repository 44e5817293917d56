use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rusqlite::{Connection, OpenFlags};
use serde::Deserialize;

use super::cell::DestinationKind;
use super::error::Error;

/// A delivered row.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row<'a> {
    pub p: i64,
    pub i: i64,
    #[serde(borrow)]
    pub text: Cow<'a, str>,
    #[serde(borrow)]
    pub note: Option<Cow<'a, str>>,
    pub price: f64,
    pub flag: Flag,
    #[serde(borrow)]
    pub checksum: Cow<'a, str>,
    pub share: i64,
    #[serde(borrow)]
    pub meta: Meta<'a>,
}

/// The nested column.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta<'a> {
    pub bucket: i64,
    #[serde(borrow)]
    pub label: Cow<'a, str>,
}

impl<'a> Row<'a> {
    /// A row as a line of JSON.
    pub fn from_json(line: &'a [u8]) -> Result<Self, Error> {
        let context = |source| Error::json(format!("the row {}", String::from_utf8_lossy(line)))(source);
        serde_json::from_slice(line).map_err(context)
    }
}

/// A boolean, which a SQLite source may hand on as the number it is stored as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Flag {
    Bool(bool),
    Number(i64),
}

impl Flag {
    /// Its value; `None` for any number but 0 and 1.
    pub fn value(self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(value),
            Self::Number(0) => Some(false),
            Self::Number(1) => Some(true),
            Self::Number(_) => None,
        }
    }
}

/// Reads what a run has delivered into `directory`, without the code under test.
pub fn read(kind: DestinationKind, directory: &Path, row: &mut dyn FnMut(Row<'_>)) -> Result<(), Error> {
    let path = directory.join(kind.file());
    match kind {
        DestinationKind::JsonLines => read_json(&path, row),
        DestinationKind::Parquet => read_parquet(&path, row),
        DestinationKind::SqliteAppend | DestinationKind::SqliteUpsert => read_sqlite(&path, row),
        DestinationKind::PostgresAppend | DestinationKind::PostgresUpsert => {
            Err(Error::Unexpected("a table of PostgreSQL is not a file".to_owned()))
        }
    }
}

fn read_json(path: &Path, row: &mut dyn FnMut(Row<'_>)) -> Result<(), Error> {
    let mut file = BufReader::new(File::open(path).map_err(Error::file(path))?);
    let mut line = Vec::new();
    while file.read_until(b'\n', &mut line).map_err(Error::file(path))? > 0 {
        row(Row::from_json(&line)?);
        line.clear();
    }
    Ok(())
}

fn column(batch: &RecordBatch, name: &str, wanted: &DataType) -> Result<ArrayRef, Error> {
    let missing = || Error::Unexpected(format!("the output has no column `{name}`"));
    Ok(cast(batch.column_by_name(name).ok_or_else(missing)?, wanted)?)
}

fn read_parquet(path: &Path, row: &mut dyn FnMut(Row<'_>)) -> Result<(), Error> {
    let file = File::open(path).map_err(Error::file(path))?;
    for batch in ParquetRecordBatchReaderBuilder::try_new(file)?.build()? {
        let batch = batch?;
        let integers = |batch: &RecordBatch, name: &str| column(batch, name, &DataType::Int64);
        let texts = |batch: &RecordBatch, name: &str| column(batch, name, &DataType::Utf8);
        let (p, i, share) = (integers(&batch, "p")?, integers(&batch, "i")?, integers(&batch, "share")?);
        let (text, note, checksum) =
            (texts(&batch, "text")?, texts(&batch, "note")?, texts(&batch, "checksum")?);
        let price = column(&batch, "price", &DataType::Float64)?;
        let flag = column(&batch, "flag", &DataType::Boolean)?;
        let nested = batch.column_by_name("meta").and_then(|meta| meta.as_struct_opt().cloned());
        let nested =
            nested.ok_or_else(|| Error::Unexpected("the output has no nested column `meta`".to_owned()))?;
        let nested = RecordBatch::from(nested);
        let (bucket, label) = (integers(&nested, "bucket")?, texts(&nested, "label")?);
        for n in 0..batch.num_rows() {
            let note = note.as_string::<i32>();
            row(Row {
                p: p.as_primitive::<Int64Type>().value(n),
                i: i.as_primitive::<Int64Type>().value(n),
                text: text.as_string::<i32>().value(n).into(),
                note: note.is_valid(n).then(|| note.value(n).into()),
                price: price.as_primitive::<Float64Type>().value(n),
                flag: Flag::Bool(flag.as_boolean().value(n)),
                checksum: checksum.as_string::<i32>().value(n).into(),
                share: share.as_primitive::<Int64Type>().value(n),
                meta: Meta {
                    bucket: bucket.as_primitive::<Int64Type>().value(n),
                    label: label.as_string::<i32>().value(n).into(),
                },
            });
        }
    }
    Ok(())
}

fn read_sqlite(path: &Path, row: &mut dyn FnMut(Row<'_>)) -> Result<(), Error> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut select = connection.prepare(
        "SELECT p, i, text, note, price, flag, checksum, share, meta FROM records \
         WHERE p >= 0 AND text IS NOT 'stale' ORDER BY rowid",
    )?;
    let mut rows = select.query([])?;
    while let Some(found) = rows.next()? {
        let text = |index| found.get::<_, String>(index);
        let meta = text(8)?;
        row(Row {
            p: found.get(0)?,
            i: found.get(1)?,
            text: text(2)?.into(),
            note: found.get::<_, Option<String>>(3)?.map(Into::into),
            price: found.get(4)?,
            flag: Flag::Number(found.get(5)?),
            checksum: text(6)?.into(),
            share: found.get(7)?,
            meta: serde_json::from_str(&meta).map_err(Error::json("column meta"))?,
        });
    }
    Ok(())
}
