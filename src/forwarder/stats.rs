//! Counters of the forwarder, for whoever publishes them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::forward::{Failure, Tally};

/// Upper bounds of the buckets of [`ForwardStats::latency`], in microseconds: 256 µs, doubled up to 4.2 s.
pub const LATENCY_BOUNDS: [u64; 15] = {
    let mut bounds = [0; 15];
    let mut index = 0;
    while index < bounds.len() {
        bounds[index] = 256 << index;
        index += 1;
    }
    bounds
};

/// What the forwarder has done since it began. Only ever goes up.
#[derive(Debug, Default)]
pub struct ForwardStats {
    /// Look-ups answered from the cache.
    pub hits: AtomicU64,
    /// Look-ups that found nothing fresh.
    pub misses: AtomicU64,
    /// Questions that joined an equal one under way.
    pub coalesced: AtomicU64,
    /// Questions turned away because too many were under way.
    pub too_many: AtomicU64,
    /// Queries sent over UDP.
    pub udp_queries: AtomicU64,
    /// Queries sent over TCP.
    pub tcp_queries: AtomicU64,
    /// Tries without a reply in time.
    pub timeouts: AtomicU64,
    /// Tries at an upstream that could not be reached.
    pub unreachable: AtomicU64,
    /// Replies with an error code.
    pub errors: AtomicU64,
    /// Replies to our question that were refused for their content.
    pub malformed: AtomicU64,
    /// Datagrams that were no reply to our question: forged, damaged or late.
    pub ignored: AtomicU64,
    /// Exchanges that ended without an answer.
    pub failed: AtomicU64,
    /// Exchanges that ended with an answer, by how long they took: one bucket per [`LATENCY_BOUNDS`] (not
    /// cumulative) and one for what took longer.
    pub latency: [AtomicU64; LATENCY_BOUNDS.len() + 1],
    /// Time that they took together, in microseconds.
    pub latency_sum: AtomicU64,
}

impl ForwardStats {
    pub(super) fn count_lookup(&self, hit: bool) {
        if hit { &self.hits } else { &self.misses }.fetch_add(1, Relaxed);
    }

    pub(super) fn count_coalesced(&self) {
        self.coalesced.fetch_add(1, Relaxed);
    }

    pub(super) fn count_too_many(&self) {
        self.too_many.fetch_add(1, Relaxed);
    }

    pub(super) fn count_exchange(&self, tally: Tally, took: Duration, failure: Option<&Failure>) {
        for (counter, count) in [
            (&self.udp_queries, tally.udp),
            (&self.tcp_queries, tally.tcp),
            (&self.timeouts, tally.timeouts),
            (&self.unreachable, tally.unreachable),
            (&self.errors, tally.errors),
            (&self.malformed, tally.malformed),
            (&self.ignored, tally.ignored),
        ] {
            counter.fetch_add(u64::from(count), Relaxed);
        }
        if failure.is_some() {
            self.failed.fetch_add(1, Relaxed);
            return;
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = self.latency.get(bucket) {
            bucket.fetch_add(1, Relaxed);
        }
        self.latency_sum.fetch_add(micros, Relaxed);
    }
}
