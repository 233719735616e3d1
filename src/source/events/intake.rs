//! What an event means, held against what is known: which changes it makes, what must be asked because of it, and
//! which withdrawals had better wait. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use super::asks::Asks;
use super::stats::Verdict;
use crate::ecs::event::{Detail, Event, HealthOfTask, ServiceHint};
use crate::ecs::{
    ClusterArn, ContainerInstance, Ec2Instance, Ec2InstanceId, Ec2State, ServiceArn, ServiceStatus, Task, TaskArn,
    Timestamp,
};
use crate::inventory::{Change, Inventory, Resource, ServiceKey, TaskRecord};
use crate::zone::readiness::{Standing, TaskView};

/// An event, and when it was learned.
#[derive(Debug, Clone)]
pub(super) struct Incoming {
    pub(super) event: Event,
    /// By our clock: when the message was received, or, of health, when it was seen.
    pub(super) at: Timestamp,
}

/// What an event makes us do.
#[derive(Debug, Default)]
pub(super) struct Consequence {
    pub(super) changes: Vec<Change>,
    pub(super) asks: Asks,
    /// The service whose tasks' health may be different.
    pub(super) look_at: Option<ServiceKey>,
    /// The cluster of which a controller tells the health, and how soon it will again.
    pub(super) told: Option<(ClusterArn, Duration)>,
}

/// What `incoming` means.
///
/// # Errors
/// Why it means nothing: it is of a cluster that is not followed, or of a kind that we do not follow.
pub(super) fn consequence(inventory: &Inventory, incoming: Incoming) -> Result<Consequence, Verdict> {
    let Incoming { event, at } = incoming;
    let followed = |cluster| inventory.clusters.contains_key(cluster);
    match event.detail {
        Detail::Task(task) if followed(&task.cluster) => Ok(of_task(inventory, task, at)),
        Detail::ContainerInstance(instance) if followed(&instance.cluster) => Ok(of_host(inventory, instance, at)),
        Detail::Service(hint) if followed(&hint.cluster) => Ok(of_service(hint)),
        Detail::Ec2Instance { id, state } => of_machine(inventory, &id, state, at).ok_or(Verdict::Foreign),
        Detail::TaskHealth(health) if followed(&health.cluster) => {
            let change = |it: HealthOfTask| Change::Health { task: it.task, containers: it.containers, at };
            let changes = health.tasks.into_iter().map(change).collect();
            Ok(Consequence { changes, told: Some((health.cluster, health.interval)), ..Consequence::default() })
        }
        Detail::Ignored(_) => Err(Verdict::Ignored),
        Detail::Task(_) | Detail::ContainerInstance(_) | Detail::Service(_) | Detail::TaskHealth(_) => {
            Err(Verdict::Foreign)
        }
    }
}

fn of_task(inventory: &Inventory, task: Task, at: Timestamp) -> Consequence {
    let mut asks = Asks::default();
    let service = ServiceKey::of_task(&task);
    if !task.last_status.is_final() {
        let host = task.container_instance.as_ref();
        if let Some(host) = host.filter(|host| !inventory.container_instances.contains_key(*host)) {
            asks.host(&task.cluster, host);
        }
        if let Some(key) = service.as_ref().filter(|key| !inventory.services.contains_key(*key)) {
            let service = ServiceArn::of(&key.cluster, &key.name).ok();
            asks.services.extend(service.map(|service| ServiceHint { cluster: key.cluster.clone(), service }));
        }
        asks.definitions = !inventory.task_definitions.contains_key(&task.task_definition);
    }
    let changes = vec![Change::Apply { resource: Resource::Task(task), at }];
    Consequence { changes, asks, look_at: service, told: None }
}

fn of_host(inventory: &Inventory, instance: ContainerInstance, at: Timestamp) -> Consequence {
    let mut asks = Asks::default();
    if !inventory.ec2_instances.contains_key(&instance.ec2_instance_id) {
        asks.machine(&instance.cluster, &instance.ec2_instance_id);
    }
    let changes = vec![Change::Apply { resource: Resource::ContainerInstance(instance), at }];
    Consequence { changes, asks, ..Consequence::default() }
}

fn of_service(hint: ServiceHint) -> Consequence {
    let look_at = Some(ServiceKey::new(&hint.cluster, hint.service.id()));
    let mut asks = Asks::default();
    asks.services.insert(hint);
    asks.definitions = true;
    Consequence { asks, look_at, ..Consequence::default() }
}

/// A machine that goes takes its tasks out at once. Events of EC2 have no version, so one that came late is put right
/// by asking: of a machine that comes, before it is believed; of one that goes, a while later, as EC2 itself goes on
/// answering "running" for some seconds.
fn of_machine(inventory: &Inventory, id: &Ec2InstanceId, state: Ec2State, at: Timestamp) -> Option<Consequence> {
    let host = inventory.links.instances_on.get(id)?.iter().next()?;
    let cluster = &inventory.container_instances.get(host)?.value.cluster;
    let mut consequence = Consequence::default();
    if state.is_gone() {
        let known = inventory.ec2_instances.get(id);
        let availability_zone = known.and_then(|known| known.value.availability_zone.clone());
        let gone = Ec2Instance { id: id.clone(), state, private_ipv4: None, ipv6: None, availability_zone };
        consequence.changes.push(Change::Apply { resource: Resource::Ec2Instance(gone), at });
        consequence.asks.departed.insert((cluster.clone(), id.clone()));
    } else {
        consequence.asks.machine(cluster, id);
    }
    Some(consequence)
}

/// Whether `detail` says that a task is to stop, or has stopped.
pub(super) fn is_withdrawal(detail: &Detail) -> bool {
    match detail {
        Detail::Task(task) => task.desired_status.is_leaving() || task.last_status.is_leaving(),
        _ => false,
    }
}

/// The tasks of `service` that may be ready by now without our knowing.
pub(super) fn successors(inventory: &Inventory, service: &ServiceKey) -> Vec<(ClusterArn, TaskArn)> {
    let may_be_ready = |record: &&TaskRecord| {
        matches!(
            TaskView::of(inventory, record).standing,
            Standing::Starting | Standing::Unproven | Standing::Unhealthy
        )
    };
    let tasks = inventory.tasks_of(service).filter(may_be_ready);
    tasks.map(|record| (service.cluster.clone(), record.task.arn.clone())).collect()
}

/// Whether `service` has a ready task that is not among those `leaving`.
pub(super) fn has_ready(inventory: &Inventory, service: &ServiceKey, leaving: &BTreeSet<TaskArn>) -> bool {
    let mut others = inventory.tasks_of(service).filter(|record| !leaving.contains(&record.task.arn));
    others.any(|record| TaskView::of(inventory, record).standing == Standing::Ready)
}

/// Whether `service` is to have tasks.
pub(super) fn is_wanted(inventory: &Inventory, service: &ServiceKey) -> bool {
    let service = inventory.services.get(service).map(|observed| &observed.value);
    service.is_some_and(|it| it.status == ServiceStatus::Active && it.desired_count > 0)
}

/// The services that would be without a ready task if the tasks `leaving` left, although they are to have some.
///
/// ECS stops the old task once the new one is HEALTHY, of which there is no event: what we know of the new one is
/// older than what made ECS stop the old one.
pub(super) fn emptied(inventory: &Inventory, leaving: &BTreeSet<TaskArn>) -> BTreeSet<ServiceKey> {
    let is_ready = |record: &TaskRecord| TaskView::of(inventory, record).standing == Standing::Ready;
    let serving = leaving.iter().filter_map(|arn| inventory.tasks.get(arn)).filter(|record| is_ready(record));
    let mut services: BTreeSet<ServiceKey> = serving.filter_map(|record| ServiceKey::of_task(&record.task)).collect();
    services.retain(|key| is_wanted(inventory, key) && !has_ready(inventory, key, leaving));
    services
}
