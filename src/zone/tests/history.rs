//! Random histories: few names, so that they meet; every kind of change.

use proptest::prelude::*;

use crate::dns::DomainName;
use crate::ecs::{
    ArnError, Cluster, ClusterArn, Container, ContainerDefinition, ContainerInstance, ContainerInstanceArn,
    ContainerInstanceStatus, Ec2Instance, Ec2InstanceId, Ec2State, Health, LoadBalancer, LoadBalancerId,
    LoadBalancerRef, NetworkMode, PortMapping, Protocol, Scheme, Service, ServiceArn, ServiceStatus, TargetGroup,
    TargetGroupArn, Task, TaskArn, TaskDefinition, TaskDefinitionArn, TaskStatus, Timestamp,
};
use crate::inventory::{Change, Resource, ResourceId, Scope, ServiceKey};
use crate::zone::{Fallback, Settings};

/// Four dice: what happens, to whom, and how.
pub type Step = (u8, u8, u8, u8);

const CLUSTERS: [&str; 3] = ["prod", "staging", "Prod"];
const SERVICES: [&str; 8] = ["web", "Web", "my_app", "my-app", "staging", "task", "_x", "ns"];

/// Any history.
pub fn histories() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(any::<Step>(), 0..80)
}

/// The settings of this world: two default clusters, a third that only has full names.
pub fn settings(fallback: Fallback) -> Settings {
    Settings {
        origin: DomainName::from_text("ecs.internal").unwrap(),
        default_clusters: vec!["prod".to_owned(), "staging".to_owned()],
        all_clusters: true,
        ttl: 5,
        negative_ttl: 5,
        fail_open: true,
        fallback,
        prefer_route53: false,
        records: Vec::new(),
        name_servers: vec!["127.0.0.1".parse().unwrap()],
        source: "test",
    }
}

/// The changes of a history: it begins with clusters that are mostly read.
pub fn changes(steps: &[Step]) -> Vec<Change> {
    let mut changes = Vec::new();
    for (index, name) in CLUSTERS.iter().enumerate() {
        let at = Timestamp::from_second(index as i64).unwrap();
        let cluster = Cluster { arn: cluster(index as u8), name: (*name).to_owned() };
        changes.push(Change::Apply { resource: Resource::Cluster(cluster), at });
        changes.push(Change::Synced { cluster: self::cluster(index as u8) });
    }
    let at = |index: usize| Timestamp::from_second(1000 + index as i64).unwrap();
    changes.extend(steps.iter().enumerate().map(|(index, step)| change(*step, at(index))));
    changes
}

fn arn<T>(kind: &str, path: &str, parse: fn(&str) -> Result<T, ArnError>) -> T {
    parse(&format!("arn:aws:ecs:us-east-1:123456789012:{kind}/{path}")).unwrap()
}

fn pick<T: Copy, const N: usize>(from: [T; N], die: u8) -> T {
    from[usize::from(die) % N]
}

fn cluster(die: u8) -> ClusterArn {
    arn("cluster", pick(CLUSTERS, die), ClusterArn::parse)
}

fn instance(die: u8) -> ContainerInstanceArn {
    arn("container-instance", &format!("c/{}", die % 3), ContainerInstanceArn::parse)
}

fn definition(die: u8) -> TaskDefinitionArn {
    arn("task-definition", &format!("family:{}", die % 3), TaskDefinitionArn::parse)
}

fn machine(die: u8) -> Ec2InstanceId {
    Ec2InstanceId(format!("i-{}", die % 2).into())
}

fn balancer(die: u8) -> LoadBalancerId {
    LoadBalancerId(pick(["classic", "arn:internal", "arn:public"], die).into())
}

fn change(step: Step, at: Timestamp) -> Change {
    let (what, who, how, more) = step;
    let apply = |resource| Change::Apply { resource, at };
    match what % 16 {
        0 => Change::Delete { id: ResourceId::Task(task(who, how, more).arn), at },
        1 => Change::Delete { id: ResourceId::Service(ServiceKey::new(&cluster(who), pick(SERVICES, how))), at },
        2 => Change::Reset { scope: Scope::Services(cluster(who)), ids: kept(who, how), at },
        3 if how.is_multiple_of(4) => Change::Delete { id: ResourceId::Cluster(cluster(who)), at },
        3 => Change::Synced { cluster: cluster(who) },
        4 => apply(Resource::Cluster(Cluster { arn: cluster(who), name: pick(CLUSTERS, who).to_owned() })),
        5 => apply(Resource::ContainerInstance(ContainerInstance {
            arn: instance(who),
            cluster: cluster(more),
            ec2_instance_id: machine(how),
            status: ContainerInstanceStatus::from_api(pick(["ACTIVE", "DRAINING", "ACTIVE", "INACTIVE"], more)),
            version: None,
        })),
        6 => apply(Resource::Ec2Instance(Ec2Instance {
            id: machine(who),
            state: Ec2State::from_api(pick(["running", "running", "terminated"], how)),
            private_ipv4: (!more.is_multiple_of(4)).then(|| [10, 5, 0, more % 2].into()),
            ipv6: None,
            availability_zone: None,
        })),
        7 => apply(Resource::TaskDefinition(task_definition(who))),
        8 => apply(Resource::LoadBalancer(LoadBalancer {
            id: balancer(who),
            dns_name: format!("lb{}.example.com", how % 2),
            scheme: if more.is_multiple_of(2) { Scheme::Internal } else { Scheme::InternetFacing },
        })),
        9 => apply(Resource::TargetGroup(TargetGroup {
            arn: TargetGroupArn("group".into()),
            load_balancers: (1..1 + how % 3).map(balancer).collect(),
        })),
        10..=12 => apply(Resource::Service(service(who, how, more))),
        _ => apply(Resource::Task(task(who, how, more))),
    }
}

fn kept(who: u8, how: u8) -> std::collections::BTreeSet<ResourceId> {
    let keys = SERVICES.iter().enumerate().filter(|(index, _)| (how >> index) & 1 == 1);
    keys.map(|(_, name)| ResourceId::Service(ServiceKey::new(&cluster(who), name))).collect()
}

fn task_definition(die: u8) -> TaskDefinition {
    let mode = pick([NetworkMode::Awsvpc, NetworkMode::Bridge, NetworkMode::Host], die);
    let port = |name: &str, number| PortMapping {
        name: Some(name.to_owned()),
        container_port: number,
        host_port: (mode == NetworkMode::Bridge).then_some(number + 1),
        protocol: Protocol::Tcp,
    };
    TaskDefinition {
        arn: definition(die),
        network_mode: mode,
        containers: vec![ContainerDefinition {
            name: "main".to_owned(),
            essential: true,
            health_check: die.is_multiple_of(2),
            port_mappings: vec![port("http", 80), port("web", 90 + u16::from(die % 3))],
            docker_labels: [("SERVICE_80_NAME".to_owned(), "_my-app._tcp".to_owned())].into(),
        }],
    }
}

fn service(who: u8, how: u8, more: u8) -> Service {
    let name = pick(SERVICES, how);
    let load_balancers = match more % 5 {
        0 => vec![LoadBalancerRef::LoadBalancerName(balancer(0))],
        1 => vec![LoadBalancerRef::TargetGroup(TargetGroupArn("group".into()))],
        _ => Vec::new(),
    };
    Service {
        arn: arn("service", &format!("{}/{name}", pick(CLUSTERS, who)), ServiceArn::parse),
        name: name.to_owned(),
        cluster: cluster(who),
        status: ServiceStatus::from_api(pick(["ACTIVE", "ACTIVE", "DRAINING", "INACTIVE"], more / 5)),
        desired_count: u32::from(more % 3),
        task_definition: more.is_multiple_of(2).then(|| definition(more)),
        load_balancers,
        task_sets: Vec::new(),
        created_at: Timestamp::from_second(i64::from(more % 3)).ok(),
    }
}

fn task(who: u8, how: u8, more: u8) -> Task {
    let id = who % 12;
    let owner = cluster(id);
    // A task keeps its cluster, service and definition for life.
    let service = pick(SERVICES, id / 2);
    let awsvpc = id.is_multiple_of(3);
    let status = pick(["RUNNING", "RUNNING", "RUNNING", "PENDING", "STOPPED"], how);
    let health = pick([Some(Health::Healthy), Some(Health::Unhealthy), Some(Health::Unknown), None], more);
    Task {
        arn: arn("task", &format!("{}/t{id}", pick(CLUSTERS, id)), TaskArn::parse),
        cluster: owner,
        group: (id != 11).then(|| format!("service:{service}")),
        task_definition: definition(id),
        container_instance: (!awsvpc).then(|| instance(id)),
        availability_zone: None,
        last_status: TaskStatus::from_api(status),
        desired_status: TaskStatus::from_api(pick(["RUNNING", "RUNNING", "STOPPED"], how / 8)),
        version: None,
        containers: vec![Container { name: "main".to_owned(), health, network_bindings: Vec::new() }],
        ipv4: if awsvpc { vec![[10, 0, 0, id].into()] } else { Vec::new() },
        ipv6: Vec::new(),
        created_at: None,
        started_at: None,
    }
}
