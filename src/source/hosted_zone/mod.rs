//! The private hosted zone, read through the API of Route 53: all of it, again and again.
//!
//! A read is handed on only when it is whole, so nothing is ever taken for deleted because a page was missing. What
//! fails is noted in the [`SourceStatus`] and tried again; until the first read is through, questions go to the
//! upstreams.

mod paced;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::clock::Clock;
use super::pace;
use super::ports::{ApiError, ApiErrorKind, Route53Api};
use super::status::SourceStatus;
use super::{Stopped, Updates};
use crate::dns::DomainName;
use crate::route53::{HostedZone, HostedZoneId, choose};
use crate::zone::layers::HostedRecords;

pub use paced::Paced;

/// Pages of one zone before the endpoint is not believed any more: 300,000 record sets, thirty times what a zone may
/// hold unless AWS has raised the limit.
const MAX_PAGES: usize = 1000;
/// A call that takes longer, retries included, has failed. The SDK has shorter limits of its own.
const CALL_LIMIT: Duration = Duration::from_secs(60);
/// The rest between two reads is at least this many times as long as a read takes.
const REST: u32 = 9;

const LIST: &str = "route53:ListResourceRecordSets";

/// Which zone is read, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedZoneSettings {
    /// Its name: that of our zone.
    pub name: DomainName,
    /// Its id; `None`: the one private zone of the name.
    pub id: Option<HostedZoneId>,
    /// Time from the start of one read to the start of the next; the least, as a large zone stretches it.
    pub poll_interval: Duration,
}

/// The source.
pub struct HostedZoneSource {
    settings: HostedZoneSettings,
    api: Arc<Paced>,
    updates: Updates,
    status: Arc<SourceStatus>,
    clock: Clock,
}

impl HostedZoneSource {
    /// A source that has read nothing yet.
    #[must_use]
    pub fn new(
        settings: HostedZoneSettings,
        api: Arc<Paced>,
        updates: Updates,
        status: Arc<SourceStatus>,
        clock: Clock,
    ) -> Self {
        Self { settings, api, updates, status, clock }
    }

    /// Reads until the updater stops.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; nothing else ends it.
    pub async fn run(self) -> Result<Infallible, Stopped> {
        let interval = self.settings.poll_interval;
        let (mut zone, mut failures, mut read) = (None, 0_u32, false);
        sleep(pace::start_delay(interval, fastrand::f64())).await;
        loop {
            let began = Instant::now();
            let complete = self.read(&mut zone).await?;
            failures = if complete { 0 } else { failures.saturating_add(1) };
            read |= complete;
            let next = if complete || read {
                (began + interval).max(Instant::now() + began.elapsed() * REST)
            } else {
                Instant::now() + pace::backoff(failures, interval)
            };
            sleep_until(began + pace::jittered(next.saturating_duration_since(began), fastrand::f64())).await;
        }
    }

    /// Reads the zone once and has it served. Returns whether that could be done; if not, that is noted.
    async fn read(&self, known: &mut Option<HostedZone>) -> Result<bool, Stopped> {
        let at = self.clock.now();
        if known.is_none() {
            *known = self.find().await;
        }
        let Some(zone) = known else { return Ok(false) };
        let listed = self.list(&zone.id).await;
        self.status.settle(LIST, None, listed.as_ref().map(drop), self.clock.now());
        match listed {
            Ok(records) => {
                tracing::debug!("hosted zone {}: {} record sets", zone.id, records.sets.len());
                self.updates.serve_hosted(records).await?;
                self.status.hosted_zone(at);
                Ok(true)
            }
            Err(error) => {
                if error.kind == ApiErrorKind::NotFound {
                    // Deleted, and perhaps made anew: look for it again.
                    *known = None;
                }
                Ok(false)
            }
        }
    }

    /// Finds the zone, and makes sure that it is the right one.
    async fn find(&self) -> Option<HostedZone> {
        let HostedZoneSettings { name, id, .. } = &self.settings;
        let (call, found) = match id {
            Some(id) => {
                let call = "route53:GetHostedZone";
                (call, within_limit(call, self.api.hosted_zone(id)).await.map(|zone| choose::by_id(zone, name)))
            }
            None => {
                let call = "route53:ListHostedZonesByName";
                (
                    call,
                    within_limit(call, self.api.hosted_zones_named(name))
                        .await
                        .map(|zones| choose::by_name(zones, name)),
                )
            }
        };
        let unfit =
            |unfit: choose::Unfit| ApiError { operation: call, kind: ApiErrorKind::Other, message: unfit.to_string() };
        let found = found.and_then(|chosen| chosen.map_err(unfit));
        self.status.settle(call, None, found.as_ref().map(drop), self.clock.now());
        if let Ok(zone) = &found {
            let owner = zone.owned_by.as_deref().map_or(String::new(), |owner| format!(", managed by {owner}"));
            tracing::info!("the hosted zone {} is {}{owner}", zone.name, zone.id);
        }
        found.ok()
    }

    /// All record sets of a zone.
    async fn list(&self, zone: &HostedZoneId) -> Result<HostedRecords, ApiError> {
        let mut records = HostedRecords { zone: zone.clone(), sets: Vec::new(), unreadable: Vec::new() };
        let mut from = None;
        for _ in 0..MAX_PAGES {
            let page = within_limit(LIST, self.api.list_record_sets(zone, from.as_ref())).await?;
            records.sets.extend(page.sets);
            records.unreadable.extend(page.unreadable);
            if page.next.is_none() {
                return Ok(records);
            }
            if page.next == from {
                break;
            }
            from = page.next;
        }
        let message = "the list does not end, which cannot be: is the endpoint AWS's?".to_owned();
        Err(ApiError { operation: LIST, kind: ApiErrorKind::Other, message })
    }
}

async fn within_limit<T>(
    operation: &'static str,
    call: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    timeout(CALL_LIMIT, call).await.unwrap_or_else(|_| {
        let message = format!("no answer within {} s", CALL_LIMIT.as_secs());
        Err(ApiError { operation, kind: ApiErrorKind::Unreachable, message })
    })
}

#[cfg(test)]
mod tests;
