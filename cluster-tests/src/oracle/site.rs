use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use serde::Deserialize;
use serde_json::Value;

use super::cell::{Cell, Fate, Places, Version, WORKFLOW};
use super::error::Error;
use super::input;
use super::output::{self, Row};
use super::postgres::{self, Dump, History, Postgres, Services};
use super::process::{self, Node};
use super::record::{DataSet, REFUSED_PRICE, Record};
use super::verdict::{Checker, Order, Verdict};

/// Where one run happens: its input, its output, its state.
pub struct Site<'a> {
    pub cell: Cell,
    pub data: DataSet,
    /// The server, where the cell uses one.
    pub postgres: Option<&'a Postgres>,
    root: PathBuf,
    audited: bool,
}

/// An output that was put aside.
pub enum Backup {
    /// The directory with its files.
    Files(PathBuf),
    /// Its tables.
    Tables(Dump),
}

/// How far a route has come, as the destination tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Mark {
    pub epoch: u64,
    pub seq: u64,
    /// Records read up to here.
    pub read: u64,
    /// Whether the partition's end is committed.
    pub done: bool,
}

/// Rows that are in an upsert's table before the run: numbers of the input to overwrite, and others to leave alone.
const STALE_ROWS: usize = 500;

impl<'a> Site<'a> {
    /// Prepares a run in the empty or missing directory `root`. `audited` lets triggers count every write into a
    /// table, so that a row written twice by an upsert is seen.
    pub fn prepare(
        root: &Path,
        cell: Cell,
        data: DataSet,
        audited: bool,
        services: &'a Services,
    ) -> Result<Self, Error> {
        match fs::remove_dir_all(root) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::file(root)(error));
            }
            _ => {}
        }
        let postgres = if cell.uses_postgres() { Some(services.postgres()?) } else { None };
        let audited = audited && cell.destination.is_table();
        let site = Self { cell, data, postgres, root: root.to_owned(), audited };
        for directory in [site.input(), site.output()] {
            fs::create_dir_all(&directory).map_err(Error::file(&directory))?;
        }
        if let Some(postgres) = postgres {
            postgres.clear()?;
        }
        match postgres {
            Some(postgres) if cell.source.is_postgres() => {
                postgres.write_input(cell, &site.data, &site.input())?;
            }
            _ => input::write(cell.source, &site.data, &site.input())?,
        }
        site.write_workflow(Version::Plain)?;
        match postgres {
            Some(postgres) if cell.destination.is_postgres() => {
                postgres.create_output(cell.destination, site.audited, site.stale_rows())?;
            }
            _ if cell.destination.is_sqlite() => site.create_table()?,
            _ => {}
        }
        Ok(site)
    }

    /// Writes the workflow file, in place of what it was.
    pub fn write_workflow(&self, version: Version) -> Result<(), Error> {
        let url = self.postgres.map(Postgres::url);
        let places = Places { input: &self.input(), output: &self.output(), database: url.as_deref() };
        let path = self.workflow();
        fs::write(&path, self.cell.workflow(&places, version).to_string()).map_err(Error::file(&path))
    }

    /// The server that holds the output, if one does.
    fn output_server(&self) -> Option<&'a Postgres> {
        self.postgres.filter(|_| self.cell.destination.is_postgres())
    }

    /// Numbers of rows that an upsert finds: some to overwrite, and others to leave alone.
    fn stale_rows(&self) -> impl Iterator<Item = (i64, i64)> {
        // Only records that will be delivered: nothing else overwrites a stale row.
        let is_delivered = |record: &&Record| self.cell.fate(record) == Fate::Delivered;
        let stale = if self.cell.destination.is_upsert() { STALE_ROWS } else { 0 };
        let first = self.data.records().take(stale);
        let others = (-1, 0..stale.min(self.data.len() as usize) as i64);
        let overwritten = first.filter(is_delivered).map(|record| (record.p, record.i));
        overwritten.chain(others.1.map(move |i| (others.0, i)))
    }

    /// How many parts the source reads side by side.
    pub fn parts(&self) -> usize {
        if self.cell.source.is_postgres() { postgres::PARTITIONS } else { self.data.partitions.len() }
    }

    fn input(&self) -> PathBuf {
        self.root.join("in")
    }

    /// The directory of the output.
    pub fn output(&self) -> PathBuf {
        self.root.join("out")
    }

    /// The file of the output.
    pub fn target(&self) -> PathBuf {
        self.output().join(self.cell.destination.file())
    }

    /// The workflow file.
    pub fn workflow(&self) -> PathBuf {
        self.root.join("workflow.yaml")
    }

    /// The state directory of the first owner.
    pub fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    /// Starts a node on this run.
    pub fn start(&self, failpoints: &str) -> Result<Node, Error> {
        Node::start("node", &self.workflow(), &self.state(), failpoints)
    }

    /// Whether the node remembers the run as completed: a process may be killed between this and its end.
    pub fn is_remembered_as_completed(&self) -> Result<bool, Error> {
        let shown = process::checkpoints(&self.state())?;
        Ok(shown.pointer("/0/completed").and_then(Value::as_u64) == Some(1))
    }

    fn create_table(&self) -> Result<(), Error> {
        let key = if self.cell.destination.is_upsert() { ", PRIMARY KEY (p, i)" } else { "" };
        let mut connection = Connection::open(self.target())?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(&format!(
            "CREATE TABLE records (p INTEGER, i INTEGER, text TEXT, note TEXT, price REAL, flag BOOLEAN, \
             checksum TEXT, share INTEGER, meta JSON_TEXT, CHECK (price <> {REFUSED_PRICE:?}){key})"
        ))?;
        for (p, i) in self.stale_rows() {
            let insert = "INSERT INTO records (p, i, text) VALUES (?1, ?2, 'stale')";
            transaction.prepare_cached(insert)?.execute([p, i])?;
        }
        if self.audited {
            transaction.execute_batch(
                "CREATE TABLE audit (p INTEGER, i INTEGER);
                 CREATE TRIGGER inserted AFTER INSERT ON records
                    BEGIN INSERT INTO audit VALUES (new.p, new.i); END;
                 CREATE TRIGGER updated AFTER UPDATE ON records
                    BEGIN INSERT INTO audit VALUES (new.p, new.i); END;",
            )?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Compares output and dead letters with what they must be.
    pub fn check(&self, state: &Path) -> Result<Verdict, Error> {
        self.judge(state, false)
    }

    /// The same after the letters of what could not be computed were replayed, in whatever order.
    pub fn check_replayed(&self, state: &Path) -> Result<Verdict, Error> {
        self.judge(state, true)
    }

    fn judge(&self, state: &Path, is_replayed: bool) -> Result<Verdict, Error> {
        let order = match self.postgres {
            Some(postgres) if self.cell.source.is_postgres() && !is_replayed => {
                postgres.input_order(self.live_marks()?.keys().map(String::as_str))?
            }
            _ => Order::default(),
        };
        let mut checker = Checker::new(self.cell, &self.data, order);
        checker.is_replayed = is_replayed;
        match self.output_server() {
            Some(postgres) => postgres.rows(&mut |line| {
                checker.row(&Row::from_json(line)?);
                Ok(())
            })?,
            None => output::read(self.cell.destination, &self.output(), &mut |row| checker.row(&row))?,
        }
        let mut verdict = checker.finish(&state.join("dead_letters").join(WORKFLOW))?;
        let stale = self.data.len().min(STALE_ROWS as u64);
        if let Some(postgres) = self.output_server() {
            if let Some(history) = self.history()? {
                verdict.doubled = verdict.doubled.max(history.doubled);
            }
            if self.cell.destination.is_upsert() {
                verdict.lost += stale.saturating_sub(postgres.untouched()?);
            }
        }
        if self.cell.destination.is_sqlite() {
            let connection = Connection::open_with_flags(self.target(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            let count =
                |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
            if self.audited {
                let again = "SELECT count(*) - count(DISTINCT p || '-' || i) FROM audit";
                verdict.doubled = verdict.doubled.max(count(again)?);
            }
            if self.cell.destination.is_upsert() {
                let untouched = count("SELECT count(*) FROM records WHERE p = -1 AND text = 'stale'")?;
                verdict.lost += stale.saturating_sub(untouched);
            }
        }
        Ok(verdict)
    }

    /// Removes the markers of a workflow from a table's side, as nobody should.
    pub fn forget(&self, workflow: &str) -> Result<(), Error> {
        match self.output_server() {
            Some(postgres) => postgres.forget(workflow),
            None => {
                let connection = Connection::open(self.target())?;
                connection.execute("DELETE FROM _etl_markers WHERE workflow = ?1", [workflow])?;
                Ok(())
            }
        }
    }

    /// What the server remembers of every commit, where the output is a table of its and is audited.
    pub fn history(&self) -> Result<Option<History>, Error> {
        self.output_server().filter(|_| self.audited).map(Postgres::history).transpose()
    }

    /// Lets a server take every row: one that it refuses makes a node open its chain again, which heals the damage that
    /// a control run is to show.
    pub fn accept_everything(&self) -> Result<(), Error> {
        self.output_server().map_or(Ok(()), Postgres::accept_everything)
    }

    /// Whether a process holds the right to write to an output that has one writer at a time.
    pub fn is_locked(&self) -> Result<bool, Error> {
        let connection = Connection::open(self.target())?;
        connection.busy_timeout(Duration::ZERO)?;
        match connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK") {
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => Ok(true),
            tried => Ok(tried.map(|()| false)?),
        }
    }

    /// Copies the output to the place `name`.
    pub fn back_up(&self, name: &str) -> Result<Backup, Error> {
        let place = self.root.join(name);
        match self.output_server() {
            Some(postgres) => Ok(Backup::Tables(postgres.dump(&place)?)),
            None => {
                copy_directory(&self.output(), &place)?;
                Ok(Backup::Files(place))
            }
        }
    }

    /// Puts the output back to what it was.
    pub fn restore(&self, backup: &Backup) -> Result<(), Error> {
        match (backup, self.output_server()) {
            (Backup::Tables(dump), Some(postgres)) => postgres.restore(dump),
            (Backup::Files(place), _) => copy_directory(place, &self.output()),
            (Backup::Tables(_), None) => Err(Error::Unexpected("there is no server to restore".to_owned())),
        }
    }

    /// The markers of all partitions, read without disturbing what a crash has left behind.
    pub fn marks(&self) -> Result<BTreeMap<String, Mark>, Error> {
        if let Some(postgres) = self.output_server() {
            return server_marks(postgres, true);
        }
        if self.cell.destination.is_sqlite() { self.copied_table_marks() } else { self.file_marks() }
    }

    /// The markers of all partitions while nodes are at work.
    pub fn live_marks(&self) -> Result<BTreeMap<String, Mark>, Error> {
        if let Some(postgres) = self.output_server() {
            return server_marks(postgres, false);
        }
        if self.cell.destination.is_sqlite() {
            table_marks(&Connection::open_with_flags(self.target(), OpenFlags::SQLITE_OPEN_READ_ONLY)?)
        } else {
            self.file_marks()
        }
    }

    fn copied_table_marks(&self) -> Result<BTreeMap<String, Mark>, Error> {
        let copy = self.root.join("probe");
        copy_directory(&self.output(), &copy)?;
        table_marks(&Connection::open(copy.join(self.cell.destination.file()))?)
    }

    fn file_marks(&self) -> Result<BTreeMap<String, Mark>, Error> {
        let staging = self.output().join(format!(".{}.etl", self.cell.destination.file()));
        let folder = staging.join(WORKFLOW).join("destination");
        let mut marks = BTreeMap::new();
        if !folder.exists() {
            return Ok(marks);
        }
        for route in fs::read_dir(&folder).map_err(Error::file(&folder))? {
            let route = route.map_err(Error::file(&folder))?.path();
            if !route.is_dir() {
                continue;
            }
            let entries = fs::read_dir(&route).map_err(Error::file(&route))?;
            let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
            let newest =
                paths.filter(|path| path.extension().is_some_and(|extension| extension == "json")).max();
            let Some(newest) = newest else { continue };
            let text = fs::read(&newest).map_err(Error::file(&newest))?;
            let manifest: Value =
                serde_json::from_slice(&text).map_err(Error::json(newest.display().to_string()))?;
            let partition = manifest.pointer("/route/partition").and_then(Value::as_str).unwrap_or_default();
            let mark = Mark {
                epoch: number(&manifest, "/marker/epoch"),
                seq: number(&manifest, "/marker/seq"),
                read: number(&manifest, "/marker/counters/read"),
                done: manifest.pointer("/marker/done").and_then(Value::as_bool).unwrap_or_default(),
            };
            marks.insert(partition.to_owned(), mark);
        }
        Ok(marks)
    }
}

fn server_marks(postgres: &Postgres, settled: bool) -> Result<BTreeMap<String, Mark>, Error> {
    serde_json::from_str(&postgres.markers(settled)?).map_err(Error::json("the markers"))
}

fn table_marks(connection: &Connection) -> Result<BTreeMap<String, Mark>, Error> {
    let exists = "SELECT count(*) FROM sqlite_schema WHERE name = '_etl_markers'";
    if connection.query_row(exists, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(BTreeMap::new());
    }
    let mut select = connection.prepare("SELECT partition, epoch, seq, counters, done FROM _etl_markers")?;
    let mut rows = select.query([])?;
    let mut marks = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let counters: String = row.get(3)?;
        let counters: Value = serde_json::from_str(&counters).map_err(Error::json("counters of a marker"))?;
        let mark = Mark {
            epoch: row.get::<_, i64>(1)?.unsigned_abs(),
            seq: row.get::<_, i64>(2)?.unsigned_abs(),
            read: number(&counters, "/read"),
            done: row.get(4)?,
        };
        marks.insert(row.get(0)?, mark);
    }
    Ok(marks)
}

fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

/// Copies a directory with all below it, in place of what is there.
pub fn copy_directory(from: &Path, to: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::file(to)(error)),
        _ => {}
    }
    fs::create_dir_all(to).map_err(Error::file(to))?;
    for entry in fs::read_dir(from).map_err(Error::file(from))? {
        let entry = entry.map_err(Error::file(from))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_directory(&path, &target)?;
        } else {
            fs::copy(&path, &target).map_err(Error::file(&path))?;
        }
    }
    Ok(())
}
