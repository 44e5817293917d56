use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use super::cell::{Cell, DestinationKind, WORKFLOW};
use super::error::Error;
use super::input;
use super::output;
use super::process::{self, Node};
use super::record::{DataSet, REFUSED_PRICE};
use super::verdict::{Checker, Verdict};

/// Where one run happens: its input, its output, its state.
pub struct Site {
    pub cell: Cell,
    pub data: DataSet,
    root: PathBuf,
    audited: bool,
}

/// How far a route has come, as the destination tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    pub epoch: u64,
    pub seq: u64,
    /// Records read up to here.
    pub read: u64,
    /// Whether the partition's end is committed.
    pub done: bool,
}

/// Rows that are in an upsert's table before the run: numbers of the input to overwrite, and others to leave alone.
const STALE_ROWS: i64 = 500;

impl Site {
    /// Prepares a run in the empty or missing directory `root`. `audited` lets triggers count every write into a
    /// table, so that a row written twice by an upsert is seen.
    pub fn prepare(root: &Path, cell: Cell, data: DataSet, audited: bool) -> Result<Self, Error> {
        match fs::remove_dir_all(root) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::file(root)(error));
            }
            _ => {}
        }
        let site =
            Self { cell, data, root: root.to_owned(), audited: audited && cell.destination.is_sqlite() };
        for directory in [site.input(), site.output()] {
            fs::create_dir_all(&directory).map_err(Error::file(&directory))?;
        }
        input::write(cell.source, &site.data, &site.input())?;
        let workflow = site.workflow();
        let text = cell.workflow(&site.input(), &site.output()).to_string();
        fs::write(&workflow, text).map_err(Error::file(&workflow))?;
        if cell.destination.is_sqlite() {
            site.create_table()?;
        }
        Ok(site)
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
        let key =
            if self.cell.destination == DestinationKind::SqliteUpsert { ", PRIMARY KEY (p, i)" } else { "" };
        let mut connection = Connection::open(self.target())?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(&format!(
            "CREATE TABLE records (p INTEGER, i INTEGER, text TEXT, note TEXT, price REAL, flag BOOLEAN, \
             checksum TEXT, share INTEGER, meta JSON_TEXT, CHECK (price <> {REFUSED_PRICE:?}){key})"
        ))?;
        if self.cell.destination == DestinationKind::SqliteUpsert {
            let mut insert =
                transaction.prepare("INSERT INTO records (p, i, text) VALUES (?1, ?2, 'stale')")?;
            for (number, record) in (0..STALE_ROWS).zip(self.data.records()) {
                // Only records that will be delivered: nothing else overwrites a stale row.
                if self.cell.fate(record) == super::cell::Fate::Delivered {
                    insert.execute([record.p, record.i])?;
                }
                insert.execute([-1, number])?;
            }
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
        let mut checker = Checker::new(self.cell, &self.data);
        output::read(self.cell.destination, &self.output(), &mut |row| checker.row(&row))?;
        let mut verdict = checker.finish(&state.join("dead_letters").join(WORKFLOW))?;
        if self.cell.destination.is_sqlite() {
            let connection = Connection::open_with_flags(self.target(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            let count =
                |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
            if self.audited {
                let again = "SELECT count(*) - count(DISTINCT p || '-' || i) FROM audit";
                verdict.doubled = verdict.doubled.max(count(again)?);
            }
            if self.cell.destination == DestinationKind::SqliteUpsert {
                let untouched = count("SELECT count(*) FROM records WHERE p = -1 AND text = 'stale'")?;
                let expected = self.data.len().min(STALE_ROWS as u64);
                verdict.lost += expected.saturating_sub(untouched);
            }
        }
        Ok(verdict)
    }

    /// The markers of all partitions, read without disturbing what a crash has left behind.
    pub fn marks(&self) -> Result<BTreeMap<String, Mark>, Error> {
        if self.cell.destination.is_sqlite() { self.copied_table_marks() } else { self.file_marks() }
    }

    /// The markers of all partitions while nodes are at work.
    pub fn live_marks(&self) -> Result<BTreeMap<String, Mark>, Error> {
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
