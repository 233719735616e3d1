//! What exists in the fake account. Plain data with public fields; tests change it directly or by the short ways
//! here and in [`ServiceBuilder`]. Ids, addresses and times are the same on every run.

mod cluster;
mod load_balancer;
mod machine;
mod rollout;
mod service;
mod task;
mod task_definition;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

pub use cluster::{Cluster, LoadBalancerRef, Service, TaskSet};
pub use load_balancer::{ClassicLoadBalancer, LoadBalancer, Scheme, TargetGroup};
pub use machine::{ContainerInstance, Host, Instance};
pub use service::ServiceBuilder;
pub use task::{Container, Task};
pub use task_definition::{ContainerDefinition, PortMapping, TaskDefinition};

/// The Region of a new world, and of every queue and topic.
pub const REGION: &str = "us-east-1";
/// The account of a new world, and of every queue and topic.
pub const ACCOUNT: &str = "123456789012";

/// The account and Region, and all that is in it.
#[derive(Clone, Debug)]
pub struct World {
    /// The Region; requests must be signed for it.
    pub region: String,
    /// The account id.
    pub account: String,
    /// Clusters by name.
    pub clusters: BTreeMap<String, Cluster>,
    /// Task definitions by ARN.
    pub task_definitions: BTreeMap<String, TaskDefinition>,
    /// EC2 instances by id.
    pub instances: BTreeMap<String, Instance>,
    /// Classic load balancers by name.
    pub classic_load_balancers: BTreeMap<String, ClassicLoadBalancer>,
    /// v2 load balancers by ARN.
    pub load_balancers: BTreeMap<String, LoadBalancer>,
    /// Target groups by ARN.
    pub target_groups: BTreeMap<String, TargetGroup>,
    /// The id of the instance that the metadata service speaks for; none: not an EC2 instance, all its paths are 404.
    pub metadata_of: Option<String>,
    /// What the methods here have handed out to be changed.
    touched: Vec<Touched>,
    /// Tasks that were launched on hosts so far.
    placed: usize,
    sequence: u64,
    addresses: u32,
}

/// A resource that may have changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touched {
    /// By cluster and name.
    Service(String, String),
    /// By ARN.
    Task(String),
    /// By EC2 instance id: the machine, and ECS's registration of it.
    Host(String),
}

impl Default for World {
    fn default() -> Self {
        Self {
            region: REGION.to_owned(),
            account: ACCOUNT.to_owned(),
            clusters: BTreeMap::new(),
            task_definitions: BTreeMap::new(),
            instances: BTreeMap::new(),
            classic_load_balancers: BTreeMap::new(),
            load_balancers: BTreeMap::new(),
            target_groups: BTreeMap::new(),
            metadata_of: None,
            touched: Vec::new(),
            placed: 0,
            sequence: 0,
            addresses: 0,
        }
    }
}

impl World {
    /// The cluster of that name; created ACTIVE if there is none.
    pub fn cluster(&mut self, name: &str) -> &mut Cluster {
        let arn = self.ecs_arn(&format!("cluster/{name}"));
        self.clusters.entry(name.to_owned()).or_insert_with(|| Cluster::new(name, arn))
    }

    /// The service of that name, to build on or to change; created ACTIVE, with its cluster, if there is none.
    pub fn service(&mut self, cluster: &str, name: &str) -> ServiceBuilder<'_> {
        self.touched.push(Touched::Service(cluster.to_owned(), name.to_owned()));
        ServiceBuilder::new(self, cluster, name)
    }

    /// The ARNs of a service's tasks, stopped ones included, in order of their creation.
    pub fn tasks_of(&self, cluster: &str, service: &str) -> Vec<String> {
        let group = format!("service:{service}");
        let tasks = self.clusters.get(cluster).into_iter().flat_map(|cluster| cluster.tasks.values());
        let mut found: Vec<&Task> = tasks.filter(|task| task.group.as_deref() == Some(&group)).collect();
        found.sort_by(|a, b| a.created_at.total_cmp(&b.created_at));
        found.into_iter().map(|task| task.task_arn.clone()).collect()
    }

    /// A task, to change it.
    ///
    /// # Panics
    /// If there is none of that ARN.
    pub fn task(&mut self, arn: &str) -> &mut Task {
        self.touched.push(Touched::Task(arn.to_owned()));
        let tasks = self.clusters.values_mut().find_map(|cluster| cluster.tasks.get_mut(arn));
        tasks.unwrap_or_else(|| panic!("the fake world has no task {arn}"))
    }

    /// What may have changed since the last time, each once, in the order in which it was first handed out.
    pub(super) fn take_touched(&mut self) -> Vec<Touched> {
        let mut seen = BTreeSet::new();
        let touched = std::mem::take(&mut self.touched);
        touched.into_iter().filter(|one| seen.insert(one.clone())).collect()
    }

    /// Forgets a task, as AWS does an hour or so after it stopped: from now on it is MISSING.
    pub fn forget_task(&mut self, arn: &str) {
        for cluster in self.clusters.values_mut() {
            cluster.tasks.remove(arn);
        }
    }

    /// Registers a task definition as the next revision of its family; returns its ARN.
    pub fn register(&mut self, mut definition: TaskDefinition) -> String {
        let family = definition.family.clone();
        let last = self.task_definitions.values().filter(|known| known.family == family).map(|known| known.revision);
        definition.revision = last.max().unwrap_or(0) + 1;
        let arn = self.ecs_arn(&format!("task-definition/{family}:{}", definition.revision));
        definition.task_definition_arn.clone_from(&arn);
        self.task_definitions.insert(arn.clone(), definition);
        arn
    }

    /// Starts an EC2 instance and registers it with `cluster` as container instance, both in the given zone
    /// (`a`, `b`, …).
    pub fn add_host(&mut self, cluster: &str, zone: char) -> Host {
        let availability_zone = format!("{}{zone}", self.region);
        let instance_id = format!("i-{}", self.next_id(17));
        let private_ip = Ipv4Addr::from(0x0a05_0a0a + u32::try_from(self.instances.len()).expect("few instances"));
        self.instances.insert(instance_id.clone(), Instance::new(&instance_id, private_ip, &availability_zone));
        let id = self.next_id(32);
        let arn = self.ecs_arn(&format!("container-instance/{cluster}/{id}"));
        let registered_at = self.next_second();
        let registered = ContainerInstance::new(&arn, &instance_id, &availability_zone, registered_at);
        self.cluster(cluster).container_instances.insert(arn.clone(), registered);
        self.touched.push(Touched::Host(instance_id.clone()));
        Host { instance_id, container_instance_arn: arn, private_ip, availability_zone }
    }

    /// The container instance on an EC2 instance.
    ///
    /// # Panics
    /// If there is none.
    pub fn container_instance(&mut self, instance_id: &str) -> &mut ContainerInstance {
        self.touched.push(Touched::Host(instance_id.to_owned()));
        let mut all = self.clusters.values_mut().flat_map(|cluster| cluster.container_instances.values_mut());
        all.find(|registered| registered.ec2_instance_id == instance_id)
            .unwrap_or_else(|| panic!("the fake world has no container instance on {instance_id}"))
    }

    /// What a container instance is as a host.
    fn host_of(&self, registered: &ContainerInstance) -> Host {
        let instance = &self.instances[&registered.ec2_instance_id];
        Host {
            instance_id: registered.ec2_instance_id.clone(),
            container_instance_arn: registered.container_instance_arn.clone(),
            private_ip: instance.private_ip.expect("a host of new tasks has an address"),
            availability_zone: instance.availability_zone.clone(),
        }
    }

    /// An EC2 instance, to change it.
    ///
    /// # Panics
    /// If there is none of that id.
    pub fn instance(&mut self, id: &str) -> &mut Instance {
        self.touched.push(Touched::Host(id.to_owned()));
        self.instances.get_mut(id).unwrap_or_else(|| panic!("the fake world has no instance {id}"))
    }

    /// Creates a classic load balancer; returns its DNS name.
    pub fn add_classic_load_balancer(&mut self, name: &str, scheme: Scheme) -> String {
        let number = self.next_number();
        let prefix = scheme.prefix();
        let dns_name = format!("{prefix}{name}-{number}.{}.elb.amazonaws.com", self.region);
        let made = ClassicLoadBalancer { name: name.to_owned(), dns_name: dns_name.clone(), scheme };
        self.classic_load_balancers.insert(name.to_owned(), made);
        dns_name
    }

    /// Creates an Application Load Balancer; returns its ARN.
    pub fn add_application_load_balancer(&mut self, name: &str, scheme: Scheme) -> String {
        let number = self.next_number();
        let dns_name = format!("{}{name}-{number}.{}.elb.amazonaws.com", scheme.prefix(), self.region);
        self.add_load_balancer(name, "application", "app", scheme, |_| dns_name)
    }

    /// Creates a Network Load Balancer; returns its ARN. Its DNS name has the words in another order.
    pub fn add_network_load_balancer(&mut self, name: &str, scheme: Scheme) -> String {
        let region = self.region.clone();
        self.add_load_balancer(name, "network", "net", scheme, |id| format!("{name}-{id}.elb.{region}.amazonaws.com"))
    }

    fn add_load_balancer(
        &mut self,
        name: &str,
        kind: &'static str,
        path: &str,
        scheme: Scheme,
        dns_name: impl FnOnce(&str) -> String,
    ) -> String {
        let id = self.next_id(16);
        let arn = self.elb_arn(&format!("loadbalancer/{path}/{name}/{id}"));
        let dns_name = dns_name(&id);
        let made = LoadBalancer { arn: arn.clone(), name: name.to_owned(), dns_name, scheme, kind };
        self.load_balancers.insert(arn.clone(), made);
        arn
    }

    /// Creates a target group, `target_type` `ip` or `instance`, behind a load balancer or none; returns its ARN.
    pub fn add_target_group(&mut self, name: &str, target_type: &'static str, load_balancer: Option<&str>) -> String {
        let id = self.next_id(16);
        let arn = self.elb_arn(&format!("targetgroup/{name}/{id}"));
        let load_balancer_arns = load_balancer.map(str::to_owned).into_iter().collect();
        let made = TargetGroup { arn: arn.clone(), name: name.to_owned(), target_type, load_balancer_arns };
        self.target_groups.insert(arn.clone(), made);
        arn
    }

    /// An ECS ARN of this account, e.g. of `service/prod/web`.
    pub fn ecs_arn(&self, resource: &str) -> String {
        format!("arn:aws:ecs:{}:{}:{resource}", self.region, self.account)
    }

    fn elb_arn(&self, resource: &str) -> String {
        format!("arn:aws:elasticloadbalancing:{}:{}:{resource}", self.region, self.account)
    }

    /// A fresh id of `digits` (at most 32) hexadecimal digits: a bijection of a counter, spread like a random id.
    fn next_id(&mut self, digits: usize) -> String {
        self.sequence += 1;
        let spread = u128::from(self.sequence).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        format!("{spread:032x}")[..digits].to_owned()
    }

    fn next_number(&mut self) -> u64 {
        self.sequence += 1;
        1_000_000_000 + self.sequence
    }

    /// A fresh address for a task: 10.64.0.4 and up.
    fn next_address(&mut self) -> Ipv4Addr {
        self.addresses += 1;
        Ipv4Addr::from(0x0a40_0003 + self.addresses)
    }

    /// The time of the next event: each is a second after the one before.
    fn next_second(&mut self) -> f64 {
        self.sequence += 1;
        1_767_225_600.0 + f64::from(u32::try_from(self.sequence).expect("few events"))
    }
}
