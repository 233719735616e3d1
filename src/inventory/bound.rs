//! How large the inventory may become: a bound far above any fleet, in case a source tells of more than there can be.

use super::{Change, Inventory, Resource, ServiceKey};

impl Inventory {
    /// Services, tasks and container instances. Everything else is there because one of them refers to it.
    #[must_use]
    pub fn size(&self) -> usize {
        self.services.len() + self.tasks.len() + self.container_instances.len()
    }

    /// Whether `change` brings a service, a task or a container instance beyond `max` of them. Those that are known may
    /// still change and go.
    #[must_use]
    pub fn has_no_room_for(&self, change: &Change, max: usize) -> bool {
        let Change::Apply { resource, .. } = change else { return false };
        let known = match resource {
            Resource::Service(service) => self.services.contains_key(&ServiceKey::new(&service.cluster, &service.name)),
            Resource::Task(task) => task.last_status.is_final() || self.tasks.contains_key(&task.arn),
            Resource::ContainerInstance(instance) => self.container_instances.contains_key(&instance.arn),
            Resource::Cluster(_)
            | Resource::TaskDefinition(_)
            | Resource::Ec2Instance(_)
            | Resource::TargetGroup(_)
            | Resource::LoadBalancer(_) => true,
        };
        !known && self.size() >= max
    }
}

#[cfg(test)]
mod tests {
    use super::super::reduce::samples::{World, seen, task};
    use crate::ecs::{Task, TaskStatus};

    #[test]
    fn what_is_known_changes_and_goes_and_what_is_new_has_no_room() {
        let world = World::after([seen(task(1, 1), 10), seen(task(2, 1), 10)]);
        let (known, new) = (seen(task(1, 2), 20), seen(task(3, 1), 20));
        assert_eq!(world.0.size(), 2);
        assert!(world.0.has_no_room_for(&new, 2) && !world.0.has_no_room_for(&new, 3));
        assert!(!world.0.has_no_room_for(&known, 2));
        let stopped = Task { last_status: TaskStatus::Stopped, ..task(3, 2) };
        assert!(!world.0.has_no_room_for(&seen(stopped, 30), 2));
    }
}
