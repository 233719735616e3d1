//! Finding a hash among values that lie in the order of their hashes.
//!
//! Hashes are spread evenly, so a value is not far from where it would be if they were so exactly: mostly in the line of
//! memory that is read first, however many there are.

/// Where values with this hash would be if the hashes were spread exactly evenly.
pub fn guess<T>(values: &[T], hash: u32) -> usize {
    (u64::from(hash) * values.len() as u64 >> 32) as usize
}

/// The index of the first value that has this hash or a higher one.
pub fn first<T>(values: &[T], hash: u32, of: impl Fn(&T) -> u32) -> usize {
    let mut at = guess(values, hash);
    while at.checked_sub(1).and_then(|before| values.get(before)).is_some_and(|value| of(value) >= hash) {
        at -= 1;
    }
    while values.get(at).is_some_and(|value| of(value) < hash) {
        at += 1;
    }
    at
}

/// The values that have this hash.
pub fn having<T>(values: &[T], hash: u32, of: impl Fn(&T) -> u32) -> impl Iterator<Item = &T> {
    let from = values.get(first(values, hash, &of)..).unwrap_or_default();
    from.iter().take_while(move |value| of(value) == hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the hashes are, also when they are not spread evenly at all.
        #[test]
        fn the_first_is_found_wherever_it_is(
            mut hashes in prop::collection::vec(prop_oneof![any::<u32>(), 0u32..50, Just(u32::MAX)], 0..100),
            asked in prop_oneof![any::<u32>(), 0u32..50, Just(u32::MAX)],
        ) {
            hashes.sort_unstable();
            for hash in hashes.iter().copied().chain([asked]) {
                prop_assert_eq!(first(&hashes, hash, |hash| *hash), hashes.partition_point(|other| *other < hash));
                let having = having(&hashes, hash, |hash| *hash).count();
                prop_assert_eq!(having, hashes.iter().filter(|other| **other == hash).count());
            }
        }
    }
}
