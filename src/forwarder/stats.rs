//! Counters of the forwarder, for whoever publishes them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::forward::{Failure, Reject, Tally};

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
    /// Questions answered with a stale answer.
    pub stale: AtomicU64,
    /// Popular answers that were renewed before their time was over.
    pub renewed: AtomicU64,
    /// Questions not asked because they had just failed.
    pub held: AtomicU64,
    /// Questions that joined an equal one under way.
    pub coalesced: AtomicU64,
    /// Questions turned away because too many were under way.
    pub too_many: AtomicU64,
    /// Questions turned away because their client had its share under way already.
    pub over_share: AtomicU64,
    /// Questions that a stale answer was given to because the rate was used up.
    pub shed_stale: AtomicU64,
    /// Exchanges that had to wait because the rate was used up.
    pub shed_waited: AtomicU64,
    /// Exchanges that were given up because the rate was used up.
    pub shed_refused: AtomicU64,
    /// Queries sent over UDP.
    pub udp_queries: AtomicU64,
    /// Queries sent over TCP.
    pub tcp_queries: AtomicU64,
    /// Queries sent over TLS.
    pub tls_queries: AtomicU64,
    /// Queries sent to find out whether an upstream is there, and whether it leads back to us.
    pub probes: AtomicU64,
    /// Queries sent while an earlier one for the same question was still awaited.
    pub hedged: AtomicU64,
    /// Queries sent again without EDNS.
    pub without_edns: AtomicU64,
    /// Upstreams found to lead back to us.
    pub loops: AtomicU64,
    /// Times that an upstream stopped answering.
    pub downs: AtomicU64,
    /// Tries without a reply in time.
    pub timeouts: AtomicU64,
    /// Tries at an upstream that could not be reached.
    pub unreachable: AtomicU64,
    /// Replies with an error code.
    pub errors: AtomicU64,
    /// What came from upstreams and was not taken, in the order of [`Reject::ALL`].
    pub rejects: [AtomicU64; Reject::ALL.len()],
    /// Answers withheld because they had private addresses.
    pub rebinds: AtomicU64,
    /// Answers with a TTL of 0 (or above 2^31, which counts as 0): passed on, not kept.
    pub zero_ttl: AtomicU64,
    /// Exchanges that ended without an answer.
    pub failed: AtomicU64,
    /// Exchanges that ended with an answer, by how long they took: one bucket per [`LATENCY_BOUNDS`] (not
    /// cumulative) and one for what took longer.
    pub latency: [AtomicU64; LATENCY_BOUNDS.len() + 1],
    /// Time that they took together, in microseconds.
    pub latency_sum: AtomicU64,
}

/// Counts one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

impl ForwardStats {
    pub(super) fn count_lookup(&self, hit: bool) {
        count(if hit { &self.hits } else { &self.misses });
    }

    pub(super) fn count_exchange(&self, tally: Tally, took: Duration, failure: Option<&Failure>) {
        for (counter, count) in [
            (&self.udp_queries, tally.udp),
            (&self.tcp_queries, tally.tcp),
            (&self.tls_queries, tally.tls),
            (&self.hedged, tally.hedged),
            (&self.without_edns, tally.without_edns),
            (&self.timeouts, tally.timeouts),
            (&self.unreachable, tally.unreachable),
            (&self.errors, tally.errors),
        ] {
            counter.fetch_add(u64::from(count), Relaxed);
        }
        for (counter, count) in self.rejects.iter().zip(tally.rejects.counts()) {
            counter.fetch_add(u64::from(count), Relaxed);
        }
        if let Some(failure) = failure {
            count(&self.failed);
            if *failure == Failure::NotSent {
                count(&self.shed_refused);
            }
            return;
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = self.latency.get(bucket) {
            count(bucket);
        }
        self.latency_sum.fetch_add(micros, Relaxed);
    }
}
