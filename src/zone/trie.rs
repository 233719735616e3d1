//! A persistent hash trie: a copy costs one reference count, a change copies only the shards on its path.
//!
//! Leaves hold up to 32 values side by side, in the order of their hashes, and are split sixteen-fold when they overflow.
//! Values that are plain numbers are copied with their leaf at once, without a look at any of them.

use std::hint::black_box;
use std::sync::Arc;

use super::sorted;

/// Bits of the hash that one level takes.
const BITS: u32 = 4;
/// Children of a branch.
const FANOUT: usize = 1 << BITS;
/// Values in a leaf before it is split.
const LEAF: usize = 32;
/// Levels that a 32-bit hash is good for.
const DEPTH: u32 = 32 / BITS;

/// Values found by a 32-bit hash and an equality of the caller's. Several may have the same hash.
#[derive(Debug, Clone)]
pub struct Trie<T> {
    root: Shard<T>,
    len: usize,
}

#[derive(Debug, Clone)]
enum Shard<T> {
    Leaf(Arc<[(u32, T)]>),
    Branch(Arc<[Shard<T>; FANOUT]>),
}

/// A place on the way to the leaf of a hash.
#[derive(Debug)]
pub(super) struct Descent<'t, T> {
    shard: &'t Shard<T>,
    level: u32,
}

impl<T> Clone for Descent<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Descent<'_, T> {}

impl<'t, T> Descent<'t, T> {
    /// One step further, or where the way ends: the values among which those with this hash are, in the order of their
    /// hashes. Neither has been looked at.
    pub(super) fn next(self, hash: u32) -> Result<Self, &'t [(u32, T)]> {
        match self.shard {
            Shard::Branch(children) => Ok(Self { shard: &children[slot(hash, self.level)], level: self.level + 1 }),
            Shard::Leaf(values) => Err(values),
        }
    }

    /// Reads ahead: what the next step needs.
    pub(super) fn read(self) {
        black_box(matches!(self.shard, Shard::Leaf(_)));
    }
}

impl<T> Default for Trie<T> {
    fn default() -> Self {
        Self { root: Shard::Leaf(Arc::new([])), len: 0 }
    }
}

fn slot(hash: u32, level: u32) -> usize {
    (hash >> (level * BITS)) as usize & (FANOUT - 1)
}

impl<T> Trie<T> {
    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What `pick` makes of the first value with this hash that it takes.
    pub fn find<'t, R>(&'t self, hash: u32, pick: impl FnMut(&'t T) -> Option<R>) -> Option<R> {
        sorted::having(self.leaf(hash), hash, |(key, _)| *key).map(|(_, value)| value).find_map(pick)
    }

    /// The values among which those with this hash are, in the order of their hashes.
    fn leaf(&self, hash: u32) -> &[(u32, T)] {
        let mut walk = self.descent();
        loop {
            match walk.next(hash) {
                Ok(further) => walk = further,
                Err(leaf) => return leaf,
            }
        }
    }

    /// The way to a leaf, for whoever goes it step by step.
    pub(super) fn descent(&self) -> Descent<'_, T> {
        Descent { shard: &self.root, level: 0 }
    }

    /// All values, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let mut stack = vec![&self.root];
        let mut leaf: std::slice::Iter<'_, (u32, T)> = [].iter();
        std::iter::from_fn(move || {
            loop {
                if let Some((_, value)) = leaf.next() {
                    return Some(value);
                }
                match stack.pop()? {
                    Shard::Branch(children) => stack.extend(children.iter()),
                    Shard::Leaf(values) => leaf = values.iter(),
                }
            }
        })
    }
}

impl<T: Clone> Trie<T> {
    /// A walk over all values as they are now, in no order that means anything.
    #[must_use]
    pub fn walk(&self) -> Walk<T> {
        Walk { waiting: vec![self.root.clone()], leaf: Arc::new([]), at: 0 }
    }

    /// Adds a value.
    pub fn add(&mut self, hash: u32, value: T) {
        let (shard, level) = leaf_mut(&mut self.root, hash);
        let Shard::Leaf(values) = shard else { return };
        self.len += 1;
        let (lower, higher) = values.split_at(sorted::first(values, hash, |(key, _)| *key));
        let all = lower.iter().cloned().chain([(hash, value)]).chain(higher.iter().cloned());
        if values.len() < LEAF || level >= DEPTH {
            *values = all.collect();
        } else {
            *shard = split(all, level);
        }
    }

    /// Adds many values: the same are found then as after adding one after the other, those of one hash in any order.
    pub fn add_all(&mut self, mut values: Vec<(u32, T)>) {
        self.len += values.len();
        // Nothing to do for those that come so.
        values.sort_unstable_by_key(|(hash, _)| order(*hash));
        merge(&mut self.root, &values, 0);
    }

    /// Puts `value` in the place of the one for which `is` holds, or adds it.
    pub fn put(&mut self, hash: u32, value: T, is: impl Fn(&T) -> bool) {
        let (Shard::Leaf(values), _) = leaf_mut(&mut self.root, hash) else { return };
        match values.iter().position(|(key, old)| *key == hash && is(old)) {
            Some(index) => Arc::make_mut(values)[index].1 = value,
            None => self.add(hash, value),
        }
    }

    /// Takes out one value for which `is` holds.
    pub fn remove(&mut self, hash: u32, is: impl Fn(&T) -> bool) {
        let (Shard::Leaf(values), _) = leaf_mut(&mut self.root, hash) else { return };
        if let Some(index) = values.iter().position(|(key, value)| *key == hash && is(value)) {
            *values = values[..index].iter().chain(&values[index + 1..]).cloned().collect();
            self.len -= 1;
        }
    }
}

/// A walk over the values of a trie that can be interrupted, whatever becomes of the trie. It holds the shards that it has
/// still to visit.
#[derive(Debug)]
pub struct Walk<T> {
    waiting: Vec<Shard<T>>,
    leaf: Arc<[(u32, T)]>,
    at: usize,
}

impl<T: Clone> Iterator for Walk<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        loop {
            if let Some((_, value)) = self.leaf.get(self.at) {
                self.at += 1;
                return Some(value.clone());
            }
            match self.waiting.pop()? {
                Shard::Branch(children) => self.waiting.extend(children.iter().cloned()),
                Shard::Leaf(values) => (self.leaf, self.at) = (values, 0),
            }
        }
    }
}

/// The leaf that `hash` belongs to, with every branch on the way to it made our own.
fn leaf_mut<T: Clone>(root: &mut Shard<T>, hash: u32) -> (&mut Shard<T>, u32) {
    let mut shard = root;
    let mut level = 0;
    while let Shard::Branch(children) = shard {
        shard = &mut Arc::make_mut(children)[slot(hash, level)];
        level += 1;
    }
    (shard, level)
}

/// The order in which values lie side by side that belong to one shard, on every level: the hash with the bits of the first
/// level in front. The order of an order is the hash.
pub(super) fn order(hash: u32) -> u32 {
    let bytes = hash.swap_bytes();
    (bytes & 0x0f0f_0f0f) << BITS | (bytes >> BITS) & 0x0f0f_0f0f
}

/// Adds to a shard what belongs to it.
fn merge<T: Clone>(shard: &mut Shard<T>, mut values: &[(u32, T)], level: u32) {
    if values.is_empty() {
        return;
    }
    if let Shard::Leaf(known) = shard {
        if known.len() + values.len() <= LEAF || level >= DEPTH {
            let mut all: Vec<_> = known.iter().chain(values).cloned().collect();
            all.sort_by_key(|(hash, _)| *hash);
            *shard = Shard::Leaf(all.into());
            return;
        }
        *shard = split(known.iter().cloned(), level);
    }
    let Shard::Branch(children) = shard else { return };
    for (index, child) in Arc::make_mut(children).iter_mut().enumerate() {
        let (own, others) = values.split_at(values.partition_point(|(hash, _)| slot(*hash, level) <= index));
        merge(child, own, level + 1);
        values = others;
    }
}

fn split<T: Clone>(values: impl Iterator<Item = (u32, T)>, level: u32) -> Shard<T> {
    let mut parts: [Vec<(u32, T)>; FANOUT] = std::array::from_fn(|_| Vec::new());
    for (hash, value) in values {
        parts[slot(hash, level)].push((hash, value));
    }
    Shard::Branch(Arc::new(parts.map(|part| Shard::Leaf(part.into()))))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Behaves as a map does, and a copy taken at any time stays as it was.
        #[test]
        fn is_a_persistent_map(steps in prop::collection::vec((0u32..300, any::<Option<u8>>()), 0..800)) {
            let (mut trie, mut model) = (Trie::default(), BTreeMap::new());
            let (mut copy, mut copied) = (trie.clone(), model.clone());
            let (mut walk, mut walked) = (trie.walk(), model.clone());
            for (index, (key, value)) in steps.into_iter().enumerate() {
                // Only the low bits differ, so that leaves overflow on several levels; and two keys share each hash.
                let hash = key / 2 * 0x11;
                match value {
                    Some(value) => {
                        trie.put(hash, (key, value), |(other, _)| *other == key);
                        model.insert(key, value);
                    }
                    None => {
                        trie.remove(hash, |(other, _)| *other == key);
                        model.remove(&key);
                    }
                }
                if index % 97 == 0 {
                    (copy, copied) = (trie.clone(), model.clone());
                    prop_assert_eq!(walk.by_ref().collect::<BTreeMap<_, _>>(), walked);
                    prop_assert_eq!(walk.next(), None);
                    (walk, walked) = (trie.walk(), model.clone());
                }
            }
            for (trie, model) in [(&trie, &model), (&copy, &copied)] {
                prop_assert_eq!(trie.len(), model.len());
                prop_assert_eq!(&trie.iter().copied().collect::<BTreeMap<_, _>>(), model);
                for key in 0..300 {
                    let found = trie.find(key / 2 * 0x11, |(other, value)| (*other == key).then_some(value));
                    prop_assert_eq!(found, model.get(&key));
                }
            }
        }
    }

    proptest! {
        /// To add all is to add one after the other, whatever is there before.
        #[test]
        fn many_are_added_as_one_after_the_other(
            before in prop::collection::vec(0u32..5_000, 0..200),
            many in prop::collection::vec(prop_oneof![0u32..5_000, any::<u32>(), Just(7)], 0..600),
        ) {
            let mut one_by_one = Trie::default();
            before.iter().for_each(|hash| one_by_one.add(*hash, *hash));
            let mut at_once = one_by_one.clone();
            many.iter().for_each(|hash| one_by_one.add(*hash, *hash));
            at_once.add_all(many.iter().map(|hash| (*hash, *hash)).collect());
            prop_assert_eq!(at_once.len(), one_by_one.len());
            prop_assert_eq!(at_once.iter().collect::<Vec<_>>(), one_by_one.iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn values_of_one_hash_stay_together() {
        let mut trie = Trie::default();
        (0..100).for_each(|value| trie.add(7, value));
        assert_eq!((trie.len(), trie.iter().count()), (100, 100));
        assert_eq!(trie.find(7, |value| (*value == 99).then_some(())), Some(()));
    }
}
