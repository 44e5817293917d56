use serde::{Deserialize, Serialize};

use crate::limits::AUDIT_KEPT;
use crate::table::{Record, RowKind, Rows, Table};

/// What was done by whom: the last [`AUDIT_KEPT`] events.
#[derive(Debug, Clone, Default)]
pub struct Audit {
    table: Table<AuditEvent>,
}

/// One thing that somebody did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEvent {
    /// Milliseconds since 1970.
    pub time_ms: u64,
    /// Of the entry that recorded it.
    pub index: u64,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub detail: String,
}

impl Record for AuditEvent {
    type Key = u64;
    const KIND: RowKind = RowKind::AuditEvent;
}

impl Audit {
    /// The events that are kept, newest first, with their numbers; numbers have no holes.
    pub fn newest_first(&self) -> impl Iterator<Item = (u64, &AuditEvent)> {
        self.table.iter().rev().map(|(number, event)| (*number, event))
    }

    pub(crate) fn record(&mut self, event: AuditEvent) {
        let number = self.table.last().map_or(1, |(last, _)| last.saturating_add(1));
        self.table.set(number, event);
        while self.table.len() > AUDIT_KEPT
            && let Some(oldest) = self.table.first().map(|(number, _)| *number)
        {
            self.table.remove(&oldest);
        }
    }

    pub(crate) fn tables(&self) -> [&dyn Rows; 1] {
        [&self.table]
    }

    pub(crate) fn tables_mut(&mut self) -> [&mut dyn Rows; 1] {
        [&mut self.table]
    }
}
