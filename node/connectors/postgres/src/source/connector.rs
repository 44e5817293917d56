use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use etl_model::{PartitionId, Position};
use etl_sdk::{
    ConnectorError, Descriptor, Discovery, FieldError, PartitionInfo, PartitionReader, ReadOptions, Source,
    SourceCapabilities, SourceConnector,
};

use super::bounds::{cover, cut};
use super::config::{Config, RawConfig, Relation};
use super::documentation::{DOCUMENTATION, EXAMPLE};
use super::plan::Plan;
use super::range::Range;
use super::reader::Reader;
use super::snapshot::Snapshots;
use crate::PostgresError;
use crate::connection::Session;

/// The source type `postgres`.
#[derive(Debug, Clone, Copy, Default)]
pub struct PostgresSource;

impl SourceConnector for PostgresSource {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "postgres",
            summary: "Reads a table, view or query of a PostgreSQL database by binary COPY, at one snapshot.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(RawConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Source>, Vec<FieldError>> {
        Ok(Arc::new(Configured {
            config: Config::parse(config)?,
            snapshots: Snapshots::default(),
            plan: Mutex::default(),
        }))
    }
}

struct Configured {
    config: Config,
    snapshots: Snapshots,
    /// What the last discovery found; all partitions of a run are read by the same plan.
    plan: Mutex<Option<Arc<Plan>>>,
}

impl Configured {
    async fn plan(&self) -> Result<(Session, Plan), PostgresError> {
        let session = Session::connect(&self.config.connection, "actix-etl looks a table up").await?;
        // A query is also executed to find ranges: a function in it must not change anything.
        session.execute("BEGIN READ ONLY").await?;
        let plan = Plan::new(&self.config, &session).await?;
        Ok((session, plan))
    }

    /// The name that partitions begin with.
    fn name(&self) -> String {
        match &self.config.relation {
            Relation::Table(name) => name.to_string(),
            Relation::Query(_) => "query".to_owned(),
        }
    }

    async fn open(
        &self,
        partition: &PartitionInfo,
        from: Option<&Position>,
        options: &ReadOptions,
    ) -> Result<Reader, PostgresError> {
        let range = Range::of_id(&partition.id.0, &self.name()).ok_or_else(|| self.unknown(&partition.id))?;
        let snapshot = self.snapshots.get(&self.config.connection).await?;
        let purpose = format!("actix-etl reads {}", partition.id);
        let session = Session::connect(&self.config.connection, &purpose).await?;
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {}",
            crate::identifier::literal(&snapshot.id)?
        );
        if let Err(error) = session.execute(&begin).await {
            self.snapshots.forget(&snapshot).await;
            // The snapshot went with its connection; a new attempt takes a new one.
            return Err(PostgresError::Transient { code: "snapshot_gone", message: error.to_string() });
        }
        // What is gone on with is looked at anew: the table may have been rewritten since.
        let fresh = from.is_none_or(|position| position.next == 0);
        let known = self.plan.lock().unwrap_or_else(PoisonError::into_inner).clone().filter(|_| fresh);
        let plan = match known {
            Some(plan) => plan,
            None => Arc::new(Plan::new(&self.config, &session).await?),
        };
        Reader::open(plan, &range, from, *options, session, snapshot).await
    }

    fn unknown(&self, id: &PartitionId) -> PostgresError {
        PostgresError::user(
            "source_changed",
            format!("{}: `{id}` was a partition when this run began and is none now", self.config.place()),
            "put `table` or `query` back, or start anew with `run --restart`",
        )
    }
}

#[async_trait]
impl Source for Configured {
    fn capabilities(&self) -> SourceCapabilities {
        let continued = !self.config.key.is_empty() || matches!(self.config.relation, Relation::Table(_));
        SourceCapabilities {
            replayable: continued,
            ordered: continued,
            bounded: true,
            reason: (!continued)
                .then(|| "a query without `key` cannot be continued after an interruption".to_owned()),
        }
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        self.plan().await?;
        Ok(())
    }

    async fn discover(&self, known: &[PartitionId]) -> Result<Discovery, ConnectorError> {
        // Before anything is looked at, so that every partition sees at least what the bounds were taken from.
        self.snapshots.get(&self.config.connection).await?;
        let (session, plan) = self.plan().await?;
        let name = self.name();
        let again: Option<Vec<Range>> = known.iter().map(|id| Range::of_id(&id.0, &name)).collect();
        let ranges = match again.filter(|ranges| cover(ranges)) {
            Some(ranges) => ranges,
            None => match known.first() {
                Some(id) => return Err(self.unknown(id).into()),
                None => cut(&self.config, &plan, &session).await?,
            },
        };
        let partition =
            |range: &Range| PartitionInfo { id: PartitionId(range.id(&name)), bytes: None, records: None };
        let found = Discovery {
            partitions: ranges.iter().map(partition).collect(),
            schema: Some(plan.schema.clone()),
            notes: plan.notes.clone(),
        };
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(plan));
        Ok(found)
    }

    async fn read(
        &self,
        partition: &PartitionInfo,
        from: Option<&Position>,
        options: &ReadOptions,
    ) -> Result<Box<dyn PartitionReader>, ConnectorError> {
        Ok(Box::new(self.open(partition, from, options).await?))
    }
}
