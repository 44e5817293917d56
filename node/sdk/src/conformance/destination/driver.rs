use std::ops::Range;
use std::sync::Arc;

use etl_model::{Claim, Marker, PartitionId, Position, Route, RunId, StepName, Unit, WorkflowName};

use super::super::violation::{OrViolation, Violation, ensure};
use super::{Site, counters, sample};
use crate::{ConnectorError, Destination, RouteWriter, RunContext};

/// Plays the engine: one run of a workflow against a site.
pub(super) struct Driver<'a> {
    site: &'a Site,
    pub(super) context: RunContext,
}

impl<'a> Driver<'a> {
    /// A new run.
    #[allow(clippy::expect_used)] // a constant that the pattern of names allows
    pub(super) fn new(site: &'a Site) -> Self {
        let workflow = WorkflowName::new("conformance").expect("a valid name");
        Self { site, context: RunContext { workflow, run: RunId::generate() } }
    }

    /// The route of a partition by number.
    #[allow(clippy::expect_used)] // constants that the pattern of names allows
    pub(super) fn route(&self, index: usize) -> Route {
        Route {
            workflow: self.context.workflow.clone(),
            source: StepName::new("source").expect("a valid name"),
            partition: PartitionId(format!("dir/part {index}'s \"é\".csv")),
            destination: StepName::new("target").expect("a valid name"),
            shard: None,
        }
    }

    /// All routes up to a number.
    pub(super) fn routes(&self, count: usize) -> Vec<Route> {
        (0..count).map(|index| self.route(index)).collect()
    }

    /// This run's claim.
    pub(super) fn claim(&self, epoch: u64) -> Claim {
        Claim { run: self.context.run, epoch, start: None, replaces: Vec::new() }
    }

    /// Opens a writer without fencing, through a destination of its own.
    pub(super) async fn open(&self, index: usize) -> Result<Box<dyn RouteWriter>, Violation> {
        self.open_in(&self.site.open(), index).await
    }

    /// Opens a writer of a given destination without fencing.
    pub(super) async fn open_in(
        &self,
        destination: &Arc<dyn Destination>,
        index: usize,
    ) -> Result<Box<dyn RouteWriter>, Violation> {
        let opened = destination.open(&self.context, &self.route(index), index).await;
        opened.or_violation("a route can be opened")
    }

    /// Opens a writer and fences it, which must succeed.
    pub(super) async fn fenced(
        &self,
        index: usize,
        epoch: u64,
    ) -> Result<(Box<dyn RouteWriter>, Marker), Violation> {
        let mut writer = self.open(index).await?;
        let marker = writer.fence(&self.claim(epoch)).await.or_violation("a higher epoch can fence")?;
        Ok((writer, marker))
    }

    /// Hands rows to a writer through the destination's encoder.
    pub(super) async fn write(
        &self,
        writer: &mut dyn RouteWriter,
        ids: Range<i64>,
    ) -> Result<(), ConnectorError> {
        let batch =
            sample::batch(ids).map_err(|violation| ConnectorError::internal(violation.to_string()))?;
        let rows = batch.len() as u64;
        let encoded = self.site.open().encoder().encode(batch)?;
        if encoded.rows != rows || !encoded.errors.is_empty() {
            return Err(ConnectorError::internal(format!(
                "the encoder kept {} of {rows} rows: {:?}",
                encoded.rows, encoded.errors
            )));
        }
        writer.write(encoded).await
    }

    /// Writes, stages and commits one unit; returns the marker that it carries.
    pub(super) async fn deliver(
        &self,
        writer: &mut dyn RouteWriter,
        before: &Marker,
        ids: Range<i64>,
        done: bool,
    ) -> Result<Marker, ConnectorError> {
        let unit = next_unit(before, ids.clone(), done);
        if !ids.is_empty() {
            // Two batches, so that a unit is seen to be more than one.
            let middle = ids.start + (ids.end - ids.start) / 2;
            self.write(writer, ids.start..middle).await?;
            self.write(writer, middle..ids.end).await?;
        }
        let refused = writer.stage(&unit).await?;
        if !refused.is_empty() {
            return Err(ConnectorError::internal(format!("rows were refused: {refused:?}")));
        }
        writer.commit(&unit).await?;
        Ok(unit.marker)
    }

    /// Delivers one unit, which must succeed.
    pub(super) async fn must_deliver(
        &self,
        writer: &mut dyn RouteWriter,
        before: &Marker,
        ids: Range<i64>,
        done: bool,
    ) -> Result<Marker, Violation> {
        self.deliver(writer, before, ids, done).await.or_violation("the holder of the epoch can commit")
    }

    /// Completes the first routes of the run.
    pub(super) async fn complete(&self, routes: usize) -> Result<(), Violation> {
        let completed = self.site.open().complete(&self.context, &self.routes(routes)).await;
        completed.or_violation("a run whose routes are done can be completed")
    }

    /// Checks that the stored marker is this one.
    pub(super) async fn expect_marker(
        &self,
        rule: &'static str,
        index: usize,
        expected: Option<&Marker>,
    ) -> Result<(), Violation> {
        let found = self.open(index).await?.marker().await.or_violation("a marker can be read")?;
        ensure(found.as_ref() == expected, rule, || format!("{found:?} instead of {expected:?}"))
    }
}

/// The unit that follows a marker.
pub(super) fn next_unit(before: &Marker, ids: Range<i64>, done: bool) -> Unit {
    let mut counters = counters((ids.end - ids.start).unsigned_abs());
    counters += before.counters;
    let position = Position {
        next: ids.end.unsigned_abs(),
        cursor: serde_json::json!({ "file": "a 'quoted' name", "line": ids.end }),
    };
    Unit {
        marker: Marker { seq: before.seq + 1, position: Some(position), counters, done, ..before.clone() },
    }
}

/// Whether an attempt ended in the error that says that a later owner has taken over.
pub(super) fn is_fenced<T>(result: &Result<T, ConnectorError>) -> bool {
    matches!(result, Err(ConnectorError::Fenced { .. }))
}
