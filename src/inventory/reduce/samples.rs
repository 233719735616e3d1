//! Resources for the tests of `reduce`: one cluster `prod`, told apart by small numbers.

use crate::ecs::{
    Cluster, ClusterArn, Container, ContainerDefinition, ContainerInstance, ContainerInstanceArn,
    ContainerInstanceStatus, Ec2Instance, Ec2InstanceId, Ec2State, Health, LoadBalancer, LoadBalancerId,
    LoadBalancerRef, NetworkMode, Scheme, Service, ServiceArn, ServiceStatus, TargetGroup, TargetGroupArn, Task,
    TaskArn, TaskDefinition, TaskDefinitionArn, TaskStatus, Timestamp,
};
use crate::inventory::{Change, Inventory, Outcome, Resource, ServiceKey, Subject, reduce};

pub const ACCOUNT: &str = "arn:aws:ecs:us-east-1:123456789012";

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

pub fn cluster_arn(name: &str) -> ClusterArn {
    ClusterArn::parse(&format!("{ACCOUNT}:cluster/{name}")).unwrap()
}

pub fn prod() -> ClusterArn {
    cluster_arn("prod")
}

pub fn cluster(name: &str) -> Cluster {
    Cluster { arn: cluster_arn(name), name: name.to_owned() }
}

pub fn key(name: &str) -> ServiceKey {
    ServiceKey::new(&prod(), name)
}

pub fn subject(name: &str) -> Subject {
    Subject::Service(key(name))
}

pub fn task_arn(number: u32) -> TaskArn {
    TaskArn::parse(&format!("{ACCOUNT}:task/prod/{number:032x}")).unwrap()
}

pub fn definition_arn(number: u32) -> TaskDefinitionArn {
    TaskDefinitionArn::parse(&format!("{ACCOUNT}:task-definition/web:{number}")).unwrap()
}

pub fn instance_arn(number: u32) -> ContainerInstanceArn {
    ContainerInstanceArn::parse(&format!("{ACCOUNT}:container-instance/prod/{number:032x}")).unwrap()
}

pub fn machine_id(number: u32) -> Ec2InstanceId {
    Ec2InstanceId(format!("i-{number:017x}").into())
}

pub fn group_arn(number: u32) -> TargetGroupArn {
    TargetGroupArn(format!("arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/{number}").into())
}

pub fn balancer_arn(number: u32) -> LoadBalancerId {
    LoadBalancerId(format!("arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/{number}").into())
}

/// A running task of the service `web` on instance 1.
pub fn task(number: u32, version: u64) -> Task {
    Task {
        arn: task_arn(number),
        cluster: prod(),
        group: Some("service:web".to_owned()),
        task_definition: definition_arn(1),
        container_instance: Some(instance_arn(1)),
        availability_zone: Some("us-east-1a".to_owned()),
        last_status: TaskStatus::Running,
        desired_status: TaskStatus::Running,
        version: Some(version),
        containers: vec![container("app", None)],
        ipv4: Vec::new(),
        ipv6: Vec::new(),
        created_at: Some(at(-60)),
        started_at: Some(at(-30)),
    }
}

pub fn container(name: &str, health: Option<Health>) -> Container {
    Container { name: name.to_owned(), health, network_bindings: Vec::new() }
}

pub fn service(name: &str) -> Service {
    Service {
        arn: ServiceArn::parse(&format!("{ACCOUNT}:service/prod/{name}")).unwrap(),
        name: name.to_owned(),
        cluster: prod(),
        status: ServiceStatus::Active,
        desired_count: 1,
        task_definition: Some(definition_arn(1)),
        load_balancers: Vec::new(),
        task_sets: Vec::new(),
        created_at: None,
    }
}

/// `web` behind target group `number`.
pub fn service_in(number: u32) -> Service {
    Service { load_balancers: vec![LoadBalancerRef::TargetGroup(group_arn(number))], ..service("web") }
}

pub fn definition(number: u32) -> TaskDefinition {
    let app = ContainerDefinition {
        name: "app".to_owned(),
        essential: true,
        health_check: true,
        port_mappings: Vec::new(),
        docker_labels: [].into(),
    };
    TaskDefinition { arn: definition_arn(number), network_mode: NetworkMode::Bridge, containers: vec![app] }
}

/// Instance `number` on machine `number`.
pub fn instance(number: u32, version: u64) -> ContainerInstance {
    ContainerInstance {
        arn: instance_arn(number),
        cluster: prod(),
        ec2_instance_id: machine_id(number),
        status: ContainerInstanceStatus::Active,
        version: Some(version),
    }
}

pub fn machine(number: u32) -> Ec2Instance {
    Ec2Instance {
        id: machine_id(number),
        state: Ec2State::Running,
        private_ipv4: Some([10, 5, 10, u8::try_from(number).unwrap()].into()),
        ipv6: None,
        availability_zone: Some("us-east-1a".to_owned()),
    }
}

pub fn group(number: u32) -> TargetGroup {
    TargetGroup { arn: group_arn(number), load_balancers: vec![balancer_arn(number)] }
}

pub fn balancer(id: LoadBalancerId, dns_name: &str) -> LoadBalancer {
    LoadBalancer { id, dns_name: dns_name.to_owned(), scheme: Scheme::Internal }
}

pub fn apply(resource: Resource, second: i64) -> Change {
    Change::Apply { resource, at: at(second) }
}

pub fn seen(task: Task, second: i64) -> Change {
    apply(Resource::Task(task), second)
}

/// An inventory under test.
#[derive(Default)]
pub struct World(pub Inventory);

impl World {
    pub fn after(changes: impl IntoIterator<Item = Change>) -> Self {
        let mut world = Self::default();
        for change in changes {
            let _ = world.step(change);
        }
        world
    }

    pub fn step(&mut self, change: Change) -> Outcome {
        let (next, outcome) = reduce(std::mem::take(&mut self.0), change);
        self.0 = next;
        outcome
    }
}

/// What `Changed` with exactly these subjects looks like.
pub fn changed(subjects: impl IntoIterator<Item = Subject>) -> Outcome {
    Outcome::Changed(subjects.into_iter().collect())
}
