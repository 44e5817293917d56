use std::collections::BTreeMap;
use std::ops::RangeBounds;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cow_map::CowMap;
use super::kind::RowKind;
use super::pieces::{self, Change};
use super::row_key::RowKey;
use super::rows::Rows;
use crate::encoding;
use crate::encoding_error::EncodingError;

/// What a table holds.
pub(crate) trait Record: Serialize + DeserializeOwned {
    type Key: RowKey;
    const KIND: RowKind;
}

/// Values by key, in order, that remembers which of them have changed. A clone shares them.
#[derive(Debug, Clone)]
pub(crate) struct Table<V: Record> {
    entries: CowMap<V::Key, Slot<V>>,
    /// What has changed since the changes were last taken, and how many rows each had then.
    changed: BTreeMap<V::Key, u32>,
}

#[derive(Debug)]
struct Slot<V> {
    value: Arc<V>,
    /// Rows that whoever follows the changes has of the value; 0 while the value itself is not taken yet.
    rows: u32,
}

impl<V> Clone for Slot<V> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), rows: self.rows }
    }
}

impl<V: Record> Default for Table<V> {
    fn default() -> Self {
        Self { entries: CowMap::default(), changed: BTreeMap::new() }
    }
}

impl<V: Record> Table<V> {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    pub fn get(&self, key: &V::Key) -> Option<&V> {
        self.entries.get(key).map(|slot| &*slot.value)
    }

    /// The value with the lowest key.
    pub fn first(&self) -> Option<(&V::Key, &V)> {
        self.entries.first().map(|(key, slot)| (key, &*slot.value))
    }

    /// The value with the highest key.
    pub fn last(&self) -> Option<(&V::Key, &V)> {
        self.entries.last().map(|(key, slot)| (key, &*slot.value))
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&V::Key, &V)> {
        self.entries.iter().map(|(key, slot)| (key, &*slot.value))
    }

    pub fn range(&self, range: impl RangeBounds<V::Key>) -> impl DoubleEndedIterator<Item = (&V::Key, &V)> {
        self.entries.range(range).map(|(key, slot)| (key, &*slot.value))
    }

    pub fn set(&mut self, key: V::Key, value: V) {
        let slot = Slot { value: Arc::new(value), rows: 0 };
        let before = self.entries.insert(key.clone(), slot);
        // A key that has changed already is known with the rows it had first.
        self.changed.entry(key).or_insert(before.map_or(0, |slot| slot.rows));
    }

    pub fn remove(&mut self, key: &V::Key) -> Option<Arc<V>> {
        let slot = self.entries.remove(key)?;
        self.changed.entry(key.clone()).or_insert(slot.rows);
        Some(slot.value)
    }
}

impl<V: Record> Rows for Table<V> {
    fn kind(&self) -> RowKind {
        V::KIND
    }

    fn rows(&self) -> Box<dyn Iterator<Item = (Vec<u8>, Vec<u8>)> + '_> {
        Box::new(self.entries.iter().flat_map(|(key, slot)| {
            pieces::cut(V::KIND, &key_bytes(key), &value_bytes(V::KIND, &*slot.value))
        }))
    }

    fn take_changes(&mut self, changes: &mut Vec<Change>) {
        for (key, had) in std::mem::take(&mut self.changed) {
            let bytes = key_bytes(&key);
            let mut has = 0;
            if let Some(slot) = self.entries.get_mut(&key) {
                for (key, value) in pieces::cut(V::KIND, &bytes, &value_bytes(V::KIND, &*slot.value)) {
                    changes.push((key, Some(value)));
                    has += 1;
                }
                slot.rows = has;
            }
            changes.extend((has..had).map(|piece| (pieces::row_key(V::KIND, &bytes, piece), None)));
        }
    }

    fn load(&mut self, key: &[u8], value: &[u8], rows: u32) -> Result<(), EncodingError> {
        let what = V::KIND.what();
        let mut rest = key;
        let key = V::Key::read(&mut rest).filter(|_| rest.is_empty());
        let Some(key) = key else {
            let problem = format!("its key {} is not one", hex(rest));
            return Err(EncodingError::Malformed { what, problem });
        };
        let value = Arc::new(encoding::value(what, value)?);
        self.entries.insert(key, Slot { value, rows });
        Ok(())
    }
}

fn key_bytes(key: &impl RowKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.write(&mut bytes);
    bytes
}

fn value_bytes<V: Serialize>(kind: RowKind, value: &V) -> Vec<u8> {
    let mut bytes = Vec::new();
    // MessagePack refuses only sequences whose length is not known beforehand and what does not fit in u32::MAX items;
    // records are structs of numbers, text, bytes and collections out of entries of 256 KiB, written to memory.
    #[allow(clippy::expect_used)]
    encoding::append(kind.what(), value, &mut bytes).expect("records have an encoding");
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
