//! Which tasks of a service answer for it, and how long the answer may be kept.
//!
//! The rules in one place: ready, starting, unhealthy, draining, host gone, fail open.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ecs::{ContainerInstanceStatus, Health, NetworkMode, Task, TaskDefinition, TaskStatus};
use crate::inventory::{Inventory, TaskRecord};

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// RUNNING, wanted, and every check that counts is HEALTHY.
    Ready,
    /// RUNNING and wanted, but a check fails.
    Unhealthy,
    /// RUNNING and wanted, but a check has not passed yet.
    Unproven,
    /// On its way to RUNNING.
    Starting,
    /// Stopping, stopped, or its host is gone.
    Leaving,
}

/// Where a task can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Here.
    At(Vec<IpAddr>),
    /// On its host, whose address we have not been told.
    HostUnknown,
    /// Nowhere (yet).
    None,
}

/// A task with everything that its names depend on.
#[derive(Debug, Clone)]
pub struct TaskView<'i> {
    /// The task.
    pub task: &'i Task,
    /// Its definition, if it has been read.
    pub definition: Option<&'i TaskDefinition>,
    /// Where it stands.
    pub standing: Standing,
    /// Whether its host is being drained.
    pub draining: bool,
    /// Where it can be reached.
    pub address: Address,
}

impl<'i> TaskView<'i> {
    /// Looks at a task of `inventory`.
    #[must_use]
    pub fn of(inventory: &'i Inventory, record: &'i TaskRecord) -> Self {
        let task = &record.task;
        let definition = inventory.task_definitions.get(&task.task_definition).map(|definition| &**definition);
        let instance = task.container_instance.as_ref().and_then(|arn| inventory.container_instances.get(arn));
        let host = task.container_instance.as_ref().and_then(|arn| inventory.machine_of(arn));
        let retired = instance.is_some_and(|instance| instance.value.status == ContainerInstanceStatus::Inactive);
        let gone = retired || host.is_some_and(|host| host.state.is_gone());
        let mode = definition.map(|definition| definition.network_mode);
        let host_address = host.filter(|_| !gone).and_then(|host| host.private_ipv4.map(|v4| (v4, host.ipv6)));
        Self {
            task,
            definition,
            standing: if gone { Standing::Leaving } else { standing(task, definition) },
            draining: instance.is_some_and(|instance| instance.value.status == ContainerInstanceStatus::Draining),
            address: address(task, mode, host_address),
        }
    }

    /// Its addresses; none if they are not known.
    #[must_use]
    pub fn addresses(&self) -> &[IpAddr] {
        match &self.address {
            Address::At(addresses) => addresses,
            Address::HostUnknown | Address::None => &[],
        }
    }

    /// Its network mode, as far as it is known.
    #[must_use]
    pub fn network_mode(&self) -> Option<NetworkMode> {
        match self.definition {
            Some(definition) => Some(definition.network_mode),
            None if !self.task.ipv4.is_empty() || !self.task.ipv6.is_empty() => Some(NetworkMode::Awsvpc),
            None => None,
        }
    }
}

fn standing(task: &Task, definition: Option<&TaskDefinition>) -> Standing {
    if task.desired_status.is_leaving() || task.last_status.is_leaving() {
        return Standing::Leaving;
    }
    if task.last_status != TaskStatus::Running || task.desired_status != TaskStatus::Running {
        return Standing::Starting;
    }
    match health(task, definition) {
        Health::Healthy => Standing::Ready,
        Health::Unhealthy => Standing::Unhealthy,
        Health::Unknown => Standing::Unproven,
    }
}

/// The worst of the checks that count: those of essential containers. Without the definition, a container counts if
/// its check has ever said something.
fn health(task: &Task, definition: Option<&TaskDefinition>) -> Health {
    let of = |name: &str| task.containers.iter().find(|container| container.name == name)?.health;
    let worst = |checks: &mut dyn Iterator<Item = Health>| {
        checks.fold(Health::Healthy, |worst, check| match (worst, check) {
            (Health::Unhealthy, _) | (_, Health::Unhealthy) => Health::Unhealthy,
            (Health::Unknown, _) | (_, Health::Unknown) => Health::Unknown,
            (Health::Healthy, Health::Healthy) => Health::Healthy,
        })
    };
    match definition {
        Some(definition) => {
            let counting =
                definition.containers.iter().filter(|container| container.essential && container.health_check);
            worst(&mut counting.map(|container| of(&container.name).unwrap_or_default()))
        }
        None => {
            let said = task.containers.iter().filter_map(|container| container.health);
            worst(&mut said.filter(|health| *health != Health::Unknown))
        }
    }
}

fn address(task: &Task, mode: Option<NetworkMode>, host: Option<(Ipv4Addr, Option<Ipv6Addr>)>) -> Address {
    if !task.ipv4.is_empty() || !task.ipv6.is_empty() {
        let v6 = task.ipv6.iter().copied().map(IpAddr::V6);
        return Address::At(task.ipv4.iter().copied().map(IpAddr::V4).chain(v6).collect());
    }
    // Until the mode is known, a task that is starting may yet get an address of its own.
    let may_come = mode.is_none() && task.last_status != TaskStatus::Running;
    if task.container_instance.is_none() || may_come || matches!(mode, Some(NetworkMode::Awsvpc | NetworkMode::None)) {
        return Address::None;
    }
    match host {
        // Docker publishes the ports of a bridge on the IPv4 side; only host mode is known to listen on both.
        Some((v4, Some(v6))) if mode == Some(NetworkMode::Host) => Address::At(vec![v4.into(), v6.into()]),
        Some((v4, _)) => Address::At(vec![v4.into()]),
        None => Address::HostUnknown,
    }
}

/// The tasks that answer for a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Indices of the tasks in the answer.
    pub chosen: Vec<usize>,
    /// Whether the service changes at the moment, so that the answer should not be kept.
    pub changing: bool,
    /// Whether they are in the answer although they are UNHEALTHY, for want of better.
    pub failed_open: bool,
    /// Number of tasks kept although their host is being drained, for want of others.
    pub kept_draining: usize,
    /// Number of tasks that are ready, drained ones included.
    pub ready: usize,
}

/// Chooses among the tasks of one service.
#[must_use]
pub fn select(tasks: &[TaskView<'_>], fail_open: bool) -> Selection {
    let standing = |wanted: Standing| (0..tasks.len()).filter(move |index| tasks[*index].standing == wanted);
    let ready = standing(Standing::Ready).count();
    let failed_open = ready == 0 && fail_open && standing(Standing::Unhealthy).next().is_some();
    let candidates: Vec<usize> = standing(if failed_open { Standing::Unhealthy } else { Standing::Ready }).collect();
    let stays = |index: &usize| !tasks[*index].draining;
    let kept_draining = if candidates.iter().any(stays) { 0 } else { candidates.len() };
    let chosen: Vec<usize> = candidates.into_iter().filter(|index| kept_draining > 0 || stays(index)).collect();
    let moving = tasks.iter().any(|view| matches!(view.standing, Standing::Starting | Standing::Leaving));
    Selection { chosen, changing: moving || failed_open || kept_draining > 0, failed_open, kept_draining, ready }
}
