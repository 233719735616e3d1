//! Queues of hosts that are gone: a controller finds and removes them, with their subscriptions.
//!
//! A queue goes only if its tags say that an agent made it for a host of a cluster that is followed, the cluster was
//! read whole and does not have that host, this has been so for a while, and meanwhile nobody has said to read it. All
//! of that is looked at again and again, and nothing is kept but since when it has been so (`absent`). Whatever
//! fails, the queue stays until a later round. Two who do this at once find less to do.

mod absent;
pub mod stats;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, info, warn};

use super::name;
use super::ports::{QueueArn, SnsApi, SqsApi, SubscriptionArn, TopicArn};
use super::removal::{self, Removed};
use crate::source::Stopped;
use crate::source::describe::Describer;
use crate::source::pace;
use crate::source::ports::{ApiError, ApiErrorKind};
use absent::{Absences, Named};
use stats::SweepStats;

pub use absent::{Abandoned, LOOKS};

/// Queues that one round looks at, at most. SQS lets an account read or write tags 30 times a second.
const MOST_LOOKS: usize = 500;
/// Queues that one round removes, at most.
const MOST_REMOVALS: usize = 20;
/// Time between two calls of one round about single queues.
const PAUSE: Duration = Duration::from_millis(200);
/// Longest time between two rounds.
const LONGEST_INTERVAL: Duration = Duration::from_mins(5);

/// What `/ready` and the log call a round.
const ROUND: &str = "the queues of hosts that are gone";

/// Finds and removes queues of hosts that are gone.
pub struct Sweep {
    describer: Arc<Describer>,
    sqs: Arc<dyn SqsApi>,
    sns: Arc<dyn SnsApi>,
    topic: TopicArn,
    clusters: Vec<String>,
    grace: Duration,
    stats: Arc<SweepStats>,
}

/// What one look has found.
#[derive(Debug, Default)]
pub struct Look {
    /// Queues of hosts that are gone now.
    pub found: Vec<Abandoned>,
    /// Whether all clusters, and all queues that may be of hosts that are gone, could be looked at.
    pub complete: bool,
}

impl Sweep {
    /// For the queues below `topic` of agents in `clusters` (names or ARNs), whose hosts are asked of ECS by
    /// `describer`. A host must have been gone for `grace`.
    #[must_use]
    pub fn new(
        describer: Arc<Describer>,
        (sqs, sns): (Arc<dyn SqsApi>, Arc<dyn SnsApi>),
        topic: TopicArn,
        clusters: Vec<String>,
        grace: Duration,
    ) -> Self {
        Self { describer, sqs, sns, topic, clusters, grace, stats: Arc::default() }
    }

    /// What has become of queues.
    #[must_use]
    pub fn stats(&self) -> Arc<SweepStats> {
        Arc::clone(&self.stats)
    }

    /// How long a host must have been gone.
    #[must_use]
    pub fn grace(&self) -> Duration {
        self.grace
    }

    /// Looks and removes until the updater stops.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; what fails is noted in the status, and tried again in the next round.
    pub async fn run(&self) -> Result<Infallible, Stopped> {
        let mut absences = Absences::default();
        let interval = (self.grace / (LOOKS + 1)).min(LONGEST_INTERVAL);
        loop {
            let began = Instant::now();
            let (look, failure) = self.look_around().await?;
            let due = absences.look(look.found, self.describer.clock.uptime(), self.grace);
            let removed = self.remove(due).await;
            self.settle(failure.as_ref().or(removed.as_ref().err()));
            self.stats.note_abandoned(absences.len());
            sleep_until(began + pace::jittered(interval, fastrand::f64())).await;
        }
    }

    /// Looks once and removes nothing.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; what fails is noted in the status.
    pub async fn look(&self) -> Result<Look, Stopped> {
        let (look, failure) = self.look_around().await?;
        self.settle(failure.as_ref());
        Ok(look)
    }

    /// One look, and the first call about queues that failed in it.
    async fn look_around(&self) -> Result<(Look, Option<ApiError>), Stopped> {
        let (mut named, mut complete) = (BTreeSet::new(), true);
        for cluster in &self.clusters {
            // Hosts first: a queue that is made later is of a host that comes later.
            let Some((arn, hosts)) = self.describer.registered(cluster).await? else {
                complete = false;
                continue;
            };
            match self.sqs.list_queues(&name::prefix(arn.id())).await {
                Ok(queues) => named.extend(Named::among(&queues, arn.id(), &hosts)),
                Err(error) => return Ok((Look::default(), Some(error))),
            }
        }
        if named.len() > MOST_LOOKS {
            warn!("{} queues may be of hosts that are gone; only {MOST_LOOKS} are looked at", named.len());
        }
        let (mut found, mut failure) = (Vec::new(), None);
        for queue in named.into_iter().take(MOST_LOOKS) {
            sleep(PAUSE).await;
            match self.sqs.tags(&queue.url).await {
                Ok(tags) => found.extend(queue.tagged(&tags)),
                // Deleted, and still listed.
                Err(error) if error.kind == ApiErrorKind::NotFound => {}
                Err(error) => {
                    complete = false;
                    let hopeless = error.kind != ApiErrorKind::Other;
                    failure.get_or_insert(error);
                    if hopeless {
                        break;
                    }
                }
            }
        }
        Ok((Look { found, complete }, failure))
    }

    /// Removes some of what is due. Returns the first failure.
    async fn remove(&self, mut due: Vec<Abandoned>) -> Result<(), ApiError> {
        if due.is_empty() {
            return Ok(());
        }
        let subscriptions = self.sns.subscriptions(&self.topic).await?;
        // Otherwise those that cannot be removed would be tried again and again, before all others.
        fastrand::shuffle(&mut due);
        let mut failure = None;
        for queue in due.into_iter().take(MOST_REMOVALS) {
            sleep(PAUSE).await;
            let (name, cluster) = (queue.url.name(), &queue.cluster);
            match self.remove_one(&queue, &subscriptions).await {
                Ok(Some(Removed { queue: true, .. })) => {
                    self.stats.note_removed();
                    info!("removed queue {name}: its host is gone from cluster {cluster}");
                }
                Ok(_) => debug!("queue {name} was somebody else's to remove, or is read again"),
                Err(error) => {
                    self.stats.note_failed();
                    failure.get_or_insert(error);
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Removes a queue and its subscription. `None`: it has shown a sign of life, or is gone.
    async fn remove_one(
        &self,
        queue: &Abandoned,
        subscriptions: &BTreeMap<QueueArn, SubscriptionArn>,
    ) -> Result<Option<Removed>, ApiError> {
        let url = &queue.url;
        let Some(tags) = there(self.sqs.tags(url).await)? else { return Ok(None) };
        if absent::sign(&tags) != queue.sign {
            return Ok(None);
        }
        let Some(found) = there(self.sqs.describe_queue(url).await)? else { return Ok(None) };
        removal::remove(&*self.sqs, &*self.sns, Some(url), subscriptions.get(&found.arn)).await.map(Some)
    }

    fn settle(&self, failure: Option<&ApiError>) {
        self.describer.status.settle(ROUND, None, failure.map_or(Ok(()), Err), self.describer.now());
    }
}

/// `None` if what was asked for is gone.
fn there<T>(result: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match result {
        Err(error) if error.kind == ApiErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

#[cfg(test)]
mod tests;
