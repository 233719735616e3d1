//! Tasks: those that are listed, and those that we know. A list never deletes a task: it is eventually consistent,
//! and holds only tasks whose desired status is RUNNING.
//!
//! Between a list and the descriptions of what it has, a service may have replaced all its tasks. So a task that would
//! be the last of its service to go is held until the service's tasks have been listed again; more than once, where AWS
//! answers so slowly that those have been replaced as well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::call::Call;
use super::describer::Describer;
use crate::ecs::{ClusterArn, Task, TaskArn, TaskStatus, Timestamp};
use crate::inventory::{Change, Resource, ResourceId, ServiceKey};
use crate::source::Stopped;
use crate::source::ports::Described;

/// How often at most the tasks of a service that seems to have none are listed again.
const LOOKS: usize = 3;

impl Describer {
    /// Reads the tasks of `cluster`. Returns whether everything was answered.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; failing calls are noted in the status.
    pub async fn read_tasks(self: &Arc<Self>, cluster: &ClusterArn) -> Result<bool, Stopped> {
        let list = self.list(Call::ListTasks, cluster, self.apis.ecs.list_tasks(cluster)).await;
        let of = cluster.clone();
        let known = self.updates.ask(move |inventory| -> BTreeSet<TaskArn> {
            let tasks = inventory.tasks.values().map(|record| &record.task);
            tasks.filter(|task| task.cluster == of).map(|task| task.arn.clone()).collect()
        });
        let known = known.await?;
        let (listed, complete) = list.map_or_else(|| (BTreeSet::new(), false), |list| (list.ids, true));
        let (asked, mut leaving) = (&listed | &known, Vec::new());
        let answered = self.describe_holding(cluster, asked.clone(), &listed, &mut leaving).await?;
        let looked = self.look_for_successors(&mut leaving, asked).await?;
        // Whatever came of it: what has stopped has stopped.
        self.deliver(leaving).await?;
        Ok(complete && answered && looked)
    }

    /// Looks at the tasks of services that would be emptied by what is `leaving`, and again as long as there are such and
    /// AWS tells of tasks that have not been `asked` for. Returns whether all was answered.
    async fn look_for_successors(
        self: &Arc<Self>,
        leaving: &mut Vec<Change>,
        mut asked: BTreeSet<TaskArn>,
    ) -> Result<bool, Stopped> {
        let mut complete = true;
        for _ in 0..LOOKS {
            let emptied = self.emptied_by(leaving).await?;
            if emptied.is_empty() {
                break;
            }
            let (tasks, listed) = self.list_tasks_of(emptied).await?;
            complete = listed;
            let known = asked.len();
            for (cluster, tasks) in tasks {
                asked.extend(tasks.iter().cloned());
                complete &= self.describe_holding(&cluster, tasks.clone(), &tasks, leaving).await?;
            }
            if asked.len() == known {
                break;
            }
        }
        Ok(complete)
    }

    /// As [`Self::describe_tasks`], but what is gone is not delivered and joins those that are `leaving`.
    async fn describe_holding(
        self: &Arc<Self>,
        cluster: &ClusterArn,
        tasks: BTreeSet<TaskArn>,
        listed: &BTreeSet<TaskArn>,
        leaving: &mut Vec<Change>,
    ) -> Result<bool, Stopped> {
        let held = Mutex::new(Vec::new());
        let answered = self
            .describe_and(cluster, tasks, |described, at| {
                let (gone, stay) = changes(described, listed, at).into_iter().partition(is_delete);
                held.lock().unwrap_or_else(PoisonError::into_inner).extend::<Vec<_>>(gone);
                stay
            })
            .await?;
        leaving.append(&mut held.into_inner().unwrap_or_else(PoisonError::into_inner));
        Ok(answered)
    }

    /// The services that would have no running task any more, and want some.
    async fn emptied_by(&self, leaving: &[Change]) -> Result<BTreeSet<ServiceKey>, Stopped> {
        let gone: BTreeSet<TaskArn> = leaving.iter().filter_map(deleted_task).cloned().collect();
        if gone.is_empty() {
            return Ok(BTreeSet::new());
        }
        let emptied = self.updates.ask(move |inventory| {
            let tasks = || inventory.tasks.values().map(|record| &record.task);
            let leaving = |task: &&Task| gone.contains(&task.arn);
            let left: BTreeSet<_> = tasks().filter(leaving).filter_map(ServiceKey::of_task).collect();
            let running = |task: &&Task| task.last_status == TaskStatus::Running && !task.desired_status.is_leaving();
            let stays = |task: &&Task| !leaving(task) && running(task);
            let kept: BTreeSet<_> = tasks().filter(stays).filter_map(ServiceKey::of_task).collect();
            let mut emptied = &left - &kept;
            emptied.retain(|key| inventory.services.get(key).is_none_or(|known| known.value.desired_count > 0));
            emptied
        });
        emptied.await
    }

    /// Describes tasks by their cluster. One that is MISSING may be too young to be known, and stays. Returns whether
    /// all were answered for.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; failing calls are noted in the status.
    pub async fn look_at_tasks(
        self: &Arc<Self>,
        tasks: BTreeMap<ClusterArn, BTreeSet<TaskArn>>,
    ) -> Result<bool, Stopped> {
        let mut complete = true;
        for (cluster, tasks) in tasks {
            complete &= self.describe_tasks(&cluster, tasks.clone(), &tasks).await?;
        }
        Ok(complete)
    }

    /// Lists the tasks of `services` and describes what is listed. Returns whether all was answered.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; failing calls are noted in the status.
    pub async fn list_and_look_at(self: &Arc<Self>, services: BTreeSet<ServiceKey>) -> Result<bool, Stopped> {
        let (tasks, complete) = self.list_tasks_of(services).await?;
        Ok(self.look_at_tasks(tasks).await? && complete)
    }

    /// The tasks that are listed of `services`, by cluster, and whether all lists were answered.
    async fn list_tasks_of(
        self: &Arc<Self>,
        services: BTreeSet<ServiceKey>,
    ) -> Result<(BTreeMap<ClusterArn, BTreeSet<TaskArn>>, bool), Stopped> {
        let mut complete = true;
        let mut tasks: BTreeMap<_, BTreeSet<TaskArn>> = BTreeMap::new();
        for ServiceKey { cluster, name } in services {
            let request = self.apis.ecs.list_tasks_of(&cluster, &name);
            match self.list(Call::ListTasks, &cluster, request).await {
                Some(listed) => tasks.entry(cluster).or_default().extend(listed.ids),
                None => complete = false,
            }
        }
        Ok((tasks, complete))
    }

    /// Describes `tasks` of `cluster`. A task that is STOPPED is gone, and so is one that is MISSING unless a list
    /// read just before, `listed`, has it: then it is so young that DescribeTasks does not know it yet. Returns
    /// whether all were answered for.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; failing calls are noted in the status.
    pub async fn describe_tasks(
        self: &Arc<Self>,
        cluster: &ClusterArn,
        tasks: BTreeSet<TaskArn>,
        listed: &BTreeSet<TaskArn>,
    ) -> Result<bool, Stopped> {
        self.describe_and(cluster, tasks, |described, at| changes(described, listed, at)).await
    }

    async fn describe_and(
        self: &Arc<Self>,
        cluster: &ClusterArn,
        tasks: BTreeSet<TaskArn>,
        changes: impl Fn(Described<Task, TaskArn>, Timestamp) -> Vec<Change>,
    ) -> Result<bool, Stopped> {
        self.describe(
            Call::DescribeTasks,
            cluster,
            tasks,
            |apis, cluster, tasks| async move { apis.ecs.describe_tasks(&cluster, &tasks).await },
            changes,
        )
        .await
    }
}

fn is_delete(change: &Change) -> bool {
    deleted_task(change).is_some()
}

fn deleted_task(change: &Change) -> Option<&TaskArn> {
    match change {
        Change::Delete { id: ResourceId::Task(task), .. } => Some(task),
        _ => None,
    }
}

fn changes(described: Described<Task, TaskArn>, listed: &BTreeSet<TaskArn>, at: Timestamp) -> Vec<Change> {
    let found = described.found.into_iter().map(|task| {
        if task.last_status.is_final() {
            Change::Delete { id: ResourceId::Task(task.arn), at }
        } else {
            Change::Apply { resource: Resource::Task(task), at }
        }
    });
    let missing = described.missing.into_iter().filter(|task| !listed.contains(task));
    found.chain(missing.map(|task| Change::Delete { id: ResourceId::Task(task), at })).collect()
}
