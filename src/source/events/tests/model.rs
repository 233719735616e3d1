//! A small cluster that lives: what happens in it, what AWS tells of it, and what it answers when it is asked.

use std::collections::{BTreeMap, BTreeSet};

use crate::ecs::event::{Detail, Event, ServiceHint};
use crate::ecs::{
    Cluster, ClusterArn, Container, ContainerDefinition, ContainerInstance, ContainerInstanceArn,
    ContainerInstanceStatus, Ec2Instance, Ec2InstanceId, Ec2State, Health, NetworkMode, Service, ServiceArn,
    ServiceStatus, Task, TaskArn, TaskDefinition, TaskDefinitionArn, TaskStatus, Timestamp,
};
use crate::inventory::{Change, Inventory, Resource, ResourceId, Scope, ServiceKey};

const ACCOUNT: &str = "arn:aws:ecs:us-east-1:123456789012";
const SERVICES: [&str; 2] = ["web", "api"];

pub(super) fn at(millisecond: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + millisecond).unwrap()
}

pub(super) fn cluster() -> ClusterArn {
    ClusterArn::parse(&format!("{ACCOUNT}:cluster/prod")).unwrap()
}

pub(super) fn service_arn(name: &str) -> ServiceArn {
    ServiceArn::of(&cluster(), name).unwrap()
}

pub(super) fn key(name: &str) -> ServiceKey {
    ServiceKey::new(&cluster(), name)
}

pub(super) fn task_arn(number: u32) -> TaskArn {
    TaskArn::parse(&format!("{ACCOUNT}:task/prod/{number:032x}")).unwrap()
}

pub(super) fn host_arn(number: u8) -> ContainerInstanceArn {
    ContainerInstanceArn::parse(&format!("{ACCOUNT}:container-instance/prod/{number:032x}")).unwrap()
}

pub(super) fn machine_id(number: u8) -> Ec2InstanceId {
    Ec2InstanceId(format!("i-{number:017x}").into())
}

fn definition(name: &str) -> TaskDefinitionArn {
    TaskDefinitionArn::parse(&format!("{ACCOUNT}:task-definition/{name}:1")).unwrap()
}

/// A task of `service` on host `host` that has just been created.
pub(super) fn task(number: u32, service: &str, host: u8) -> Task {
    Task {
        arn: task_arn(number),
        cluster: cluster(),
        group: Some(format!("service:{service}")),
        task_definition: definition(service),
        container_instance: Some(host_arn(host)),
        availability_zone: Some("us-east-1a".to_owned()),
        last_status: TaskStatus::Provisioning,
        desired_status: TaskStatus::Running,
        version: Some(1),
        containers: vec![Container { name: "app".to_owned(), health: None, network_bindings: Vec::new() }],
        ipv4: vec![std::net::Ipv4Addr::from_bits(0x0a05_0000 + number)],
        ipv6: Vec::new(),
        created_at: Some(at(i64::from(number))),
        started_at: None,
    }
}

pub(super) fn service(name: &str) -> Service {
    Service {
        arn: service_arn(name),
        name: name.to_owned(),
        cluster: cluster(),
        status: ServiceStatus::Active,
        desired_count: 2,
        task_definition: Some(definition(name)),
        load_balancers: Vec::new(),
        task_sets: Vec::new(),
        created_at: Some(at(0)),
    }
}

/// Its tasks have health checks if it is `web`.
pub(super) fn definition_of(name: &str) -> TaskDefinition {
    let app = ContainerDefinition {
        name: "app".to_owned(),
        essential: true,
        health_check: name == "web",
        port_mappings: Vec::new(),
        docker_labels: BTreeMap::new(),
    };
    TaskDefinition { arn: definition(name), network_mode: NetworkMode::Awsvpc, containers: vec![app] }
}

/// One thing that happens: what, and to whom.
pub(super) type Step = (u8, u8);

/// The cluster as it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) services: BTreeMap<&'static str, Service>,
    pub(super) tasks: BTreeMap<TaskArn, Task>,
    pub(super) hosts: BTreeMap<ContainerInstanceArn, ContainerInstance>,
    pub(super) machines: BTreeMap<Ec2InstanceId, Ec2Instance>,
    started: u32,
}

impl Model {
    /// Both services, and three hosts.
    pub(super) fn new() -> Self {
        let mut model = Self::default();
        for name in SERVICES {
            model.services.insert(name, service(name));
        }
        for number in 0..3 {
            model.boot(number);
        }
        model
    }

    fn boot(&mut self, number: u8) {
        let id = machine_id(number);
        let machine = Ec2Instance {
            id: id.clone(),
            state: Ec2State::Running,
            private_ipv4: Some([10, 0, 0, number].into()),
            ipv6: None,
            availability_zone: Some("us-east-1a".to_owned()),
        };
        let host = ContainerInstance {
            arn: host_arn(number),
            cluster: cluster(),
            ec2_instance_id: id.clone(),
            status: ContainerInstanceStatus::Active,
            version: Some(1),
        };
        self.machines.insert(id, machine);
        self.hosts.insert(host.arn.clone(), host);
    }

    /// Lets something happen; returns what AWS tells of it.
    pub(super) fn step(&mut self, (what, whom): Step) -> Option<Detail> {
        match what % 12 {
            0 | 1 => {
                self.started += 1;
                let service = SERVICES[usize::from(whom) % SERVICES.len()];
                let task = task(self.started, service, whom % 3);
                self.tasks.insert(task.arn.clone(), task.clone());
                Some(Detail::Task(told(&task)))
            }
            2..=5 => self.task(whom, advance),
            6 => self.task(whom, |task| task.desired_status = TaskStatus::Stopped),
            7 => {
                // Health has no version and no event. It never goes back to UNKNOWN here: what that means depends on
                // what was seen before, by design.
                let healths = [Health::Healthy, Health::Unhealthy, Health::Healthy];
                let task = nth(&mut self.tasks, whom)?;
                task.containers[0].health = Some(healths[usize::from(whom) % healths.len()]);
                None
            }
            8 => {
                let host = nth(&mut self.hosts, whom)?;
                host.version = host.version.map(|version| version + 1);
                host.status = match host.status {
                    ContainerInstanceStatus::Active => ContainerInstanceStatus::Draining,
                    ContainerInstanceStatus::Draining => ContainerInstanceStatus::Active,
                    other => other,
                };
                Some(Detail::ContainerInstance(host.clone()))
            }
            9 => {
                let machine = nth(&mut self.machines, whom)?;
                machine.state = if whom.is_multiple_of(2) { Ec2State::Running } else { Ec2State::Stopping };
                Some(Detail::Ec2Instance { id: machine.id.clone(), state: machine.state })
            }
            10 => {
                let name = SERVICES[usize::from(whom) % SERVICES.len()];
                let service = self.services.get_mut(name)?;
                service.status = if service.status == ServiceStatus::Active && whom > 128 {
                    ServiceStatus::Draining
                } else {
                    ServiceStatus::Active
                };
                Some(Detail::Service(ServiceHint { cluster: cluster(), service: service.arn.clone() }))
            }
            _ => {
                let name = SERVICES[usize::from(whom) % SERVICES.len()];
                if self.services.remove(name).is_none() {
                    self.services.insert(name, service(name));
                }
                Some(Detail::Service(ServiceHint { cluster: cluster(), service: service_arn(name) }))
            }
        }
    }

    /// Lets all that is stopping stop. A task that is to stop is on no list, so who has not heard of it never will.
    pub(super) fn settle(&mut self) {
        for task in self.tasks.values_mut().filter(|task| task.desired_status == TaskStatus::Stopped) {
            task.last_status = TaskStatus::Stopped;
            task.version = task.version.map(|version| version + 1);
        }
    }

    fn task(&mut self, whom: u8, change: fn(&mut Task)) -> Option<Detail> {
        let task = nth(&mut self.tasks, whom).filter(|task| !task.last_status.is_final())?;
        change(task);
        task.version = task.version.map(|version| version + 1);
        Some(Detail::Task(told(task)))
    }

    /// What a pass that began at `at` makes of the cluster as it is, for somebody who knows `inventory`.
    pub(super) fn pass(&self, inventory: &Inventory, at: Timestamp) -> Vec<Change> {
        let apply = |resource| Change::Apply { resource, at };
        let it = Cluster { arn: cluster(), name: "prod".to_owned() };
        let mut changes = vec![apply(Resource::Cluster(it))];
        changes.extend(self.services.values().cloned().map(Resource::Service).map(apply));
        let ids = self.services.keys().map(|name| ResourceId::Service(key(name))).collect();
        changes.push(Change::Reset { scope: Scope::Services(cluster()), ids, at });
        for task in self.tasks.values() {
            let listed = task.desired_status == TaskStatus::Running && !task.last_status.is_final();
            if listed || inventory.tasks.contains_key(&task.arn) {
                changes.push(match task.last_status.is_final() {
                    true => Change::Delete { id: ResourceId::Task(task.arn.clone()), at },
                    false => apply(Resource::Task(task.clone())),
                });
            }
        }
        changes.extend(self.hosts.values().cloned().map(Resource::ContainerInstance).map(apply));
        let ids: BTreeSet<_> = self.hosts.keys().cloned().map(ResourceId::ContainerInstance).collect();
        changes.push(Change::Reset { scope: Scope::ContainerInstances(cluster()), ids, at });
        changes.extend(self.machines.values().cloned().map(Resource::Ec2Instance).map(apply));
        changes.extend(SERVICES.map(|name| apply(Resource::TaskDefinition(definition_of(name)))));
        changes.push(Change::Synced { cluster: cluster() });
        changes
    }
}

/// The next step in the life of a task.
fn advance(task: &mut Task) {
    let leaving = task.desired_status == TaskStatus::Stopped;
    task.last_status = match task.last_status {
        TaskStatus::Provisioning => TaskStatus::Pending,
        TaskStatus::Pending if leaving => TaskStatus::Stopped,
        TaskStatus::Pending => TaskStatus::Running,
        TaskStatus::Running if leaving => TaskStatus::Deactivating,
        TaskStatus::Deactivating => TaskStatus::Stopping,
        TaskStatus::Stopping => TaskStatus::Stopped,
        other => other,
    };
}

/// A task as an event shows it: without health.
pub(super) fn told(task: &Task) -> Task {
    let mut told = task.clone();
    told.containers.iter_mut().for_each(|container| container.health = None);
    told
}

pub(super) fn event(detail: Detail) -> Event {
    let (account, region) = ("123456789012".to_owned(), "us-east-1".to_owned());
    Event { id: "e".to_owned(), account, region, time: None, detail }
}

fn nth<K, V>(map: &mut BTreeMap<K, V>, die: u8) -> Option<&mut V> {
    let count = map.len().max(1);
    map.values_mut().nth(usize::from(die) % count)
}
