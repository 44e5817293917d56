use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::limits::SESSION_STEP_MS;
use crate::moment::Moment;
use crate::table::{Record, RowKind, Rows, Table};

/// Facts about the cluster as a whole.
#[derive(Debug, Clone, Default)]
pub struct Meta {
    facts: Table<Facts>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    cluster: Option<Uuid>,
    feature_level: u32,
    time_ms: u64,
    session_clock_ms: u64,
    last_index: Option<u64>,
    epoch_floor: u64,
}

impl Record for Facts {
    type Key = ();
    const KIND: RowKind = RowKind::Facts;
}

impl Meta {
    /// The cluster's id; absent until one is adopted.
    pub fn cluster(&self) -> Option<Uuid> {
        self.facts().cluster
    }

    /// Commands up to this level may be proposed; 0 before the cluster is founded.
    pub fn feature_level(&self) -> u32 {
        self.facts().feature_level
    }

    /// The highest time that any leader has stamped, in milliseconds since 1970. Never goes back.
    pub fn time_ms(&self) -> u64 {
        self.facts().time_ms
    }

    /// Time as sessions count it, in milliseconds: no entry moves it by more than [`SESSION_STEP_MS`].
    pub fn session_clock_ms(&self) -> u64 {
        self.facts().session_clock_ms
    }

    /// Index of the last command that was applied; absent before the first.
    pub fn last_index(&self) -> Option<u64> {
        self.facts().last_index
    }

    /// The epoch of every partition that was never assigned.
    pub fn epoch_floor(&self) -> u64 {
        self.facts().epoch_floor
    }

    /// Begins an entry. The caller has checked that its index is higher than the last.
    pub(crate) fn advance(&mut self, index: u64, time_ms: u64) -> Moment {
        let mut facts = self.facts();
        // The first stamp says what time it is, not that time has passed.
        let step = if facts.time_ms == 0 { 0 } else { time_ms.saturating_sub(facts.time_ms) };
        facts.time_ms = facts.time_ms.max(time_ms);
        facts.session_clock_ms = facts.session_clock_ms.saturating_add(step.min(SESSION_STEP_MS));
        facts.last_index = Some(index);
        self.facts.set((), facts);
        Moment { index, time_ms: facts.time_ms }
    }

    pub(crate) fn set_feature_level(&mut self, level: u32) {
        let facts = Facts { feature_level: level, ..self.facts() };
        self.facts.set((), facts);
    }

    pub(crate) fn adopt(&mut self, cluster: Uuid, raise_epochs_by: u64) {
        let facts = self.facts();
        let epoch_floor = facts.epoch_floor.saturating_add(raise_epochs_by);
        self.facts.set((), Facts { cluster: Some(cluster), epoch_floor, ..facts });
    }

    pub(crate) fn tables(&self) -> [&dyn Rows; 1] {
        [&self.facts]
    }

    pub(crate) fn tables_mut(&mut self) -> [&mut dyn Rows; 1] {
        [&mut self.facts]
    }

    fn facts(&self) -> Facts {
        self.facts.get(&()).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_back() {
        let mut meta = Meta::default();
        let times: Vec<u64> = [1_000, 5_000, 2_000, 0, 6_000]
            .iter()
            .zip(1..)
            .map(|(t, i)| meta.advance(i, *t).time_ms)
            .collect();
        assert_eq!(times, [1_000, 5_000, 5_000, 5_000, 6_000]);
        assert_eq!(meta.last_index(), Some(5));
    }

    #[test]
    fn a_clock_that_jumps_moves_the_sessions_clock_by_one_step() {
        let mut meta = Meta::default();
        meta.advance(1, 1_000_000);
        assert_eq!(meta.session_clock_ms(), 0);
        meta.advance(2, 1_000_500);
        assert_eq!(meta.session_clock_ms(), 500);
        meta.advance(3, u64::MAX);
        assert_eq!(meta.session_clock_ms(), 500 + SESSION_STEP_MS);
        meta.advance(4, 0);
        assert_eq!(meta.session_clock_ms(), 500 + SESSION_STEP_MS);
    }
}
