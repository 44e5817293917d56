use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::server::Postgres;
use super::{INPUT, literal};
use crate::oracle::cell::{Cell, SourceKind};
use crate::oracle::error::Error;
use crate::oracle::record::{Class, DataSet, Record};
use crate::oracle::verdict::Order;

/// Parts that a node is asked to cut the table into.
pub const PARTITIONS: usize = 2;
/// Keys have gaps and begin below zero.
const KEY_STEP: i64 = 7;
const FIRST_KEY: i64 = -20_000;

/// Forbids values to be stored apart from their rows. The place for them goes when the table is rewritten.
const TOGETHER: &str =
    "ALTER TABLE input.records ALTER text SET STORAGE PLAIN, ALTER note SET STORAGE PLAIN, \
    ALTER price SET STORAGE PLAIN, ALTER checksum SET STORAGE PLAIN;
VACUUM FULL input.records;";

impl Postgres {
    /// Empties the database and fills the table that a run reads, without the code under test. Rows with a key are
    /// stored in another order than that of their keys.
    pub fn write_input(&self, cell: Cell, data: &DataSet, directory: &Path) -> Result<(), Error> {
        let (is_keyed, is_exact) = (cell.source == SourceKind::Postgres, cell.has_exact_prices());
        let path = directory.join("records.csv");
        let mut out = BufWriter::new(File::create(&path).map_err(Error::file(&path))?);
        let mut records: Vec<&Record> = data.records().collect();
        if is_keyed {
            fastrand::Rng::with_seed(data.len()).shuffle(&mut records);
        }
        for record in records {
            out.write_all(line(record, is_exact).as_bytes()).map_err(Error::file(&path))?;
        }
        out.flush().map_err(Error::file(&path))?;
        drop(out);
        let price = if is_exact { "numeric(12, 3)" } else { "double precision" };
        let key = if is_keyed { "PRIMARY KEY" } else { "NOT NULL" };
        let together = if cell.source == SourceKind::PostgresBlocks { TOGETHER } else { "" };
        // An exact number can be NaN, which no column of the output can hold: that is what malformed means here.
        self.run(&format!(
            "CREATE SCHEMA input;
             CREATE TABLE {INPUT} (id bigint {key}, p integer NOT NULL, i bigint NOT NULL, text text, note text, \
             price {price}, flag boolean, bucket smallint, divisor integer, checksum text);
             {together}
             \\copy {INPUT} FROM {} CSV\n\
             ANALYZE {INPUT};",
            literal(&path.to_string_lossy())
        ))?;
        Ok(())
    }

    /// The order in which the table is read in parts with these names.
    pub fn input_order<'a>(&self, parts: impl Iterator<Item = &'a str>) -> Result<Order, Error> {
        let mut order = Order::default();
        let mut column = "id";
        for name in parts {
            let unknown = || Error::Unexpected(format!("`{name}` is not a part of {INPUT}"));
            let rest = name.strip_prefix(INPUT).ok_or_else(unknown)?.trim_start();
            let (from, _) = rest.split_once("..").ok_or_else(unknown)?;
            let before = match from.strip_prefix("pages ") {
                Some(page) => {
                    column = "ctid";
                    format!("ctid < '({page},0)'")
                }
                None => match from.trim_matches(['[', ']', '"']) {
                    "" => "false".to_owned(),
                    key => format!("id <= {key}"),
                },
            };
            let before = self.count(&format!("SELECT count(*) FROM {INPUT} WHERE {before}"))?;
            order.bounds.push(i64::try_from(before).map_err(|_| unknown())?);
        }
        order.bounds.sort_unstable();
        if order.bounds.len() != PARTITIONS || order.bounds.first() != Some(&0) {
            return Err(Error::Unexpected(format!(
                "{INPUT} was read in parts that begin at {:?}",
                order.bounds
            )));
        }
        order.bounds.remove(0);
        let ranks = format!(
            "SELECT coalesce(json_agg(rank ORDER BY i), '[]') \
             FROM (SELECT i, row_number() OVER (ORDER BY {column}) - 1 AS rank FROM {INPUT}) AS r"
        );
        order.ranks = serde_json::from_str(&self.run(&ranks)?).map_err(Error::json("ranks of the input"))?;
        Ok(order)
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn line(record: &Record, is_exact: bool) -> String {
    let Record { p, i, text, note, price, flag, bucket, divisor, checksum, class } = record;
    let id = FIRST_KEY + i * KEY_STEP;
    let price = if is_exact && *class == Class::Malformed { "NaN".to_owned() } else { price.to_string() };
    let note = note.as_deref().map(quoted).unwrap_or_default();
    format!("{id},{p},{i},{},{note},{price},{flag},{bucket},{divisor},{checksum}\n", quoted(text))
}
