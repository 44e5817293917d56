use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow::json::ArrayWriter;
use async_trait::async_trait;
use etl_model::{Batch, Claim, Fence, Marker, RecordError, Route, Unit};
use etl_sdk::{
    CommitKind, ConnectorError, Destination, DestinationCapabilities, Encoded, Encoder, Payload, RouteWriter,
    RunContext, conformance,
};
use serde_json::Value;

/// What is wrong with a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    None,
    /// A commit does not look at the marker.
    CommitsUnconditionally,
    /// Rows are visible before the commit.
    WritesEarly,
    /// The marker is not stored.
    ForgetsMarkers,
    /// A fence lets any claim through.
    FencesNobody,
    /// A claim of the same run loses its place.
    StartsAnew,
    /// All routes share one marker.
    OneMarker,
    /// A commit writes its rows twice.
    Doubles,
    /// Completing again adds the rows again.
    CompletesTwice,
}

#[derive(Default)]
struct Place {
    rows: Vec<Value>,
    markers: BTreeMap<String, Marker>,
}

#[derive(Clone)]
struct Memory {
    defect: Defect,
    place: Arc<Mutex<Place>>,
}

struct Writer {
    memory: Memory,
    key: String,
    unit: Vec<Value>,
}

struct Columns;

impl Encoder for Columns {
    fn encode(&self, batch: Batch) -> Result<Encoded, ConnectorError> {
        let rows = batch.len() as u64;
        Ok(Encoded { payload: Payload::Columns(batch), rows, bytes: 1, errors: Vec::new() })
    }
}

#[async_trait]
impl Destination for Memory {
    fn capabilities(&self) -> DestinationCapabilities {
        DestinationCapabilities {
            commit: CommitKind::Transactional,
            max_writers: None,
            holds_rows: true,
            rejects_rows: false,
            unit_bytes: None,
        }
    }

    async fn check(&self, _: &RunContext) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        Arc::new(Columns)
    }

    async fn open(
        &self,
        _: &RunContext,
        route: &Route,
        _: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        let key = if self.defect == Defect::OneMarker { String::new() } else { route.to_string() };
        Ok(Box::new(Writer { memory: self.clone(), key, unit: Vec::new() }))
    }

    async fn complete(&self, _: &RunContext, _: &[Route]) -> Result<(), ConnectorError> {
        if self.defect == Defect::CompletesTwice {
            let mut place = self.place.lock().unwrap();
            let again = place.rows.clone();
            place.rows.extend(again);
        }
        Ok(())
    }
}

#[async_trait]
impl RouteWriter for Writer {
    async fn marker(&mut self) -> Result<Option<Marker>, ConnectorError> {
        Ok(self.memory.place.lock().unwrap().markers.get(&self.key).cloned())
    }

    async fn fence(&mut self, claim: &Claim) -> Result<Marker, ConnectorError> {
        let mut place = self.memory.place.lock().unwrap();
        let found = place.markers.get(&self.key).filter(|_| self.memory.defect != Defect::StartsAnew);
        let marker = match claim.decide(found) {
            Fence::Store(marker) | Fence::Held(marker) => marker,
            Fence::Fenced { .. } | Fence::Stranger { .. } if self.memory.defect == Defect::FencesNobody => {
                found.cloned().unwrap()
            }
            Fence::Fenced { epoch, run } => {
                let (place, run) = (self.key.clone(), run.to_string());
                return Err(ConnectorError::Fenced { place, found: epoch, held: claim.epoch, run });
            }
            Fence::Stranger { run } => {
                return Err(ConnectorError::user("stranger", format!("{run} is not known"), "use its state"));
            }
        };
        place.markers.insert(self.key.clone(), marker.clone());
        Ok(marker)
    }

    async fn write(&mut self, rows: Encoded) -> Result<(), ConnectorError> {
        let Payload::Columns(batch) = rows.payload else { panic!("its own encoder makes columns") };
        let mut writer = ArrayWriter::new(Vec::new());
        writer.write(batch.records()).unwrap();
        writer.finish().unwrap();
        let rows: Vec<Value> = serde_json::from_slice(&writer.into_inner()).unwrap();
        match self.memory.defect {
            Defect::WritesEarly => self.memory.place.lock().unwrap().rows.extend(rows),
            _ => self.unit.extend(rows),
        }
        Ok(())
    }

    async fn stage(&mut self, _: &Unit) -> Result<Vec<RecordError>, ConnectorError> {
        Ok(Vec::new())
    }

    async fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        let mut place = self.memory.place.lock().unwrap();
        let stored = place.markers.get(&self.key).cloned();
        let before = stored.filter(|stored| {
            stored.run == unit.marker.run
                && stored.epoch == unit.marker.epoch
                && stored.seq + 1 == unit.marker.seq
        });
        if before.is_none() && self.memory.defect != Defect::CommitsUnconditionally {
            let found = place.markers.get(&self.key).map_or(0, |marker| marker.epoch);
            let (key, run) = (self.key.clone(), unit.marker.run.to_string());
            return Err(ConnectorError::Fenced { place: key, found, held: unit.marker.epoch, run });
        }
        let rows = std::mem::take(&mut self.unit);
        if self.memory.defect == Defect::Doubles {
            place.rows.extend(rows.clone());
        }
        place.rows.extend(rows);
        if self.memory.defect != Defect::ForgetsMarkers {
            place.markers.insert(self.key.clone(), unit.marker.clone());
        }
        Ok(())
    }
}

async fn judged(defect: Defect) -> Result<(), conformance::Violation> {
    conformance::destination(|| {
        let memory = Memory { defect, place: Arc::default() };
        let seen = memory.clone();
        conformance::Site::new(
            move || Arc::new(memory.clone()),
            move || seen.place.lock().unwrap().rows.clone(),
        )
    })
    .await
}

#[tokio::test]
async fn an_honest_destination_passes() {
    judged(Defect::None).await.unwrap();
}

#[tokio::test]
async fn every_defect_of_a_destination_is_found() {
    for defect in [
        Defect::CommitsUnconditionally,
        Defect::WritesEarly,
        Defect::ForgetsMarkers,
        Defect::FencesNobody,
        Defect::StartsAnew,
        Defect::OneMarker,
        Defect::Doubles,
        Defect::CompletesTwice,
    ] {
        let violation = judged(defect).await.expect_err(&format!("{defect:?}"));
        assert!(!violation.rule.is_empty() && !violation.detail.is_empty(), "{defect:?}: {violation}");
    }
}
