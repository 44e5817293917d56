use etl_model::{Counters, Marker, Position, Route, RunId};
use etl_sdk::guard_removed;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::target::create_once;
use crate::PostgresError;
use crate::connection::Session;
use crate::error::At;
use crate::identifier::TableName;

/// The name of the table of markers, in the schema of the table that rows go to.
const TABLE: &str = "_etl_markers";

/// The stored marker of a route, and whether its run has been completed here.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    pub(super) marker: Marker,
    pub(super) completed: bool,
}

/// The table of markers in a database, seen from one route.
#[derive(Debug, Clone)]
pub(super) struct Markers {
    route: Route,
    /// Workflow, source, partition, destination.
    key: [String; 4],
    /// The table as SQL.
    table: String,
    place: String,
}

const KEY: &str = "workflow = $1 AND source = $2 AND partition = $3 AND destination = $4";

impl Markers {
    /// Markers of `route` beside the table `target`; `database` is named in errors.
    pub(super) fn new(route: Route, target: &TableName, database: &str) -> Result<Self, PostgresError> {
        let place = format!("{database}, {route}");
        let key = [
            route.workflow.as_str().to_owned(),
            route.source.as_str().to_owned(),
            route.partition.0.clone(),
            route.end().to_string(),
        ];
        Ok(Self { route, key, table: target.sibling(TABLE.to_owned()).quoted()?, place })
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn route(&self) -> &Route {
        &self.route
    }

    /// The marker, if there is one. With `lock`, nobody else can change it before the transaction ends.
    pub(super) async fn load(&self, session: &Session, lock: bool) -> Result<Option<Stored>, PostgresError> {
        if !self.exists(session).await? {
            return Ok(None);
        }
        let sql = format!(
            "SELECT run, epoch, seq, position, counters, done, completed FROM {} WHERE {KEY}{}",
            self.table,
            if lock { " FOR UPDATE" } else { "" }
        );
        let statement = session.client().prepare(&sql).await.at(&self.place)?;
        let row = session.client().query_opt(&statement, &self.key()).await.at(&self.place)?;
        row.map(|row| self.read(&row)).transpose()
    }

    async fn exists(&self, session: &Session) -> Result<bool, PostgresError> {
        let sql = "SELECT pg_catalog.to_regclass($1::text) IS NOT NULL";
        let row = session.client().query_one(sql, &[&self.table]).await.at(&self.place)?;
        row.try_get(0).at(&self.place)
    }

    /// Creates the table of markers when it is missing. Commits by itself.
    pub(super) async fn create(&self, session: &Session) -> Result<(), PostgresError> {
        if self.exists(session).await? {
            return Ok(());
        }
        // Room on every page, so that updates stay on it and touch no index.
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS {} (workflow text NOT NULL, source text NOT NULL, partition text NOT NULL, \
             destination text NOT NULL, run text NOT NULL, epoch bigint NOT NULL, seq bigint NOT NULL, position text, \
             counters text NOT NULL, done boolean NOT NULL, completed boolean NOT NULL DEFAULT false, \
             PRIMARY KEY (workflow, source, partition, destination)) WITH (fillfactor = 40)",
            self.table
        );
        create_once(session, &self.table, &sql).await
    }

    /// Stores a marker in place of any other; nothing of its run has been completed yet.
    pub(super) async fn store(&self, session: &Session, marker: &Marker) -> Result<(), PostgresError> {
        let sql = format!(
            "INSERT INTO {} (workflow, source, partition, destination, run, epoch, seq, position, counters, done) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (workflow, source, partition, destination) DO UPDATE SET run = excluded.run, \
             epoch = excluded.epoch, seq = excluded.seq, position = excluded.position, counters = excluded.counters, \
             done = excluded.done, completed = false",
            self.table
        );
        self.execute(session, &sql, marker).await.map(drop)
    }

    /// Stores a marker unless there is one; returns whether there was none.
    pub(super) async fn insert(&self, session: &Session, marker: &Marker) -> Result<bool, PostgresError> {
        let sql = format!(
            "INSERT INTO {} (workflow, source, partition, destination, run, epoch, seq, position, counters, done) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
            self.table
        );
        Ok(self.execute(session, &sql, marker).await? == 1)
    }

    /// Raises the epoch of the stored marker and changes nothing else.
    pub(super) async fn raise(&self, session: &Session, epoch: u64) -> Result<(), PostgresError> {
        let sql = format!("UPDATE {} SET epoch = $5 WHERE {KEY}", self.table);
        let mut parameters: Vec<&(dyn ToSql + Sync)> = self.key().to_vec();
        let epoch = self.number(epoch)?;
        parameters.push(&epoch);
        session.client().execute(&sql, &parameters).await.at(&self.place).map(drop)
    }

    /// Begins the unit after `seq` if the stored marker is still the one of this run, epoch and unit; takes the lock on
    /// it. Returns whether it was.
    pub(super) async fn advance(
        &self,
        session: &Session,
        run: RunId,
        epoch: u64,
        seq: u64,
    ) -> Result<bool, PostgresError> {
        let sql = format!(
            "UPDATE {} SET seq = seq + 1 WHERE {KEY} AND run = $5 AND epoch = $6 AND seq = $7",
            self.table
        );
        let (run, epoch, seq) = (run.to_string(), self.number(epoch)?, self.number(seq)?);
        let mut parameters: Vec<&(dyn ToSql + Sync)> = self.key().to_vec();
        parameters.extend([&run as &(dyn ToSql + Sync), &epoch, &seq]);
        let statement = session.client().prepare(&sql).await.at(&self.place)?;
        Ok(session.client().execute(&statement, &parameters).await.at(&self.place)? == 1)
    }

    /// Writes the position and totals of the unit that [`Markers::advance`] has begun.
    pub(super) async fn finish(&self, session: &Session, marker: &Marker) -> Result<(), PostgresError> {
        let sql = format!(
            "UPDATE {} SET position = $8, counters = $9, done = $10 \
             WHERE {KEY} AND run = $5 AND epoch = $6 AND seq = $7",
            self.table
        );
        match self.execute(session, &sql, marker).await? {
            1 => Ok(()),
            _ if guard_removed("fence") => Ok(()),
            _ => Err(PostgresError::Impossible(format!(
                "{}: another unit is committed than was begun",
                self.place
            ))),
        }
    }

    /// Notes that the run of the marker has been completed.
    pub(super) async fn complete(&self, session: &Session) -> Result<(), PostgresError> {
        let sql = format!("UPDATE {} SET completed = true WHERE {KEY}", self.table);
        session.client().execute(&sql, &self.key()).await.at(&self.place).map(drop)
    }

    /// The error that tells a writer to stop, given what is stored instead of its own marker.
    pub(super) fn fenced(&self, held: (RunId, u64, u64), found: Option<Stored>) -> PostgresError {
        let (run, epoch, seq) = held;
        match found {
            Some(Stored { marker, .. }) if marker.run == run && marker.epoch == epoch => {
                PostgresError::Impossible(format!(
                    "{}: unit {} was begun after unit {}",
                    self.place,
                    seq + 1,
                    marker.seq
                ))
            }
            Some(Stored { marker, .. }) => PostgresError::Fenced {
                place: self.place.clone(),
                found: marker.epoch,
                held: epoch,
                run: marker.run,
            },
            None => PostgresError::Marker {
                place: self.place.clone(),
                message: "it has disappeared since this run began".to_owned(),
            },
        }
    }

    async fn execute(&self, session: &Session, sql: &str, marker: &Marker) -> Result<u64, PostgresError> {
        let (run, epoch, seq) =
            (marker.run.to_string(), self.number(marker.epoch)?, self.number(marker.seq)?);
        let position = marker.position.as_ref().map(|position| self.json(position)).transpose()?;
        let counters = self.json(&marker.counters)?;
        let mut parameters: Vec<&(dyn ToSql + Sync)> = self.key().to_vec();
        parameters.extend([&run as &(dyn ToSql + Sync), &epoch, &seq, &position, &counters, &marker.done]);
        let statement = session.client().prepare(sql).await.at(&self.place)?;
        session.client().execute(&statement, &parameters).await.at(&self.place)
    }

    fn key(&self) -> [&(dyn ToSql + Sync); 4] {
        self.key.each_ref().map(|part| part as &(dyn ToSql + Sync))
    }

    fn json(&self, value: &impl serde::Serialize) -> Result<String, PostgresError> {
        serde_json::to_string(value)
            .map_err(|error| PostgresError::Impossible(format!("{}: {error}", self.place)))
    }

    fn number(&self, value: u64) -> Result<i64, PostgresError> {
        i64::try_from(value)
            .map_err(|_| PostgresError::Impossible(format!("{}: {value} is too large", self.place)))
    }

    fn read(&self, row: &Row) -> Result<Stored, PostgresError> {
        let fault = |message: String| PostgresError::Marker { place: self.place.clone(), message };
        let number = |column: usize| {
            let value: i64 = row.try_get(column).at(&self.place)?;
            u64::try_from(value).map_err(|_| fault(format!("{value} is negative")))
        };
        let run: &str = row.try_get(0).at(&self.place)?;
        let position: Option<&str> = row.try_get(3).at(&self.place)?;
        let position: Option<Position> = position
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| fault(format!("position: {error}")))?;
        let counters: &str = row.try_get(4).at(&self.place)?;
        let counters: Counters =
            serde_json::from_str(counters).map_err(|error| fault(format!("counters: {error}")))?;
        let marker = Marker {
            run: RunId::parse(run).map_err(|error| fault(format!("run: {error}")))?,
            epoch: number(1)?,
            seq: number(2)?,
            position,
            counters,
            done: row.try_get(5).at(&self.place)?,
        };
        Ok(Stored { marker, completed: row.try_get(6).at(&self.place)? })
    }
}
