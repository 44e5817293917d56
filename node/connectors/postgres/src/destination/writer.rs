use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use etl_model::{Claim, Marker, RecordError, Route, RunId, Unit};
use etl_sdk::{ConnectorError, Encoded, Payload, RouteWriter, failpoint};

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
use crate::connection::Session;
use crate::identifier::TableName;

/// Writes one route: rows go into the open transaction as they come.
pub(super) struct Writer {
    shared: Arc<Shared>,
    run: RunId,
    markers: Markers,
    session: Option<Session>,
    /// Epoch and number of the last unit in force.
    held: Option<(u64, u64)>,
    /// The layout for which the table has been looked at and, for an upsert, a staging table made.
    prepared: Option<Arc<Layout>>,
    unit: Option<OpenUnit>,
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
        Ok(Self { shared, run, markers, session: None, held: None, prepared: None, unit: None })
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
        let mut table = target::existing(session, config).await?;
        if table.is_none() && config.mode != Mode::Replace && self.unit.is_none() {
            target::create(session, &config.table, layout, &config.mode).await?;
            table = target::existing(session, config).await?;
        }
        let fits = table.as_ref().is_none_or(|table| layout.fits(table));
        if !fits {
            let message = format!(
                "{}: table `{}` has changed since rows were encoded for it",
                self.markers.place(),
                config.table
            );
            self.shared.saw(table);
            return Err(PostgresError::Transient { code: "table_changed", message });
        }
        match &config.mode {
            Mode::Append => {}
            Mode::Upsert(_) => upsert::create_stage(session, &config.table, layout).await?,
            Mode::Replace if self.unit.is_some() => {}
            Mode::Replace => {
                replacement::prepare(session, table.as_ref(), &self.collecting_table(), layout).await?
            }
        }
        self.shared.saw(table);
        self.prepared = Some(layout.clone());
        Ok(())
    }

    /// Opens the unit's transaction. First of all the marker is advanced: that takes the lock on the route, and a
    /// fenced writer must not touch anything.
    async fn begin(&mut self) -> Result<(), PostgresError> {
        let Some((epoch, seq)) = self.held else {
            return Err(self.impossible("a unit is begun before the fence"));
        };
        let session = self.session()?;
        session.execute("BEGIN").await?;
        if !self.markers.advance(session, self.run, epoch, seq).await? {
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
        self.refusing(copying.finish().await)?;
        if let (Mode::Upsert(_), Some(layout)) = (&self.shared.config.mode, &self.prepared) {
            let merged = self.session()?.execute(&upsert::merge(&self.collecting_table(), layout)?).await;
            self.refusing(merged)?;
        }
        Ok(())
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
        isolation::write(self.session()?, &into, &pieces, self.markers.place()).await
    }

    async fn commit_unit(&mut self, marker: &Marker) -> Result<(), ConnectorError> {
        if self.unit.take().is_none() {
            return Err(self.impossible("a unit is committed that was not staged").into());
        }
        let session = self.session()?;
        self.markers.finish(session, marker).await?;
        failpoint("commit_started")?;
        session.execute("COMMIT").await.map_err(|error| self.deferred(error))?;
        failpoint("commit_done")?;
        self.held = Some((marker.epoch, marker.seq));
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
        self.shared.saw(target::existing(session, config).await?);
        self.held = Some((marker.epoch, marker.seq));
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
        Ok(self.take(Piece { layout, tuples: Bytes::from(body), ordinals }).await?)
    }

    async fn stage(&mut self, _unit: &Unit) -> Result<Vec<RecordError>, ConnectorError> {
        let refused = self.stage_rows().await?;
        failpoint("rows_written")?;
        failpoint("unit_staged")?;
        Ok(refused)
    }

    async fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        self.commit_unit(&unit.marker).await
    }
}
