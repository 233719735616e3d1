//! Which calls fail, since when, and whether that is worth a line in the log: pure.

use std::collections::BTreeMap;
use std::fmt;

use jiff::SignedDuration;

use crate::ecs::Timestamp;
use crate::source::ports::{ApiError, ApiErrorKind};

/// The same failure of the same call is told no more often than this.
const REMINDER: SignedDuration = SignedDuration::from_mins(10);

/// A call that fails. Its text says what, why, since when and, for a missing permission, what to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingCall {
    /// The call as IAM spells it.
    pub operation: &'static str,
    /// How it failed last.
    pub kind: ApiErrorKind,
    /// What the last failure said.
    pub message: String,
    /// Name of the cluster it was made for; `None` when for none.
    pub cluster: Option<String>,
    /// Since when it fails.
    pub since: Timestamp,
}

impl fmt::Display for FailingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, kind, message, cluster, since } = self;
        if let Some(cluster) = cluster {
            write!(f, "cluster {cluster}: ")?;
        }
        let error = ApiError { operation, kind: *kind, message: message.clone() };
        write!(f, "{error} (since {since:.0})")
    }
}

/// What the log should say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// It fails, or fails in another way than before.
    Started(FailingCall),
    /// It has been failing for a while.
    Still(FailingCall),
    /// It works again.
    Recovered(FailingCall),
}

/// One entry for each call and scope that ever failed. Scopes are clusters, so it is bounded.
#[derive(Debug, Default)]
pub(super) struct Ledger(BTreeMap<(&'static str, Option<String>), Entry>);

#[derive(Debug, Default)]
struct Entry {
    failing: Option<FailingCall>,
    /// Whether this failure was logged, so that its end is too.
    told: bool,
    /// When each kind of failure was last logged; outlives recoveries, so that a call that comes and goes is quiet.
    told_at: BTreeMap<&'static str, Timestamp>,
}

impl Ledger {
    pub(super) fn settle(
        &mut self,
        call: &'static str,
        scope: Option<&str>,
        outcome: Result<(), &ApiError>,
        now: Timestamp,
    ) -> Option<Notice> {
        let key = (call, scope.map(str::to_owned));
        match outcome {
            Ok(()) => self.0.get_mut(&key)?.recover(),
            Err(error) => self.0.entry(key).or_default().fail(error, scope, now),
        }
    }

    pub(super) fn failing(&self) -> Vec<FailingCall> {
        self.0.values().filter_map(|entry| entry.failing.clone()).collect()
    }

    pub(super) fn forget(&mut self, scope: &str) {
        self.0.retain(|(_, of), _| of.as_deref() != Some(scope));
    }
}

impl Entry {
    fn fail(&mut self, error: &ApiError, scope: Option<&str>, now: Timestamp) -> Option<Notice> {
        let before = self.failing.as_ref().map(|failing| (failing.kind, failing.since));
        let failing = FailingCall {
            operation: error.operation,
            kind: error.kind,
            message: error.message.clone(),
            cluster: scope.map(str::to_owned),
            since: before.map_or(now, |(_, since)| since),
        };
        self.failing = Some(failing.clone());
        let told_at = self.told_at.get(error.kind.label());
        if told_at.is_some_and(|&at| now.duration_since(at) < REMINDER) {
            return None;
        }
        self.told_at.insert(error.kind.label(), now);
        self.told = true;
        let same = before.is_some_and(|(kind, _)| kind == error.kind);
        Some(if same { Notice::Still(failing) } else { Notice::Started(failing) })
    }

    fn recover(&mut self) -> Option<Notice> {
        let failing = self.failing.take()?;
        std::mem::take(&mut self.told).then_some(Notice::Recovered(failing))
    }
}
