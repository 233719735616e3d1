//! From one subject of the inventory to the names that it wants: pure, and independent of every other subject.

pub mod bodies;
pub mod service;

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
    /// Its names, how true each is to the subject's own, and the number of what it says. Of several with one name the
    /// best form counts, and of those the first.
    pub names: Vec<(DomainName, Form, usize)>,
    /// What they say.
    pub nodes: Vec<Node>,
    /// Whether it answers with UNHEALTHY tasks.
    pub failed_open: bool,
    /// Tasks kept although their host is being drained.
    pub kept_draining: usize,
}

impl Fragment {
    /// What nobody has said anything for yet.
    #[must_use]
    pub fn new(origin: Origin) -> Self {
        Self { origin: Arc::new(origin), names: Vec::new(), nodes: Vec::new(), failed_open: false, kept_draining: 0 }
    }

    fn of(subject: Subject, order: usize, leaving: bool, created_at: Option<Timestamp>) -> Self {
        let created_at = created_at.unwrap_or(Timestamp::MAX);
        Self::new(Origin { subject: Some(subject), order, leaving, created_at })
    }

    /// The number of something that names may say.
    pub fn say(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Adds a name. One that is too long (`None`) is left out.
    pub fn add(&mut self, form: Form, name: Option<DomainName>, node: usize) {
        self.names.extend(name.map(|name| (name, form, node)));
    }

    fn add_reverse(&mut self, addresses: &[IpAddr], target: Option<&DomainName>, ttl: u32) {
        let Some(target) = target.filter(|_| !addresses.is_empty()) else { return };
        let node = self.say(bodies::pointer(ttl, target));
        for address in addresses {
            self.add(Form::Exact, Some(naming::reverse(*address)), node);
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
    let mut fragment = Fragment::of(Subject::Task(arn.clone()), order, false, record.task.created_at);
    let name = Names::new(&settings.origin).task(arn.id());
    let ttl = if view.standing == Standing::Starting { settings.changing_ttl() } else { settings.ttl };
    let node = fragment.say(bodies::task(&view, ttl, settings));
    fragment.add(Form::TaskId, name.clone(), node);
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
    let mut fragment = Fragment::of(Subject::Host(arn.clone()), order, draining, None);
    let name = Names::new(&settings.origin).host(&instance.ec2_instance_id.as_str().to_ascii_lowercase());
    let node = if addresses.is_empty() {
        bodies::of_unknown_host(settings.ttl, &facts)
    } else {
        bodies::records(settings.ttl, &addresses, Some(&facts))
    };
    let node = fragment.say(node);
    fragment.add(Form::Exact, name.clone(), node);
    fragment.add_reverse(&addresses, name.as_ref(), settings.ttl);
    Some(fragment)
}
