//! How registration is doing: for `/ready`, metrics, and a log that says each thing once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Error, Outcome};
use crate::ecs::Timestamp;
use crate::register::plan::Purpose;
use crate::register::report;

/// The state of a controller. Shared behind an `Arc`.
#[derive(Debug, Default)]
pub struct RegistrarStatus(Mutex<RegistrarReport>);

/// The state at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistrarReport {
    /// When the last reconcile that left nothing undone began.
    pub whole: Option<Timestamp>,
    /// Reconciles by result: whole, partial (something could not be read, changed or deleted), failed.
    pub passes: BTreeMap<&'static str, u64>,
    /// Names changed, by purpose.
    pub changed: BTreeMap<Purpose, u64>,
    /// Names that could not be changed, ever.
    pub failed: u64,
    /// Names that services want and somebody else has, by the last reconcile.
    pub conflicts: usize,
    /// Names of ours that stay although nobody wants them, by the last reconcile.
    pub kept: usize,
    /// Names that we own, those of single tasks left out.
    pub owned: usize,
    /// Deletes that the last reconcile refused.
    pub refused: usize,
    /// What is wrong since the last reconcile; empty if nothing is.
    pub troubles: Vec<String>,
    /// Whether there was a reconcile that could read everything.
    pub ready: bool,
    /// What the log has told and is still so.
    told: BTreeSet<String>,
}

impl RegistrarStatus {
    /// A copy of everything.
    #[must_use]
    pub fn report(&self) -> RegistrarReport {
        self.lock().clone()
    }

    /// Notes how the reconcile that began at `began` went, and logs what is new about it.
    pub(super) fn note(&self, began: Timestamp, result: &Result<Outcome, Error>) {
        let news = self.lock().take(began, result);
        for trouble in news {
            tracing::warn!("{trouble}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, RegistrarReport> {
        // Every value is whole at all times, so a panic elsewhere spoils nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RegistrarReport {
    /// Takes a result in; returns what the log should tell.
    fn take(&mut self, began: Timestamp, result: &Result<Outcome, Error>) -> Vec<String> {
        let (label, troubles) = match result {
            Err(error) => ("failed", vec![error.to_string()]),
            Ok(outcome) => {
                self.count(outcome);
                self.ready |= outcome.complete;
                let failed = outcome.applied.failed.iter();
                let failed =
                    failed.map(|it| format!("could not {} {}: {}", it.group.purpose.label(), it.group.name, it.error));
                let notes = report::notes(&outcome.plan, &outcome.desired);
                let whole = outcome.is_whole();
                self.whole = if whole { Some(began) } else { self.whole };
                (if whole { "whole" } else { "partial" }, failed.chain(notes).collect())
            }
        };
        *self.passes.entry(label).or_default() += 1;
        let now: BTreeSet<_> = troubles.iter().cloned().collect();
        let news = now.difference(&self.told).cloned().collect();
        self.told = now;
        self.troubles = troubles;
        news
    }

    fn count(&mut self, outcome: &Outcome) {
        for group in &outcome.applied.done {
            *self.changed.entry(group.purpose).or_default() += 1;
        }
        self.failed += outcome.applied.failed.len() as u64;
        self.conflicts = outcome.plan.conflicts.len();
        self.kept = outcome.plan.kept.len() + outcome.plan.questions.len();
        self.owned = outcome.plan.owned;
        self.refused = outcome.plan.refused.map_or(0, |refusal| refusal.deletes);
    }
}
