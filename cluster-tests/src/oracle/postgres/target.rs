use std::fs;
use std::path::{Path, PathBuf};

use super::server::Postgres;
use super::{OUTPUT, history, literal};
use crate::oracle::cell::DestinationKind;
use crate::oracle::error::Error;
use crate::oracle::record::REFUSED_PRICE;

/// The table of markers beside the output.
pub const MARKERS: &str = "output._etl_markers";
/// The rows of the output that are not there from the beginning, as the table has them.
const ROWS: &str = "p >= 0 AND text IS DISTINCT FROM 'stale'";

/// A copy of the output and its markers in files.
pub struct Dump(Vec<(&'static str, PathBuf)>);

impl Postgres {
    /// Empties the database for a new run.
    pub fn clear(&self) -> Result<(), Error> {
        self.run_alone("DROP SCHEMA IF EXISTS input CASCADE; DROP SCHEMA IF EXISTS output CASCADE;").map(drop)
    }

    /// Makes the table that a run writes. Some of the records made to be refused violate a check and some a unique
    /// index. `stale` are numbers of rows that are there already.
    pub fn create_output(
        &self,
        kind: DestinationKind,
        audited: bool,
        stale: impl Iterator<Item = (i64, i64)>,
    ) -> Result<(), Error> {
        let key = if kind.is_upsert() { ", PRIMARY KEY (p, i)" } else { "" };
        let step = kind.refusal_step();
        let mut sql = format!(
            "CREATE SCHEMA output;
             CREATE TABLE {OUTPUT} (n bigserial, p bigint, i bigint, text text, note text, price double precision, \
             flag boolean, checksum text, share bigint, meta jsonb, \
             CONSTRAINT acceptable CHECK (i % {step} <> 1 OR price <> {REFUSED_PRICE:?}){key});
             CREATE UNIQUE INDEX unique_price ON {OUTPUT} (price) WHERE i % {step} = 0 AND price = {REFUSED_PRICE:?};
             INSERT INTO {OUTPUT} (p, i, price) VALUES (-2, 0, {REFUSED_PRICE:?});\n"
        );
        let stale: Vec<String> = stale.map(|(p, i)| format!("({p}, {i}, 'stale')")).collect();
        if !stale.is_empty() {
            sql.push_str(&format!("INSERT INTO {OUTPUT} (p, i, text) VALUES {};\n", stale.join(", ")));
        }
        if audited {
            sql.push_str(history::TRIGGERS);
        }
        self.run(&sql).map(drop)
    }

    /// Drops what makes rows refused.
    pub fn accept_everything(&self) -> Result<(), Error> {
        self.run(&format!("ALTER TABLE {OUTPUT} DROP CONSTRAINT acceptable; DROP INDEX output.unique_price;"))
            .map(drop)
    }

    /// The delivered rows as JSON, in the order in which they were written.
    pub fn rows(&self, row: &mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let columns = "p, i, text, note, price, flag, checksum, share, meta";
        self.lines(
            &format!("SELECT row_to_json(r) FROM (SELECT {columns} FROM {OUTPUT} WHERE {ROWS} ORDER BY n) r"),
            row,
        )
    }

    /// Removes the markers of a workflow.
    pub fn forget(&self, workflow: &str) -> Result<(), Error> {
        self.run(&format!("DELETE FROM {MARKERS} WHERE workflow = {}", literal(workflow))).map(drop)
    }

    /// Stale rows that a run had no business with.
    pub fn untouched(&self) -> Result<u64, Error> {
        self.count(&format!("SELECT count(*) FROM {OUTPUT} WHERE p = -1 AND text = 'stale'"))
    }

    /// The markers as JSON, by partition.
    pub fn markers(&self, settled: bool) -> Result<String, Error> {
        let sql = format!(
            "SELECT to_regclass('{MARKERS}') IS NOT NULL AS there \\gset\n\
             \\if :there\n\
             SELECT coalesce(json_object_agg(partition, json_build_object('epoch', epoch, 'seq', seq, 'done', done, \
             'read', (counters::json->>'read')::bigint)), '{{}}') FROM {MARKERS};\n\
             \\else\nSELECT '{{}}';\n\\endif\n"
        );
        if settled { self.run_settled(&sql) } else { self.run(&sql) }
    }

    /// Copies the output and its markers into files.
    pub fn dump(&self, directory: &Path) -> Result<Dump, Error> {
        fs::create_dir_all(directory).map_err(Error::file(directory))?;
        let mut tables = vec![(OUTPUT, directory.join("records")), (MARKERS, directory.join("markers"))];
        let audited = "SELECT (to_regclass('output.audit') IS NOT NULL)::int";
        if self.count(audited)? == 1 {
            tables.push(("output.audit", directory.join("audit")));
            tables.push(("output.commits", directory.join("commits")));
        }
        let copy = |(table, path): &(&str, PathBuf)| {
            format!("\\copy {table} TO {}\n", literal(&path.to_string_lossy()))
        };
        self.run_settled(&tables.iter().map(copy).collect::<String>())?;
        Ok(Dump(tables))
    }

    /// Puts the output and its markers back to what a dump has.
    pub fn restore(&self, dump: &Dump) -> Result<(), Error> {
        let names: Vec<_> = dump.0.iter().map(|(table, _)| *table).collect();
        let copy = |(table, path): &(&str, PathBuf)| {
            format!("\\copy {table} FROM {}\n", literal(&path.to_string_lossy()))
        };
        let copies: String = dump.0.iter().map(copy).collect();
        // As a replica no trigger counts what is restored as written.
        self.run_settled(&format!(
            "SET session_replication_role = replica;\nBEGIN;\nTRUNCATE {};\n{copies}COMMIT;",
            names.join(", ")
        ))?;
        Ok(())
    }
}
