//! What the daemon tells about itself: readiness, metrics, dumps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::feed::{Feed, Prepared};
use crate::forwarder::Forwarder;
use crate::http::{self, HttpState, Readiness, Unavailable};
use crate::inventory::Document;
use crate::metrics::{Metrics, Samples, table};
use crate::snapshot::Shared;
use crate::source::Updates;
use crate::source::clock::Clock;
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
    /// Whether a copy of the hosted zone is kept.
    pub(super) reads_zone: bool,
}

impl Reporter {
    /// Ready once every cluster that is followed, and the hosted zone if a copy of it is kept, has been read; without
    /// a source, at once.
    fn readiness(&self) -> Readiness {
        let report = self.status.report();
        let failing: Vec<String> = report.failing.iter().map(ToString::to_string).collect();
        let mut reasons = self.unread_clusters();
        if self.reads_zone && report.hosted_zone.is_none() {
            reasons.push("the hosted zone has not been read completely yet".to_owned());
        }
        if reasons.is_empty() {
            return Readiness { ready: true, reasons, warnings: failing };
        }
        reasons.extend(failing);
        Readiness { ready: false, reasons, warnings: Vec::new() }
    }

    fn unread_clusters(&self) -> Vec<String> {
        let sync = Arc::clone(&self.shared.load().zone.sync);
        if matches!(self.feed.feed, Feed::Off) || sync.is_complete() {
            return Vec::new();
        }
        let mut reasons: Vec<String> =
            sync.pending.iter().map(|cluster| format!("cluster {cluster} has not been read completely yet")).collect();
        if self.feed.clusters.is_empty() && !self.feed.all {
            reasons.push("no cluster to follow: set ecs.clusters, or ECS_CLUSTER in the agent's configuration".into());
        } else if reasons.is_empty() {
            reasons.push("the list of clusters has not been read yet".into());
        }
        reasons
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
    pub(super) fn http_state(&self, metrics: Arc<Metrics>, updates: Updates) -> HttpState {
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
        }
    }

    /// Exports what the other rooms count.
    pub(super) fn register(&self, metrics: &Metrics, forwarder: &Arc<Forwarder>) {
        metrics.provide_forwarder(forwarder);
        self.register_reading(metrics);
    }

    /// Exports what updater and sources count.
    pub(super) fn register_reading(&self, metrics: &Metrics) {
        self.register_updater(metrics);
        let (status, clock, label) = (Arc::clone(&self.status), self.clock, self.feed.label());
        metrics.provide(&table::SOURCE_AGE, move |samples| {
            let report = status.report();
            let mut age = |label, since| {
                samples.labelled(&[label], clock.now().duration_since(since).as_secs_f64().max(0.0));
            };
            report.complete.values().min().into_iter().for_each(|oldest| age(label, *oldest));
            report.hosted_zone.into_iter().for_each(|read| age("route53", read));
        });
        self.register_source(metrics);
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
        metrics.provide(&table::INVENTORY_CHANGES, move |samples| {
            samples.labelled(&["changed"], value(&stats.changed));
            samples.labelled(&["unchanged"], value(&stats.unchanged));
            samples.labelled(&["stale"], value(&stats.stale));
        });
    }
}

/// Writes a document on a thread of its own: a large one takes seconds, in which others want to be served.
async fn write<T: Send + 'static>(document: impl FnOnce() -> T + Send + 'static) -> Result<T, Unavailable> {
    tokio::task::spawn_blocking(document).await.map_err(|error| Unavailable(error.to_string()))
}

/// A counter as Prometheus has it; what is above 2^53 would lose its last digits.
fn value(counter: &AtomicU64) -> f64 {
    counter.load(Ordering::Relaxed) as f64
}
