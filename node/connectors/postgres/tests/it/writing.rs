//! How the tests write to a destination: as the engine does, one partition, units one after the other.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, UInt64Array};
use etl_connector_postgres::PostgresDestination;
use etl_model::{
    Batch, Claim, Counters, Marker, PartitionId, RecordError, Route, RunId, StepName, Unit, WorkflowName,
};
use etl_sdk::{ConnectorError, Destination, DestinationConnector, RouteWriter, RunContext};
use etl_test_services::Database;
use serde_json::{Value, json};

pub fn destination(database: &Database, mut config: Value) -> Arc<dyn Destination> {
    if config.get("url").is_none() {
        config["url"] = json!(database.url());
    }
    PostgresDestination.configure(&config).unwrap()
}

pub fn context() -> RunContext {
    RunContext { workflow: WorkflowName::new("tests").unwrap(), run: RunId::generate() }
}

pub fn route(context: &RunContext, partition: &str) -> Route {
    Route {
        workflow: context.workflow.clone(),
        source: StepName::new("source").unwrap(),
        partition: PartitionId(partition.to_owned()),
        destination: StepName::new("target").unwrap(),
        shard: None,
    }
}

/// Columns as a batch; ordinals from 100 on.
pub fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> Batch {
    let rows = columns[0].1.len() as u64;
    let records =
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, values)| (name, values, true)));
    Batch::new(records.unwrap(), UInt64Array::from_iter_values(100..100 + rows)).unwrap()
}

pub fn integers(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

pub fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// A writer that holds its route, and the last unit in force.
pub struct Owner {
    pub destination: Arc<dyn Destination>,
    pub context: RunContext,
    pub writer: Box<dyn RouteWriter>,
    pub marker: Marker,
}

impl Owner {
    /// Takes the route of a partition over with an epoch.
    pub async fn fence(
        destination: &Arc<dyn Destination>,
        context: &RunContext,
        epoch: u64,
    ) -> Result<Self, ConnectorError> {
        Self::of(destination, context, "p", epoch, Vec::new()).await
    }

    pub async fn of(
        destination: &Arc<dyn Destination>,
        context: &RunContext,
        partition: &str,
        epoch: u64,
        replaces: Vec<RunId>,
    ) -> Result<Self, ConnectorError> {
        let mut writer = destination.open(context, &route(context, partition), 0).await?;
        let marker = writer.fence(&Claim { run: context.run, epoch, start: None, replaces }).await?;
        Ok(Self { destination: destination.clone(), context: context.clone(), writer, marker })
    }

    pub async fn write(&mut self, batch: Batch) -> Result<Vec<RecordError>, ConnectorError> {
        let mut encoded = self.destination.encoder().encode(batch)?;
        let errors = std::mem::take(&mut encoded.errors);
        self.marker.counters.read += encoded.rows;
        self.writer.write(encoded).await?;
        Ok(errors)
    }

    /// The unit that comes next, with what was written counted as delivered.
    pub fn unit(&self, done: bool) -> Unit {
        let counters = Counters { delivered: self.marker.counters.read, ..self.marker.counters };
        Unit { marker: Marker { seq: self.marker.seq + 1, done, counters, ..self.marker.clone() } }
    }

    pub async fn stage(&mut self, done: bool) -> Result<Vec<RecordError>, ConnectorError> {
        let unit = self.unit(done);
        self.writer.stage(&unit).await
    }

    pub async fn commit(&mut self, done: bool) -> Result<(), ConnectorError> {
        let unit = self.unit(done);
        self.writer.commit(&unit).await?;
        self.marker = unit.marker;
        Ok(())
    }

    /// Writes, stages and commits one unit; returns the refused rows in the order in which they were refused.
    pub async fn deliver(
        &mut self,
        batches: Vec<Batch>,
        done: bool,
    ) -> Result<Vec<RecordError>, ConnectorError> {
        let mut errors = Vec::new();
        for batch in batches {
            errors.extend(self.write(batch).await?);
        }
        errors.extend(self.stage(done).await?);
        self.commit(done).await?;
        Ok(errors)
    }
}

/// Delivers units as one run and completes it. As the engine does, a unit whose attempt failed for a transient reason is
/// delivered again by a new writer.
pub async fn run_units(
    destination: &Arc<dyn Destination>,
    units: Vec<Vec<Batch>>,
) -> Result<Vec<RecordError>, ConnectorError> {
    let context = context();
    destination.check(&context).await?;
    let previous = destination.open(&context, &route(&context, "p"), 0).await?.marker().await?;
    let replaces: Vec<_> = previous.iter().map(|marker| marker.run).collect();
    let mut epoch = previous.map_or(1, |marker| marker.epoch + 1);
    let mut owner = Owner::of(destination, &context, "p", epoch, replaces.clone()).await?;
    let last = units.len() - 1;
    let mut errors = Vec::new();
    for (i, unit) in units.into_iter().enumerate() {
        let mut attempts = 0;
        errors.extend(loop {
            match owner.deliver(unit.clone(), i == last).await {
                Err(error) if matches!(error.code(), "row_refused" | "table_changed") && attempts < 3 => {
                    attempts += 1;
                    epoch += 1;
                    drop(owner);
                    owner = Owner::of(destination, &context, "p", epoch, replaces.clone()).await?;
                }
                delivered => break delivered?,
            }
        });
    }
    drop(owner);
    destination.complete(&context, &[route(&context, "p")]).await?;
    Ok(errors)
}

/// Delivers batches as one unit of one run.
pub async fn run(
    destination: &Arc<dyn Destination>,
    batches: Vec<Batch>,
) -> Result<Vec<RecordError>, ConnectorError> {
    run_units(destination, vec![batches]).await
}

/// Place in the batch and code of every refused row.
pub fn told(errors: &[RecordError]) -> Vec<(u64, &str)> {
    errors.iter().map(|error| (error.ordinal - 100, error.code.as_str())).collect()
}
