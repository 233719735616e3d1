//! Numbers for what the index finds by number.

use std::collections::BTreeSet;

/// Numbers that are given out and come back. The lowest are used first, so that the shards stay full.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    next: u32,
    free: BTreeSet<u32>,
}

impl Numbers {
    /// The lowest that is not given out.
    pub(super) fn take(&mut self) -> u32 {
        self.free.pop_first().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        })
    }

    /// Takes one back.
    pub(super) fn give_back(&mut self, number: u32) {
        self.free.insert(number);
    }
}
