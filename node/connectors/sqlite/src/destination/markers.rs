use etl_model::{Counters, Marker, Position, Route, RunId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::SqliteError;
use crate::error::At;

const CREATE: &str = "\
CREATE TABLE IF NOT EXISTS _etl_markers (
    workflow TEXT NOT NULL,
    source TEXT NOT NULL,
    partition TEXT NOT NULL,
    destination TEXT NOT NULL,
    run TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    position TEXT,
    counters TEXT NOT NULL,
    done INTEGER NOT NULL,
    completed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (workflow, source, partition, destination)
) WITHOUT ROWID";

/// The stored marker of a route, and whether its run has been completed here.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    pub(super) marker: Marker,
    pub(super) completed: bool,
}

/// The table of markers in a database, seen from one route.
///
/// All methods belong inside a transaction of the caller, except [`Markers::load`].
#[derive(Debug, Clone)]
pub(super) struct Markers {
    route: Route,
    /// The destination, and which shard of it.
    end: String,
    place: String,
}

impl Markers {
    /// `database` is named in errors.
    pub(super) fn new(route: Route, database: &str) -> Self {
        let place = format!("{database}, {route}");
        Self { end: route.end().to_string(), route, place }
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// The marker, if there is one.
    pub(super) fn load(&self, connection: &Connection) -> Result<Option<Stored>, SqliteError> {
        let exists: bool = connection
            .prepare_cached(
                "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '_etl_markers'",
            )
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .at(&self.place)?;
        if !exists {
            return Ok(None);
        }
        let raw = connection
            .prepare_cached(
                "SELECT run, epoch, seq, position, counters, done, completed FROM _etl_markers \
                 WHERE workflow = ?1 AND source = ?2 AND partition = ?3 AND destination = ?4",
            )
            .and_then(|mut statement| statement.query_row(self.key(), Raw::of).optional())
            .at(&self.place)?;
        raw.map(|raw| self.read(raw)).transpose()
    }

    /// Stores a marker in place of any other; nothing of its run has been completed yet.
    pub(super) fn store(&self, connection: &Connection, marker: &Marker) -> Result<(), SqliteError> {
        let [workflow, source, partition, destination] = self.key();
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO _etl_markers (workflow, source, partition, destination, run, epoch, seq, \
                 position, counters, done, completed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0)",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    workflow,
                    source,
                    partition,
                    destination,
                    marker.run.to_string(),
                    self.number(marker.epoch)?,
                    self.number(marker.seq)?,
                    position(marker)?,
                    json(&marker.counters)?,
                    marker.done,
                ])
            })
            .at(&self.place)
            .map(drop)
    }

    /// Creates the table of markers when it is missing.
    pub(super) fn create(&self, connection: &Connection) -> Result<(), SqliteError> {
        connection.execute_batch(CREATE).at(&self.place)
    }

    /// Raises the epoch of the stored marker and changes nothing else.
    pub(super) fn raise(&self, connection: &Connection, epoch: u64) -> Result<(), SqliteError> {
        let [workflow, source, partition, destination] = self.key();
        connection
            .prepare_cached(
                "UPDATE _etl_markers SET epoch = ?5 \
                 WHERE workflow = ?1 AND source = ?2 AND partition = ?3 AND destination = ?4",
            )
            .and_then(|mut statement| {
                statement.execute(params![workflow, source, partition, destination, self.number(epoch)?])
            })
            .at(&self.place)
            .map(drop)
    }

    /// Advances the stored marker to this one if it is the predecessor: the same run and epoch, and `seq - 1`.
    /// Returns whether it was.
    pub(super) fn advance(&self, connection: &Connection, marker: &Marker) -> Result<bool, SqliteError> {
        let [workflow, source, partition, destination] = self.key();
        let changed = connection
            .prepare_cached(
                "UPDATE _etl_markers SET seq = ?7, position = ?8, counters = ?9, done = ?10 \
                 WHERE workflow = ?1 AND source = ?2 AND partition = ?3 AND destination = ?4 \
                 AND run = ?5 AND epoch = ?6 AND seq = ?7 - 1",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    workflow,
                    source,
                    partition,
                    destination,
                    marker.run.to_string(),
                    self.number(marker.epoch)?,
                    self.number(marker.seq)?,
                    position(marker)?,
                    json(&marker.counters)?,
                    marker.done,
                ])
            })
            .at(&self.place)?;
        Ok(changed == 1)
    }

    /// Writes the final counters and position of the marker that [`Markers::advance`] has stored.
    pub(super) fn correct(&self, connection: &Connection, marker: &Marker) -> Result<(), SqliteError> {
        let [workflow, source, partition, destination] = self.key();
        let changed = connection
            .prepare_cached(
                "UPDATE _etl_markers SET position = ?8, counters = ?9, done = ?10 \
                 WHERE workflow = ?1 AND source = ?2 AND partition = ?3 AND destination = ?4 \
                 AND run = ?5 AND epoch = ?6 AND seq = ?7",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    workflow,
                    source,
                    partition,
                    destination,
                    marker.run.to_string(),
                    self.number(marker.epoch)?,
                    self.number(marker.seq)?,
                    position(marker)?,
                    json(&marker.counters)?,
                    marker.done,
                ])
            })
            .at(&self.place)?;
        if changed == 1 {
            Ok(())
        } else {
            Err(SqliteError::Impossible(format!("{}: another unit is committed than was staged", self.place)))
        }
    }

    /// Notes that the run of the marker has been completed.
    pub(super) fn complete(&self, connection: &Connection) -> Result<(), SqliteError> {
        connection
            .prepare_cached(
                "UPDATE _etl_markers SET completed = 1 \
                 WHERE workflow = ?1 AND source = ?2 AND partition = ?3 AND destination = ?4",
            )
            .and_then(|mut statement| statement.execute(self.key()))
            .at(&self.place)
            .map(drop)
    }

    /// The error that tells a writer with this marker to stop, given what is stored instead.
    pub(super) fn fenced(&self, held: &Marker, found: Option<Stored>) -> SqliteError {
        match found {
            Some(Stored { marker, .. }) if marker.run == held.run && marker.epoch == held.epoch => {
                SqliteError::Impossible(format!(
                    "{}: unit {} was staged after unit {}",
                    self.place, held.seq, marker.seq
                ))
            }
            Some(Stored { marker, .. }) => SqliteError::Fenced {
                place: self.place.clone(),
                found: marker.epoch,
                held: held.epoch,
                run: marker.run,
            },
            None => SqliteError::Marker {
                place: self.place.clone(),
                message: "it has disappeared since this run began".to_owned(),
            },
        }
    }

    fn key(&self) -> [&str; 4] {
        let Route { workflow, source, partition, .. } = &self.route;
        [workflow.as_str(), source.as_str(), &partition.0, &self.end]
    }

    fn number(&self, value: u64) -> rusqlite::Result<i64> {
        i64::try_from(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    }

    fn read(&self, raw: Raw) -> Result<Stored, SqliteError> {
        let fault = |message: String| SqliteError::Marker { place: self.place.clone(), message };
        let number = |value: i64| u64::try_from(value).map_err(|_| fault(format!("{value} is negative")));
        let position: Option<Position> = raw
            .position
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| fault(format!("position: {error}")))?;
        let counters: Counters =
            serde_json::from_str(&raw.counters).map_err(|error| fault(format!("counters: {error}")))?;
        let run = RunId::parse(&raw.run).map_err(|error| fault(format!("run: {error}")))?;
        let marker = Marker {
            run,
            epoch: number(raw.epoch)?,
            seq: number(raw.seq)?,
            position,
            counters,
            done: raw.done,
        };
        Ok(Stored { marker, completed: raw.completed })
    }
}

struct Raw {
    run: String,
    epoch: i64,
    seq: i64,
    position: Option<String>,
    counters: String,
    done: bool,
    completed: bool,
}

impl Raw {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            run: row.get(0)?,
            epoch: row.get(1)?,
            seq: row.get(2)?,
            position: row.get(3)?,
            counters: row.get(4)?,
            done: row.get(5)?,
            completed: row.get(6)?,
        })
    }
}

fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn position(marker: &Marker) -> rusqlite::Result<Option<String>> {
    marker.position.as_ref().map(json).transpose()
}
