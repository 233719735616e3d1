//! A persistent hash trie: a copy costs one reference count, a change copies only the shards on its path.
//!
//! Leaves hold up to 64 values and are split sixteen-fold when they overflow. While nobody else holds a copy, changes
//! are made in place, which is what makes loading a whole fleet cheap.

use std::sync::Arc;

/// Bits of the hash that one level takes.
const BITS: u32 = 4;
/// Children of a branch.
const FANOUT: usize = 1 << BITS;
/// Values in a leaf before it is split.
const LEAF: usize = 64;
/// Levels that a 64-bit hash is good for.
const DEPTH: u32 = 64 / BITS;

/// A set of values found by a 64-bit hash and an equality of the caller's.
#[derive(Debug, Clone)]
pub struct Trie<T> {
    root: Arc<Shard<T>>,
    len: usize,
}

#[derive(Debug, Clone)]
enum Shard<T> {
    Leaf(Vec<(u64, T)>),
    Branch(Box<[Arc<Shard<T>>; FANOUT]>),
}

impl<T: Clone> Default for Trie<T> {
    fn default() -> Self {
        Self { root: Arc::new(Shard::Leaf(Vec::new())), len: 0 }
    }
}

fn slot(hash: u64, level: u32) -> usize {
    (hash >> (level * BITS)) as usize & (FANOUT - 1)
}

impl<T: Clone> Trie<T> {
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

    /// The value with this hash for which `is` holds.
    pub fn get(&self, hash: u64, is: impl Fn(&T) -> bool) -> Option<&T> {
        let mut shard = &self.root;
        let mut level = 0;
        loop {
            match &**shard {
                Shard::Branch(children) => {
                    shard = &children[slot(hash, level)];
                    level += 1;
                }
                Shard::Leaf(values) => {
                    return values.iter().find(|(key, value)| *key == hash && is(value)).map(|(_, value)| value);
                }
            }
        }
    }

    /// Puts `value` in the place of the one for which `is` holds, or adds it.
    pub fn insert(&mut self, hash: u64, value: T, is: impl Fn(&T) -> bool) {
        let (leaf, level) = leaf_mut(&mut self.root, hash);
        let Shard::Leaf(values) = leaf else { return };
        if let Some((_, old)) = values.iter_mut().find(|(key, old)| *key == hash && is(old)) {
            *old = value;
            return;
        }
        values.push((hash, value));
        self.len += 1;
        if values.len() > LEAF && level < DEPTH {
            let values = std::mem::take(values);
            *leaf = split(values, level);
        }
    }

    /// Takes out the value for which `is` holds.
    pub fn remove(&mut self, hash: u64, is: impl Fn(&T) -> bool) {
        let (leaf, _) = leaf_mut(&mut self.root, hash);
        let Shard::Leaf(values) = leaf else { return };
        if let Some(index) = values.iter().position(|(key, value)| *key == hash && is(value)) {
            values.swap_remove(index);
            self.len -= 1;
        }
    }

    /// All values, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let mut stack = vec![&*self.root];
        let mut leaf: std::slice::Iter<'_, (u64, T)> = [].iter();
        std::iter::from_fn(move || {
            loop {
                if let Some((_, value)) = leaf.next() {
                    return Some(value);
                }
                match stack.pop()? {
                    Shard::Branch(children) => stack.extend(children.iter().map(|child| &**child)),
                    Shard::Leaf(values) => leaf = values.iter(),
                }
            }
        })
    }
}

/// The leaf that `hash` belongs to, with every shard on the way to it made our own.
fn leaf_mut<T: Clone>(root: &mut Arc<Shard<T>>, hash: u64) -> (&mut Shard<T>, u32) {
    let mut shard = Arc::make_mut(root);
    let mut level = 0;
    while let Shard::Branch(children) = shard {
        shard = Arc::make_mut(&mut children[slot(hash, level)]);
        level += 1;
    }
    (shard, level)
}

fn split<T>(values: Vec<(u64, T)>, level: u32) -> Shard<T> {
    let mut parts: [Vec<(u64, T)>; FANOUT] = std::array::from_fn(|_| Vec::with_capacity(LEAF / FANOUT * 2));
    for (hash, value) in values {
        parts[slot(hash, level)].push((hash, value));
    }
    Shard::Branch(Box::new(parts.map(|part| Arc::new(Shard::Leaf(part)))))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Behaves as a map does, and a copy taken at any time stays as it was.
        #[test]
        fn is_a_persistent_map(steps in prop::collection::vec((0u64..300, any::<Option<u8>>()), 0..800)) {
            let (mut trie, mut model) = (Trie::default(), BTreeMap::new());
            let (mut copy, mut copied) = (trie.clone(), model.clone());
            for (index, (key, value)) in steps.into_iter().enumerate() {
                // Only the low bits differ, so that leaves overflow on several levels.
                let hash = key * 0x11;
                match value {
                    Some(value) => {
                        trie.insert(hash, (key, value), |(other, _)| *other == key);
                        model.insert(key, value);
                    }
                    None => {
                        trie.remove(hash, |(other, _)| *other == key);
                        model.remove(&key);
                    }
                }
                if index % 97 == 0 {
                    (copy, copied) = (trie.clone(), model.clone());
                }
            }
            for (trie, model) in [(&trie, &model), (&copy, &copied)] {
                prop_assert_eq!(trie.len(), model.len());
                prop_assert_eq!(&trie.iter().copied().collect::<BTreeMap<_, _>>(), model);
                for key in 0..300 {
                    let found = trie.get(key * 0x11, |(other, _)| *other == key).map(|(_, value)| value);
                    prop_assert_eq!(found, model.get(&key));
                }
            }
        }
    }
}
