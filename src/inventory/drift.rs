//! What events had missed: changes that a pass over everything brings, although an event should have told of them.
//!
//! Health is never drift, as no event tells of it; nor are load balancers and task definitions, which are asked for
//! when something refers to them.

use super::{Change, Inventory, Resource, ResourceId, Scope};
use crate::ecs::{ClusterArn, ContainerInstance, Task};

/// Resources of whose changes events tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Told {
    /// Tasks.
    Task,
    /// Services.
    Service,
    /// Container instances.
    ContainerInstance,
    /// The state of EC2 instances.
    Ec2Instance,
}

impl Told {
    /// All of them, in the order of the variants.
    pub const ALL: [Self; 4] = [Self::Task, Self::Service, Self::ContainerInstance, Self::Ec2Instance];

    /// The value of the `resource` label in metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Service => "service",
            Self::ContainerInstance => "container_instance",
            Self::Ec2Instance => "ec2_instance",
        }
    }
}

/// Of what an event should have told, if `change`, which a pass has found, is to change `inventory`. What is in a
/// cluster that has not been read whole before is no drift. Call it before [`reduce`](super::reduce()), and count it if
/// that says [`Changed`](super::Outcome::Changed).
#[must_use]
pub fn missed(inventory: &Inventory, change: &Change) -> Option<Told> {
    let told = match change {
        Change::Apply { resource, .. } => return missed_of(inventory, resource),
        Change::Delete { id, .. } => match id {
            ResourceId::Task(_) => Told::Task,
            ResourceId::Service(_) => Told::Service,
            ResourceId::ContainerInstance(_) => Told::ContainerInstance,
            ResourceId::Ec2Instance(_) => Told::Ec2Instance,
            ResourceId::Cluster(_) | ResourceId::TargetGroup(_) | ResourceId::LoadBalancer(_) => return None,
        },
        Change::Reset { scope: Scope::Services(_), .. } => Told::Service,
        Change::Reset { scope: Scope::ContainerInstances(_), .. } => Told::ContainerInstance,
        Change::Reset { scope: Scope::Clusters, .. }
        | Change::Health { .. }
        | Change::Synced { .. }
        | Change::Unsynced { .. } => return None,
    };
    Some(told)
}

fn missed_of(inventory: &Inventory, resource: &Resource) -> Option<Told> {
    let (cluster, told, news) = match resource {
        Resource::Task(task) => (&task.cluster, Told::Task, is_news_of_task(inventory, task)),
        Resource::Service(service) => {
            let known = inventory.services.get(&super::ServiceKey::new(&service.cluster, &service.name));
            (&service.cluster, Told::Service, known.is_none_or(|known| known.value != *service))
        }
        Resource::ContainerInstance(instance) => {
            (&instance.cluster, Told::ContainerInstance, is_news_of_instance(inventory, instance))
        }
        Resource::Ec2Instance(machine) => {
            let known = inventory.ec2_instances.get(&machine.id)?;
            return (known.value.state != machine.state).then_some(Told::Ec2Instance);
        }
        Resource::Cluster(_) | Resource::TaskDefinition(_) | Resource::TargetGroup(_) | Resource::LoadBalancer(_) => {
            return None;
        }
    };
    (news && is_synced(inventory, cluster)).then_some(told)
}

/// By the version where there is one: each of ECS's versions has an event.
fn is_news_of_task(inventory: &Inventory, task: &Task) -> bool {
    let Some(known) = inventory.tasks.get(&task.arn).map(|record| &record.task) else { return true };
    match (task.version, known.version) {
        (Some(seen), Some(known)) => seen > known,
        _ => (task.last_status, task.desired_status) != (known.last_status, known.desired_status),
    }
}

fn is_news_of_instance(inventory: &Inventory, instance: &ContainerInstance) -> bool {
    let known = inventory.container_instances.get(&instance.arn).map(|record| &record.value);
    known.is_none_or(|known| known.status != instance.status)
}

fn is_synced(inventory: &Inventory, cluster: &ClusterArn) -> bool {
    inventory.clusters.get(cluster).is_some_and(|record| record.synced)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::{Health, TaskStatus};
    use crate::inventory::Outcome;
    use crate::inventory::reduce::samples::{World, apply, at, cluster, container, prod, seen, service, task};

    /// What is missed of `change` in a cluster with one service and a task of version 3, if it makes a difference.
    fn found(synced: bool, change: Change) -> Option<Told> {
        let before = [
            Some(apply(Resource::Cluster(cluster("prod")), 0)),
            synced.then(|| Change::Synced { cluster: prod() }),
            Some(apply(Resource::Service(service("web")), 0)),
            Some(seen(task(1, 3), 1)),
        ];
        let mut world = World::after(before.into_iter().flatten());
        let told = missed(&world.0, &change);
        told.filter(|_| matches!(world.step(change), Outcome::Changed(_)))
    }

    #[test]
    fn what_an_event_should_have_told_is_drift() {
        let stopping = Task { desired_status: TaskStatus::Stopped, ..task(1, 4) };
        let gone = Change::Delete { id: ResourceId::Task(task(1, 1).arn), at: at(9) };
        let none = Change::Reset { scope: Scope::Services(prod()), ids: [].into(), at: at(9) };
        assert_eq!(found(true, seen(stopping.clone(), 9)), Some(Told::Task));
        assert_eq!(found(true, seen(task(2, 1), 9)), Some(Told::Task));
        assert_eq!(found(true, gone), Some(Told::Task));
        assert_eq!(found(true, apply(Resource::Service(service("api")), 9)), Some(Told::Service));
        assert_eq!(found(true, none), Some(Told::Service));
        assert_eq!(found(false, seen(stopping, 9)), None, "the first pass finds everything");
    }

    #[test]
    fn health_and_what_was_known_is_none() {
        let healthy = Task { containers: vec![container("app", Some(Health::Healthy))], ..task(1, 3) };
        assert_eq!(found(true, seen(healthy, 9)), None);
        assert_eq!(found(true, seen(task(1, 3), 9)), None);
        assert_eq!(found(true, apply(Resource::Service(service("web")), 9)), None);
    }
}
