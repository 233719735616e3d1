//! A scripted AWS: what exists, what lists leave out, which calls fail, and a record of what was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::super::call::Call;
use crate::ecs::{
    Cluster, ClusterArn, ContainerInstance, ContainerInstanceArn, ContainerInstanceStatus, Ec2Instance, Ec2InstanceId,
    Ec2State, LoadBalancer, LoadBalancerId, LoadBalancerRef, NetworkMode, Scheme, Service, ServiceArn, ServiceStatus,
    TargetGroup, TargetGroupArn, Task, TaskArn, TaskDefinition, TaskDefinitionArn, TaskStatus,
};
use crate::source::ports::{ApiError, ApiErrorKind, Described, Ec2Api, EcsApi, LoadBalancerApi};

#[derive(Default)]
pub(in crate::source) struct State {
    pub(in crate::source) clusters: BTreeMap<ClusterArn, Cluster>,
    pub(in crate::source) services: BTreeMap<ServiceArn, Service>,
    pub(in crate::source) tasks: BTreeMap<TaskArn, Task>,
    pub(in crate::source) definitions: BTreeMap<TaskDefinitionArn, TaskDefinition>,
    pub(in crate::source) hosts: BTreeMap<ContainerInstanceArn, ContainerInstance>,
    pub(in crate::source) machines: BTreeMap<Ec2InstanceId, Ec2Instance>,
    pub(in crate::source) groups: BTreeMap<TargetGroupArn, TargetGroup>,
    pub(in crate::source) balancers: BTreeMap<LoadBalancerId, LoadBalancer>,
    /// ARNs that exist but that lists do not show (yet, or any more).
    pub(in crate::source) unlisted: BTreeSet<String>,
    /// ARNs that the next list of a cluster's tasks does not show yet.
    pub(in crate::source) late: BTreeSet<String>,
    /// The same for the next list of a service's tasks.
    pub(in crate::source) later: BTreeSet<String>,
    /// ARNs that lists show but that descriptions call MISSING.
    pub(in crate::source) undescribed: BTreeSet<String>,
    /// ARNs that descriptions say nothing of.
    pub(in crate::source) unanswered: BTreeSet<String>,
    /// Calls that fail, and how.
    pub(in crate::source) broken: Vec<(Call, ApiErrorKind)>,
    /// Calls that never return.
    pub(in crate::source) hanging: Vec<Call>,
    /// Calls made, with the number of ids asked for and when.
    pub(in crate::source) requests: Vec<(Call, usize, Instant)>,
    under_way: usize,
    /// The most calls that were ever under way at once.
    pub(in crate::source) most_under_way: usize,
}

#[derive(Default)]
pub(in crate::source) struct World(Mutex<State>);

impl World {
    pub(in crate::source) fn change(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Sizes of the requests of `call` since the record was last cleared.
    pub(in crate::source) fn sizes(&self, call: Call) -> Vec<usize> {
        let state = self.change();
        state.requests.iter().filter(|(made, ..)| *made == call).map(|&(_, size, _)| size).collect()
    }

    async fn request<T>(&self, call: Call, size: usize, answer: impl FnOnce(&State) -> T) -> Result<T, ApiError> {
        {
            let mut state = self.change();
            state.requests.push((call, size, Instant::now()));
            state.under_way += 1;
            state.most_under_way = state.most_under_way.max(state.under_way);
        }
        sleep(Duration::from_millis(10)).await;
        if self.change().hanging.contains(&call) {
            std::future::pending::<()>().await;
        }
        let mut state = self.change();
        state.under_way -= 1;
        match state.broken.iter().find(|(broken, _)| *broken == call) {
            Some(&(_, kind)) => Err(ApiError { operation: call.operation(), kind, message: "broken".to_owned() }),
            None => Ok(answer(&state)),
        }
    }
}

impl State {
    fn list<Id: Clone + ToString, T>(&self, all: &BTreeMap<Id, T>) -> Vec<Id> {
        all.keys().filter(|id| !self.unlisted.contains(&id.to_string())).cloned().collect()
    }

    fn pick<Id: Ord + Clone, T: Clone>(
        &self,
        all: &BTreeMap<Id, T>,
        ids: &[Id],
        text: fn(&Id) -> &str,
    ) -> Described<T, Id> {
        let mut described = Described::default();
        for id in ids.iter().filter(|id| !self.unanswered.contains(text(id))) {
            match all.get(id).filter(|_| !self.undescribed.contains(text(id))) {
                Some(value) => described.found.push(value.clone()),
                None => described.missing.push(id.clone()),
            }
        }
        described
    }
}

#[async_trait]
impl EcsApi for World {
    async fn list_clusters(&self) -> Result<Vec<ClusterArn>, ApiError> {
        self.request(Call::ListClusters, 0, |it| it.list(&it.clusters)).await
    }

    async fn describe_clusters(&self, clusters: &[String]) -> Result<Described<Cluster, String>, ApiError> {
        let answer = |it: &State| {
            let mut described = Described::default();
            for asked in clusters {
                match it.clusters.values().find(|it| it.name == *asked || it.arn.as_str() == asked) {
                    Some(cluster) => described.found.push(cluster.clone()),
                    None => described.missing.push(asked.clone()),
                }
            }
            described
        };
        self.request(Call::DescribeClusters, clusters.len(), answer).await
    }

    async fn list_services(&self, _: &ClusterArn) -> Result<Vec<ServiceArn>, ApiError> {
        self.request(Call::ListServices, 0, |it| it.list(&it.services)).await
    }

    async fn describe_services(
        &self,
        _: &ClusterArn,
        ids: &[ServiceArn],
    ) -> Result<Described<Service, ServiceArn>, ApiError> {
        let answer = |it: &State| it.pick(&it.services, ids, ServiceArn::as_str);
        self.request(Call::DescribeServices, ids.len(), answer).await
    }

    async fn list_tasks(&self, _: &ClusterArn) -> Result<Vec<TaskArn>, ApiError> {
        let mut listed = self.request(Call::ListTasks, 0, |it| it.list(&it.tasks)).await?;
        let late = std::mem::take(&mut self.change().late);
        listed.retain(|task| !late.contains(task.as_str()));
        Ok(listed)
    }

    async fn list_tasks_of(&self, _: &ClusterArn, service: &str) -> Result<Vec<TaskArn>, ApiError> {
        let of = |it: &State, arn: &TaskArn| it.tasks.get(arn).is_some_and(|task| task.service_name() == Some(service));
        let answer = |it: &State| it.list(&it.tasks).into_iter().filter(|arn| of(it, arn)).collect();
        let mut listed: Vec<TaskArn> = self.request(Call::ListTasks, 0, answer).await?;
        let later = std::mem::take(&mut self.change().later);
        listed.retain(|task| !later.contains(task.as_str()));
        Ok(listed)
    }

    async fn describe_tasks(&self, _: &ClusterArn, ids: &[TaskArn]) -> Result<Described<Task, TaskArn>, ApiError> {
        self.request(Call::DescribeTasks, ids.len(), |it| it.pick(&it.tasks, ids, TaskArn::as_str)).await
    }

    async fn describe_task_definition(&self, arn: &TaskDefinitionArn) -> Result<TaskDefinition, ApiError> {
        let found = self.request(Call::DescribeTaskDefinition, 1, |it| it.definitions.get(arn).cloned()).await?;
        let operation = Call::DescribeTaskDefinition.operation();
        found.ok_or_else(|| ApiError { operation, kind: ApiErrorKind::Other, message: format!("no {arn}") })
    }

    async fn list_container_instances(&self, _: &ClusterArn) -> Result<Vec<ContainerInstanceArn>, ApiError> {
        self.request(Call::ListContainerInstances, 0, |it| it.list(&it.hosts)).await
    }

    async fn describe_container_instances(
        &self,
        _: &ClusterArn,
        ids: &[ContainerInstanceArn],
    ) -> Result<Described<ContainerInstance, ContainerInstanceArn>, ApiError> {
        let answer = |it: &State| it.pick(&it.hosts, ids, ContainerInstanceArn::as_str);
        self.request(Call::DescribeContainerInstances, ids.len(), answer).await
    }
}

#[async_trait]
impl Ec2Api for World {
    async fn describe_instances(
        &self,
        ids: &[Ec2InstanceId],
    ) -> Result<Described<Ec2Instance, Ec2InstanceId>, ApiError> {
        let answer = |it: &State| it.pick(&it.machines, ids, Ec2InstanceId::as_str);
        self.request(Call::DescribeInstances, ids.len(), answer).await
    }
}

#[async_trait]
impl LoadBalancerApi for World {
    async fn describe_target_groups(
        &self,
        ids: &[TargetGroupArn],
    ) -> Result<Described<TargetGroup, TargetGroupArn>, ApiError> {
        let answer = |it: &State| it.pick(&it.groups, ids, TargetGroupArn::as_str);
        self.request(Call::DescribeTargetGroups, ids.len(), answer).await
    }

    async fn describe_load_balancers(
        &self,
        ids: &[LoadBalancerId],
    ) -> Result<Described<LoadBalancer, LoadBalancerId>, ApiError> {
        let answer = |it: &State| it.pick(&it.balancers, ids, LoadBalancerId::as_str);
        self.request(Call::DescribeLoadBalancers, ids.len(), answer).await
    }

    async fn describe_classic_load_balancers(
        &self,
        ids: &[LoadBalancerId],
    ) -> Result<Described<LoadBalancer, LoadBalancerId>, ApiError> {
        let answer = |it: &State| it.pick(&it.balancers, ids, LoadBalancerId::as_str);
        self.request(Call::DescribeClassicLoadBalancers, ids.len(), answer).await
    }
}

/// The ARN of `kind/rest`.
pub(in crate::source) fn arn(kind: &str, rest: &str) -> String {
    format!("arn:aws:ecs:us-east-1:123456789012:{kind}/{rest}")
}

pub(in crate::source) fn cluster(name: &str) -> ClusterArn {
    ClusterArn::parse(&arn("cluster", name)).unwrap()
}

pub(in crate::source) fn service(name: &str) -> ServiceArn {
    ServiceArn::parse(&arn("service", &format!("prod/{name}"))).unwrap()
}

pub(in crate::source) fn task(id: &str) -> TaskArn {
    TaskArn::parse(&arn("task", &format!("prod/{id}"))).unwrap()
}

pub(in crate::source) fn definition(family: &str) -> TaskDefinitionArn {
    TaskDefinitionArn::parse(&arn("task-definition", &format!("{family}:1"))).unwrap()
}

pub(in crate::source) fn host(id: &str) -> ContainerInstanceArn {
    ContainerInstanceArn::parse(&arn("container-instance", &format!("prod/{id}"))).unwrap()
}

/// Things that come into being in cluster `prod`.
impl World {
    pub(in crate::source) fn with_prod() -> Self {
        let world = Self::default();
        world.add_cluster("prod");
        world
    }

    pub(in crate::source) fn add_cluster(&self, name: &str) {
        let it = Cluster { arn: cluster(name), name: name.to_owned() };
        self.change().clusters.insert(it.arn.clone(), it);
    }

    pub(in crate::source) fn add_service(&self, name: &str, load_balancers: Vec<LoadBalancerRef>) {
        let it = Service {
            arn: service(name),
            name: name.to_owned(),
            cluster: cluster("prod"),
            status: ServiceStatus::Active,
            desired_count: 1,
            task_definition: None,
            load_balancers,
            task_sets: Vec::new(),
            created_at: None,
        };
        self.change().services.insert(it.arn.clone(), it);
    }

    pub(in crate::source) fn add_task(&self, id: &str, family: &str) {
        let it = Task {
            arn: task(id),
            cluster: cluster("prod"),
            group: None,
            task_definition: definition(family),
            container_instance: None,
            availability_zone: None,
            last_status: TaskStatus::Running,
            desired_status: TaskStatus::Running,
            version: None,
            containers: Vec::new(),
            ipv4: Vec::new(),
            ipv6: Vec::new(),
            created_at: None,
            started_at: None,
        };
        self.change().tasks.insert(it.arn.clone(), it);
    }

    pub(in crate::source) fn add_definition(&self, family: &str) {
        let it = TaskDefinition { arn: definition(family), network_mode: NetworkMode::Bridge, containers: Vec::new() };
        self.change().definitions.insert(it.arn.clone(), it);
    }

    /// A container instance on the machine `machine`, which is running.
    pub(in crate::source) fn add_host(&self, id: &str, machine: &str) {
        let machine = Ec2InstanceId(machine.into());
        let it = ContainerInstance {
            arn: host(id),
            cluster: cluster("prod"),
            ec2_instance_id: machine.clone(),
            status: ContainerInstanceStatus::Active,
            version: None,
        };
        let below = Ec2Instance {
            id: machine.clone(),
            state: Ec2State::Running,
            private_ipv4: None,
            ipv6: None,
            availability_zone: None,
        };
        let mut state = self.change();
        state.hosts.insert(it.arn.clone(), it);
        state.machines.insert(machine, below);
    }

    /// A target group and the load balancer of the same name in front of it.
    pub(in crate::source) fn add_group(&self, name: &str) -> LoadBalancerRef {
        let balancer = self.add_balancer(&format!("arn:{name}"));
        let it = TargetGroup { arn: TargetGroupArn(name.into()), load_balancers: vec![balancer] };
        let arn = it.arn.clone();
        self.change().groups.insert(arn.clone(), it);
        LoadBalancerRef::TargetGroup(arn)
    }

    pub(in crate::source) fn add_classic(&self, name: &str) -> LoadBalancerRef {
        LoadBalancerRef::LoadBalancerName(self.add_balancer(name))
    }

    fn add_balancer(&self, id: &str) -> LoadBalancerId {
        let id = LoadBalancerId(id.into());
        let it = LoadBalancer { id: id.clone(), dns_name: format!("{id}.example"), scheme: Scheme::Internal };
        self.change().balancers.insert(id.clone(), it);
        id
    }

    /// One of everything.
    pub(in crate::source) fn small() -> Self {
        let world = Self::with_prod();
        let balancers = vec![world.add_group("web"), world.add_classic("old")];
        world.add_service("web", balancers);
        world.add_task("1", "web");
        world.add_definition("web");
        world.add_host("a", "i-a");
        world
    }
}
