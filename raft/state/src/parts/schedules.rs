use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::keys::NodeId;
use crate::table::{Record, RowKind, Rows, Table};

/// When workflows start by themselves.
#[derive(Debug, Clone, Default)]
pub struct Schedules {
    table: Table<Schedule>,
}

/// Starts one workflow again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Index of the entry that last defined it.
    pub version: u64,
    pub workflow: String,
    /// As the user wrote it.
    pub cron: String,
    /// An IANA name.
    pub timezone: String,
    pub overlap: Overlap,
    pub catch_up: CatchUp,
    /// Milliseconds since 1970.
    pub next_fire_ms: u64,
    /// The run of the last tick that had one.
    pub last_run: Option<Uuid>,
    /// The node to which the workflow's sources are local, where the partitions of its runs are worked on; absent when any
    /// node will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<NodeId>,
    /// The transformations and destinations that one node carries out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hosts: BTreeMap<String, NodeId>,
}

/// What a tick does while a run of the workflow is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Overlap {
    /// Nothing.
    Skip,
    /// Its run begins after the running one; one such run at most waits.
    Queue,
    /// Its run takes the place of the running one.
    Replace,
}

/// What becomes of ticks that nobody was there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CatchUp {
    /// They are left out.
    None,
    /// One run for all of them.
    One,
    /// A run for each.
    All,
}

impl Record for Schedule {
    type Key = String;
    const KIND: RowKind = RowKind::Schedule;
}

impl Schedules {
    /// A schedule.
    pub fn get(&self, name: &str) -> Option<&Schedule> {
        self.table.get(&name.to_owned())
    }

    /// By name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Schedule)> {
        self.table.iter().map(|(name, schedule)| (name.as_str(), schedule))
    }

    pub(crate) fn set(&mut self, name: &str, schedule: Schedule) {
        self.table.set(name.to_owned(), schedule);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.table.remove(&name.to_owned());
    }

    pub(crate) fn remove_of(&mut self, workflow: &str) {
        let names: Vec<String> = self
            .table
            .iter()
            .filter(|(_, schedule)| schedule.workflow == workflow)
            .map(|(name, _)| name.clone())
            .collect();
        names.iter().for_each(|name| self.remove(name));
    }

    pub(crate) fn tables(&self) -> [&dyn Rows; 1] {
        [&self.table]
    }

    pub(crate) fn tables_mut(&mut self) -> [&mut dyn Rows; 1] {
        [&mut self.table]
    }
}
