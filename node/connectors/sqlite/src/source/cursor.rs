use etl_model::Position;
use rusqlite::types::{ToSql, ToSqlOutput};
use serde::{Deserialize, Serialize};

use crate::SqliteError;

const SIGN: u64 = 1 << 63;

/// The ordinal of a row id: the same order, from 0.
pub(super) fn ordinal(row_id: i64) -> u64 {
    (row_id as u64) ^ SIGN
}

/// The row id of an ordinal.
pub(super) fn row_id(ordinal: u64) -> i64 {
    (ordinal ^ SIGN) as i64
}

/// One value of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeyValue {
    Integer(i64),
    Text(String),
}

impl ToSql for KeyValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Integer(value) => value.to_sql(),
            Self::Text(value) => value.to_sql(),
        }
    }
}

/// What a position says beyond the ordinal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Fingerprint of the definition of what is read.
    pub(super) schema: String,
    /// Fingerprint of the last row before the position, where row ids may be given out anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<String>,
    /// The key of the last row before the position, where rows are read in the order of a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<Vec<KeyValue>>,
}

impl Cursor {
    /// The position with this cursor; a key may be too long for one.
    pub(super) fn at(&self, next: u64) -> Result<Position, SqliteError> {
        let cursor =
            serde_json::to_value(self).map_err(|error| SqliteError::Impossible(error.to_string()))?;
        // A position holds 1 KiB in all.
        if cursor.to_string().len() > 960 {
            return Err(SqliteError::user(
                "key_too_long",
                "the values of the key are too long to remember where reading stopped",
                "choose a `key` of at most some 800 bytes",
            ));
        }
        Ok(Position { next, cursor })
    }

    /// Reads the cursor of a position; `None` for one without, which is a beginning.
    pub(super) fn of(position: &Position) -> Result<Option<Self>, SqliteError> {
        if position.cursor.is_null() {
            return Ok(None);
        }
        serde_json::from_value(position.cursor.clone()).map(Some).map_err(|error| {
            SqliteError::user(
                "source_changed",
                format!("the position of the interrupted run is not one of a sqlite source: {error}"),
                "put the configuration back, or start anew with `run --restart`",
            )
        })
    }
}

/// A fingerprint of bytes that stays the same over versions of this program.
pub(super) fn fingerprint(bytes: &[u8]) -> String {
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(bytes))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_keep_the_order_of_row_ids() {
        let row_ids = [i64::MIN, -5, -1, 0, 1, 5, i64::MAX];
        let ordinals: Vec<_> = row_ids.iter().map(|&id| ordinal(id)).collect();
        assert!(ordinals.is_sorted() && ordinals[0] == 0);
        assert_eq!(ordinals.into_iter().map(row_id).collect::<Vec<_>>(), row_ids);
    }

    #[test]
    fn a_cursor_survives_a_position_and_long_keys_are_refused() {
        let key = vec![KeyValue::Integer(-3), KeyValue::Text("é".to_owned())];
        let cursor = Cursor { schema: fingerprint(b"x"), last: None, key: Some(key) };
        assert_eq!(Cursor::of(&cursor.at(7).unwrap()).unwrap(), Some(cursor.clone()));
        let long = Cursor { key: Some(vec![KeyValue::Text("x".repeat(1000))]), ..cursor };
        assert!(matches!(long.at(7), Err(SqliteError::User { code: "key_too_long", .. })));
    }
}
