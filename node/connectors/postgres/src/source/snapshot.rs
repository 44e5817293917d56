use std::sync::Arc;

use tokio::sync::Mutex;

use crate::PostgresError;
use crate::connection::{ConnectionConfig, Session};
use crate::error::At;

/// A snapshot of the database that other connections can see through while this one keeps it.
pub(super) struct Snapshot {
    session: Session,
    /// What `SET TRANSACTION SNAPSHOT` takes.
    pub(super) id: String,
    /// Which transactions are visible, as `pg_snapshot` writes it; empty before PostgreSQL 13.
    pub(super) visible: String,
}

/// The one snapshot that all partitions of a run are read in.
#[derive(Default)]
pub(super) struct Snapshots {
    current: Mutex<Option<Arc<Snapshot>>>,
}

impl Snapshots {
    /// The snapshot; a new one when there is none yet or its connection broke.
    pub(super) async fn get(&self, config: &ConnectionConfig) -> Result<Arc<Snapshot>, PostgresError> {
        let mut current = self.current.lock().await;
        if let Some(snapshot) = current.as_ref().filter(|snapshot| !snapshot.session.client().is_closed()) {
            return Ok(snapshot.clone());
        }
        let snapshot = Arc::new(export(config).await?);
        *current = Some(snapshot.clone());
        Ok(snapshot)
    }

    /// Lets go of a snapshot that the server does not know any more.
    pub(super) async fn forget(&self, snapshot: &Arc<Snapshot>) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, snapshot)) {
            *current = None;
        }
    }
}

async fn export(config: &ConnectionConfig) -> Result<Snapshot, PostgresError> {
    let session = Session::connect(config, "actix-etl holds a snapshot").await?;
    session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let place = session.place().to_owned();
    let row = session.client().query_one("SELECT pg_catalog.pg_export_snapshot()", &[]).await.at(&place)?;
    let id: String = row.try_get(0).at(&place)?;
    let version =
        session.client().query_one("SELECT current_setting('server_version_num')", &[]).await.at(&place)?;
    let version: String = version.try_get(0).at(&place)?;
    let visible = if version.parse::<u32>().unwrap_or(0) >= 130_000 {
        let row = session.client().query_one("SELECT pg_current_snapshot()::text", &[]).await.at(&place)?;
        row.try_get(0).at(&place)?
    } else {
        String::new()
    };
    Ok(Snapshot { session, id, visible })
}
