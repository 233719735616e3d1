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
use crate::source::pace::Budget;
use crate::source::ports::{ApiError, ApiErrorKind, Described, Ec2Api, EcsApi, LoadBalancerApi};
use crate::source::status::SourceStatus;
use crate::source::{Delivery, Stopped, Updates};

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
    pub(super) apis: Apis,
    pub(super) updates: Updates,
    pub(super) status: Arc<SourceStatus>,
    pub(super) clock: Clock,
    permits: Semaphore,
    budget: Mutex<Budget>,
    /// Machines that the last answer of EC2 did not have, by the cluster they were asked for.
    absent: Mutex<BTreeSet<(ClusterArn, Ec2InstanceId)>>,
}

/// A complete list.
pub(super) struct Listed<Id> {
    pub(super) ids: BTreeSet<Id>,
    /// When it began.
    pub(super) at: Timestamp,
}

impl Describer {
    /// A describer that has made no call yet.
    #[must_use]
    pub fn new(apis: Apis, updates: Updates, status: Arc<SourceStatus>, clock: Clock) -> Self {
        let permits = Semaphore::new(CONCURRENT_CALLS);
        Self { apis, updates, status, clock, permits, budget: Mutex::default(), absent: Mutex::default() }
    }

    /// The time by which observations are ordered.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn absent(&self) -> MutexGuard<'_, BTreeSet<(ClusterArn, Ec2InstanceId)>> {
        self.absent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one call when its turn has come. Returns with its result the time at which it began.
    pub(super) async fn call<T>(
        &self,
        call: Call,
        request: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<(T, Timestamp), ApiError> {
        let wait = self.budget().take(call.bucket(), 1, self.clock.uptime());
        sleep(wait).await;
        let _permit = self.permits.acquire().await;
        let at = self.clock.now();
        let result = timeout(CALL_LIMIT, request).await.unwrap_or_else(|_| Err(out_of_time(call)));
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
        self.budget().take(call.bucket(), more_pages, self.clock.uptime());
        Some(Listed { ids: ids.into_iter().collect(), at })
    }

    /// Describes `ids` in batches and delivers, batch by batch, the `changes` that each answer means. Returns whether
    /// all batches were answered; the first failure is noted. A batch that fails does not stop the others, unless
    /// they cannot do better.
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
        let mut batches = JoinSet::new();
        for batch in ids.chunks(call.batch()) {
            let answer = request(self.apis.clone(), cluster.clone(), batch.to_vec());
            let this = Arc::clone(self);
            batches.spawn(async move { this.call(call, answer).await });
        }
        let mut failure = None;
        while let Some(joined) = batches.join_next().await {
            match joined.unwrap_or_else(|_| Err(broke_off(call))) {
                Ok((described, at)) => self.deliver(changes(described, at)).await?,
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
        if changes.is_empty() { Ok(()) } else { self.updates.deliver(Delivery::of(changes)).await }
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
