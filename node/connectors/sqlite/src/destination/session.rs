use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use etl_model::{Batch, Claim, Fence, Marker, RecordError, RunId, Unit};
use etl_sdk::{ConnectorError, failpoint};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::OwnedMutexGuard;

use super::config::{Config, Mode};
use super::insert::insert;
use super::markers::Markers;
use super::plan::Plan;
use super::{shadow, target};
use crate::SqliteError;
use crate::connection::open_writer;
use crate::error::At;
use crate::table::Table;

/// One connection of one route. All methods block.
///
/// Dropping it rolls an open transaction back.
pub(super) struct Session {
    // Before `turn`: the next writer's turn begins when this connection has let go.
    connection: Connection,
    config: Arc<Config>,
    run: RunId,
    markers: Markers,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Session {
    pub(super) fn open(config: Arc<Config>, run: RunId, markers: Markers) -> Result<Self, SqliteError> {
        // Rows of a replaced table meet the rows they refer to only when the run is complete: checked there.
        let connection = open_writer(&config.path, config.mode != Mode::Replace)?;
        Ok(Self { connection, config, run, markers, turn: None })
    }

    pub(super) fn marker(&self) -> Result<Option<Marker>, SqliteError> {
        Ok(self.markers.load(&self.connection)?.map(|stored| stored.marker))
    }

    pub(super) fn fence(&mut self, claim: &Claim) -> Result<Marker, SqliteError> {
        let place = self.markers.place();
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).at(place)?;
        self.markers.create(&transaction)?;
        let found = self.markers.load(&transaction)?.map(|stored| stored.marker);
        let marker = match claim.decide(found.as_ref()) {
            Fence::Held(marker) => marker,
            Fence::Store(marker) => {
                match found {
                    Some(found) if found.run == marker.run => {
                        self.markers.raise(&transaction, marker.epoch)?
                    }
                    found => {
                        if let (Some(found), Mode::Replace) = (found, &self.config.mode) {
                            let abandoned = shadow::name(&self.config.table, found.run);
                            shadow::drop_table(&transaction, &abandoned, place)?;
                        }
                        self.markers.store(&transaction, &marker)?;
                    }
                }
                marker
            }
            Fence::Fenced { epoch, run } => {
                return Err(SqliteError::Fenced {
                    place: place.to_owned(),
                    found: epoch,
                    held: claim.epoch,
                    run,
                });
            }
            Fence::Stranger { run } => return Err(SqliteError::Stranger { place: place.to_owned(), run }),
        };
        transaction.commit().at(place)?;
        Ok(marker)
    }

    /// Opens the unit's transaction, advances the marker and writes the rows.
    pub(super) fn stage(
        &mut self,
        unit: &Unit,
        batches: &[Batch],
        turn: OwnedMutexGuard<()>,
    ) -> Result<Vec<RecordError>, ConnectorError> {
        self.turn = Some(turn);
        let place = self.markers.place();
        self.connection.execute_batch("BEGIN IMMEDIATE").at(place)?;
        // First of all: it takes the lock on the route, and a fenced writer must not touch anything.
        if !self.markers.advance(&self.connection, &unit.marker)? {
            let found = self.markers.load(&self.connection)?;
            return Err(self.markers.fenced(&unit.marker, found).into());
        }
        let mut rejects = Vec::new();
        let mut plan: Option<(SchemaRef, Plan)> = None;
        for batch in batches.iter().filter(|batch| !batch.is_empty()) {
            let schema = batch.schema();
            let plan = match &mut plan {
                Some((planned, plan)) if *planned == schema => plan,
                other => {
                    let table = self.table(&schema)?;
                    &mut other
                        .insert((schema.clone(), Plan::new(&schema, &table, &self.config.mode, place)?))
                        .1
                }
            };
            rejects.extend(insert(&self.connection, batch, plan, place)?);
        }
        failpoint("rows_written")?;
        failpoint("unit_staged")?;
        Ok(rejects)
    }

    pub(super) fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        let place = self.markers.place();
        if self.connection.is_autocommit() {
            return Err(ConnectorError::internal(format!(
                "{place}: a unit is committed that was not staged"
            )));
        }
        self.markers.correct(&self.connection, &unit.marker)?;
        failpoint("commit_started")?;
        self.connection.execute_batch("COMMIT").map_err(|error| deferred(place, error))?;
        failpoint("commit_done")?;
        self.turn = None;
        Ok(())
    }

    /// The table that rows go to now: created when it is missing.
    fn table(&self, schema: &SchemaRef) -> Result<Table, SqliteError> {
        let (connection, config, place) = (&self.connection, &self.config, self.markers.place());
        let existing = target::existing(connection, config, place)?;
        let name = match config.mode {
            Mode::Replace => shadow::name(&config.table, self.run),
            Mode::Append | Mode::Upsert(_) => config.table.clone(),
        };
        let found = match config.mode {
            Mode::Replace => Table::describe(connection, &name, place)?,
            Mode::Append | Mode::Upsert(_) => existing.clone(),
        };
        if let Some(table) = found {
            return Ok(table);
        }
        match existing {
            Some(table) => {
                // Judged before anything is created, so that messages name the user's table.
                Plan::new(schema, &table, &config.mode, place)?;
                shadow::create_like(connection, &table, &name, place)?;
            }
            None => target::create(connection, &name, schema, &config.mode, place)?,
        }
        Table::describe(connection, &name, place)?
            .ok_or_else(|| SqliteError::Impossible(format!("{place}: `{name}` was created and is not there")))
    }
}

/// A constraint that is checked only at COMMIT concerns the unit as a whole; no row can be named.
fn deferred(place: &str, error: rusqlite::Error) -> SqliteError {
    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) {
        return SqliteError::user(
            "deferred_constraint",
            format!("{place}: a deferred foreign key is not satisfied at the end of the unit: {error}"),
            "deliver the referenced rows first, or declare the foreign key as immediate",
        );
    }
    SqliteError::Sqlite { place: place.to_owned(), source: error }
}
