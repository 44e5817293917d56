use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

/// Entries of a leaf before it is split in two.
const LEAF: usize = 256;

/// An ordered map whose clones share their leaves: a clone costs a few hundredths of the map, and a change afterwards
/// copies the one leaf that it touches. So a snapshot of a large state does not hold up the entries that follow.
#[derive(Debug, Clone)]
pub(crate) struct CowMap<K, V> {
    /// Never empty leaves, in the order of their keys, each under a key that is not above its first one and above all
    /// of the leaf before.
    leaves: BTreeMap<K, Arc<Leaf<K, V>>>,
    len: usize,
}

#[derive(Debug, Clone)]
struct Leaf<K, V>(Vec<(K, V)>);

impl<K, V> Default for CowMap<K, V> {
    fn default() -> Self {
        Self { leaves: BTreeMap::new(), len: 0 }
    }
}

impl<K: Ord + Clone, V: Clone> CowMap<K, V> {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        let (_, leaf) = self.leaves.range(..=key).next_back()?;
        let at = leaf.find(key).ok()?;
        leaf.0.get(at).map(|(_, value)| value)
    }

    /// For a change in place, which copies the leaf when a clone shares it.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let (_, leaf) = self.leaves.range_mut(..=key).next_back()?;
        let at = leaf.find(key).ok()?;
        Arc::make_mut(leaf).0.get_mut(at).map(|(_, value)| value)
    }

    /// Gives the value that was there before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.leaves.range(..=&key).next_back().is_none() {
            // It comes before all: the first leaf, if there is one, now begins with it.
            let first = self.leaves.pop_first().map_or_else(|| Arc::new(Leaf(Vec::new())), |(_, leaf)| leaf);
            self.leaves.insert(key.clone(), first);
        }
        let (_, leaf) = self.leaves.range_mut(..=&key).next_back()?;
        let leaf = Arc::make_mut(leaf);
        match leaf.find(&key) {
            Ok(at) => leaf.0.get_mut(at).map(|(_, known)| std::mem::replace(known, value)),
            Err(at) => {
                leaf.0.insert(at, (key, value));
                self.len += 1;
                let upper = (leaf.0.len() > LEAF).then(|| leaf.0.split_off(LEAF / 2));
                if let Some(upper) = upper
                    && let Some((bound, _)) = upper.first()
                {
                    self.leaves.insert(bound.clone(), Arc::new(Leaf(upper)));
                }
                None
            }
        }
    }

    pub fn remove(&mut self, key: &K) -> Option<V> {
        let (bound, leaf) = self.leaves.range_mut(..=key).next_back()?;
        let at = leaf.find(key).ok()?;
        let leaf = Arc::make_mut(leaf);
        let (_, value) = leaf.0.remove(at);
        self.len -= 1;
        if leaf.0.is_empty() {
            let bound = bound.clone();
            self.leaves.remove(&bound);
        }
        Some(value)
    }

    pub fn first(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    pub fn last(&self) -> Option<(&K, &V)> {
        self.iter().next_back()
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.leaves.values().flat_map(|leaf| leaf.0.iter().map(|(key, value)| (key, value)))
    }

    /// Nothing when the end is before the beginning.
    pub fn range<R: RangeBounds<K>>(&self, range: R) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        let begin = match range.start_bound() {
            Bound::Included(key) | Bound::Excluded(key) => {
                self.leaves.range(..=key).next_back().map(|(b, _)| b)
            }
            Bound::Unbounded => None,
        };
        let begin = begin.map_or(Bound::Unbounded, Bound::Included);
        let end = range.end_bound();
        // A map refuses a range that ends before it begins.
        let is_range = match (begin, end) {
            (Bound::Included(begin), Bound::Included(end) | Bound::Excluded(end)) => begin <= end,
            _ => true,
        };
        let leaves = is_range.then(|| self.leaves.range::<K, _>((begin, end))).into_iter().flatten();
        leaves.flat_map(move |(_, leaf)| leaf.range(&range).iter().map(|(key, value)| (key, value)))
    }
}

impl<K: Ord, V> Leaf<K, V> {
    fn find(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(key))
    }

    fn range(&self, range: &impl RangeBounds<K>) -> &[(K, V)] {
        let is_before = |(key, _): &(K, V)| match range.start_bound() {
            Bound::Included(start) => key < start,
            Bound::Excluded(start) => key <= start,
            Bound::Unbounded => false,
        };
        let is_within = |(key, _): &(K, V)| match range.end_bound() {
            Bound::Included(end) => key <= end,
            Bound::Excluded(end) => key < end,
            Bound::Unbounded => true,
        };
        let (begin, end) = (self.0.partition_point(is_before), self.0.partition_point(is_within));
        self.0.get(begin..end).unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Insert(u16, u32),
        Remove(u16),
        Change(u16),
        Clone,
    }

    fn step() -> impl Strategy<Value = Step> {
        // Few enough keys to meet again, enough for many leaves.
        let key = || 0u16..2_000;
        prop_oneof![
            12 => (key(), any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
            7 => key().prop_map(Step::Remove),
            2 => key().prop_map(Step::Change),
            1 => Just(Step::Clone),
        ]
    }

    fn same(map: &CowMap<u16, u32>, model: &BTreeMap<u16, u32>) -> bool {
        let bounds: Vec<&u16> = map.leaves.keys().collect();
        let firsts = map.leaves.values().map(|leaf| &leaf.0.first().unwrap().0);
        let lasts = map.leaves.values().map(|leaf| &leaf.0.last().unwrap().0);
        map.len() == model.len()
            && map.iter().eq(model.iter())
            && map.iter().rev().eq(model.iter().rev())
            && (map.first(), map.last()) == (model.first_key_value(), model.last_key_value())
            && map.leaves.values().all(|leaf| leaf.0.len() <= LEAF)
            && bounds.iter().copied().zip(firsts).all(|(bound, first)| bound <= first)
            && bounds.iter().skip(1).copied().zip(lasts).all(|(bound, last)| last < bound)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn it_is_a_map(
            steps in proptest::collection::vec(step(), 0..4_000),
            probes in proptest::collection::vec((0u16..2_100, 0u16..2_100), 40),
        ) {
            let (mut map, mut model) = (CowMap::default(), BTreeMap::new());
            let mut clones: Vec<(CowMap<u16, u32>, BTreeMap<u16, u32>)> = Vec::new();
            for step in steps {
                match step {
                    Step::Insert(key, value) => prop_assert_eq!(map.insert(key, value), model.insert(key, value)),
                    Step::Remove(key) => prop_assert_eq!(map.remove(&key), model.remove(&key)),
                    Step::Change(key) => {
                        let (ours, theirs) = (map.get_mut(&key), model.get_mut(&key));
                        prop_assert_eq!(&ours, &theirs);
                        ours.into_iter().chain(theirs).for_each(|value| *value = value.wrapping_add(1));
                    }
                    Step::Clone if clones.len() < 8 => clones.push((map.clone(), model.clone())),
                    Step::Clone => {}
                }
            }
            prop_assert!(same(&map, &model));
            for (clone, model) in &clones {
                prop_assert!(same(clone, model), "a clone does not see what comes after it");
            }
            for (a, b) in probes {
                prop_assert_eq!(map.get(&a), model.get(&a));
                let (low, high) = (a.min(b), a.max(b));
                prop_assert!(map.range(low..).eq(model.range(low..)));
                prop_assert!(map.range(..high).eq(model.range(..high)));
                prop_assert!(map.range(low..high).eq(model.range(low..high)));
                prop_assert!(map.range(low..=high).rev().eq(model.range(low..=high).rev()));
                let open = (Bound::Excluded(low), Bound::Included(high));
                prop_assert!(map.range(open).eq(model.iter().filter(|(key, _)| low < **key && **key <= high)));
                if low < high {
                    prop_assert_eq!(map.range(high..low).next(), None);
                }
            }
        }
    }

    #[test]
    fn keys_that_fall_fill_one_leaf_after_the_other() {
        let mut map = CowMap::default();
        for key in (0..10_000u32).rev() {
            map.insert(key, key);
        }
        assert_eq!(map.len(), 10_000);
        assert!(map.iter().map(|(key, _)| *key).eq(0..10_000));
        assert!(map.leaves.len() < 10_000 / (LEAF / 2) + 2);
        for key in 0..10_000 {
            assert_eq!(map.remove(&key), Some(key));
        }
        assert!(map.leaves.is_empty() && map.first().is_none());
    }

    #[test]
    fn a_change_copies_one_leaf() {
        let mut map: CowMap<u32, u32> = CowMap::default();
        for key in 0..10_000 {
            map.insert(key, key);
        }
        let clone = map.clone();
        map.insert(5_000, 0);
        let shared =
            map.leaves.values().zip(clone.leaves.values()).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert_eq!(shared, map.leaves.len() - 1);
        assert_eq!((clone.get(&5_000), map.get(&5_000)), (Some(&5_000), Some(&0)));
    }
}
