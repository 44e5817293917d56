use std::sync::Arc;

use etl_model::Position;
use etl_sdk::{Chunk, ConnectorError, Decoded};
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::cursor::fingerprint;
use super::decode::decode;
use super::plan::Plan;
use crate::SqliteError;
use crate::error::At;

/// A value as SQLite yields it; text and bytes lie in the chunk's buffer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text { start: u32, length: u32 },
    Blob { start: u32, length: u32 },
}

/// Values of whole rows, gathered by the reader and not yet looked at.
#[derive(Debug)]
pub(super) struct RawChunk {
    pub(super) plan: Arc<Plan>,
    pub(super) ordinals: Vec<u64>,
    /// Row by row, one cell per column of the plan.
    pub(super) cells: Vec<Cell>,
    data: Vec<u8>,
    end: Position,
}

impl RawChunk {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        Self { plan, ordinals: Vec::new(), cells: Vec::new(), data: Vec::new(), end: Position::start() }
    }

    /// Copies the columns of a row behind the leading ones; returns their bytes.
    pub(super) fn push(&mut self, row: &Row<'_>, leading: usize, ordinal: u64) -> Result<usize, SqliteError> {
        let before = self.bytes();
        for i in leading..leading + self.plan.columns.len() {
            let value = row.get_ref(i).at(&self.plan.place)?;
            let cell = match value {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(value) => Cell::Integer(value),
                ValueRef::Real(value) => Cell::Real(value),
                ValueRef::Text(bytes) => {
                    let (start, length) = self.append(bytes)?;
                    Cell::Text { start, length }
                }
                ValueRef::Blob(bytes) => {
                    let (start, length) = self.append(bytes)?;
                    Cell::Blob { start, length }
                }
            };
            self.cells.push(cell);
        }
        self.ordinals.push(ordinal);
        Ok(self.bytes() - before)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(u32, u32), SqliteError> {
        let small = |size: usize| {
            u32::try_from(size).map_err(|_| {
                SqliteError::user(
                    "record_too_large",
                    format!("{}: a record of more than 4 GiB", self.plan.place),
                    "leave the large column out with `columns`",
                )
            })
        };
        let place = (small(self.data.len())?, small(bytes.len())?);
        self.data.extend_from_slice(bytes);
        Ok(place)
    }

    pub(super) fn end_at(&mut self, end: Position) {
        self.end = end;
    }

    /// Bytes of the values.
    pub(super) fn bytes(&self) -> usize {
        self.data.len() + self.cells.len() * size_of::<i64>()
    }

    /// The bytes of a text or blob cell of this chunk.
    pub(super) fn slice(&self, start: u32, length: u32) -> &[u8] {
        let start = start as usize;
        self.data.get(start..start + length as usize).unwrap_or_default()
    }

    /// The cells of a row.
    pub(super) fn row(&self, row: usize) -> &[Cell] {
        let width = self.plan.columns.len();
        self.cells.get(row * width..(row + 1) * width).unwrap_or_default()
    }

    /// A fingerprint of the values of the last row.
    pub(super) fn last_row(&self) -> Option<String> {
        let row = self.row(self.ordinals.len().checked_sub(1)?);
        let mut bytes = Vec::new();
        for cell in row {
            let (kind, value) = match cell {
                Cell::Null => (0, &[][..]),
                Cell::Integer(value) => (1, &value.to_le_bytes()[..]),
                Cell::Real(value) => (2, &value.to_bits().to_le_bytes()[..]),
                Cell::Text { start, length } => (3, self.slice(*start, *length)),
                Cell::Blob { start, length } => (4, self.slice(*start, *length)),
            };
            bytes.push(kind);
            bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
            bytes.extend_from_slice(value);
        }
        Some(fingerprint(&bytes))
    }
}

impl Chunk for RawChunk {
    fn memory(&self) -> usize {
        self.data.capacity() + self.cells.capacity() * size_of::<Cell>() + self.ordinals.capacity() * 8
    }

    fn source_bytes(&self) -> u64 {
        self.bytes() as u64
    }

    fn end(&self) -> Position {
        self.end.clone()
    }

    fn decode(self: Box<Self>) -> Result<Decoded, ConnectorError> {
        Ok(decode(&self)?)
    }
}
