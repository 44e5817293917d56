use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use rusqlite::{Connection, params};
use serde_json::json;

use super::cell::SourceKind;
use super::error::Error;
use super::record::{Class, DataSet, Record};

/// Rows of a Parquet row group: several chunks' worth, so that a run resumes inside of row groups too.
const ROW_GROUP: usize = 3_000;

/// Writes the input of a run into files of a directory, without the code under test.
pub fn write(kind: SourceKind, data: &DataSet, directory: &Path) -> Result<(), Error> {
    if kind == SourceKind::Sqlite {
        return write_sqlite(data, &directory.join("input.db"));
    }
    for (p, records) in data.partitions.iter().enumerate() {
        match kind {
            SourceKind::Csv => {
                write_text(&directory.join(format!("part-{p}.csv")), records, HEADER, csv_line)?
            }
            SourceKind::JsonLines => {
                write_text(&directory.join(format!("part-{p}.jsonl")), records, "", json_line)?
            }
            _ => write_parquet(&directory.join(format!("part-{p}.parquet")), records)?,
        }
    }
    Ok(())
}

const HEADER: &str = "p,i,text,note,price,flag,bucket,divisor,checksum\n";

fn write_text(
    path: &Path,
    records: &[Record],
    header: &str,
    line: impl Fn(&Record) -> String,
) -> Result<(), Error> {
    let mut out = BufWriter::new(File::create(path).map_err(Error::file(path))?);
    out.write_all(header.as_bytes()).map_err(Error::file(path))?;
    for record in records {
        out.write_all(line(record).as_bytes()).map_err(Error::file(path))?;
    }
    out.flush().map_err(Error::file(path))
}

/// Malformed records come in two kinds: cut off, and with text where a number belongs.
fn is_cut(record: &Record) -> bool {
    record.class == Class::Malformed && record.i % 2 == 0
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn csv_line(record: &Record) -> String {
    let Record { p, i, text, note, price, flag, bucket, divisor, checksum, class } = record;
    if is_cut(record) {
        return format!("{p},{i},dead-{p}-{i};\n");
    }
    let price = if *class == Class::Malformed { "expensive".to_owned() } else { price.to_string() };
    let note = note.as_deref().unwrap_or_default();
    format!("{p},{i},{},{note},{price},{flag},{bucket},{divisor},{checksum}\n", quoted(text))
}

fn json_line(record: &Record) -> String {
    let Record { p, i, text, note, price, flag, bucket, divisor, checksum, class } = record;
    if is_cut(record) {
        return format!("{{\"p\":{p},\"i\":{i},\"text\":\"dead-{p}-{i};\n");
    }
    let price = if *class == Class::Malformed { json!("expensive") } else { json!(price) };
    let mut line = json!({
        "p": p, "i": i, "text": text, "note": note, "price": price, "flag": flag, "bucket": bucket,
        "divisor": divisor, "checksum": checksum,
    })
    .to_string();
    line.push('\n');
    line
}

fn write_parquet(path: &Path, records: &[Record]) -> Result<(), Error> {
    let integers =
        |of: fn(&Record) -> i64| Arc::new(records.iter().map(of).collect::<Int64Array>()) as ArrayRef;
    let texts = |of: fn(&Record) -> Option<&str>| {
        Arc::new(records.iter().map(of).collect::<StringArray>()) as ArrayRef
    };
    let batch = RecordBatch::try_from_iter([
        ("p", integers(|record| record.p)),
        ("i", integers(|record| record.i)),
        ("text", texts(|record| Some(&record.text))),
        ("note", texts(|record| record.note.as_deref())),
        ("price", Arc::new(records.iter().map(|record| record.price).collect::<Float64Array>()) as ArrayRef),
        (
            "flag",
            Arc::new(records.iter().map(|record| Some(record.flag)).collect::<BooleanArray>()) as ArrayRef,
        ),
        ("bucket", integers(|record| record.bucket)),
        ("divisor", integers(|record| record.divisor)),
        ("checksum", texts(|record| Some(&record.checksum))),
    ])?;
    let file = File::create(path).map_err(Error::file(path))?;
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(ROW_GROUP)).build();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(())
}

fn write_sqlite(data: &DataSet, path: &Path) -> Result<(), Error> {
    let mut connection = Connection::open(path)?;
    connection.execute_batch(
        "CREATE TABLE records (p INTEGER, i INTEGER, text TEXT, note TEXT, price REAL, flag BOOLEAN, \
         bucket INTEGER, divisor INTEGER, checksum TEXT)",
    )?;
    let transaction = connection.transaction()?;
    let mut insert =
        transaction.prepare("INSERT INTO records VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
    for record in data.records() {
        let Record { p, i, text, note, price, flag, bucket, divisor, checksum, class } = record;
        // The columns of SQLite take any value: text in a column of floats is what malformed means here.
        match class {
            Class::Malformed => {
                insert.execute(params![p, i, text, note, "expensive", flag, bucket, divisor, checksum])?
            }
            _ => insert.execute(params![p, i, text, note, price, flag, bucket, divisor, checksum])?,
        };
    }
    drop(insert);
    transaction.commit()?;
    Ok(())
}
