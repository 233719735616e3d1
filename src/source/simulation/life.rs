//! The life of one simulated task, from PROVISIONING to STOPPED.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::apps::{App, CONTAINER};
use crate::ecs::{Container, ContainerInstanceArn, Health, NetworkBinding, NetworkMode, Task, TaskStatus, Timestamp};
use crate::source::sample;

/// Where a new task goes.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The host, unless it is Fargate.
    pub instance: Option<ContainerInstanceArn>,
    pub zone: String,
    /// The address of a task with an interface of its own.
    pub address: Ipv4Addr,
}

/// A task of `app` that has just been created.
pub(super) fn created(app: &App, id: &str, revision: u32, place: Place, now: Timestamp) -> Task {
    let own_interface = app.network == NetworkMode::Awsvpc;
    let ipv6 = Ipv6Addr::from_bits(0x2001_0db8_0005_0000 << 64 | u128::from(place.address.to_bits()));
    Task {
        arn: sample::task(app.cluster, id),
        cluster: sample::cluster(app.cluster),
        group: Some(format!("service:{}", app.name)),
        task_definition: app.definition_arn(revision),
        container_instance: place.instance,
        availability_zone: Some(place.zone),
        last_status: TaskStatus::Provisioning,
        desired_status: TaskStatus::Running,
        version: Some(1),
        containers: vec![Container {
            name: CONTAINER.to_owned(),
            health: Some(Health::Unknown),
            network_bindings: Vec::new(),
        }],
        ipv4: own_interface.then_some(place.address).into_iter().collect(),
        ipv6: app.ipv6.then_some(ipv6).into_iter().collect(),
        created_at: Some(now),
        started_at: None,
    }
}

/// Takes the next step of its life; `dynamic_port` is free on its host. Whether another will follow by itself.
pub(super) fn advance(task: &mut Task, app: &App, dynamic_port: u16, now: Timestamp) -> bool {
    let leaving = task.desired_status == TaskStatus::Stopped;
    let next = match task.last_status {
        TaskStatus::Deactivating => TaskStatus::Stopping,
        TaskStatus::Stopping if app.network == NetworkMode::Awsvpc => TaskStatus::Deprovisioning,
        TaskStatus::Stopping | TaskStatus::Deprovisioning => TaskStatus::Stopped,
        _ if leaving && app.balancer.is_some() => TaskStatus::Deactivating,
        _ if leaving => TaskStatus::Stopping,
        TaskStatus::Provisioning => TaskStatus::Pending,
        TaskStatus::Pending if app.balancer.is_some() => TaskStatus::Activating,
        TaskStatus::Running => {
            // Health has no version.
            set_health(task, Health::Healthy);
            return false;
        }
        _ => TaskStatus::Running,
    };
    enter(task, next);
    if next == TaskStatus::Running {
        started(task, app, dynamic_port, now);
        return app.check;
    }
    true
}

/// Moves to `status`, which is a new version of the task.
pub(super) fn enter(task: &mut Task, status: TaskStatus) {
    task.last_status = status;
    task.version = task.version.map(|version| version + 1);
}

/// What is known of a task once it is RUNNING.
pub(super) fn started(task: &mut Task, app: &App, dynamic_port: u16, now: Timestamp) {
    task.started_at = Some(now);
    if app.network != NetworkMode::Bridge {
        return;
    }
    let bindings = app.ports.iter().map(|port| NetworkBinding {
        container_port: port.container,
        host_port: if port.host == 0 { dynamic_port } else { port.host },
        protocol: port.protocol,
    });
    for container in &mut task.containers {
        container.network_bindings = bindings.clone().collect();
    }
}

/// ECS wants it gone.
pub(super) fn stop(task: &mut Task) {
    task.desired_status = TaskStatus::Stopped;
    task.version = task.version.map(|version| version + 1);
}

/// It stops by itself, without the states in between.
pub(super) fn exit(task: &mut Task) {
    task.desired_status = TaskStatus::Stopped;
    enter(task, TaskStatus::Stopped);
}

pub(super) fn set_health(task: &mut Task, health: Health) {
    for container in &mut task.containers {
        container.health = Some(health);
    }
}

pub(super) fn is_unhealthy(task: &Task) -> bool {
    task.containers.iter().any(|container| container.health == Some(Health::Unhealthy))
}

/// Whether it serves: RUNNING, and healthy if it has a check.
pub(super) fn is_ready(task: &Task, app: &App) -> bool {
    let running = task.last_status == TaskStatus::Running && task.desired_status == TaskStatus::Running;
    running && (!app.check || task.containers.iter().all(|container| container.health == Some(Health::Healthy)))
}
