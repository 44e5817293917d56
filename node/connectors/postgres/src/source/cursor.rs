use etl_model::Position;
use serde::{Deserialize, Serialize};

use super::plan::{Order, Plan};
use crate::PostgresError;

/// Longest text form of a position, as positions may be.
const LONGEST: usize = 1024;
/// Longest text form of a snapshot that is kept in a position.
const LONGEST_SNAPSHOT: usize = 600;

/// Where a partition goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// At its beginning.
    Start,
    /// Behind the row with this key.
    Key(Vec<String>),
    /// Behind the row at this place of the file, `block << 16 | offset`.
    Row(u64),
}

/// What a position holds beside the number of the next record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The key of the last row before the position, where ordinals are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<Vec<String>>,
    /// The table's file, where rows are read by their place in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<u32>,
    /// The snapshot they were read in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) snapshot: Option<String>,
}

impl Cursor {
    /// What positions of this plan hold from their beginning on.
    pub(super) fn new(plan: &Plan, snapshot: &str) -> Self {
        match (&plan.order, &plan.table) {
            (Order::Physical { .. } | Order::Blocks, Some(table)) => Self {
                key: None,
                file: Some(table.file_node),
                snapshot: (snapshot.len() <= LONGEST_SNAPSHOT).then(|| snapshot.to_owned()),
            },
            _ => Self::default(),
        }
    }

    /// Reads the cursor of a position.
    pub(super) fn of(position: &Position, plan: &Plan) -> Result<Self, PostgresError> {
        if position.cursor.is_null() {
            return Ok(Self::default());
        }
        Self::deserialize(&position.cursor).map_err(|error| {
            PostgresError::user(
                "position_unreadable",
                format!("{}: the position cannot be read: {error}", plan.place),
                "start anew with `run --restart`",
            )
        })
    }

    /// The position with this cursor.
    pub(super) fn at(&self, next: u64, plan: &Plan) -> Result<Position, PostgresError> {
        if *self == Self::default() {
            return Ok(Position { next, cursor: serde_json::Value::Null });
        }
        let cursor =
            serde_json::to_value(self).map_err(|error| PostgresError::Impossible(error.to_string()))?;
        let position = Position { next, cursor };
        let text =
            serde_json::to_string(&position).map_err(|error| PostgresError::Impossible(error.to_string()))?;
        if text.len() > LONGEST {
            let begin: String = text.chars().take(100).collect();
            return Err(PostgresError::user(
                "key_too_long",
                format!("{}: a key is too long to go on behind it: {begin}...", plan.place),
                "read by other, shorter columns with `key`",
            ));
        }
        Ok(position)
    }

    /// Where to go on for a position with this cursor.
    pub(super) fn place(&self, next: u64, plan: &Plan) -> Result<Place, PostgresError> {
        let Some(last) = next.checked_sub(1) else { return Ok(Place::Start) };
        match &plan.order {
            Order::Integer(_) => Ok(Place::Key(vec![integer_of(last).to_string()])),
            Order::Physical { .. } | Order::Blocks => Ok(Place::Row(last)),
            Order::Key(_) => match &self.key {
                Some(key) => Ok(Place::Key(key.clone())),
                None => Err(PostgresError::user(
                    "source_changed",
                    format!("{}: rows were read in another order when this run began", plan.place),
                    "put the table's key or `key` back, or start anew with `run --restart`",
                )),
            },
            Order::Unordered => Err(PostgresError::user(
                "not_replayable",
                format!("{}: a query without `key` cannot be continued", plan.place),
                "name the columns that identify a row under `key`, or start anew with `run --restart`",
            )),
        }
    }
}

/// The ordinal of a row with an integer key; keeps the order, negative ones first.
pub(super) fn ordinal_of(key: i64) -> u64 {
    (key as u64) ^ (1 << 63)
}

/// The integer key of an ordinal.
pub(super) fn integer_of(ordinal: u64) -> i64 {
    (ordinal ^ (1 << 63)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_keys_and_ordinals_have_one_order() {
        let keys = [i64::MIN, -5, -1, 0, 1, 7, i64::MAX];
        assert!(keys.windows(2).all(|pair| ordinal_of(pair[0]) < ordinal_of(pair[1])));
        assert!(keys.iter().all(|&key| integer_of(ordinal_of(key)) == key));
    }
}
