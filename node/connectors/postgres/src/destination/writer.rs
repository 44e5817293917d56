use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use etl_model::{Claim, Marker, RecordError, Route, RunId, Unit};
use etl_sdk::{ConnectorError, Encoded, Payload, RouteWriter, failpoint, guard_removed};

use super::config::Mode;
use super::copying::Copying;
use super::encoder::Shared;
use super::isolation::{self, Into as Where};
use super::layout::Layout;
use super::markers::Markers;
use super::refusal::Refusal;
use super::unit::Piece;
use super::{replacement, target, upsert};
use crate::PostgresError;
use crate::catalog::Table;
use crate::connection::Session;
use crate::identifier::TableName;

/// Writes one route: rows go into the open transaction as they come.
pub(super) struct Writer {
    shared: Arc<Shared>,
    run: RunId,
    markers: Markers,
    session: Option<Session>,
    /// The marker in force.
    held: Option<Held>,
    /// The layout for which the table has been looked at and, for an upsert, a staging table made.
    prepared: Option<Arc<Layout>>,
    /// What the table looked like then.
    shape: String,
    unit: Option<OpenUnit>,
}

/// What the marker in force says.
#[derive(Clone, Copy)]
struct Held {
    epoch: u64,
    /// The number of the last unit.
    seq: u64,
    /// Rows that this run has written.
    delivered: u64,
}

impl Held {
    fn of(marker: &Marker) -> Self {
        Self { epoch: marker.epoch, seq: marker.seq, delivered: marker.counters.delivered }
    }
}

/// The transaction of the unit that is being written.
#[derive(Default)]
struct OpenUnit {
    copying: Option<Copying>,
    /// Rows kept until the unit is staged, where care is needed.
    pieces: Vec<Piece>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, run: RunId, route: Route) -> Result<Self, PostgresError> {
        let markers = Markers::new(route, &shared.config.table, &shared.config.place())?;
        let (held, prepared, shape) = (None, None, String::new());
        Ok(Self { shared, run, markers, session: None, held, prepared, shape, unit: None })
    }

    async fn connected(&mut self) -> Result<(), PostgresError> {
        if self.session.is_none() {
            let purpose = format!("actix-etl run {} {}", self.run.short(), self.markers.route().partition);
            self.session = Some(Session::connect(&self.shared.config.connection, &purpose).await?);
        }
        Ok(())
    }

    fn session(&self) -> Result<&Session, PostgresError> {
        self.session.as_ref().ok_or_else(|| self.impossible("the connection is not open"))
    }

    fn impossible(&self, what: &str) -> PostgresError {
        PostgresError::Impossible(format!("{}: {what}", self.markers.place()))
    }

    /// The table that rows are written to until the run is complete.
    fn collecting_table(&self) -> TableName {
        let config = &self.shared.config;
        match config.mode {
            Mode::Replace => replacement::name(&config.table, self.run),
            Mode::Append | Mode::Upsert(_) => config.table.clone(),
        }
    }

    /// Makes sure that the table exists and takes rows of this layout. Before the unit's transaction begins: what is
    /// created commits by itself.
    async fn prepare(&mut self, layout: &Arc<Layout>) -> Result<(), PostgresError> {
        if self
            .prepared
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, layout) || known.columns == layout.columns)
        {
            return Ok(());
        }
        if self.unit.is_some() {
            // Other columns than before, inside a unit: everything that commits by itself was done for the first ones.
            self.end_copy().await?;
        }
        let config = &self.shared.config;
        let session = self.session()?;
        let collecting = self.collecting_table();
        // Before the table is looked at: what changes after that shows in it.
        let mut shape = Table::shape(session, &collecting).await?;
        let delivered = self.held.map_or(0, |held| held.delivered);
        if shape.is_empty() && delivered > 0 {
            return Err(replacement::missing(session, &collecting, delivered));
        }
        let mut table = self.encoded_for(session).await?;
        if shape.is_empty() && self.unit.is_none() {
            match &config.mode {
                Mode::Append | Mode::Upsert(_) => {
                    target::create(session, &config.table, layout, &config.mode).await?;
                }
                Mode::Replace => {
                    if table.as_ref().is_some_and(|table| !layout.fits(table)) {
                        return Err(self.changed(table));
                    }
                    replacement::prepare(session, table.as_ref(), &collecting, layout).await?;
                }
            }
            shape = Table::shape(session, &collecting).await?;
            table = self.encoded_for(session).await?;
        }
        if table.as_ref().is_none_or(|table| !layout.fits(table)) {
            return Err(self.changed(table));
        }
        if let Mode::Upsert(_) = &config.mode {
            upsert::create_stage(session, &config.table, layout).await?;
        }
        self.shared.saw(table);
        self.shape = shape;
        self.prepared = Some(layout.clone());
        Ok(())
    }

    /// The table whose columns decide how rows are encoded: the one that the user named, and while that does not exist
    /// the one that a `replace` collects in.
    async fn encoded_for(&self, session: &Session) -> Result<Option<Table>, PostgresError> {
        match target::existing(session, &self.shared.config).await? {
            None if self.shared.config.mode == Mode::Replace => {
                Table::describe(session, &self.collecting_table()).await
            }
            found => Ok(found),
        }
    }

    /// Rows were encoded for other columns than the table has: a new attempt encodes them for these.
    fn changed(&self, table: Option<Table>) -> PostgresError {
        let message = format!(
            "{}: table `{}` has changed since rows were encoded for it",
            self.markers.place(),
            self.shared.config.table
        );
        self.shared.saw(table);
        PostgresError::Transient { code: "table_changed", message }
    }

    /// Makes sure that the table still had the columns that rows were encoded for when they were copied: their binary
    /// form might be taken for another type's. The copying has locked it, so nothing changes any more.
    async fn unchanged(&self) -> Result<(), PostgresError> {
        let Some(layout) = &self.prepared else { return Ok(()) };
        let session = self.session()?;
        if Table::shape(session, &self.collecting_table()).await? == self.shape {
            return Ok(());
        }
        let table = self.encoded_for(session).await?;
        match table.as_ref().is_some_and(|table| layout.fits(table)) {
            true => Ok(()),
            false => Err(self.changed(table)),
        }
    }

    /// A successor ends the connection of an owner that is in its way: then that is what has happened, and not an
    /// accident on the way to the server.
    async fn explained(&self, error: PostgresError) -> PostgresError {
        let PostgresError::Server { source, .. } = &error else { return error };
        let lost = source.code().is_none_or(|state| matches!(state.code().get(..2), Some("08" | "57")));
        let Some(held) = self.held.filter(|_| lost) else { return error };
        let Ok(session) =
            Session::connect(&self.shared.config.connection, "actix-etl looks a marker up").await
        else {
            return error;
        };
        match self.markers.load(&session, false).await {
            Ok(Some(found)) if found.marker.run != self.run || found.marker.epoch > held.epoch => {
                self.markers.fenced((self.run, held.epoch, held.seq), Some(found))
            }
            _ => error,
        }
    }

    /// Opens the unit's transaction. First of all the marker is advanced: that takes the lock on the route, and a
    /// fenced writer must not touch anything.
    async fn begin(&mut self) -> Result<(), PostgresError> {
        let Some(Held { epoch, seq, .. }) = self.held else {
            return Err(self.impossible("a unit is begun before the fence"));
        };
        let session = self.session()?;
        session.execute("BEGIN").await?;
        if !self.markers.advance(session, self.run, epoch, seq).await? && !guard_removed("fence") {
            let found = self.markers.load(session, false).await?;
            return Err(self.markers.fenced((self.run, epoch, seq), found));
        }
        self.unit = Some(OpenUnit::default());
        Ok(())
    }

    async fn take(&mut self, piece: Piece) -> Result<(), PostgresError> {
        self.prepare(&piece.layout).await?;
        if self.unit.is_none() {
            self.begin().await?;
        }
        if self.shared.is_careful() {
            let unit = self.unit.as_mut().ok_or_else(|| PostgresError::Impossible("no unit".to_owned()))?;
            unit.pieces.push(piece);
            return Ok(());
        }
        let mut copying = match self.unit.as_mut().and_then(|unit| unit.copying.take()) {
            Some(copying) => copying,
            None => {
                let table = match self.shared.config.mode {
                    Mode::Upsert(_) => upsert::STAGE.to_owned(),
                    Mode::Append | Mode::Replace => self.collecting_table().quoted()?,
                };
                Copying::begin(self.session()?, &table, &piece.layout, self.markers.place()).await?
            }
        };
        self.refusing(copying.send(piece.tuples.clone(), piece.rows()).await)?;
        if let Some(unit) = &mut self.unit {
            unit.copying = Some(copying);
        }
        Ok(())
    }

    /// A row that the server refuses while rows are not kept: the unit is written again, with care.
    fn refusing<T>(&self, result: Result<T, PostgresError>) -> Result<T, PostgresError> {
        match result {
            Err(error) if Refusal::of(&error).is_some() => {
                self.shared.be_careful();
                Err(PostgresError::Transient { code: "row_refused", message: error.to_string() })
            }
            other => other,
        }
    }

    /// Ends the COPY that is going on and merges what it staged.
    async fn end_copy(&mut self) -> Result<(), PostgresError> {
        let Some(copying) = self.unit.as_mut().and_then(|unit| unit.copying.take()) else { return Ok(()) };
        let staged = self.refusing(copying.finish().await)?;
        if let (Mode::Upsert(_), Some(layout)) = (&self.shared.config.mode, &self.prepared) {
            let (table, place) = (self.collecting_table(), self.markers.place());
            let merged = upsert::merge(self.session()?, &table, layout, staged, place).await;
            self.refusing(merged)?;
        }
        self.unchanged().await
    }

    async fn stage_rows(&mut self) -> Result<Vec<RecordError>, PostgresError> {
        if self.unit.is_none() {
            self.begin().await?;
        }
        self.end_copy().await?;
        let pieces = self.unit.as_mut().map(|unit| std::mem::take(&mut unit.pieces)).unwrap_or_default();
        let table = self.collecting_table();
        let into = match self.shared.config.mode {
            Mode::Upsert(_) => Where::Upsert(&table),
            Mode::Append | Mode::Replace => Where::Table(&table),
        };
        let refused = isolation::write(self.session()?, &into, &pieces, self.markers.place()).await?;
        if !pieces.is_empty() {
            self.unchanged().await?;
        }
        Ok(refused)
    }

    async fn commit_unit(&mut self, marker: &Marker) -> Result<(), ConnectorError> {
        if self.unit.take().is_none() {
            return Err(self.impossible("a unit is committed that was not staged").into());
        }
        let session = self.session()?;
        if let Err(error) = self.markers.finish(session, marker).await {
            return Err(self.explained(error).await.into());
        }
        failpoint("commit_started")?;
        if let Err(error) = session.execute("COMMIT").await {
            return Err(self.explained(self.deferred(error)).await.into());
        }
        failpoint("commit_done")?;
        self.held = Some(Held::of(marker));
        Ok(())
    }

    /// A constraint that is checked only at COMMIT concerns the unit as a whole; no row can be named.
    fn deferred(&self, error: PostgresError) -> PostgresError {
        let is_constraint = error.sql_state().is_some_and(|state| state.code().starts_with("23"));
        if !is_constraint {
            return error;
        }
        PostgresError::user(
            "deferred_constraint",
            format!(
                "{}: a deferred constraint is not satisfied at the end of the unit: {error}",
                self.markers.place()
            ),
            "deliver the referenced rows first, or make the constraint NOT DEFERRABLE",
        )
    }
}

#[async_trait]
impl RouteWriter for Writer {
    async fn marker(&mut self) -> Result<Option<Marker>, ConnectorError> {
        self.connected().await?;
        Ok(self.markers.load(self.session()?, false).await?.map(|stored| stored.marker))
    }

    async fn fence(&mut self, claim: &Claim) -> Result<Marker, ConnectorError> {
        self.connected().await?;
        let session = self.session()?;
        let config = &self.shared.config;
        let marker = super::fence::fence(session, &self.markers, config, claim).await?;
        let purpose = format!(
            "actix-etl run {} epoch {} {}",
            self.run.short(),
            marker.epoch,
            self.markers.route().partition
        );
        session.name(&purpose).await?;
        // The table may have changed since rows were last encoded for it.
        self.shared.saw(self.encoded_for(session).await?);
        self.held = Some(Held::of(&marker));
        Ok(marker)
    }

    async fn write(&mut self, rows: Encoded) -> Result<(), ConnectorError> {
        let Payload::Rows { body, ordinals, layout } = rows.payload else {
            return Err(ConnectorError::internal("postgres was given something else than its own rows"));
        };
        let Ok(layout) = layout.downcast::<Layout>() else {
            return Err(ConnectorError::internal("postgres was given the rows of another destination"));
        };
        if ordinals.is_empty() {
            return Ok(());
        }
        match self.take(Piece { layout, tuples: Bytes::from(body), ordinals }).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.explained(error).await.into()),
        }
    }

    async fn stage(&mut self, _unit: &Unit) -> Result<Vec<RecordError>, ConnectorError> {
        let refused = match self.stage_rows().await {
            Ok(refused) => refused,
            Err(error) => return Err(self.explained(error).await.into()),
        };
        failpoint("rows_written")?;
        failpoint("unit_staged")?;
        Ok(refused)
    }

    async fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        self.commit_unit(&unit.marker).await
    }
}
