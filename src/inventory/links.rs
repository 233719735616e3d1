//! Who refers to whom in the inventory, so that a change finds the subjects it touches without a search.

use std::collections::{BTreeMap, BTreeSet};

use super::ServiceKey;
use crate::ecs::{
    ContainerInstance, ContainerInstanceArn, Ec2InstanceId, LoadBalancerId, LoadBalancerRef, Service, TargetGroup,
    TargetGroupArn, Task, TaskArn, TaskDefinitionArn,
};

/// Reverse references. Kept in step with the inventory by `reduce` alone. A set is never empty: nobody refers to what
/// is not a key here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// Tasks by service.
    pub tasks_of: BTreeMap<ServiceKey, BTreeSet<TaskArn>>,
    /// Tasks by host.
    pub tasks_on: BTreeMap<ContainerInstanceArn, BTreeSet<TaskArn>>,
    /// Tasks by definition.
    pub tasks_from: BTreeMap<TaskDefinitionArn, BTreeSet<TaskArn>>,
    /// Services by their current definition.
    pub services_from: BTreeMap<TaskDefinitionArn, BTreeSet<ServiceKey>>,
    /// Container instances by machine.
    pub instances_on: BTreeMap<Ec2InstanceId, BTreeSet<ContainerInstanceArn>>,
    /// Services by declared target group.
    pub services_in: BTreeMap<TargetGroupArn, BTreeSet<ServiceKey>>,
    /// Services by declared classic load balancer.
    pub services_behind: BTreeMap<LoadBalancerId, BTreeSet<ServiceKey>>,
    /// Target groups by v2 load balancer.
    pub groups_behind: BTreeMap<LoadBalancerId, BTreeSet<TargetGroupArn>>,
}

/// Whether references come or go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Add,
    Remove,
}

impl Link {
    fn set<K: Ord + Clone, V: Ord + Clone>(self, links: &mut BTreeMap<K, BTreeSet<V>>, to: &K, from: &V) {
        match (self, links.get_mut(to)) {
            (Self::Add, Some(set)) => {
                set.insert(from.clone());
            }
            (Self::Add, None) => {
                links.insert(to.clone(), BTreeSet::from([from.clone()]));
            }
            (Self::Remove, Some(set)) => {
                set.remove(from);
                if set.is_empty() {
                    links.remove(to);
                }
            }
            (Self::Remove, None) => {}
        }
    }
}

impl Links {
    pub(super) fn task(&mut self, link: Link, task: &Task) {
        if let Some(service) = ServiceKey::of_task(task) {
            link.set(&mut self.tasks_of, &service, &task.arn);
        }
        if let Some(instance) = &task.container_instance {
            link.set(&mut self.tasks_on, instance, &task.arn);
        }
        link.set(&mut self.tasks_from, &task.task_definition, &task.arn);
    }

    pub(super) fn service(&mut self, link: Link, key: &ServiceKey, service: &Service) {
        if let Some(definition) = &service.task_definition {
            link.set(&mut self.services_from, definition, key);
        }
        for declared in service.declared_load_balancers() {
            match declared {
                LoadBalancerRef::LoadBalancerName(id) => link.set(&mut self.services_behind, id, key),
                LoadBalancerRef::TargetGroup(arn) => link.set(&mut self.services_in, arn, key),
            }
        }
    }

    pub(super) fn container_instance(&mut self, link: Link, instance: &ContainerInstance) {
        link.set(&mut self.instances_on, &instance.ec2_instance_id, &instance.arn);
    }

    pub(super) fn target_group(&mut self, link: Link, group: &TargetGroup) {
        for balancer in &group.load_balancers {
            link.set(&mut self.groups_behind, balancer, &group.arn);
        }
    }

    /// Whether any task or service uses this definition.
    #[must_use]
    pub fn uses_definition(&self, arn: &TaskDefinitionArn) -> bool {
        self.tasks_from.contains_key(arn) || self.services_from.contains_key(arn)
    }

    /// The services that declare this load balancer, by its name or through a target group.
    pub fn services_of_load_balancer(&self, id: &LoadBalancerId) -> impl Iterator<Item = &ServiceKey> {
        let groups = self.groups_behind.get(id).into_iter().flatten();
        let through_groups = groups.filter_map(|group| self.services_in.get(group)).flatten();
        self.services_behind.get(id).into_iter().flatten().chain(through_groups)
    }
}
