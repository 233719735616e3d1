//! Withdrawals that wait: a task whose leaving would empty its service stays until its successors have been looked at.
//!
//! ECS stops the old task once the new one is HEALTHY. Of the first there is an event, of the second there is none,
//! so without a look the service would be empty for as long as the next look takes, which it never was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::asks::by_cluster;
use super::health::{self, BATCH, HealthWatch};
use super::intake;
use super::stats::EventStats;
use crate::ecs::event::Detail;
use crate::ecs::{Task, TaskArn};
use crate::inventory::ServiceKey;
use crate::source::Stopped;
use crate::source::describe::Describer;

/// Longest wait for the look, for a task that still runs, …
const LONGEST: Duration = Duration::from_secs(2);

/// … and for one that has stopped: to whom it is answered, it is as good as no answer, but not for long.
const LONGEST_STOPPED: Duration = Duration::from_millis(800);

/// What is withdrawn within this time is looked at together: a deployment of many services costs one call.
const GATHER: Duration = Duration::from_millis(20);

/// Time after which a look is repeated that AWS has not answered.
const RETRY: Duration = Duration::from_millis(200);

/// Services that are looked for at once. When there are more, withdrawals do not wait.
const PLACES: usize = 256;

/// The withdrawals that wait at present.
pub(super) struct Withdrawals {
    describer: Arc<Describer>,
    stats: Arc<EventStats>,
    health: Arc<HealthWatch>,
    waiting: Arc<Mutex<BTreeSet<TaskArn>>>,
    gathering: Arc<Mutex<Option<Round>>>,
    room: Arc<Semaphore>,
}

/// Tasks that are to leave.
pub(super) struct Leaving {
    pub(super) tasks: BTreeSet<TaskArn>,
    waiting: Arc<Mutex<BTreeSet<TaskArn>>>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        lock(&self.waiting).retain(|task| !self.tasks.contains(task));
    }
}

/// Services that will be looked at together.
struct Round {
    services: BTreeSet<ServiceKey>,
    /// Closed once they have been.
    looked: watch::Receiver<()>,
}

impl Withdrawals {
    /// `describer` must not wait for the budget.
    pub(super) fn new(describer: Arc<Describer>, health: Arc<HealthWatch>, stats: Arc<EventStats>) -> Self {
        let room = Arc::new(Semaphore::new(PLACES));
        Self { describer, stats, health, waiting: Arc::default(), gathering: Arc::default(), room }
    }

    /// Sorts the events that `leaving` holds: those that had better wait, by service, and the others.
    pub(super) async fn sort<T>(
        &self,
        leaving: Vec<T>,
        detail: impl Fn(&T) -> &Detail,
    ) -> Result<(BTreeMap<ServiceKey, Vec<T>>, Vec<T>), Stopped> {
        if leaving.is_empty() {
            return Ok((BTreeMap::new(), leaving));
        }
        let mut tasks = lock(&self.waiting).clone();
        tasks.extend(leaving.iter().filter_map(|it| task(detail(it))).map(|task| task.arn.clone()));
        let emptied = self.describer.updates.ask(move |inventory| intake::emptied(inventory, &tasks)).await?;
        let (mut held, mut free) = (BTreeMap::<_, Vec<T>>::new(), Vec::new());
        for event in leaving {
            let service = task(detail(&event)).and_then(ServiceKey::of_task);
            match service.filter(|service| emptied.contains(service)) {
                Some(service) => held.entry(service).or_default().push(event),
                None => free.push(event),
            }
        }
        Ok((held, free))
    }

    /// A place to wait, if there is any left.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.room).try_acquire_owned().ok()
    }

    /// Notes that these `tasks` are to leave, so that none of them is relied on, until the result is dropped.
    pub(super) fn note(&self, tasks: BTreeSet<TaskArn>) -> Leaving {
        lock(&self.waiting).extend(tasks.iter().cloned());
        Leaving { tasks, waiting: Arc::clone(&self.waiting) }
    }

    /// Looks at the tasks of `service` on behalf of these `tasks`, which are to leave it, for at most two seconds; less
    /// if one of them `has_stopped`.
    pub(super) async fn look(&self, service: &ServiceKey, tasks: &BTreeSet<TaskArn>, has_stopped: bool) {
        self.stats.held.fetch_add(tasks.len() as u64, Relaxed);
        let mut looked = self.join(service.clone());
        // Nothing is ever sent: it is an error, once the look is over.
        let longest = if has_stopped { LONGEST_STOPPED } else { LONGEST };
        if timeout(longest, looked.changed()).await.is_err() {
            self.stats.held_in_vain.fetch_add(tasks.len() as u64, Relaxed);
        }
    }

    /// Has `service` looked at with those that are gathered, or begins to gather.
    fn join(&self, service: ServiceKey) -> watch::Receiver<()> {
        let mut gathering = lock(&self.gathering);
        if let Some(round) = gathering.as_mut() {
            round.services.insert(service);
            return round.looked.clone();
        }
        let (looking, looked) = watch::channel(());
        *gathering = Some(Round { services: [service].into(), looked: looked.clone() });
        let (gathering, waiting) = (Arc::clone(&self.gathering), Arc::clone(&self.waiting));
        let (describer, health) = (Arc::clone(&self.describer), Arc::clone(&self.health));
        tokio::spawn(async move {
            sleep(GATHER).await;
            // While the call must wait, whoever comes goes along.
            while !describer.wait_for_tasks().is_zero() && looking.receiver_count() > 1 {
                sleep(GATHER).await;
            }
            let services = lock(&gathering).take().map(|round| round.services).unwrap_or_default();
            let leaving = lock(&waiting).clone();
            // What AWS does not answer now it may answer before those who wait give up. Other errors come at shutdown.
            while looking.receiver_count() > 0
                && let Ok(false) = look_at(&describer, &health, &services, &leaving).await
            {
                sleep(RETRY).await;
            }
            drop(looking);
        });
        looked
    }
}

/// Looks at the tasks that may take over in `services` when those that are `leaving` have left: those that are known,
/// and where none of them is ready, those that are listed, if that costs nobody else a call. Returns whether AWS has
/// answered.
async fn look_at(
    describer: &Arc<Describer>,
    health: &HealthWatch,
    services: &BTreeSet<ServiceKey>,
    leaving: &BTreeSet<TaskArn>,
) -> Result<bool, Stopped> {
    let (services, leaving) = (services.clone(), leaving.clone());
    let (of, changing) = (services.clone(), health.changing());
    let known = describer.updates.ask(move |inventory| {
        let mut tasks: Vec<_> = of.iter().flat_map(|key| intake::successors(inventory, key)).collect();
        if !tasks.is_empty() {
            // A call has room for more, who may be next.
            let room = tasks.len().next_multiple_of(BATCH) - tasks.len();
            tasks.extend(health::unproven(inventory, &changing, room));
        }
        by_cluster(tasks)
    });
    let answered = describer.look_at_tasks(known.await?).await?;
    if !answered || describer.owes_calls() {
        return Ok(answered);
    }
    let without = describer.updates.ask(move |inventory| -> BTreeSet<ServiceKey> {
        services.into_iter().filter(|key| !intake::has_ready(inventory, key, &leaving)).collect()
    });
    describer.list_and_look_at(without.await?).await
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The task that `detail` is about.
pub(super) fn task(detail: &Detail) -> Option<&Task> {
    match detail {
        Detail::Task(task) => Some(task),
        _ => None,
    }
}
