use std::sync::{Arc, Mutex, PoisonError};

use etl_model::{PartitionId, Position};
use etl_sdk::ReadOptions;

use super::config::{Config, Relation};
use super::opened::Opened;
use super::plan::Plan;
use super::range::Range;
use super::snapshot::Snapshots;
use crate::PostgresError;
use crate::connection::Session;

/// A relation of a database, and the snapshot that a run reads it in.
pub(super) struct Origin {
    pub(super) config: Config,
    pub(super) snapshots: Snapshots,
    /// What the last discovery found; all partitions of a run are read by the same plan.
    plan: Mutex<Option<Arc<Plan>>>,
}

impl Origin {
    pub(super) fn new(config: Config) -> Self {
        Self { config, snapshots: Snapshots::default(), plan: Mutex::default() }
    }

    /// Looks the relation up anew.
    pub(super) async fn plan(&self) -> Result<(Session, Plan), PostgresError> {
        let session = Session::connect(&self.config.connection, "actix-etl looks a table up").await?;
        // A query is also executed to find ranges: a function in it must not change anything.
        session.execute("BEGIN READ ONLY").await?;
        let plan = Plan::new(&self.config, &session).await?;
        Ok((session, plan))
    }

    /// The name that partitions begin with.
    pub(super) fn name(&self) -> String {
        match &self.config.relation {
            Relation::Table(name) => name.to_string(),
            Relation::Query(_) => "query".to_owned(),
        }
    }

    /// Notes the plan that all partitions of the run are read by.
    pub(super) fn decided(&self, plan: Plan) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(plan));
    }

    /// The range that a partition stands for.
    pub(super) fn range(&self, partition: &PartitionId) -> Result<Range, PostgresError> {
        Range::of_id(&partition.0, &self.name()).ok_or_else(|| self.unknown(partition))
    }

    /// Begins to read a range behind a position.
    pub(super) async fn open(
        &self,
        range: &Range,
        from: Option<&Position>,
        options: ReadOptions,
    ) -> Result<Opened, PostgresError> {
        let snapshot = self.snapshots.get(&self.config.connection).await?;
        let purpose = format!("actix-etl reads {}", range.id(&self.name()));
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
        Opened::begin(plan, range, from, options, session, snapshot).await
    }

    /// The error for a partition that this relation does not have.
    pub(super) fn unknown(&self, id: &PartitionId) -> PostgresError {
        PostgresError::user(
            "source_changed",
            format!("{}: `{id}` was a partition when this run began and is none now", self.config.place()),
            "put `table` or `query` back, or start anew with `run --restart`",
        )
    }
}
