//! A cluster of any size that exists nowhere, the same on every run: for load tests and benches.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::{Delivery, Updates, sample};
use crate::ecs::{
    Container, ContainerDefinition, NetworkMode, PortMapping, Protocol, Service, ServiceStatus, Task, TaskDefinition,
    TaskStatus, Timestamp,
};
use crate::inventory::document::{DocumentCluster, Format};
use crate::inventory::{Change, Document, Resource};

const CLUSTER: &str = "prod";
/// Time between two changes.
const CHURN: Duration = Duration::from_secs(1);

/// When everything was created: 2024-01-01T00:00:00Z.
const CREATED: Timestamp = Timestamp::constant(1_704_067_200, 0);

/// A cluster `prod` of `services` services `svc-0000`, `svc-0001`, … without load balancers, each of `tasks` running
/// tasks (awsvpc, no health check) that listen on one TCP port, 8080, named `http`.
///
/// Each task has an address of its own in 10.0.0.0/8, for up to 16 million tasks; then they repeat.
#[must_use]
pub fn synthetic(services: usize, tasks: usize) -> Document {
    let cluster = DocumentCluster { arn: sample::cluster(CLUSTER), name: CLUSTER.to_owned(), synced: true };
    let names = || (0..services).map(|number| format!("svc-{number:04}"));
    let of_service = |(number, name): (usize, String)| {
        (0..tasks).map(move |index| task(&name, index, address(number * tasks + index)))
    };
    Document {
        format: Format::V1,
        clusters: vec![cluster],
        services: names().map(|name| service(&name, tasks)).collect(),
        tasks: names().enumerate().flat_map(of_service).collect(),
        task_definitions: names().map(|name| definition(&name)).collect(),
        ..Document::default()
    }
}

/// Delivers `document`; with a seed, then lets one task of it restart every second, until the updater stops.
pub async fn run(document: Document, updates: Updates, churn: Option<u64>, now: impl Fn() -> Timestamp + Send) {
    let mut tasks = document.tasks.clone();
    if updates.deliver(Delivery::of(document.into_changes(now()))).await.is_err() || tasks.is_empty() {
        return;
    }
    let Some(seed) = churn else { return };
    let mut random = fastrand::Rng::with_seed(seed);
    loop {
        tokio::time::sleep(CHURN).await;
        let index = random.usize(..tasks.len());
        let task = &mut tasks[index];
        let running = task.last_status == TaskStatus::Running;
        task.last_status = if running { TaskStatus::Pending } else { TaskStatus::Running };
        task.version = Some(task.version.unwrap_or_default() + 1);
        let change = Change::Apply { resource: Resource::Task(task.clone()), at: now() };
        if updates.deliver(Delivery::of(vec![change])).await.is_err() {
            return;
        }
    }
}

fn service(name: &str, tasks: usize) -> Service {
    Service {
        arn: sample::service(CLUSTER, name),
        name: name.to_owned(),
        cluster: sample::cluster(CLUSTER),
        status: ServiceStatus::Active,
        desired_count: u32::try_from(tasks).unwrap_or(u32::MAX),
        task_definition: Some(sample::task_definition(name, 1)),
        load_balancers: Vec::new(),
        task_sets: Vec::new(),
        created_at: Some(CREATED),
    }
}

fn definition(name: &str) -> TaskDefinition {
    let http =
        PortMapping { name: Some("http".to_owned()), container_port: 8080, host_port: None, protocol: Protocol::Tcp };
    let app = ContainerDefinition {
        name: "app".to_owned(),
        essential: true,
        health_check: false,
        port_mappings: vec![http],
        docker_labels: [].into(),
    };
    TaskDefinition { arn: sample::task_definition(name, 1), network_mode: NetworkMode::Awsvpc, containers: vec![app] }
}

fn task(service: &str, index: usize, address: Ipv4Addr) -> Task {
    let zone = ["us-east-1a", "us-east-1b", "us-east-1c"].into_iter().cycle().nth(index % 3);
    Task {
        arn: sample::task(CLUSTER, &sample::id(&format!("{service}/{index}"))),
        cluster: sample::cluster(CLUSTER),
        group: Some(format!("service:{service}")),
        task_definition: sample::task_definition(service, 1),
        container_instance: None,
        availability_zone: zone.map(str::to_owned),
        last_status: TaskStatus::Running,
        desired_status: TaskStatus::Running,
        version: Some(1),
        containers: vec![Container { name: "app".to_owned(), ..Container::default() }],
        ipv4: vec![address],
        ipv6: Vec::new(),
        created_at: Some(CREATED),
        started_at: Some(CREATED),
    }
}

/// The address of task `number`; never one that ends in 0 or 255.
fn address(number: usize) -> Ipv4Addr {
    let octet = |value: usize| u8::try_from(value % 256).unwrap_or_default();
    let net = number / 254;
    Ipv4Addr::new(10, octet(net / 256), octet(net), octet(number % 254 + 1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn it_has_the_size_that_was_asked_for_and_is_the_same_on_every_run() {
        let document = synthetic(300, 3);
        assert_eq!((document.services.len(), document.tasks.len(), document.task_definitions.len()), (300, 900, 300));
        assert_eq!(document, synthetic(300, 3));
        assert_eq!(document.services[299].name, "svc-0299");
        assert_eq!(document.tasks[0].arn.id().len(), 32);
        let ids: BTreeSet<_> = document.tasks.iter().map(|task| &task.arn).collect();
        assert_eq!(ids.len(), 900);
    }

    #[test]
    fn addresses_are_distinct_and_private() {
        let addresses: BTreeSet<_> = (0..200_000).map(address).collect();
        assert_eq!(addresses.len(), 200_000);
        assert_eq!((address(0), address(254)), ([10, 0, 0, 1].into(), [10, 0, 1, 1].into()));
        assert!(addresses.iter().all(|address| address.octets()[0] == 10 && !matches!(address.octets()[3], 0 | 255)));
    }
}
