use std::sync::Arc;

use etl_expr::record_json;
use etl_model::{Batch, Claim, Fence, Marker, RecordError, Route, Unit};
use etl_sdk::{
    CommitKind, ConnectorError, Destination, DestinationCapabilities, Encoded, Encoder, Payload, RouteWriter,
    RunContext,
};
use serde_json::Value;
use tonic::async_trait;

use super::life::Life;
use super::world::World;

/// Bytes that a row is said to occupy.
const ROW_BYTES: usize = 256;

/// A destination in memory in place of another, whose promises it keeps: rows and marker in one step, or no marker.
pub(super) struct TwinDestination {
    pub capabilities: DestinationCapabilities,
    pub life: Arc<Life>,
    pub world: World,
}

#[async_trait]
impl Destination for TwinDestination {
    fn capabilities(&self) -> DestinationCapabilities {
        // A unit for whatever comes: the more units, the more places to crash.
        DestinationCapabilities { holds_rows: true, unit_bytes: Some(1), ..self.capabilities.clone() }
    }

    async fn check(&self, _: &RunContext) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        Arc::new(Columns(Arc::clone(&self.life)))
    }

    async fn open(
        &self,
        _: &RunContext,
        route: &Route,
        _: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        Ok(Box::new(Writer {
            keeps_marker: self.capabilities.commit != CommitKind::None,
            route: route.clone(),
            rows: Vec::new(),
            life: Arc::clone(&self.life),
            world: self.world.clone(),
        }))
    }

    async fn complete(&self, _: &RunContext, routes: &[Route]) -> Result<(), ConnectorError> {
        self.life.pass("all_routes_done").await;
        self.life.pass("completion_started").await;
        let destinations = routes.iter().map(|route| route.destination.clone());
        self.life.durably(|| self.world.lock().completed.extend(destinations)).await;
        self.life.pass("completed").await;
        Ok(())
    }
}

struct Columns(Arc<Life>);

impl Encoder for Columns {
    fn encode(&self, batch: Batch) -> Result<Encoded, ConnectorError> {
        self.0.pass_blocking("chunk_processed");
        let (rows, bytes) = (batch.len() as u64, batch.len() * ROW_BYTES);
        Ok(Encoded { payload: Payload::Columns(batch), rows, bytes, errors: Vec::new() })
    }
}

/// The records of a payload of this destination.
pub(super) fn records(rows: Encoded) -> Vec<Value> {
    match rows.payload {
        Payload::Columns(batch) => (0..batch.len()).map(|row| record_json(batch.records(), row)).collect(),
        Payload::Bytes { .. } | Payload::Rows { .. } => Vec::new(),
    }
}

struct Writer {
    keeps_marker: bool,
    route: Route,
    /// Of the open unit.
    rows: Vec<Value>,
    life: Arc<Life>,
    world: World,
}

impl Writer {
    fn fenced(&self, found: &Marker, held: u64) -> ConnectorError {
        let (found, run) = (found.epoch, found.run.to_string());
        ConnectorError::Fenced { place: self.route.to_string(), found, held, run }
    }
}

#[async_trait]
impl RouteWriter for Writer {
    async fn marker(&mut self) -> Result<Option<Marker>, ConnectorError> {
        Ok(self.life.durably(|| self.world.lock().markers.get(&self.route).cloned()).await)
    }

    async fn fence(&mut self, claim: &Claim) -> Result<Marker, ConnectorError> {
        self.life.pass("claimed").await;
        let fence = || {
            let markers = &mut self.world.lock().markers;
            let found = markers.get(&self.route);
            match claim.decide(found) {
                Fence::Store(marker) => {
                    if self.keeps_marker {
                        markers.insert(self.route.clone(), marker.clone());
                    }
                    Ok(marker)
                }
                Fence::Held(marker) => Ok(marker),
                Fence::Fenced { epoch, run } => Err((epoch, run)),
                Fence::Stranger { run } => Err((claim.epoch, run)),
            }
        };
        let decided = self.life.durably(fence).await;
        decided.map_err(|(found, run)| {
            let (place, run) = (self.route.to_string(), run.to_string());
            ConnectorError::Fenced { place, found, held: claim.epoch, run }
        })
    }

    async fn write(&mut self, rows: Encoded) -> Result<(), ConnectorError> {
        self.rows.extend(records(rows));
        self.life.pass("rows_written").await;
        Ok(())
    }

    async fn stage(&mut self, _: &Unit) -> Result<Vec<RecordError>, ConnectorError> {
        self.life.pass("unit_staged").await;
        Ok(Vec::new())
    }

    async fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        self.life.pass("commit_started").await;
        let rows = std::mem::take(&mut self.rows);
        let commit = || {
            let mut content = self.world.lock();
            if self.keeps_marker {
                let found = content.markers.get(&self.route).cloned();
                let follows = |found: &Marker| {
                    (found.run, found.epoch, found.seq + 1)
                        == (unit.marker.run, unit.marker.epoch, unit.marker.seq)
                };
                match found {
                    Some(found) if !follows(&found) => return Err(self.fenced(&found, unit.marker.epoch)),
                    _ => drop(content.markers.insert(self.route.clone(), unit.marker.clone())),
                }
            }
            content.rows.entry(self.route.clone()).or_default().extend(rows);
            Ok(())
        };
        self.life.durably(commit).await?;
        self.life.pass("commit_done").await;
        Ok(())
    }
}
