use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use etl_sdk::{ConnectorError, Source};
use tokio::sync::Mutex as Turn;

use super::loading::load;
use super::table::Table;
use crate::enrich::config::LookupRules;

/// Keeps a table, reads it with the first batch, and again when it is due. Shared by all partitions.
pub(super) struct Keeper {
    source: Arc<dyn Source>,
    rules: LookupRules,
    kept: Mutex<Option<Kept>>,
    /// Who reads it.
    turn: Turn<()>,
}

struct Kept {
    table: Arc<Table>,
    read: Instant,
}

impl Keeper {
    pub fn new(source: Arc<dyn Source>, rules: LookupRules) -> Self {
        Self { source, rules, kept: Mutex::new(None), turn: Turn::new(()) }
    }

    fn kept(&self) -> Option<(Arc<Table>, bool)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_ref()?;
        let is_due = self.rules.refresh.is_some_and(|every| kept.read.elapsed() >= every.0);
        Some((Arc::clone(&kept.table), is_due))
    }

    fn keep(&self, table: Arc<Table>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(Kept { table, read: Instant::now() });
    }

    /// The table. While it is read again others go on with the one of before; when that fails, all do.
    ///
    /// # Errors
    /// It has never been read.
    pub async fn table(&self) -> Result<Arc<Table>, ConnectorError> {
        let before = match self.kept() {
            Some((table, false)) => return Ok(table),
            Some((table, true)) => Some(table),
            None => None,
        };
        let turn = match &before {
            Some(before) => match self.turn.try_lock() {
                Ok(turn) => turn,
                Err(_) => return Ok(Arc::clone(before)),
            },
            None => self.turn.lock().await,
        };
        // Another may have read it meanwhile.
        if let Some((table, false)) = self.kept() {
            return Ok(table);
        }
        let loaded = load(self.source.as_ref(), &self.rules).await.map(Arc::new);
        let result = match (loaded, before) {
            (Ok(table), _) => Ok(table),
            (Err(error), Some(before)) => {
                tracing::warn!(%error, "a lookup table cannot be read again; the one of before is used on");
                Ok(before)
            }
            (Err(error), None) => Err(error),
        };
        if let Ok(table) = &result {
            self.keep(Arc::clone(table));
        }
        drop(turn);
        result
    }
}
