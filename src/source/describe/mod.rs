//! The inventory as AWS's describe calls show it: the whole truth, read again and again.
//!
//! A pass reads every cluster: services, tasks and hosts side by side, then what these refer to. A call that fails is
//! noted in the [`SourceStatus`](crate::source::status::SourceStatus) and leaves both what is known and the other calls alone. A pass over a cluster is
//! complete when services and tasks were read whole; only then is the cluster [`Synced`](Change::Synced). The updater is
//! told when a pass is through in any case ([`Passed`](crate::source::Message::Passed)). Without hosts, load balancers or
//! task definitions the zone serves less, and knows it.
//!
//! Every change carries the start of the request that it was learned from; what follows is the inventory's business.
//! The updater must handle its messages in the order they were sent, as a pass looks at what it has just delivered.

mod balancers;
pub(super) mod call;
mod clusters;
mod definitions;
mod describer;
mod hosts;
mod registered;
mod services;
mod survey;
mod tasks;
mod trigger;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::ecs::ClusterArn;
use crate::inventory::Change;
use crate::source::Stopped;
use crate::source::pace::{self, Bucket, Interval, Lane};
use clusters::Resolved;
use definitions::Reading;

pub use describer::{Apis, Describer};
pub use survey::Survey;
pub use trigger::Trigger;

/// How long the first complete pass over a cluster waits for task definitions beyond the first burst.
const FIRST_DEFINITIONS: Duration = Duration::from_secs(30);

/// What is described, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeSettings {
    /// Names or ARNs of clusters, in configured order.
    pub clusters: Vec<String>,
    /// Every other cluster of the account and region too.
    pub all: bool,
    /// Time from the start of one pass to the start of the next; the least, as the number of agents may stretch it.
    pub poll_interval: Duration,
    /// The same while events tell of changes.
    pub reconcile_interval: Duration,
}

/// The source: passes, and the pauses between them.
pub struct DescribeSource {
    settings: DescribeSettings,
    describer: Arc<Describer>,
    trigger: Trigger,
}

/// What one pass leaves to the next.
struct Progress {
    interval: Interval,
    /// Whether a pass was ever complete.
    synced: bool,
    /// Incomplete passes in a row.
    failures: u32,
    /// Clusters that the last pass did not find.
    missed: BTreeSet<ClusterArn>,
}

impl DescribeSource {
    /// A source that has described nothing yet.
    #[must_use]
    pub fn new(settings: DescribeSettings, describer: Arc<Describer>) -> Self {
        let trigger = Trigger::new(settings.all);
        Self { settings, describer, trigger }
    }

    /// The way to ask for a pass.
    #[must_use]
    pub fn trigger(&self) -> Trigger {
        self.trigger.clone()
    }

    /// Describes until `cancel` says so or the updater stops.
    pub async fn run(self, cancel: CancellationToken) {
        // Boxed: the state of a pass is large, and is allocated once.
        let passes = Box::pin(self.passes());
        // `passes` ends only when the updater has stopped.
        let _ = cancel.run_until_cancelled(passes).await;
    }

    async fn passes(&self) -> Result<Infallible, Stopped> {
        let mut progress = Progress::new(self.configured_interval(true));
        let mut pokes = self.trigger.subscribe();
        sleep(pace::start_delay(self.settings.poll_interval, fastrand::f64())).await;
        loop {
            pokes.mark_unchanged();
            self.trigger.begin();
            let began = Instant::now();
            let mut reading = Reading::default();
            let complete = self.pass(&mut reading, &mut progress).await?;
            self.take_stock(began, complete, &mut progress).await?;
            self.trigger.end();
            let next = progress.next(began, fastrand::f64());
            tokio::select! {
                // It cannot be closed: we hold a sender ourselves.
                _ = pokes.changed() => {}
                rested = self.rest(&mut reading, next) => rested?,
            }
        }
    }

    /// The interval while passes are `complete`, or not: what one has missed, no event need tell again.
    fn configured_interval(&self, complete: bool) -> Duration {
        let DescribeSettings { poll_interval, reconcile_interval, .. } = self.settings;
        if complete && self.describer.budget().has_events() { reconcile_interval } else { poll_interval }
    }

    /// Reads every cluster once. Returns whether all were complete.
    async fn pass(&self, reading: &mut Reading, progress: &mut Progress) -> Result<bool, Stopped> {
        let resolved = if self.settings.all {
            self.describer.resolve_all(&self.settings.clusters, &mut progress.missed).await?
        } else {
            self.describer.resolve_named(&self.settings.clusters).await?
        };
        let Resolved { clusters, mut complete } = resolved;
        for cluster in &clusters {
            complete &= self.describer.read_cluster(cluster, reading, progress.synced).await?;
        }
        Ok(complete)
    }

    /// Notes how the pass that began at `began` went, and sets the interval by the calls it took.
    async fn take_stock(&self, began: Instant, complete: bool, progress: &mut Progress) -> Result<(), Stopped> {
        let describer = &self.describer;
        progress.failures = if complete { 0 } else { progress.failures.saturating_add(1) };
        progress.synced |= complete;
        let agents = describer.updates.ask(definitions::agents).await?;
        // Task definitions are not part of what repeats; the budget keeps them to their share.
        let interval = {
            let (configured, now) = (self.configured_interval(complete), describer.clock.uptime());
            let mut budget = describer.budget();
            budget.set_agents(agents);
            let calls = budget.drain().without(Bucket::TaskDefinition);
            pace::interval(configured, &calls, agents, |bucket| budget.common_rate(Lane::Pass, bucket, now))
        };
        // A pass that failed made fewer calls than a pass needs.
        let other = interval.configured != progress.interval.configured;
        if complete || other || interval.effective > progress.interval.effective {
            progress.interval = interval;
        }
        describer.status.passed(began.elapsed(), complete);
        describer.status.pace(progress.interval);
        Ok(())
    }

    /// Until `until`, reads the task definitions that the pass had no time for.
    async fn rest(&self, reading: &mut Reading, until: Instant) -> Result<(), Stopped> {
        self.describer.read_definitions(reading, until).await?;
        sleep_until(until).await;
        Ok(())
    }
}

impl Progress {
    fn new(configured: Duration) -> Self {
        let interval = Interval { configured, effective: configured, limited_by: None, agents: 1 };
        Self { interval, synced: false, failures: 0, missed: BTreeSet::new() }
    }

    /// When the next pass is due, after the one that began at `began` and is through. `random` is in 0..1.
    fn next(&self, began: Instant, random: f64) -> Instant {
        let Interval { configured, effective, .. } = self.interval;
        if self.synced {
            // A pass that takes longer than the interval is followed by a pause all the same.
            (began + pace::jittered(effective, random)).max(Instant::now() + configured / 10)
        } else {
            Instant::now() + pace::jittered(pace::backoff(self.failures, effective), random)
        }
    }
}

impl Describer {
    /// Reads everything of `cluster`. Returns whether that makes a complete pass. `later` says that this is not the
    /// first pass, so that task definitions can wait.
    async fn read_cluster(
        self: &Arc<Self>,
        cluster: &ClusterArn,
        reading: &mut Reading,
        later: bool,
    ) -> Result<bool, Stopped> {
        let began = self.clock.now();
        let services = async {
            let listed = self.read_services(cluster).await?;
            self.read_balancers(cluster).await?;
            Ok(listed.is_some())
        };
        let (services, tasks, ()) = tokio::try_join!(services, self.read_tasks(cluster), self.read_hosts(cluster))?;
        let until = if later { Instant::now() } else { Instant::now() + FIRST_DEFINITIONS };
        self.read_definitions(reading, until).await?;
        let complete = services && tasks;
        if complete {
            self.deliver(vec![Change::Synced { cluster: cluster.clone() }]).await?;
        }
        self.updates.passed(cluster.clone()).await?;
        if complete {
            self.status.complete(cluster, began);
        }
        Ok(complete)
    }
}

#[cfg(test)]
pub(super) mod tests;
