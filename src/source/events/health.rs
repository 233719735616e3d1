//! The health of tasks, of which no event tells: looked at while a service changes, and now and then.
//!
//! A service with health checks that something happened to is looked at now, and every two seconds until each of its
//! running tasks has proven healthy or unhealthy. Beyond that all tasks with checks are looked at, at an interval
//! that the budget allows, unless a controller tells of them.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};
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

/// A service that has not settled after so many looks is looked at more and more seldom.
const QUICK_LOOKS: u32 = 30;

/// Looks at the health of tasks.
pub(super) struct HealthWatch {
    /// Of what happens, …
    describer: Arc<Describer>,
    /// … and of what is steady, which never delays the other.
    steady: Arc<Describer>,
    stats: Arc<EventStats>,
    /// Time between two looks at everything, as configured.
    configured: Duration,
    state: Mutex<State>,
    happened: Notify,
}

#[derive(Default)]
struct State {
    /// Services that something happened to and that have not settled. No more than there are.
    changing: BTreeMap<ServiceKey, Changing>,
    /// Until when a controller has promised to tell of a cluster that is followed.
    told_until: BTreeMap<ClusterArn, Instant>,
}

/// A service that has not settled.
struct Changing {
    /// The next look.
    at: Instant,
    /// Since something happened to it.
    looks: u32,
}

impl HealthWatch {
    pub(super) fn new(describer: &Describer, stats: Arc<EventStats>, configured: Duration) -> Self {
        let [steady, describer] = [Lane::Health, Lane::Event].map(|lane| Arc::new(describer.in_lane(lane)));
        Self { describer, steady, stats, configured, state: Mutex::default(), happened: Notify::new() }
    }

    /// Something happened to these services.
    pub(super) fn look_at(&self, services: BTreeSet<ServiceKey>) {
        if services.is_empty() {
            return;
        }
        let soon = Instant::now() + GATHER;
        let mut state = self.lock();
        for service in services {
            let at = state.changing.get(&service).map_or(soon, |it| it.at.min(soon));
            state.changing.insert(service, Changing { at, looks: 0 });
        }
        drop(state);
        self.happened.notify_one();
    }

    /// The services that something happened to and that have not settled.
    pub(super) fn changing(&self) -> BTreeSet<ServiceKey> {
        self.lock().changing.keys().cloned().collect()
    }

    /// A controller tells of the health in `cluster`, and will again within `interval`.
    pub(super) fn is_told(&self, cluster: ClusterArn, interval: Duration) {
        self.lock().told_until.insert(cluster, Instant::now() + interval);
    }

    /// Looks until the updater stops.
    pub(super) async fn run(&self) -> Result<Infallible, Stopped> {
        let (never, _) = tokio::try_join!(self.watch_changing(), self.watch_all())?;
        Ok(never)
    }

    async fn watch_changing(&self) -> Result<Infallible, Stopped> {
        loop {
            let next = self.lock().changing.values().map(|it| it.at).min();
            tokio::select! {
                () = self.happened.notified() => {}
                () = due(next) => self.look_at_changing().await?,
            }
        }
    }

    async fn watch_all(&self) -> Result<Infallible, Stopped> {
        let mut interval =
            Interval { configured: self.configured, effective: self.configured, limited_by: None, agents: 1 };
        loop {
            sleep(pace::jittered(interval.effective, fastrand::f64())).await;
            interval = self.look_at_all(interval).await?;
        }
    }

    /// Looks at the services that change and are due.
    async fn look_at_changing(&self) -> Result<(), Stopped> {
        let now = Instant::now();
        let is_due = |(key, it): (&ServiceKey, &Changing)| (it.at <= now).then(|| key.clone());
        let services: BTreeSet<_> = self.lock().changing.iter().filter_map(is_due).collect();
        let of = services.clone();
        let tasks = self.describer.updates.ask(move |inventory| of_changing(inventory, &of)).await?;
        self.describer.look_at_tasks(tasks).await?;
        let looked = self.describer.updates.ask(move |inventory| -> Vec<(ServiceKey, bool)> {
            services.into_iter().map(|key| (key.clone(), is_settled(inventory, &key))).collect()
        });
        let looked = looked.await?;
        let mut state = self.lock();
        for (service, settled) in looked {
            let Some(it) = state.changing.get_mut(&service) else { continue };
            // Something may have happened to it meanwhile.
            let again = it.at > now;
            if settled && !again {
                state.changing.remove(&service);
            } else if !again {
                it.at = Instant::now() + pause(it.looks, self.configured);
                it.looks += 1;
            }
        }
        Ok(())
    }

    /// Looks at all tasks with checks that no controller tells of, call by call. Returns the interval from now on.
    async fn look_at_all(&self, before: Interval) -> Result<Interval, Stopped> {
        let now = Instant::now();
        let told: BTreeSet<ClusterArn> = {
            let mut state = self.lock();
            state.told_until.retain(|_, until| *until > now);
            state.told_until.keys().cloned().collect()
        };
        let tasks = self.steady.updates.ask(move |inventory| with_checks(inventory, &told)).await?;
        let mut calls = Calls::default();
        for of_cluster in tasks.values() {
            calls.add(Bucket::ClusterResource, u32::try_from(of_cluster.len().div_ceil(BATCH)).unwrap_or(u32::MAX));
        }
        self.steady.look_at_tasks(tasks).await?;
        self.begin_unsettled().await?;
        let interval = {
            let (budget, now) = (self.steady.budget(), self.steady.clock.uptime());
            let rate = |bucket| budget.common_rate(Lane::Health, bucket, now);
            pace::interval(self.configured, &calls, budget.agents(), rate)
        };
        if interval.limited_by != before.limited_by {
            let Interval { configured, effective, agents, .. } = interval;
            info!("health is looked at every {effective:?} (configured: {configured:?}; {agents} agents)");
        }
        self.stats.note_health_interval(interval.effective);
        Ok(interval)
    }

    /// Has services watched whose tasks the look has found unproven, although no event told of anything.
    async fn begin_unsettled(&self) -> Result<(), Stopped> {
        let unsettled = self.steady.updates.ask(|inventory| -> Vec<ServiceKey> {
            let is_open = |record: &&TaskRecord| is_checked(inventory, record) && is_unproven(inventory, record);
            let services = inventory.services.keys();
            services.filter(|key| inventory.tasks_of(key).any(|record| is_open(&record))).cloned().collect()
        });
        let (unsettled, at) = (unsettled.await?, Instant::now() + WHILE_CHANGING);
        let mut state = self.lock();
        for service in unsettled {
            state.changing.entry(service).or_insert(Changing { at, looks: 0 });
        }
        drop(state);
        self.happened.notify_one();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pause after a look at a service that has not settled, which is the one after so many.
fn pause(looks: u32, longest: Duration) -> Duration {
    let doublings = looks.saturating_sub(QUICK_LOOKS).min(16);
    (WHILE_CHANGING * 2_u32.pow(doublings)).min(longest.max(WHILE_CHANGING))
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
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
    // Of a task whose definition has not been read it is not known whether it has a check.
    let is_open = |record: &TaskRecord| {
        is_unproven(inventory, record) || !inventory.task_definitions.contains_key(&record.task.task_definition)
    };
    !inventory.tasks_of(key).any(|record| is_checked(inventory, record) && is_open(record))
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
