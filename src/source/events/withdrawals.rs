//! Withdrawals that wait: a task whose leaving would empty its service stays until its successors have been looked at.
//!
//! ECS stops the old task once the new one is HEALTHY. Of the first there is an event, of the second there is none,
//! so without a look the service would be empty for as long as the next look takes, which it never was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::intake;
use super::stats::EventStats;
use crate::ecs::event::Detail;
use crate::ecs::{Task, TaskArn};
use crate::inventory::ServiceKey;
use crate::source::Stopped;
use crate::source::describe::Describer;

/// Longest wait for the look.
const LONGEST: Duration = Duration::from_secs(2);

/// Looks under way at once. When there are more, withdrawals do not wait.
const LOOKS: usize = 64;

/// The withdrawals that wait at present.
pub(super) struct Withdrawals {
    describer: Arc<Describer>,
    stats: Arc<EventStats>,
    waiting: Mutex<BTreeSet<TaskArn>>,
    room: Arc<Semaphore>,
}

impl Withdrawals {
    /// `describer` must not wait for the budget.
    pub(super) fn new(describer: Arc<Describer>, stats: Arc<EventStats>) -> Self {
        Self { describer, stats, waiting: Mutex::default(), room: Arc::new(Semaphore::new(LOOKS)) }
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
        let mut tasks = self.lock().clone();
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

    /// A place for one look, if there is any left.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.room).try_acquire_owned().ok()
    }

    /// Looks at the tasks of `service` on behalf of these `tasks`, which are to leave it, for at most two seconds.
    pub(super) async fn look(&self, service: &ServiceKey, tasks: &BTreeSet<TaskArn>) -> Result<(), Stopped> {
        self.lock().extend(tasks.iter().cloned());
        self.stats.held.fetch_add(tasks.len() as u64, Relaxed);
        let looked = timeout(LONGEST, self.describer.describe_service_tasks(service)).await;
        self.lock().retain(|task| !tasks.contains(task));
        looked.unwrap_or_else(|_| {
            self.stats.held_in_vain.fetch_add(tasks.len() as u64, Relaxed);
            Ok(())
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<TaskArn>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that `detail` is about.
pub(super) fn task(detail: &Detail) -> Option<&Task> {
    match detail {
        Detail::Task(task) => Some(task),
        _ => None,
    }
}
