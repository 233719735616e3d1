//! What is exported of the forwarder.

use std::array;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::table::{self, Metric};
use super::{Metrics, Samples, float};
use crate::forwarder::{Forwarder, LATENCY_BOUNDS};

impl Metrics {
    /// Exports the counters of `forwarder` and the size of its cache.
    pub fn provide_forwarder(&self, forwarder: &Arc<Forwarder>) {
        let provide = |metric: &'static Metric, read: fn(&Forwarder, &mut Samples)| {
            let forwarder = Arc::clone(forwarder);
            self.provide(metric, move |samples| read(&forwarder, samples));
        };
        provide(&table::FORWARD_REQUESTS, |forwarder, samples| {
            samples.labelled(&["udp"], float(forwarder.stats().udp_queries.load(Relaxed)));
            samples.labelled(&["tcp"], float(forwarder.stats().tcp_queries.load(Relaxed)));
        });
        provide(&table::FORWARD_FAILURES, failures);
        provide(&table::FORWARD_COALESCED, |forwarder, samples| {
            samples.value(float(forwarder.stats().coalesced.load(Relaxed)));
        });
        provide(&table::FORWARD_DURATION, |forwarder, samples| {
            let stats = forwarder.stats();
            let counts: [u64; LATENCY_BOUNDS.len() + 1] =
                array::from_fn(|bucket| stats.latency.get(bucket).map_or(0, |count| count.load(Relaxed)));
            samples.durations(&LATENCY_BOUNDS, &counts, float(stats.latency_sum.load(Relaxed)));
        });
        provide(&table::FORWARD_IN_FLIGHT, |forwarder, samples| {
            samples.value(float(u64::try_from(forwarder.in_flight()).unwrap_or(u64::MAX)));
        });
        provide(&table::CACHE_HITS, |forwarder, samples| samples.value(float(forwarder.stats().hits.load(Relaxed))));
        provide(&table::CACHE_MISSES, |forwarder, samples| {
            samples.value(float(forwarder.stats().misses.load(Relaxed)));
        });
        provide(&table::CACHE_ENTRIES, |forwarder, samples| samples.value(float(forwarder.entries())));
        provide(&table::CACHE_BYTES, |forwarder, samples| samples.value(float(forwarder.cache_bytes())));
    }
}

fn failures(forwarder: &Forwarder, samples: &mut Samples) {
    let stats = forwarder.stats();
    for (reason, counter) in [
        ("timeout", &stats.timeouts),
        ("unreachable", &stats.unreachable),
        ("error", &stats.errors),
        ("malformed", &stats.malformed),
        ("ignored", &stats.ignored),
        ("failed", &stats.failed),
        ("too_many", &stats.too_many),
    ] {
        samples.labelled(&[reason], float(counter.load(Relaxed)));
    }
}
