//! Who refers to whom in the inventory, so that a change finds the subjects it touches without a search.

use std::collections::{BTreeMap, BTreeSet};

use super::ServiceKey;
use crate::ecs::{ContainerInstanceArn, Ec2InstanceId, LoadBalancerId, TargetGroupArn, TaskArn, TaskDefinitionArn};

/// Reverse references. Kept in step with the inventory by `reduce` alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// Tasks by service.
    pub tasks_of: BTreeMap<ServiceKey, BTreeSet<TaskArn>>,
    /// Tasks by host.
    pub tasks_on: BTreeMap<ContainerInstanceArn, BTreeSet<TaskArn>>,
    /// Tasks by definition.
    pub tasks_from: BTreeMap<TaskDefinitionArn, BTreeSet<TaskArn>>,
    /// Container instances by machine.
    pub instances_on: BTreeMap<Ec2InstanceId, BTreeSet<ContainerInstanceArn>>,
    /// Services by declared target group.
    pub services_in: BTreeMap<TargetGroupArn, BTreeSet<ServiceKey>>,
    /// Services by declared classic load balancer.
    pub services_behind: BTreeMap<LoadBalancerId, BTreeSet<ServiceKey>>,
    /// Target groups by v2 load balancer.
    pub groups_behind: BTreeMap<LoadBalancerId, BTreeSet<TargetGroupArn>>,
}
