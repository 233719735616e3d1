//! Which load balancer a service stands behind.

use crate::ecs::{LoadBalancer, LoadBalancerId, LoadBalancerRef, Scheme, Service};
use crate::inventory::Inventory;

/// The load balancer of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Balancing<'i> {
    /// It declares none, or only target groups that no load balancer uses.
    None,
    /// This one.
    Behind(&'i LoadBalancer),
    /// It declares one that we could not read; this is what it is called in ECS.
    Unknown(&'i str),
}

/// Chooses among the load balancers that `service` declares: internal ones first, then in the order of declaration.
#[must_use]
pub fn of_service<'i>(inventory: &'i Inventory, service: &'i Service) -> Balancing<'i> {
    let mut best: Option<&LoadBalancer> = None;
    let mut unknown = None;
    for declared in service.declared_load_balancers() {
        match declared {
            LoadBalancerRef::LoadBalancerName(id) => consider(inventory, id, &mut best, &mut unknown),
            LoadBalancerRef::TargetGroup(arn) => match inventory.target_groups.get(arn) {
                None => unknown = unknown.or(Some(arn.as_str())),
                Some(group) => {
                    for id in &group.value.load_balancers {
                        consider(inventory, id, &mut best, &mut unknown);
                    }
                }
            },
        }
    }
    match (best, unknown) {
        (Some(balancer), _) => Balancing::Behind(balancer),
        (None, Some(what)) => Balancing::Unknown(what),
        (None, None) => Balancing::None,
    }
}

fn consider<'i>(
    inventory: &'i Inventory,
    id: &'i LoadBalancerId,
    best: &mut Option<&'i LoadBalancer>,
    unknown: &mut Option<&'i str>,
) {
    let Some(known) = inventory.load_balancers.get(id) else {
        unknown.get_or_insert(id.as_str());
        return;
    };
    let better = best.is_none_or(|best| known.value.scheme == Scheme::Internal && best.scheme != Scheme::Internal);
    if better {
        *best = Some(&known.value);
    }
}
