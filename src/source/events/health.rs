//! The health of tasks, of which no event tells: looked at while a service changes, and now and then.
//!
//! A service with health checks that something happened to is looked at now, and every two seconds until each of its
//! running tasks has proven healthy or unhealthy. Beyond that all tasks with checks are looked at, at an interval
//! that the budget allows, unless a controller tells of them.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tracing::info;

use super::asks::by_cluster;
use super::stats::EventStats;
use crate::ecs::{ClusterArn, TaskArn, TaskDefinition, TaskStatus};
use crate::inventory::{Inventory, ServiceKey, TaskRecord};
use crate::source::Stopped;
use crate::source::describe::Describer;
use crate::source::pace::{self, Bucket, Calls, Interval, Lane};
use crate::zone::readiness::{Standing, TaskView};

/// Time between two looks at a service that changes.
const WHILE_CHANGING: Duration = Duration::from_secs(2);

/// Time from something happening to the look, so that what happens together is looked at together.
const GATHER: Duration = Duration::from_millis(20);

/// Tasks in one call.
pub(super) const BATCH: usize = 100;

/// The part of the rate of events that steady looks may use: what happens goes before.
const STEADY_PART: f64 = 0.5;

/// Looks at the health of tasks.
pub(super) struct HealthWatch {
    describer: Arc<Describer>,
    stats: Arc<EventStats>,
    /// Time between two looks at everything, as configured.
    configured: Duration,
    state: Mutex<State>,
    happened: Notify,
}

#[derive(Default)]
struct State {
    /// Services that something happened to and that have not settled. No more than there are.
    changing: BTreeSet<ServiceKey>,
    /// Until when a controller has promised to tell of a cluster.
    told_until: BTreeMap<ClusterArn, Instant>,
}

impl HealthWatch {
    pub(super) fn new(describer: Arc<Describer>, stats: Arc<EventStats>, configured: Duration) -> Self {
        Self { describer, stats, configured, state: Mutex::default(), happened: Notify::new() }
    }

    /// Something happened to these services.
    pub(super) fn look_at(&self, services: BTreeSet<ServiceKey>) {
        if !services.is_empty() {
            self.lock().changing.extend(services);
            self.happened.notify_one();
        }
    }

    /// The services that something happened to and that have not settled.
    pub(super) fn changing(&self) -> BTreeSet<ServiceKey> {
        self.lock().changing.clone()
    }

    /// A controller tells of the health in `cluster`, and will again within `interval`.
    pub(super) fn is_told(&self, cluster: ClusterArn, interval: Duration) {
        self.lock().told_until.insert(cluster, Instant::now() + interval);
    }

    /// Looks until the updater stops.
    pub(super) async fn run(&self) -> Result<Infallible, Stopped> {
        let mut interval =
            Interval { configured: self.configured, effective: self.configured, limited_by: None, agents: 1 };
        let mut steady = Instant::now() + pace::jittered(self.configured, fastrand::f64());
        // The next look at what changes.
        let mut quick: Option<Instant> = None;
        let mut last = Instant::now();
        loop {
            tokio::select! {
                () = sleep_until(quick.unwrap_or(steady).min(steady)) => {}
                () = self.happened.notified() => {
                    let soon = (last + GATHER).max(Instant::now() + GATHER);
                    quick = Some(quick.map_or(soon, |quick| quick.min(soon)));
                    continue;
                }
            }
            let now = Instant::now();
            if quick.is_some_and(|quick| quick <= now) {
                let settled = self.look_at_changing().await?;
                last = Instant::now();
                quick = (!settled).then(|| last + WHILE_CHANGING);
            }
            if steady <= now {
                interval = self.look_at_all(interval).await?;
                steady = Instant::now() + pace::jittered(interval.effective, fastrand::f64());
            }
        }
    }

    /// Looks at the services that change. Returns whether all have settled.
    async fn look_at_changing(&self) -> Result<bool, Stopped> {
        let services = self.lock().changing.clone();
        let of = services.clone();
        let tasks = self.describer.updates.ask(move |inventory| of_changing(inventory, &of)).await?;
        self.describer.look_at_tasks(tasks).await?;
        let settled = self.describer.updates.ask(move |inventory| -> BTreeSet<ServiceKey> {
            services.into_iter().filter(|key| is_settled(inventory, key)).collect()
        });
        let settled = settled.await?;
        let mut state = self.lock();
        state.changing.retain(|key| !settled.contains(key));
        Ok(state.changing.is_empty())
    }

    /// Looks at all tasks with checks that no controller tells of. Returns the interval from now on.
    async fn look_at_all(&self, before: Interval) -> Result<Interval, Stopped> {
        let now = Instant::now();
        let told: BTreeSet<ClusterArn> = {
            let mut state = self.lock();
            state.told_until.retain(|_, until| *until > now);
            state.told_until.keys().cloned().collect()
        };
        let tasks = self.describer.updates.ask(move |inventory| with_checks(inventory, &told)).await?;
        let mut calls = Calls::default();
        for of_cluster in tasks.values() {
            calls.add(Bucket::ClusterResource, u32::try_from(of_cluster.len().div_ceil(BATCH)).unwrap_or(u32::MAX));
        }
        self.describer.look_at_tasks(tasks).await?;
        let interval = {
            let (budget, now) = (self.describer.budget(), self.describer.clock.uptime());
            let rate = |bucket| STEADY_PART * budget.common_rate(Lane::Event, bucket, now);
            pace::interval(self.configured, &calls, budget.agents(), rate)
        };
        if interval.limited_by != before.limited_by {
            let Interval { configured, effective, agents, .. } = interval;
            info!("health is looked at every {effective:?} (configured: {configured:?}; {agents} agents)");
        }
        self.stats.health_interval.store(u64::try_from(interval.effective.as_millis()).unwrap_or(u64::MAX), Relaxed);
        Ok(interval)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the health of this task can change.
fn has_check(definition: &TaskDefinition) -> bool {
    definition.containers.iter().any(|container| container.essential && container.health_check)
}

/// Whether `record` runs, is to go on running, and has a check. Without its definition it may have one.
fn is_checked(inventory: &Inventory, record: &TaskRecord) -> bool {
    let task = &record.task;
    let runs = task.last_status == TaskStatus::Running && task.desired_status == TaskStatus::Running;
    runs && inventory.task_definitions.get(&task.task_definition).is_none_or(|definition| has_check(definition))
}

fn is_unproven(inventory: &Inventory, record: &TaskRecord) -> bool {
    TaskView::of(inventory, record).standing == Standing::Unproven
}

/// Of these services the tasks that have not proven, and as many of the others as a call has room for.
fn of_changing(inventory: &Inventory, services: &BTreeSet<ServiceKey>) -> BTreeMap<ClusterArn, BTreeSet<TaskArn>> {
    let records = services.iter().flat_map(|key| inventory.tasks_of(key));
    let checked = records.filter(|record| is_checked(inventory, record));
    let (unproven, proven): (Vec<_>, Vec<_>) = checked.partition(|record| is_unproven(inventory, record));
    let room = unproven.len().next_multiple_of(BATCH).max(BATCH) - unproven.len();
    let tasks = unproven.into_iter().chain(proven.into_iter().take(room));
    by_cluster(tasks.map(|record| (record.task.cluster.clone(), record.task.arn.clone())))
}

/// Up to so many tasks of these services that have not proven yet.
pub(super) fn unproven(
    inventory: &Inventory,
    services: &BTreeSet<ServiceKey>,
    most: usize,
) -> Vec<(ClusterArn, TaskArn)> {
    let records = services.iter().flat_map(|key| inventory.tasks_of(key));
    let tasks = records.filter(|record| is_unproven(inventory, record)).map(|record| &record.task);
    tasks.take(most).map(|task| (task.cluster.clone(), task.arn.clone())).collect()
}

fn is_settled(inventory: &Inventory, key: &ServiceKey) -> bool {
    !inventory.tasks_of(key).any(|record| is_checked(inventory, record) && is_unproven(inventory, record))
}

/// The running tasks whose health can change, but for those of the clusters `told` of.
pub(in crate::source) fn with_checks(
    inventory: &Inventory,
    told: &BTreeSet<ClusterArn>,
) -> BTreeMap<ClusterArn, BTreeSet<TaskArn>> {
    let records = inventory.tasks.values().filter(|record| !told.contains(&record.task.cluster));
    let checked = records.filter(|record| is_checked(inventory, record));
    by_cluster(checked.map(|record| (record.task.cluster.clone(), record.task.arn.clone())))
}
