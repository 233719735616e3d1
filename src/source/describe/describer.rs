//! How calls are made: paced, bounded, timed, counted, in batches.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::call::Call;
use crate::ecs::{ClusterArn, Ec2InstanceId, Timestamp};
use crate::inventory::Change;
use crate::source::clock::Clock;
use crate::source::pace::{Budget, Lane};
use crate::source::ports::{ApiError, ApiErrorKind, Described, Ec2Api, EcsApi, LoadBalancerApi};
use crate::source::status::SourceStatus;
use crate::source::{Delivery, Origin, Stopped, Updates};

/// Calls under way at once.
const CONCURRENT_CALLS: usize = 4;

/// A call that takes longer, retries and pages included, has failed. The SDK has shorter limits of its own.
const CALL_LIMIT: Duration = Duration::from_secs(300);

/// The AWS APIs that are asked.
#[derive(Clone)]
pub struct Apis {
    /// Amazon ECS.
    pub ecs: Arc<dyn EcsApi>,
    /// Amazon EC2.
    pub ec2: Arc<dyn Ec2Api>,
    /// Elastic Load Balancing.
    pub load_balancers: Arc<dyn LoadBalancerApi>,
}

/// Asks AWS and hands the updater what it said. Each `describe_…` method can be used by itself, for the resources of
/// an event; [`DescribeSource`](super::DescribeSource) strings them together into passes.
pub struct Describer {
    pub(crate) apis: Apis,
    pub(crate) updates: Updates,
    pub(crate) status: Arc<SourceStatus>,
    pub(crate) clock: Clock,
    lane: Lane,
    permits: Semaphore,
    /// One for all lanes.
    budget: Arc<Mutex<Budget>>,
    /// Machines that the last answer of EC2 did not have, by the cluster they were asked for.
    absent: Arc<Mutex<BTreeSet<(ClusterArn, Ec2InstanceId)>>>,
}

/// A complete list.
pub(super) struct Listed<Id> {
    pub(super) ids: BTreeSet<Id>,
    /// When it began.
    pub(super) at: Timestamp,
}

impl Describer {
    /// A describer for passes that has made no call yet.
    #[must_use]
    pub fn new(apis: Apis, updates: Updates, status: Arc<SourceStatus>, clock: Clock) -> Self {
        let permits = Semaphore::new(CONCURRENT_CALLS);
        let (budget, absent) = (Arc::default(), Arc::default());
        Self { apis, updates, status, clock, lane: Lane::Pass, permits, budget, absent }
    }

    /// One that pays from the same budget, in another lane, and does not wait for the calls of this one.
    #[must_use]
    pub fn in_lane(&self, lane: Lane) -> Self {
        Self {
            apis: self.apis.clone(),
            updates: self.updates.clone(),
            status: Arc::clone(&self.status),
            clock: self.clock,
            lane,
            permits: Semaphore::new(CONCURRENT_CALLS),
            budget: Arc::clone(&self.budget),
            absent: Arc::clone(&self.absent),
        }
    }

    /// Of what origin the changes are that it delivers.
    fn origin(&self) -> Origin {
        match self.lane {
            Lane::Health | Lane::Event | Lane::Urgent => Origin::Event,
            Lane::Pass if self.budget().has_events() => Origin::Reconcile,
            Lane::Pass => Origin::Read,
        }
    }

    /// Whether more descriptions of tasks were made than the budget had room for.
    #[must_use]
    pub fn owes_calls(&self) -> bool {
        let (bucket, now) = (Call::DescribeTasks.bucket(), self.clock.uptime());
        !self.budget().wait(Lane::Event, bucket, now).is_zero()
    }

    /// How long a description of tasks would have to wait now.
    #[must_use]
    pub fn wait_for_tasks(&self) -> Duration {
        self.wait(Call::DescribeTasks)
    }

    /// The time over which descriptions that all agents are about to make had better be spread.
    #[must_use]
    pub fn spread(&self) -> Duration {
        let (budget, now) = (self.budget(), self.clock.uptime());
        let spread = |call: Call| budget.spread(self.lane, call.bucket(), now);
        spread(Call::DescribeServices).max(spread(Call::DescribeContainerInstances))
    }

    /// How long a call would have to wait now.
    pub(super) fn wait(&self, call: Call) -> Duration {
        self.budget().wait(self.lane, call.bucket(), self.clock.uptime())
    }

    /// The time by which observations are ordered.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn absent(&self) -> MutexGuard<'_, BTreeSet<(ClusterArn, Ec2InstanceId)>> {
        self.absent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calls that all describers of this process make.
    pub(crate) fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one call when its turn has come. Returns with its result the time at which it began.
    pub(super) async fn call<T>(
        &self,
        call: Call,
        request: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<(T, Timestamp), ApiError> {
        let wait = self.budget().take(self.lane, call.bucket(), 1, self.clock.uptime());
        sleep(wait).await;
        let _permit = self.permits.acquire().await;
        let at = self.clock.now();
        let result = timeout(CALL_LIMIT, request).await.unwrap_or_else(|_| Err(out_of_time(call)));
        if result.as_ref().is_err_and(|error| error.kind == ApiErrorKind::Throttled) {
            self.budget().throttled(call.bucket(), self.clock.uptime());
        }
        result.map(|value| (value, at))
    }

    /// Tells the status how a call went, all its batches taken together.
    pub(super) fn settle(&self, call: Call, scope: Option<&str>, failure: Option<&ApiError>) {
        self.status.settle(call.name(), scope, failure.map_or(Ok(()), Err), self.clock.now());
    }

    /// Lists the resources of a cluster; `None` if that failed, which is noted.
    pub(super) async fn list<Id: Ord>(
        &self,
        call: Call,
        cluster: &ClusterArn,
        request: impl Future<Output = Result<Vec<Id>, ApiError>>,
    ) -> Option<Listed<Id>> {
        let outcome = self.call(call, request).await;
        self.settle(call, Some(cluster.id()), outcome.as_ref().err());
        let (ids, at) = outcome.ok()?;
        let more_pages = ids.len().saturating_sub(1) / call.batch();
        let more_pages = u32::try_from(more_pages).unwrap_or(u32::MAX);
        self.budget().take(self.lane, call.bucket(), more_pages, self.clock.uptime());
        Some(Listed { ids: ids.into_iter().collect(), at })
    }

    /// Describes `ids` in batches and delivers, batch by batch, the `changes` that each answer means. Returns as
    /// [`Self::in_batches`] does.
    pub(super) async fn describe<T, Id, Answer>(
        self: &Arc<Self>,
        call: Call,
        cluster: &ClusterArn,
        ids: BTreeSet<Id>,
        request: impl Fn(Apis, ClusterArn, Vec<Id>) -> Answer,
        changes: impl Fn(Described<T, Id>, Timestamp) -> Vec<Change>,
    ) -> Result<bool, Stopped>
    where
        T: Send + 'static,
        Id: Clone + Send + 'static,
        Answer: Future<Output = Result<Described<T, Id>, ApiError>> + Send + 'static,
    {
        let ids: Vec<Id> = ids.into_iter().collect();
        let deliver = |described, at| self.deliver(changes(described, at));
        self.in_batches(call, cluster, &ids, request, deliver).await
    }

    /// Describes `ids` in batches and has each answer taken, with the time at which its call began. Returns whether all
    /// batches were answered; the first failure is noted. A batch that fails does not stop the others, unless they cannot do
    /// better.
    pub(super) async fn in_batches<T, Id, Answer, Taken>(
        self: &Arc<Self>,
        call: Call,
        cluster: &ClusterArn,
        ids: &[Id],
        request: impl Fn(Apis, ClusterArn, Vec<Id>) -> Answer,
        mut take: impl FnMut(Described<T, Id>, Timestamp) -> Taken,
    ) -> Result<bool, Stopped>
    where
        T: Send + 'static,
        Id: Clone + Send + 'static,
        Answer: Future<Output = Result<Described<T, Id>, ApiError>> + Send + 'static,
        Taken: Future<Output = Result<(), Stopped>>,
    {
        let mut batches = JoinSet::new();
        for batch in ids.chunks(call.batch()) {
            let answer = request(self.apis.clone(), cluster.clone(), batch.to_vec());
            let this = Arc::clone(self);
            batches.spawn(async move { this.call(call, answer).await });
        }
        let mut failure = None;
        while let Some(joined) = batches.join_next().await {
            match joined.unwrap_or_else(|_| Err(broke_off(call))) {
                Ok((described, at)) => take(described, at).await?,
                Err(error) => {
                    if is_hopeless(error.kind) {
                        batches.abort_all();
                    }
                    failure.get_or_insert(error);
                }
            }
        }
        self.settle(call, Some(cluster.id()), failure.as_ref());
        Ok(failure.is_none())
    }

    /// Hands over changes, if there are any.
    pub(super) async fn deliver(&self, changes: Vec<Change>) -> Result<(), Stopped> {
        if changes.is_empty() { Ok(()) } else { self.updates.deliver(Delivery::from(self.origin(), changes)).await }
    }

    /// Hands over changes and waits until they are served.
    pub(super) async fn serve(&self, changes: Vec<Change>) -> Result<(), Stopped> {
        self.updates.serve(self.origin(), changes).await
    }
}

/// Whether the next call of the same kind can only fail the same way, or hang as long.
pub(super) fn is_hopeless(kind: ApiErrorKind) -> bool {
    matches!(kind, ApiErrorKind::Denied | ApiErrorKind::Credentials | ApiErrorKind::Unreachable)
}

fn out_of_time(call: Call) -> ApiError {
    let message = format!("no answer within {} s", CALL_LIMIT.as_secs());
    ApiError { operation: call.operation(), kind: ApiErrorKind::Unreachable, message }
}

fn broke_off(call: Call) -> ApiError {
    let message = "the request was broken off".to_owned();
    ApiError { operation: call.operation(), kind: ApiErrorKind::Other, message }
}
