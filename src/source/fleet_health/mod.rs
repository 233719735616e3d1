//! The health of tasks, looked at by one for all: a controller asks, and tells every agent through the topic of events.
//!
//! Agents stop looking while they are told ([`health`](crate::ecs::event::health)), so nothing is told of a cluster
//! that could not be looked at whole, not even that the teller lives.

mod news;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Stopped;
use super::describe::Describer;
use super::events::stats::EventStats;
use super::events::with_checks;
use super::pace::{self, Bucket, Calls, Lane};
use super::ports::ApiError;
use super::queue::ports::{SnsApi, TopicArn};
use crate::ecs::event::task_health_message;
use crate::ecs::{ClusterArn, TaskArn};
use news::Told;

/// Time between two lists of all tasks. Meanwhile agents look at what is new themselves.
const LISTING: Duration = Duration::from_secs(60);

/// The part of the rate of calls that looks may use; lists and what a controller registers have the rest.
const LOOKING: f64 = 0.5;

/// Tasks in one call.
const BATCH: usize = 100;

/// How much later than promised a round may be before agents look for themselves.
const SLACK: Duration = Duration::from_secs(5);

/// When each cluster was last listed completely.
type Listed = BTreeMap<ClusterArn, Instant>;

/// Looks at the health of all tasks with checks, and tells what is new.
pub struct FleetHealth {
    describer: Arc<Describer>,
    sns: Arc<dyn SnsApi>,
    topic: TopicArn,
    /// Time between two looks, as configured.
    configured: Duration,
    stats: Arc<EventStats>,
}

impl FleetHealth {
    /// Tells `topic` of the clusters in the inventory of `describer`, which has a budget of its own: it is one agent,
    /// however many there are.
    #[must_use]
    pub fn new(
        describer: Describer,
        sns: Arc<dyn SnsApi>,
        topic: TopicArn,
        configured: Duration,
        stats: Arc<EventStats>,
    ) -> Self {
        Self { describer: Arc::new(describer), sns, topic, configured, stats }
    }

    /// Looks and tells until the updater stops.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; failing calls are noted in the status, and tried again in the next round.
    pub async fn run(&self) -> Result<Infallible, Stopped> {
        let (mut told, mut effective, mut listed) = (Told::default(), self.configured, Listed::new());
        loop {
            let began = Instant::now();
            let clusters =
                self.describer.updates.ask(|inventory| -> Vec<_> { inventory.clusters.keys().cloned().collect() });
            let mut calls = Calls::default();
            for cluster in clusters.await? {
                if self.look(&cluster, &mut listed, &mut calls).await? {
                    self.tell(&cluster, &mut told, effective).await?;
                }
            }
            told = self.describer.updates.ask(move |inventory| told.without_gone(inventory)).await?;
            effective = self.stretched(&calls, effective);
            self.stats.note_health_interval(effective);
            sleep_until(began + pace::jittered(effective, fastrand::f64())).await;
        }
    }

    /// Looks at the tasks of `cluster`: all that are listed if that is due, else those with checks. Returns whether
    /// all were seen.
    async fn look(&self, cluster: &ClusterArn, listed: &mut Listed, calls: &mut Calls) -> Result<bool, Stopped> {
        let began = Instant::now();
        if listed.get(cluster).is_none_or(|at| began.duration_since(*at) >= LISTING) {
            // Until a list is complete again there may be tasks that we do not look at.
            listed.remove(cluster);
            let complete = self.describer.read_tasks(cluster).await?;
            self.describer.describe_definitions().await?;
            // It has counted hosts, who do not share this budget.
            self.describer.budget().set_agents(1);
            listed.extend(complete.then(|| (cluster.clone(), began)));
        }
        let tasks = self.describer.updates.ask(|inventory| with_checks(inventory, &BTreeSet::new())).await?;
        let tasks: BTreeSet<TaskArn> = tasks.get(cluster).cloned().unwrap_or_default();
        calls.add(Bucket::ClusterResource, u32::try_from(tasks.len().div_ceil(BATCH)).unwrap_or(u32::MAX));
        let seen = self.describer.describe_tasks(cluster, tasks.clone(), &tasks).await?;
        Ok(seen && listed.contains_key(cluster))
    }

    /// Tells what is new of `cluster`, if only that we look. What could not be told is new the next time.
    async fn tell(&self, cluster: &ClusterArn, told: &mut Told, effective: Duration) -> Result<(), Stopped> {
        let (known, of, promise, now) = (told.clone(), cluster.clone(), effective * 2 + SLACK, self.describer.now());
        let messages = self.describer.updates.ask(move |inventory| known.news(inventory, &of, promise, now)).await?;
        let mut failure = None;
        for message in messages {
            let id = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
            match self.sns.publish(&self.topic, &task_health_message(&message, &id)).await {
                Ok(()) => told.note(message),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        self.settle(cluster, failure.as_ref());
        Ok(())
    }

    /// The interval from now on, by the calls that one round takes.
    fn stretched(&self, calls: &Calls, before: Duration) -> Duration {
        let (budget, now) = (self.describer.budget(), self.describer.clock.uptime());
        let rate = |bucket| LOOKING * budget.common_rate(Lane::Pass, bucket, now);
        let effective = pace::interval(self.configured, calls, 1, rate).effective;
        if effective != before {
            tracing::info!(
                "health is looked at for all agents every {effective:?} (configured: {:?})",
                self.configured
            );
        }
        effective
    }

    fn settle(&self, cluster: &ClusterArn, failure: Option<&ApiError>) {
        let (status, now) = (&self.describer.status, self.describer.now());
        status.settle("sns:Publish", Some(cluster.id()), failure.map_or(Ok(()), Err), now);
    }
}
