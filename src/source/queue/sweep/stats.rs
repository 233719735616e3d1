//! What has become of the queues of hosts that are gone, for metrics.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Counts of queues. Shared behind an `Arc`.
#[derive(Debug, Default)]
pub struct SweepStats {
    removed: AtomicU64,
    failed: AtomicU64,
    abandoned: AtomicUsize,
}

impl SweepStats {
    /// Queues removed, ever.
    #[must_use]
    pub fn removed(&self) -> u64 {
        self.removed.load(Relaxed)
    }

    /// Tries to remove one that failed, ever.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    /// Queues of hosts that were gone in the last round.
    #[must_use]
    pub fn abandoned(&self) -> usize {
        self.abandoned.load(Relaxed)
    }

    pub(super) fn note_removed(&self) {
        self.removed.fetch_add(1, Relaxed);
    }

    pub(super) fn note_failed(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

    pub(super) fn note_abandoned(&self, count: usize) {
        self.abandoned.store(count, Relaxed);
    }
}
