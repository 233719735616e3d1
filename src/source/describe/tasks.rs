//! Tasks: those that are listed, and those that we know. A list never deletes a task: it is eventually consistent,
//! and holds only tasks whose desired status is RUNNING.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::call::Call;
use super::describer::Describer;
use crate::ecs::{ClusterArn, Task, TaskArn, Timestamp};
use crate::inventory::{Change, Resource, ResourceId, ServiceKey};
use crate::source::Stopped;
use crate::source::ports::Described;

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
        let answered = self.describe_tasks(cluster, &listed | &known, &listed).await?;
        Ok(complete && answered)
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
        let mut complete = true;
        let mut tasks: BTreeMap<_, BTreeSet<TaskArn>> = BTreeMap::new();
        for ServiceKey { cluster, name } in services {
            let request = self.apis.ecs.list_tasks_of(&cluster, &name);
            match self.list(Call::ListTasks, &cluster, request).await {
                Some(listed) => tasks.entry(cluster).or_default().extend(listed.ids),
                None => complete = false,
            }
        }
        Ok(self.look_at_tasks(tasks).await? && complete)
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
        self.describe(
            Call::DescribeTasks,
            cluster,
            tasks,
            |apis, cluster, tasks| async move { apis.ecs.describe_tasks(&cluster, &tasks).await },
            |described, at| changes(described, listed, at),
        )
        .await
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
