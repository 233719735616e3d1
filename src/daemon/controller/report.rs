//! What the controller tells about itself: readiness and metrics.

use std::sync::Arc;

use super::super::report::Reporter;
use crate::http::{HttpState, Readiness};
use crate::metrics::{Metrics, Samples, table};
use crate::registrar::status::{RegistrarReport, RegistrarStatus};
use crate::source::Updates;
use crate::source::clock::Clock;
use crate::source::queue::sweep::stats::SweepStats;

/// The places that are read for reports.
#[derive(Clone)]
pub(super) struct Reports {
    pub(super) reporter: Reporter,
    pub(super) registration: Arc<RegistrarStatus>,
    /// `None`: no queues are removed.
    pub(super) sweep: Option<Arc<SweepStats>>,
    pub(super) clock: Clock,
}

impl Reports {
    /// Ready once a reconcile has read everything. What is wrong since makes it no less so: another would do no better.
    fn readiness(&self) -> Readiness {
        let report = self.registration.report();
        let failing = self.reporter.status.report().failing.into_iter().map(|call| call.to_string());
        let mut troubles: Vec<String> = report.troubles.into_iter().chain(failing).collect();
        if report.ready {
            return Readiness { ready: true, reasons: Vec::new(), warnings: troubles };
        }
        if troubles.is_empty() {
            troubles.push("the first reconcile is not through".to_owned());
        }
        Readiness { ready: false, reasons: troubles, warnings: Vec::new() }
    }

    /// The providers of the HTTP pages.
    pub(super) fn http_state(&self, metrics: Arc<Metrics>, updates: Updates) -> HttpState {
        let reports = self.clone();
        let readiness = Arc::new(move || reports.readiness());
        HttpState { readiness, ..self.reporter.http_state(metrics, updates, None) }
    }

    /// Exports what is counted.
    pub(super) fn register(&self, metrics: &Metrics) {
        self.reporter.register_reading(metrics);
        self.reporter.register_heard(metrics);
        let provide = |metric, read: fn(RegistrarReport, &mut Samples)| {
            let status = Arc::clone(&self.registration);
            metrics.provide(metric, move |samples| read(status.report(), samples));
        };
        provide(&table::REGISTER_PASSES, |report, samples| {
            report.passes.iter().for_each(|(result, count)| samples.labelled(&[result], *count as f64));
        });
        provide(&table::REGISTER_CHANGES, |report, samples| {
            report.changed.iter().for_each(|(purpose, count)| samples.labelled(&[purpose.label()], *count as f64));
        });
        provide(&table::REGISTER_FAILED, |report, samples| samples.value(report.failed as f64));
        provide(&table::REGISTER_OWNED, |report, samples| samples.value(report.owned as f64));
        provide(&table::REGISTER_CONFLICTS, |report, samples| samples.value(report.conflicts as f64));
        provide(&table::REGISTER_KEPT, |report, samples| samples.value(report.kept as f64));
        provide(&table::REGISTER_REFUSED, |report, samples| samples.value(report.refused as f64));
        if let Some(sweep) = &self.sweep {
            let stats = Arc::clone(sweep);
            metrics.provide(&table::QUEUES_ABANDONED, move |samples| samples.value(stats.abandoned() as f64));
            let stats = Arc::clone(sweep);
            metrics.provide(&table::QUEUES_REMOVED, move |samples| {
                samples.labelled(&["removed"], stats.removed() as f64);
                samples.labelled(&["failed"], stats.failed() as f64);
            });
        }
        let (status, clock) = (Arc::clone(&self.registration), self.clock);
        metrics.provide(&table::REGISTER_AGE, move |samples| {
            if let Some(whole) = status.report().whole {
                samples.value(clock.now().duration_since(whole).as_secs_f64().max(0.0));
            }
        });
    }
}
