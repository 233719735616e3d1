//! From one subject of the inventory to the names that it wants: pure, and independent of every other subject.

pub mod bodies;
pub mod service;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::claims::Origin;
use super::facts;
use super::naming::{self, Form, Names};
use super::node::Node;
use super::readiness::{Address, Standing, TaskView};
use super::settings::Settings;
use crate::dns::DomainName;
use crate::ecs::{ClusterArn, ContainerInstanceArn, ContainerInstanceStatus, Ec2Instance, TaskArn, Timestamp};
use crate::inventory::{Inventory, Subject};

/// What one subject wants to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// Who it is.
    pub origin: Arc<Origin>,
    /// Its names, best form of each, and what they say.
    pub nodes: BTreeMap<DomainName, (Form, Arc<Node>)>,
    /// Whether it answers with UNHEALTHY tasks.
    pub failed_open: bool,
    /// Tasks kept although their host is being drained.
    pub kept_draining: usize,
}

impl Fragment {
    fn new(subject: Option<Subject>, order: usize, leaving: bool, created_at: Option<Timestamp>) -> Self {
        let created_at = created_at.unwrap_or(Timestamp::MAX);
        Self {
            origin: Arc::new(Origin { subject, order, leaving, created_at }),
            nodes: BTreeMap::new(),
            failed_open: false,
            kept_draining: 0,
        }
    }

    /// Adds a name, unless it is there in a better form already. A name that is too long (`None`) is left out.
    fn add(&mut self, form: Form, name: Option<DomainName>, node: &Arc<Node>) {
        let Some(name) = name else { return };
        match self.nodes.get(&name) {
            Some((better, _)) if *better <= form => {}
            _ => {
                self.nodes.insert(name, (form, Arc::clone(node)));
            }
        }
    }

    fn add_reverse(&mut self, addresses: &[IpAddr], target: Option<&DomainName>, ttl: u32) {
        let Some(target) = target else { return };
        let node = Arc::new(bodies::pointer(ttl, target));
        for address in addresses {
            self.add(Form::Exact, Some(naming::reverse(*address)), &node);
        }
    }
}

/// Renders a subject; `None` if it has no names: unknown, gone, or its cluster not read completely yet.
#[must_use]
pub fn render(inventory: &Inventory, settings: &Settings, subject: &Subject) -> Option<Fragment> {
    match subject {
        Subject::Service(key) => service::render(inventory, settings, key),
        Subject::Task(arn) => task(inventory, settings, arn),
        Subject::Host(arn) => host(inventory, settings, arn),
        Subject::Cluster(_) => None,
    }
}

/// Position of a cluster in the precedence of names: default clusters in their order, then the others. `None` while
/// it is not published.
fn order(inventory: &Inventory, settings: &Settings, cluster: &ClusterArn) -> Option<usize> {
    let record = inventory.clusters.get(cluster).filter(|record| record.synced)?;
    let default = settings.default_order(&record.cluster.name, cluster.as_str());
    Some(default.unwrap_or(settings.default_clusters.len()))
}

fn task(inventory: &Inventory, settings: &Settings, arn: &TaskArn) -> Option<Fragment> {
    let record = inventory.tasks.get(arn).filter(|record| record.task.service_name().is_none())?;
    let order = order(inventory, settings, &record.task.cluster)?;
    let view = TaskView::of(inventory, record);
    if view.standing == Standing::Leaving || view.address == Address::None {
        return None;
    }
    let mut fragment = Fragment::new(Some(Subject::Task(arn.clone())), order, false, record.task.created_at);
    let name = Names::new(&settings.origin).task(arn.id());
    let ttl = if view.standing == Standing::Starting { settings.changing_ttl() } else { settings.ttl };
    fragment.add(Form::TaskId, name.clone(), &Arc::new(bodies::task(&view, ttl, settings)));
    if !record.task.ipv4.is_empty() || !record.task.ipv6.is_empty() {
        fragment.add_reverse(view.addresses(), name.as_ref(), settings.ttl);
    }
    Some(fragment)
}

fn host(inventory: &Inventory, settings: &Settings, arn: &ContainerInstanceArn) -> Option<Fragment> {
    let instance = &inventory.container_instances.get(arn)?.value;
    let order = order(inventory, settings, &instance.cluster)?;
    let machine = inventory.machine_of(arn);
    if instance.status == ContainerInstanceStatus::Inactive || machine.is_some_and(|machine| machine.state.is_gone()) {
        return None;
    }
    let of = |machine: &Ec2Instance| {
        machine.private_ipv4.map(IpAddr::V4).into_iter().chain(machine.ipv6.map(IpAddr::V6)).collect()
    };
    let addresses: Vec<IpAddr> = machine.map(of).unwrap_or_default();
    let draining = instance.status == ContainerInstanceStatus::Draining;
    let facts = facts::of_host(instance.cluster.id(), draining, machine, settings);
    let mut fragment = Fragment::new(Some(Subject::Host(arn.clone())), order, draining, None);
    let name = Names::new(&settings.origin).host(&instance.ec2_instance_id.as_str().to_ascii_lowercase());
    let node = if addresses.is_empty() {
        bodies::of_unknown_host(settings.ttl, &facts)
    } else {
        bodies::records(settings.ttl, &addresses, Some(&facts), None)
    };
    fragment.add(Form::Exact, name.clone(), &Arc::new(node));
    fragment.add_reverse(&addresses, name.as_ref(), settings.ttl);
    Some(fragment)
}
