use std::sync::Arc;

use async_trait::async_trait;
use etl_model::{Batch, Claim, Marker, RecordError, Route, RunId, Unit};
use etl_sdk::{ConnectorError, Encoded, Payload, RouteWriter, blocking};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::config::Config;
use super::markers::Markers;
use super::session::Session;
use crate::SqliteError;
use crate::connection::BUSY_TIMEOUT;

/// Writers of one destination take turns in the order in which they asked; SQLite itself lets whoever polls first.
pub(super) type Turns = Arc<Mutex<()>>;

/// Writes one route.
pub(super) struct Writer {
    config: Arc<Config>,
    run: RunId,
    markers: Markers,
    turns: Turns,
    session: Option<Session>,
    unit: Vec<Batch>,
}

impl Writer {
    pub(super) fn new(config: Arc<Config>, run: RunId, route: Route, turns: Turns) -> Self {
        let markers = Markers::new(route, &config.path.display().to_string());
        Self { config, run, markers, turns, session: None, unit: Vec::new() }
    }

    async fn turn(&mut self) -> Result<OwnedMutexGuard<()>, SqliteError> {
        tokio::time::timeout(BUSY_TIMEOUT, self.turns.clone().lock_owned()).await.map_err(|_| {
            SqliteError::Locked { place: self.markers.place().to_owned(), seconds: BUSY_TIMEOUT.as_secs() }
        })
    }

    /// Works with the connection on a blocking thread. After an error the connection is closed, which rolls back.
    async fn work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Session) -> Result<T, ConnectorError> + Send + 'static,
    ) -> Result<T, ConnectorError> {
        let session = self.session.take();
        let (config, run, markers) = (self.config.clone(), self.run, self.markers.clone());
        let (session, result) = blocking(move || {
            let mut session = match session {
                Some(session) => session,
                None => Session::open(config, run, markers)?,
            };
            let result = work(&mut session)?;
            Ok((session, result))
        })
        .await?;
        self.session = Some(session);
        Ok(result)
    }
}

#[async_trait]
impl RouteWriter for Writer {
    async fn marker(&mut self) -> Result<Option<Marker>, ConnectorError> {
        if self.session.is_none() && !self.config.path.try_exists().unwrap_or(true) {
            // Opening would create the file.
            return Ok(None);
        }
        self.work(|session| Ok(session.marker()?)).await
    }

    async fn fence(&mut self, claim: &Claim) -> Result<Marker, ConnectorError> {
        let turn = self.turn().await?;
        let claim = claim.clone();
        self.work(move |session| {
            let marker = session.fence(&claim)?;
            drop(turn);
            Ok(marker)
        })
        .await
    }

    async fn write(&mut self, rows: Encoded) -> Result<(), ConnectorError> {
        match rows.payload {
            Payload::Columns(batch) => {
                self.unit.push(batch);
                Ok(())
            }
            Payload::Bytes { .. } | Payload::Rows { .. } => {
                Err(ConnectorError::internal("sqlite was given something else than columns"))
            }
        }
    }

    async fn stage(&mut self, unit: &Unit) -> Result<Vec<RecordError>, ConnectorError> {
        let turn = self.turn().await?;
        let batches = std::mem::take(&mut self.unit);
        let unit = unit.clone();
        self.work(move |session| session.stage(&unit, &batches, turn)).await
    }

    async fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        let unit = unit.clone();
        self.work(move |session| session.commit(&unit)).await
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Rolling back and closing may copy the write-ahead log into the database.
        if let (Some(session), Ok(runtime)) = (self.session.take(), Handle::try_current()) {
            runtime.spawn_blocking(move || drop(session));
        }
    }
}
