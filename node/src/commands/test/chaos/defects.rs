//! Controls: what is wrong with a destination, or with what it promises, is found.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use etl_engine::DestinationStep;
use etl_model::{Claim, Marker, RecordError, Route, StepName, Unit};
use etl_sdk::{
    ConnectorError, Destination, DestinationCapabilities, Encoded, Encoder, RouteWriter, RunContext,
};
use serde_json::{Value, json};
use tonic::async_trait;

use super::campaign::Campaign;
use super::destination::records;
use super::life::Life;
use super::report::Report;
use super::source::chunks;
use super::stage::{Cast, Stage, faithful};
use super::world::World;
use crate::commands::test::case::{Given, Records};
use crate::commands::test::comparison::Mismatch;
use crate::commands::test::records::batches;
use crate::commands::test::trial::Tested;

const WORKFLOW: &str = r#"
workflow:
  name: numbers
  source: { type: file, config: { path: missing.csv } }
  transformations:
    - { type: mapping, name: share, on_error: dead_letter, config: { keep: [id], mappings: [{ expression: "12 / id", destination: share }] } }
  destination: { type: sqlite, config: { path: missing.db, table: t } }
"#;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    /// Rows are there as soon as they are written.
    RowsBeforeMarker,
    /// The marker is there before the rows.
    MarkerBeforeRows,
}

struct Defective {
    inner: Arc<dyn Destination>,
    defect: Defect,
    life: Arc<Life>,
    world: World,
}

#[async_trait]
impl Destination for Defective {
    fn capabilities(&self) -> DestinationCapabilities {
        self.inner.capabilities()
    }

    async fn check(&self, run: &RunContext) -> Result<(), ConnectorError> {
        self.inner.check(run).await
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        self.inner.encoder()
    }

    async fn open(
        &self,
        run: &RunContext,
        route: &Route,
        index: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        Ok(Box::new(Writer {
            inner: self.inner.open(run, route, index).await?,
            defect: self.defect,
            route: route.clone(),
            late: Vec::new(),
            life: Arc::clone(&self.life),
            world: self.world.clone(),
        }))
    }

    async fn complete(&self, run: &RunContext, routes: &[Route]) -> Result<(), ConnectorError> {
        self.inner.complete(run, routes).await
    }
}

struct Writer {
    inner: Box<dyn RouteWriter>,
    defect: Defect,
    route: Route,
    late: Vec<Value>,
    life: Arc<Life>,
    world: World,
}

impl Writer {
    async fn publish(&mut self, rows: Vec<Value>) {
        let publish = || self.world.lock().rows.entry(self.route.clone()).or_default().extend(rows);
        self.life.durably(publish).await;
    }
}

#[async_trait]
impl RouteWriter for Writer {
    async fn marker(&mut self) -> Result<Option<Marker>, ConnectorError> {
        self.inner.marker().await
    }

    async fn fence(&mut self, claim: &Claim) -> Result<Marker, ConnectorError> {
        self.inner.fence(claim).await
    }

    async fn write(&mut self, rows: Encoded) -> Result<(), ConnectorError> {
        let rows = records(rows);
        match self.defect {
            Defect::RowsBeforeMarker => self.publish(rows).await,
            Defect::MarkerBeforeRows => self.late.extend(rows),
        }
        Ok(())
    }

    async fn stage(&mut self, unit: &Unit) -> Result<Vec<RecordError>, ConnectorError> {
        self.inner.stage(unit).await
    }

    async fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        self.inner.commit(unit).await?;
        let late = std::mem::take(&mut self.late);
        self.publish(late).await;
        Ok(())
    }
}

fn campaign(workflow: &str, cast: &Cast) -> (Report, Vec<Mismatch>) {
    let registry = etl_connectors::registry();
    let tested = Tested { file: Path::new("numbers.yaml"), bytes: workflow.as_bytes(), registry: &registry };
    let workflow = tested.load(&Given::default()).unwrap();
    let rows = (0..6).map(|id| json!({ "id": id })).collect();
    let batches = batches(&Records { rows, ..Records::default() }, &registry).unwrap();
    let inputs = BTreeMap::from([(StepName::new("source").unwrap(), chunks(&batches))]);
    let stage = Stage { workflow: &workflow, registry: &registry, inputs, cast };
    let (campaign, rows) = Campaign::prepare(&stage, 4).unwrap().unwrap();
    campaign.crash(rows).unwrap()
}

fn defective(defect: Defect) -> (Report, Vec<Mismatch>) {
    campaign(WORKFLOW, &move |step: &DestinationStep, life: &Arc<Life>, world: &World| {
        let (life, world, inner) = (Arc::clone(life), world.clone(), faithful(step, life, world));
        Arc::new(Defective { inner, defect, life, world })
    })
}

fn sum(report: &Report) -> (u64, u64, u64) {
    let rows = &report.rows;
    let of = |of: fn(&super::rows::Row) -> u64| rows.iter().map(of).sum();
    (of(|row| row.lost), of(|row| row.doubled), of(|row| row.repeated))
}

#[test]
fn a_faithful_destination_keeps_every_record_once() {
    let (report, mismatches) = campaign(WORKFLOW, &faithful);
    assert!(mismatches.is_empty(), "{mismatches:?}");
    assert_eq!(sum(&report), (0, 0, 0));
    let names: Vec<&str> = report.rows.iter().map(|row| row.name).collect();
    assert_eq!(names, etl_sdk::FAILPOINTS, "all of them are passed");
    for row in &report.rows {
        assert!(row.crashes >= row.passages.min(4), "{row:?}");
    }
}

#[test]
fn rows_without_their_marker_are_found_to_be_doubled() {
    let (report, mismatches) = defective(Defect::RowsBeforeMarker);
    let (lost, doubled, _) = sum(&report);
    assert!(lost == 0 && doubled > 0, "{report:?}");
    let first = format!("{:?}", mismatches[0]);
    assert!(mismatches[0].message.contains("`destination` has lost 0 and doubled"), "{first}");
}

#[test]
fn a_marker_without_its_rows_is_found_to_lose_them() {
    let (report, mismatches) = defective(Defect::MarkerBeforeRows);
    let (lost, doubled, _) = sum(&report);
    assert!(lost > 0 && doubled == 0, "{report:?}");
    let of = |name: &str| report.rows.iter().find(|row| row.name == name).map(|row| row.lost);
    assert!(of("commit_done") > Some(0) && of("commit_started") == Some(0), "{report:?}");
    assert!(!mismatches.is_empty());
}

#[test]
fn what_a_destination_without_marker_repeats_is_no_harm() {
    let workflow = WORKFLOW.replace("type: sqlite, config: { path: missing.db, table: t }", "type: stdout");
    let (report, mismatches) = campaign(&workflow, &faithful);
    assert!(mismatches.is_empty(), "{mismatches:?}");
    let (lost, doubled, repeated) = sum(&report);
    assert!((lost, doubled) == (0, 0) && repeated > 0, "{report:?}");
    assert!(report.notes[0].contains("`destination` keeps no marker"), "{:?}", report.notes);
}
