use std::path::{Path, PathBuf};
use std::time::Duration;

use etl_sdk::FieldError;
use rusqlite::{Connection, OpenFlags};

use crate::SqliteError;
use crate::error::At;

/// How long a connection waits for another one to finish its transaction.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pages a writing connection keeps in memory before a transaction spills to disk.
const CACHE_KIB: i64 = 64 << 10;
/// Pages of the write-ahead log after which a commit copies them into the database (64 MiB of pages of 4 KiB).
const CHECKPOINT_PAGES: i64 = 16 << 10;

/// Checks a `path` of a configuration without touching it.
pub(crate) fn checked_path(path: &str) -> Result<PathBuf, FieldError> {
    let refuse = |message: &str| FieldError::new("invalid_path", message).at("path");
    match path {
        "" => Err(refuse("`path` is empty")),
        ":memory:" => Err(refuse("a database in memory would be gone with its connection")
            .with_help("give the path of a file")),
        path if path.contains('\0') => Err(refuse("`path` contains a NUL character")),
        path => Ok(PathBuf::from(path)),
    }
}

/// Opens a database for writing and creates the file when it is missing.
///
/// Write-ahead logging lets others read while a unit is being written; `synchronous=FULL` makes every commit durable.
pub(crate) fn open_writer(path: &Path, foreign_keys: bool) -> Result<Connection, SqliteError> {
    let place = path.display().to_string();
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).at(&place)?;
    connection.busy_timeout(BUSY_TIMEOUT).at(&place)?;
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).at(&place)?;
    if !mode.eq_ignore_ascii_case("wal") {
        // Some file systems cannot; the rollback journal that SQLite stays with is as safe.
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).at(&place)?;
    }
    for (pragma, value) in [
        ("synchronous", 2),
        ("foreign_keys", i64::from(foreign_keys)),
        ("cache_size", -CACHE_KIB),
        ("wal_autocheckpoint", CHECKPOINT_PAGES),
    ] {
        connection.pragma_update_and_check(None, pragma, value, |_| Ok(())).or_else(no_answer).at(&place)?;
    }
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Opens an existing database for reading.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, SqliteError> {
    let place = path.display().to_string();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).at(&place)?;
    connection.busy_timeout(BUSY_TIMEOUT).at(&place)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).at(&place)?;
    Ok(connection)
}

/// Pragmas answer with a row or with none, depending on the pragma.
fn no_answer(error: rusqlite::Error) -> rusqlite::Result<()> {
    if matches!(error, rusqlite::Error::QueryReturnedNoRows) { Ok(()) } else { Err(error) }
}
