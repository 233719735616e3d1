//! What the daemon tells about itself: readiness, metrics, dumps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::feed::Prepared;
use super::readiness;
use super::wording::counted;
use crate::dns::DomainName;
use crate::ecs::Timestamp;
use crate::forwarder::Forwarder;
use crate::http::{self, Flush, HttpState, Readiness, Unavailable};
use crate::inventory::Document;
use crate::inventory::drift::Told;
use crate::metrics::{Metrics, Samples, table};
use crate::snapshot::Shared;
use crate::source::Updates;
use crate::source::clock::Clock;
use crate::source::events::stats::{BOUNDS, Durations, EventStats};
use crate::source::status::{SourceStatus, StatusReport};
use crate::systemd;
use crate::updater::UpdaterStats;
use crate::zone::text;

/// Time between two looks at what `systemctl status` should say.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

/// The places that are read for reports.
#[derive(Clone)]
pub(super) struct Reporter {
    pub(super) shared: Shared,
    pub(super) stats: Arc<UpdaterStats>,
    pub(super) status: Arc<SourceStatus>,
    pub(super) clock: Clock,
    pub(super) feed: Prepared,
    pub(super) events: Arc<EventStats>,
    /// Whether a copy of the hosted zone is kept.
    pub(super) reads_zone: bool,
    /// What is wrong around us at present: addresses that are not there, upstreams that are down.
    pub(super) around: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
}

impl Reporter {
    fn readiness(&self) -> Readiness {
        let sync = Arc::clone(&self.shared.load().zone.sync);
        let full = self.stats.full.load(Ordering::Relaxed);
        let (report, around) = (self.status.report(), (self.around)());
        readiness::of((&self.feed, self.reads_zone), &sync, &report, (full, around), self.clock.now())
    }

    /// Keeps the line of `systemctl status` true.
    pub(super) async fn tell_status(self) {
        let mut told = String::new();
        loop {
            let line = self.status_line();
            if line != told {
                systemd::status(&line);
                told = line;
            }
            tokio::time::sleep(STATUS_INTERVAL).await;
        }
    }

    fn status_line(&self) -> String {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let sizes = format!("{} services, {} tasks", count(&self.stats.services), count(&self.stats.tasks));
        let Readiness { reasons, warnings, .. } = self.readiness();
        match reasons.first().or(warnings.first()) {
            Some(trouble) => format!("{sizes}; {trouble}"),
            None => sizes,
        }
    }

    /// The providers of the HTTP pages.
    /// A controller has no `forwarder`, and so no cache.
    pub(super) fn http_state(
        &self,
        metrics: Arc<Metrics>,
        updates: Updates,
        forwarder: Option<&Arc<Forwarder>>,
    ) -> HttpState {
        let [listed, printed, flushed] = [forwarder; 3].map(Option::<&Arc<Forwarder>>::cloned);
        let (reporter, shared) = (self.clone(), self.shared.clone());
        HttpState {
            readiness: Arc::new(move || reporter.readiness()),
            metrics: Arc::new(move || metrics.encode()),
            inventory: http::document(move || {
                let updates = updates.clone();
                async move {
                    let document = updates.ask(Document::of).await.map_err(|error| Unavailable(error.to_string()))?;
                    write(move || serde_json::to_string_pretty(&document))
                        .await?
                        .map_err(|error| Unavailable(error.to_string()))
                }
            }),
            zone: http::document(move || {
                let zone = shared.load().zone.clone();
                async move { write(move || text::master_file(&zone)).await }
            }),
            cache: http::document(move || {
                let forwarder = listed.clone();
                async move { write(move || forwarder.map_or_else(String::new, |it| it.listing())).await }
            }),
            cache_json: http::document(move || {
                let forwarder = printed.clone();
                async move {
                    write(move || forwarder.map_or_else(String::new, |it| format!("{:#}\n", it.listing_json()))).await
                }
            }),
            flush: Arc::new(move |flush| {
                let forwarder = flushed.clone();
                let forget = move || forwarder.map_or(0, |forwarder| forget(&forwarder, &flush));
                Box::pin(write(move || format!("{} forgotten\n", counted(forget(), "answer"))))
            }),
        }
    }

    /// Exports what the other rooms count.
    pub(super) fn register(&self, metrics: &Metrics, forwarder: &Arc<Forwarder>) {
        metrics.provide_forwarder(forwarder);
        self.register_reading(metrics);
        self.register_events(metrics);
    }

    /// Exports what updater and sources count.
    pub(super) fn register_reading(&self, metrics: &Metrics) {
        self.register_updater(metrics);
        let (status, clock, label) = (Arc::clone(&self.status), self.clock, self.feed.label());
        metrics.provide(&table::SOURCE_AGE, move |samples| {
            let (report, now) = (status.report(), clock.now());
            let age = |since: &Timestamp| now.duration_since(*since).as_secs_f64().max(0.0);
            report.read().values().min().iter().for_each(|oldest| samples.labelled(&[label], age(oldest)));
            report.events.iter().for_each(|events| samples.labelled(&["events"], age(&events.heard)));
            report.hosted_zone.iter().for_each(|read| samples.labelled(&["route53"], age(read)));
        });
        let shared = self.shared.clone();
        metrics.provide(&table::INVENTORY_STALE, move |samples| {
            samples.value(f64::from(u8::from(shared.load().ede.is_some())));
        });
        self.register_source(metrics);
    }

    fn register_events(&self, metrics: &Metrics) {
        let provide = |metric, read: fn(&EventStats, &mut Samples)| {
            let stats = Arc::clone(&self.events);
            metrics.provide(metric, move |samples| read(&stats, samples));
        };
        self.register_heard(metrics);
        provide(&table::EVENT_PROPAGATION, |stats, samples| durations(&stats.propagation, samples));
        provide(&table::EVENT_SERVING, |stats, samples| durations(&stats.serving, samples));
        provide(&table::EVENTS_HELD, |stats, samples| {
            let in_vain = value(&stats.held_in_vain);
            samples.labelled(&["looked"], value(&stats.held) - in_vain);
            samples.labelled(&["in_vain"], in_vain);
        });
        provide(&table::EVENTS_QUEUE_SHARED, |stats, samples| {
            samples.value(f64::from(u8::from(stats.queue_shared.load(Ordering::Relaxed))));
        });
    }

    /// Exports which events were received, and how often health is looked at.
    pub(super) fn register_heard(&self, metrics: &Metrics) {
        let stats = Arc::clone(&self.events);
        metrics.provide(&table::EVENTS, move |samples| {
            stats.events().for_each(|(kind, verdict, count)| samples.labelled(&[kind, verdict], count as f64));
        });
        let stats = Arc::clone(&self.events);
        metrics.provide(&table::HEALTH_INTERVAL, move |samples| samples.value(value(&stats.health_interval) / 1e3));
    }

    fn register_source(&self, metrics: &Metrics) {
        let provide = |metric, read: fn(StatusReport, &mut Samples)| {
            let status = Arc::clone(&self.status);
            metrics.provide(metric, move |samples| read(status.report(), samples));
        };
        provide(&table::SOURCE_INTERVAL, |report, samples| {
            report.interval.iter().for_each(|interval| samples.value(interval.effective.as_secs_f64()));
        });
        provide(&table::SOURCE_PASS_DURATION, |report, samples| {
            report.last_pass.iter().for_each(|took| samples.value(took.as_secs_f64()));
        });
        provide(&table::SOURCE_PASSES, |report, samples| {
            samples.labelled(&["complete"], report.complete_passes as f64);
            samples.labelled(&["incomplete"], report.incomplete_passes as f64);
        });
        provide(&table::SOURCE_FAILING, |report, samples| samples.value(report.failing.len() as f64));
        provide(&table::SOURCE_UNREAD_DEFINITIONS, |report, samples| samples.value(report.unread_definitions as f64));
    }

    fn register_updater(&self, metrics: &Metrics) {
        let plain = [
            (&table::ZONE_NAMES, (|stats| &stats.names) as fn(&UpdaterStats) -> &AtomicU64),
            (&table::ZONE_SERIAL, |stats| &stats.serial),
            (&table::ZONE_FAIL_OPEN, |stats| &stats.failed_open),
            (&table::ZONE_KEPT_DRAINING, |stats| &stats.kept_draining),
            (&table::ZONE_CONTESTED, |stats| &stats.contested),
        ];
        for (metric, read) in plain {
            let stats = Arc::clone(&self.stats);
            metrics.provide(metric, move |samples| samples.value(value(read(&stats))));
        }
        let stats = Arc::clone(&self.stats);
        metrics.provide(&table::INVENTORY_RESOURCES, move |samples| {
            samples.labelled(&["cluster"], value(&stats.clusters));
            samples.labelled(&["synced_cluster"], value(&stats.synced_clusters));
            samples.labelled(&["service"], value(&stats.services));
            samples.labelled(&["task"], value(&stats.tasks));
            samples.labelled(&["container_instance"], value(&stats.container_instances));
        });
        let stats = Arc::clone(&self.stats);
        metrics.provide(&table::DRIFT, move |samples| {
            Told::ALL
                .iter()
                .zip(&stats.drift)
                .for_each(|(told, count)| samples.labelled(&[told.label()], value(count)));
        });
        let stats = Arc::clone(&self.stats);
        metrics.provide(&table::INVENTORY_CHANGES, move |samples| {
            samples.labelled(&["changed"], value(&stats.changed));
            samples.labelled(&["unchanged"], value(&stats.unchanged));
            samples.labelled(&["stale"], value(&stats.stale));
            samples.labelled(&["refused"], value(&stats.refused));
        });
    }
}

fn forget(forwarder: &Forwarder, flush: &Flush) -> usize {
    match flush {
        Flush::All => forwarder.flush_zone(&DomainName::root()),
        Flush::Name(name) => forwarder.flush_name(name),
        Flush::Zone(zone) => forwarder.flush_zone(zone),
    }
}

/// Writes a document on a thread of its own: a large one takes seconds, in which others want to be served.
async fn write<T: Send + 'static>(document: impl FnOnce() -> T + Send + 'static) -> Result<T, Unavailable> {
    tokio::task::spawn_blocking(document).await.map_err(|error| Unavailable(error.to_string()))
}

fn durations(durations: &Durations, samples: &mut Samples) {
    let (counts, sum) = durations.read();
    samples.durations(&BOUNDS, &counts, sum as f64);
}

/// A counter as Prometheus has it; what is above 2^53 would lose its last digits.
fn value(counter: &AtomicU64) -> f64 {
    counter.load(Ordering::Relaxed) as f64
}
