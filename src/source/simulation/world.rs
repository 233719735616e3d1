//! The clusters as they are when the simulation begins.

use jiff::SignedDuration;

use super::apps::{APPS, App, PROD, STAGING};
use super::{later, life};
use crate::ecs::{
    ContainerInstance, ContainerInstanceArn, ContainerInstanceStatus, Ec2Instance, Ec2InstanceId, Ec2State, Health,
    NetworkMode, Service, ServiceStatus, Task, TaskStatus, Timestamp,
};
use crate::inventory::Document;
use crate::inventory::document::{DocumentCluster, Format};
use crate::source::sample;

/// Revision of every task definition at the start.
pub(super) const REVISION: u32 = 3;

/// Cluster, EC2 id, address, zone. Three in `prod`, so that two tasks with a fixed host port can be replaced one by one.
const HOSTS: [(&str, &str, [u8; 4], &str); 4] = [
    (PROD, "i-0a1b2c3d4e5f60001", [10, 5, 10, 17], "us-east-1a"),
    (PROD, "i-0a1b2c3d4e5f60002", [10, 5, 10, 18], "us-east-1b"),
    (PROD, "i-0a1b2c3d4e5f60003", [10, 5, 11, 21], "us-east-1c"),
    (STAGING, "i-0a1b2c3d4e5f60004", [10, 5, 20, 5], "us-east-1a"),
];

/// The first of the addresses of tasks with an interface of their own, and how many there are.
pub(super) const ADDRESSES: (u32, u32) = (u32::from_be_bytes([10, 5, 32, 1]), 4_000);

/// The demo's clusters, `prod` and `staging`, with everything running and healthy at `now`.
#[must_use]
pub fn world(now: Timestamp) -> Document {
    let clusters =
        [PROD, STAGING].map(|name| DocumentCluster { arn: sample::cluster(name), name: name.to_owned(), synced: true });
    let standalone = standalone(now);
    let mut definitions: Vec<_> = APPS.iter().map(|app| app.definition(REVISION)).collect();
    definitions.push(REPORT.definition(1));
    Document {
        format: Format::V1,
        clusters: clusters.into(),
        services: APPS.iter().map(|app| service(app, now)).collect(),
        tasks: tasks(now).into_iter().chain([standalone]).collect(),
        task_definitions: definitions,
        container_instances: HOSTS.iter().map(|(cluster, id, ..)| container_instance(cluster, id)).collect(),
        ec2_instances: HOSTS.iter().map(|(_, id, address, zone)| machine(id, *address, zone)).collect(),
        target_groups: APPS.iter().filter_map(App::target_group).collect(),
        load_balancers: APPS.iter().filter_map(App::load_balancer).collect(),
    }
}

/// What the task of no service runs.
const REPORT: App = App {
    cluster: PROD,
    name: "report",
    desired: 1,
    network: NetworkMode::Bridge,
    ports: &[],
    check: false,
    fargate: false,
    ipv6: false,
    balancer: None,
};

fn service(app: &App, now: Timestamp) -> Service {
    Service {
        arn: sample::service(app.cluster, app.name),
        name: app.name.to_owned(),
        cluster: sample::cluster(app.cluster),
        status: ServiceStatus::Active,
        desired_count: app.desired,
        task_definition: Some(app.definition_arn(REVISION)),
        load_balancers: app.declares(),
        task_sets: Vec::new(),
        created_at: Some(later(now, SignedDuration::from_hours(-24 * 30))),
    }
}

/// The tasks of all services, spread over the hosts of their clusters.
fn tasks(now: Timestamp) -> Vec<Task> {
    let wanted = APPS.iter().flat_map(|app| (0..app.desired).map(move |index| (app, index)));
    (0..).zip(wanted).map(|(number, (app, index))| running(app, index, number, now)).collect()
}

/// Task `index` of `app`, which is task `number` of all.
fn running(app: &App, index: u32, number: u32, now: Timestamp) -> Task {
    let hosts: Vec<_> = HOSTS.iter().filter(|(cluster, ..)| *cluster == app.cluster).collect();
    let host = hosts.iter().cycle().nth(index as usize % hosts.len());
    let place = life::Place {
        instance: host.filter(|_| !app.fargate).map(|(cluster, id, ..)| host_arn(cluster, id)),
        zone: host.map(|(_, _, _, zone)| (*zone).to_owned()).unwrap_or_default(),
        address: (ADDRESSES.0 + number).into(),
    };
    let created = later(now, SignedDuration::from_hours(-5));
    let id = sample::id(&format!("{}/{}/{index}", app.cluster, app.name));
    let mut task = life::created(app, &id, REVISION, place, created);
    let started = later(created, SignedDuration::from_secs(20));
    life::started(&mut task, app, u16::try_from(32_768 + number).unwrap_or(32_768), started);
    task.last_status = TaskStatus::Running;
    task.version = Some(4);
    if app.check {
        life::set_health(&mut task, Health::Healthy);
    }
    task
}

fn standalone(now: Timestamp) -> Task {
    let task = running(&REPORT, 0, 0, now);
    Task { group: Some("family:report".to_owned()), task_definition: REPORT.definition_arn(1), ..task }
}

fn host_arn(cluster: &str, ec2: &str) -> ContainerInstanceArn {
    sample::container_instance(cluster, &sample::id(ec2))
}

fn container_instance(cluster: &str, ec2: &str) -> ContainerInstance {
    ContainerInstance {
        arn: host_arn(cluster, ec2),
        cluster: sample::cluster(cluster),
        ec2_instance_id: Ec2InstanceId(ec2.into()),
        status: ContainerInstanceStatus::Active,
        version: Some(1),
    }
}

fn machine(id: &str, address: [u8; 4], zone: &str) -> Ec2Instance {
    Ec2Instance {
        id: Ec2InstanceId(id.into()),
        state: Ec2State::Running,
        private_ipv4: Some(address.into()),
        ipv6: None,
        availability_zone: Some(zone.to_owned()),
    }
}
