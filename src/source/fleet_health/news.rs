//! What agents have not been told yet: pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ecs::event::health::MAX_TASKS;
use crate::ecs::event::{HealthOfTask, TaskHealth};
use crate::ecs::{ClusterArn, Health, TaskArn, Timestamp};
use crate::inventory::{Inventory, TaskRecord};

/// What was told last of each task that still exists.
#[derive(Debug, Clone, Default)]
pub(super) struct Told(BTreeMap<TaskArn, Vec<(String, Health)>>);

impl Told {
    /// The messages that say what of `cluster` is new, each with the time at which it was seen; a sign of life, seen
    /// `now`, if nothing is. `promise` is the time within which there are others. UNKNOWN is no news: it withdraws
    /// nothing.
    pub(super) fn news(
        &self,
        inventory: &Inventory,
        cluster: &ClusterArn,
        promise: Duration,
        now: Timestamp,
    ) -> Vec<TaskHealth> {
        let mut by_time: BTreeMap<Timestamp, Vec<HealthOfTask>> = BTreeMap::new();
        for record in inventory.tasks.values().filter(|record| record.task.cluster == *cluster) {
            let containers = definite(record);
            let Some(at) = record.health_at.values().max() else { continue };
            if !containers.is_empty() && self.0.get(&record.task.arn) != Some(&containers) {
                by_time.entry(*at).or_default().push(HealthOfTask { task: record.task.arn.clone(), containers });
            }
        }
        let message = |at, tasks: &[HealthOfTask]| TaskHealth {
            cluster: cluster.clone(),
            at,
            interval: promise,
            tasks: tasks.to_vec(),
        };
        if by_time.is_empty() {
            return vec![message(now, &[])];
        }
        by_time.iter().flat_map(|(at, tasks)| tasks.chunks(MAX_TASKS).map(|part| message(*at, part))).collect()
    }

    /// Agents have been told this.
    pub(super) fn note(&mut self, message: TaskHealth) {
        self.0.extend(message.tasks.into_iter().map(|told| (told.task, told.containers)));
    }

    /// Without tasks that are gone.
    pub(super) fn without_gone(mut self, inventory: &Inventory) -> Self {
        self.0.retain(|task, _| inventory.tasks.contains_key(task));
        self
    }
}

/// The containers whose health is known.
fn definite(record: &TaskRecord) -> Vec<(String, Health)> {
    let of = |container: &crate::ecs::Container| Some((container.name.clone(), container.health?));
    record.task.containers.iter().filter_map(of).filter(|(_, health)| *health != Health::Unknown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::{Cluster, Container, Task, TaskDefinitionArn, TaskStatus};
    use crate::inventory::{Change, Resource, reduce};

    fn cluster() -> ClusterArn {
        ClusterArn::of("us-east-1", "123456789012", "prod").unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn seen(inventory: Inventory, number: usize, health: Health, second: i64) -> Inventory {
        let arn = format!("arn:aws:ecs:us-east-1:123456789012:task/prod/{number:032x}");
        let definition = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1";
        let task = Task {
            arn: TaskArn::parse(&arn).unwrap(),
            cluster: cluster(),
            group: Some("service:web".to_owned()),
            task_definition: TaskDefinitionArn::parse(definition).unwrap(),
            container_instance: None,
            availability_zone: None,
            last_status: TaskStatus::Running,
            desired_status: TaskStatus::Running,
            version: Some(1),
            containers: vec![Container { name: "web".to_owned(), health: Some(health), ..Container::default() }],
            ipv4: vec![],
            ipv6: vec![],
            created_at: None,
            started_at: None,
        };
        reduce(inventory, Change::Apply { resource: Resource::Task(task), at: at(second) }).0
    }

    fn world() -> Inventory {
        let cluster = Cluster { arn: cluster(), name: "prod".to_owned() };
        reduce(Inventory::default(), Change::Apply { resource: Resource::Cluster(cluster), at: at(0) }).0
    }

    fn tell(told: &mut Told, inventory: &Inventory) -> Vec<(Timestamp, usize)> {
        let messages = told.news(inventory, &cluster(), Duration::from_secs(10), at(99));
        let sizes = messages.iter().map(|message| (message.at, message.tasks.len())).collect();
        messages.into_iter().for_each(|message| told.note(message));
        sizes
    }

    #[test]
    fn only_what_is_new_is_told_and_else_a_sign_of_life() {
        let mut told = Told::default();
        let inventory = seen(seen(world(), 1, Health::Healthy, 1), 2, Health::Unknown, 1);
        assert_eq!(tell(&mut told, &inventory), [(at(1), 1)], "UNKNOWN is no news");
        let inventory = seen(inventory, 1, Health::Healthy, 2);
        assert_eq!(tell(&mut told, &inventory), [(at(99), 0)]);
        let inventory = seen(seen(inventory, 1, Health::Unhealthy, 3), 2, Health::Healthy, 4);
        assert_eq!(tell(&mut told, &inventory), [(at(3), 1), (at(4), 1)], "each as of when it was seen");
        assert_eq!(told.without_gone(&world()).0.len(), 0);
    }

    #[test]
    fn what_was_not_published_is_still_new() {
        let told = Told::default();
        let inventory = seen(world(), 1, Health::Healthy, 1);
        let news = || told.news(&inventory, &cluster(), Duration::from_secs(10), at(99));
        assert_eq!(news(), news());
        assert_eq!(news()[0].tasks.len(), 1);
    }

    #[test]
    fn messages_hold_no_more_tasks_than_are_read() {
        let mut inventory = world();
        for number in 0..=MAX_TASKS {
            inventory = seen(inventory, number, Health::Healthy, 1);
        }
        assert_eq!(tell(&mut Told::default(), &inventory), [(at(1), MAX_TASKS), (at(1), 1)]);
    }
}
