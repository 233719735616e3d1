//! Which events ask for a reconcile: pure.

use std::collections::BTreeSet;

use super::Kind;
use crate::ecs::event::{Detail, ServiceHint};
use crate::ecs::{ClusterArn, ServiceArn, Task};
use crate::inventory::{Inventory, ServiceKey};

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Nothing that is registered can be different because of it.
    Nothing,
    /// A reconcile.
    Reconcile,
    /// A reconcile, and a look at this service whatever the lists say.
    Of(ServiceHint),
}

/// What is registered, as far as it decides which events matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relevance {
    /// Names or ARNs of the default clusters.
    clusters: Vec<String>,
    /// Whether tasks have records of their own.
    tasks: bool,
}

impl Relevance {
    /// For these clusters, names or ARNs, and these types of records.
    #[must_use]
    pub fn new(clusters: &[String], kinds: &BTreeSet<Kind>) -> Self {
        let tasks = kinds.contains(&Kind::A) || kinds.contains(&Kind::Srv);
        Self { clusters: clusters.to_vec(), tasks }
    }

    /// What `detail` asks for, by what `inventory` knows.
    #[must_use]
    pub fn of(&self, inventory: &Inventory, detail: &Detail) -> Asked {
        match detail {
            Detail::Service(hint) if self.is_ours(inventory, &hint.cluster) => Asked::Of(hint.clone()),
            Detail::Task(task) if self.tasks && self.is_ours(inventory, &task.cluster) => of_task(inventory, task),
            Detail::TaskHealth(health) if self.tasks && self.is_ours(inventory, &health.cluster) => {
                if health.tasks.is_empty() { Asked::Nothing } else { Asked::Reconcile }
            }
            _ => Asked::Nothing,
        }
    }

    /// Whether services of `cluster` are registered. Until any cluster was found, its name must do.
    fn is_ours(&self, inventory: &Inventory, cluster: &ClusterArn) -> bool {
        if !inventory.clusters.is_empty() {
            return inventory.clusters.contains_key(cluster);
        }
        self.clusters.iter().any(|wanted| wanted == cluster.id() || wanted == cluster.as_str())
    }
}

/// Tasks behind a load balancer, and those of no service, have no records.
fn of_task(inventory: &Inventory, task: &Task) -> Asked {
    let Some(key) = ServiceKey::of_task(task) else { return Asked::Nothing };
    match inventory.services.get(&key) {
        Some(service) if service.value.declared_load_balancers().next().is_some() => Asked::Nothing,
        Some(_) => Asked::Reconcile,
        None => match ServiceArn::of(&key.cluster, &key.name) {
            Ok(service) => Asked::Of(ServiceHint { cluster: key.cluster, service }),
            Err(_) => Asked::Reconcile,
        },
    }
}

#[cfg(test)]
mod tests;
