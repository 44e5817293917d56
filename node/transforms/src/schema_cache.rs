use std::sync::{Arc, PoisonError, RwLock};

use arrow::datatypes::SchemaRef;

/// Schemas that one step remembers; a source rarely alternates between more than a few.
const CAPACITY: usize = 32;

/// What has been compiled for the schemas seen last, shared by all threads.
pub(crate) struct SchemaCache<T> {
    entries: RwLock<Vec<(SchemaRef, Arc<T>)>>,
}

impl<T> SchemaCache<T> {
    pub fn new() -> Self {
        Self { entries: RwLock::new(Vec::new()) }
    }

    /// The entry for the schema, made when it is missing. Two threads may make the same entry at once; one is kept.
    pub fn get(&self, schema: &SchemaRef, make: impl FnOnce() -> T) -> Arc<T> {
        let find = |entries: &[(SchemaRef, Arc<T>)]| {
            let same = entries.iter().find(|(known, _)| Arc::ptr_eq(known, schema));
            same.or_else(|| entries.iter().find(|(known, _)| known == schema)).map(|(_, value)| value.clone())
        };
        // A panic elsewhere cannot leave the list half changed, so a poisoned lock is as good as any.
        if let Some(found) = find(&self.entries.read().unwrap_or_else(PoisonError::into_inner)) {
            return found;
        }
        let made = Arc::new(make());
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = find(&entries) {
            return found;
        }
        if entries.len() >= CAPACITY {
            entries.remove(0);
        }
        entries.push((schema.clone(), made.clone()));
        made
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    #[test]
    fn entries_are_made_once_and_bounded() {
        let cache = SchemaCache::new();
        let schema =
            |i: usize| Arc::new(Schema::new(vec![Field::new(format!("c{i}"), DataType::Int64, true)]));
        for i in 0..CAPACITY {
            assert_eq!(*cache.get(&schema(i), || i), i);
        }
        assert_eq!(*cache.get(&schema(0), || 99), 0, "an equal schema finds the entry");
        assert_eq!(*cache.get(&schema(CAPACITY), || 50), 50);
        assert_eq!(*cache.get(&schema(0), || 99), 99, "the oldest entry has made room");
    }
}
