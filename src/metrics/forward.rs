//! What is exported of the forwarder.

use std::array;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::table::{self, Metric};
use super::{Metrics, Samples, float};
use crate::forward::Reject;
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
            samples.labelled(&["tls"], float(forwarder.stats().tls_queries.load(Relaxed)));
            samples.labelled(&["probe"], float(forwarder.stats().probes.load(Relaxed)));
        });
        provide(&table::FORWARD_FAILURES, failures);
        provide(&table::FORWARD_REJECTED, |forwarder, samples| {
            for (reject, counter) in Reject::ALL.iter().zip(&forwarder.stats().rejects) {
                samples.labelled(&[reject.label()], float(counter.load(Relaxed)));
            }
        });
        provide(&table::FORWARD_RETRIES, |forwarder, samples| {
            samples.labelled(&["hedged"], float(forwarder.stats().hedged.load(Relaxed)));
            samples.labelled(&["without_edns"], float(forwarder.stats().without_edns.load(Relaxed)));
        });
        provide(&table::FORWARD_SHED, shed);
        provide(&table::FORWARD_DOWNS, |forwarder, samples| {
            samples.labelled(&["down"], float(forwarder.stats().downs.load(Relaxed)));
            samples.labelled(&["loop"], float(forwarder.stats().loops.load(Relaxed)));
        });
        provide(&table::FORWARD_UP, up);
        provide(&table::FORWARD_RTT, round_trips);
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
        provide(&table::CACHE_STALE, |forwarder, samples| {
            samples.value(float(forwarder.stats().stale.load(Relaxed)));
        });
        provide(&table::CACHE_RENEWED, |forwarder, samples| {
            samples.value(float(forwarder.stats().renewed.load(Relaxed)));
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
        ("failed", &stats.failed),
        ("held", &stats.held),
        ("too_many", &stats.too_many),
        ("over_share", &stats.over_share),
        ("rebind", &stats.rebinds),
        ("zero_ttl", &stats.zero_ttl),
    ] {
        samples.labelled(&[reason], float(counter.load(Relaxed)));
    }
}

fn shed(forwarder: &Forwarder, samples: &mut Samples) {
    let stats = forwarder.stats();
    for (how, counter) in
        [("stale", &stats.shed_stale), ("waited", &stats.shed_waited), ("refused", &stats.shed_refused)]
    {
        samples.labelled(&[how], float(counter.load(Relaxed)));
    }
}

fn up(forwarder: &Forwarder, samples: &mut Samples) {
    for upstream in forwarder.upstreams() {
        samples.labelled(&[&upstream.server.to_string()], f64::from(u8::from(upstream.health.is_up())));
    }
}

fn round_trips(forwarder: &Forwarder, samples: &mut Samples) {
    for upstream in forwarder.upstreams() {
        if let Some(rtt) = upstream.health.rtt() {
            samples.labelled(&[&upstream.server.to_string()], rtt.mean.as_secs_f64());
        }
    }
}
