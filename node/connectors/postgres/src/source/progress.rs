use std::sync::Arc;

use etl_model::Position;

use super::chunk::not_unique;
use super::cursor::{Cursor, integer_of, ordinal_of};
use super::plan::{Order, Plan};
use super::rows::broken;
use crate::PostgresError;
use crate::copy::decode::value_to_text;
use crate::copy::field;
use crate::types::Kind;

/// How far the reading of a partition has come.
pub(super) struct Progress {
    plan: Arc<Plan>,
    cursor: Cursor,
    next: u64,
    /// The key of the last row, in its binary form; only where ordinals are counted by key.
    last_key: Vec<u8>,
    /// Room for the key of the next one.
    key: Vec<u8>,
}

impl Progress {
    pub(super) fn new(plan: Arc<Plan>, cursor: Cursor, next: u64) -> Self {
        Self { plan, cursor, next, last_key: Vec::new(), key: Vec::new() }
    }

    /// The number of the next row, where ordinals are counted.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The position reached.
    pub(super) fn position(&self) -> Result<Position, PostgresError> {
        self.cursor.at(self.next, &self.plan)
    }

    /// Refuses a key that the row before had, too: a continuation behind it would leave one of them out.
    pub(super) fn meet(&mut self, tuple: &[u8]) -> Result<(), PostgresError> {
        self.key.clear();
        for column in self.plan.key() {
            let value = field(tuple, column.at)
                .ok_or_else(|| broken(&self.plan.place, "a row has too few fields"))?;
            self.key.extend_from_slice(&(value.map_or(u64::MAX, |bytes| bytes.len() as u64)).to_le_bytes());
            self.key.extend_from_slice(value.unwrap_or_default());
        }
        if self.key == self.last_key {
            return Err(not_unique(&self.plan));
        }
        std::mem::swap(&mut self.key, &mut self.last_key);
        Ok(())
    }

    /// Moves the position to what is known to be behind everything that was read.
    pub(super) fn reach(&mut self, next: u64) {
        self.next = next;
    }

    /// Moves the position behind the last row of a chunk.
    pub(super) fn advance(&mut self, last: &[u8], rows: u64) -> Result<(), PostgresError> {
        let plan = self.plan.clone();
        let value = |at: usize| match field(last, at) {
            Some(Some(bytes)) => Ok(bytes),
            _ => Err(PostgresError::user(
                "key_null",
                format!("{}: a column of the key is null in some rows", plan.place),
                "name columns under `key` that are never null",
            )),
        };
        let ordinal = match &plan.order {
            Order::Integer(key) => {
                ordinal_of(integer(&key.column.ty.kind, value(key.at)?).ok_or_else(|| {
                    broken(&self.plan.place, "an integer of the key has another length than its type")
                })?)
            }
            Order::Physical { at } => {
                let bytes: [u8; 6] = value(*at)?
                    .try_into()
                    .map_err(|_| broken(&self.plan.place, "a row's place is not 6 bytes"))?;
                bytes.iter().fold(0, |ordinal, &byte| ordinal << 8 | u64::from(byte))
            }
            Order::Key(columns) => {
                let mut key = Vec::with_capacity(columns.len());
                for column in columns {
                    let text = value_to_text(&column.column.ty.kind, value(column.at)?);
                    key.push(text.map_err(|error| PostgresError::Impossible(error.to_string()))?);
                }
                self.cursor.key = Some(key);
                self.next += rows;
                return Ok(());
            }
            Order::Unordered => {
                self.next += rows;
                return Ok(());
            }
            Order::Blocks => {
                let message = format!("{}: a row of a block does not say where it lies", plan.place);
                return Err(PostgresError::Impossible(message));
            }
        };
        if ordinal < self.next {
            return Err(not_unique(&plan));
        }
        self.next = ordinal.checked_add(1).ok_or_else(|| {
            PostgresError::user(
                "key_too_large",
                format!("{}: the key {} leaves no place behind it", plan.place, integer_of(ordinal)),
                "give that row another key, or read by other columns with `key`",
            )
        })?;
        Ok(())
    }
}

fn integer(kind: &Kind, bytes: &[u8]) -> Option<i64> {
    Some(match kind {
        Kind::Int2 => i16::from_be_bytes(bytes.try_into().ok()?).into(),
        Kind::Int4 => i32::from_be_bytes(bytes.try_into().ok()?).into(),
        Kind::Oid => u32::from_be_bytes(bytes.try_into().ok()?).into(),
        Kind::Int8 => i64::from_be_bytes(bytes.try_into().ok()?),
        _ => return None,
    })
}
