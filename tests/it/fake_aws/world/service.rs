//! Building a service and its tasks, one line each.

use super::{Host, LoadBalancerRef, PortMapping, Service, Task, TaskDefinition, TaskSet, Touched, World};

/// A service of the world. Every method changes the world at once; a service that was built before can be changed
/// by another builder.
#[derive(Debug)]
pub struct ServiceBuilder<'w> {
    world: &'w mut World,
    cluster: String,
    name: String,
}

impl<'w> ServiceBuilder<'w> {
    pub(super) fn new(world: &'w mut World, cluster: &str, name: &str) -> Self {
        if !world.cluster(cluster).services.contains_key(name) {
            let created_at = world.next_second();
            let made = Service {
                service_arn: world.ecs_arn(&format!("service/{cluster}/{name}")),
                service_name: name.to_owned(),
                cluster_arn: world.ecs_arn(&format!("cluster/{cluster}")),
                status: "ACTIVE".to_owned(),
                desired_count: 0,
                running_count: None,
                pending_count: None,
                launch_type: "EC2".to_owned(),
                scheduling_strategy: "REPLICA".to_owned(),
                task_definition: String::new(),
                load_balancers: Vec::new(),
                task_sets: Vec::new(),
                created_at,
                tags: Vec::new(),
            };
            world.cluster(cluster).services.insert(name.to_owned(), made);
        }
        Self { world, cluster: cluster.to_owned(), name: name.to_owned() }
    }

    /// Changes the service by hand.
    pub fn edit(self, change: impl FnOnce(&mut Service)) -> Self {
        let found = self.world.cluster(&self.cluster).services.get_mut(&self.name);
        change(found.expect("the service was created with its builder"));
        self
    }

    /// ACTIVE, DRAINING or INACTIVE.
    pub fn status(self, status: &str) -> Self {
        self.edit(|service| status.clone_into(&mut service.status))
    }

    /// How many tasks it should have. Adding tasks raises it as well.
    pub fn desired(self, count: i32) -> Self {
        self.edit(|service| service.desired_count = count)
    }

    /// When it was created, in seconds since the epoch.
    pub fn created_at(self, at: f64) -> Self {
        self.edit(|service| service.created_at = at)
    }

    /// Registers a task definition; tasks added from now on run it.
    pub fn task_definition(self, definition: TaskDefinition) -> Self {
        let arn = self.world.register(definition);
        self.edit(|service| service.task_definition = arn)
    }

    /// Declares a classic load balancer by name, which need not exist.
    pub fn classic_load_balancer(self, name: &str, container_port: i32) -> Self {
        let declared = self.declared(Some(name), None, container_port);
        self.edit(|service| service.load_balancers.push(declared))
    }

    /// Declares a target group by ARN, which need not exist.
    pub fn target_group(self, arn: &str, container_port: i32) -> Self {
        let declared = self.declared(None, Some(arn), container_port);
        self.edit(|service| service.load_balancers.push(declared))
    }

    /// Adds a task set of the given status that declares a target group, as `CODE_DEPLOY` does.
    pub fn task_set(self, status: &str, target_group: &str, container_port: i32) -> Self {
        let declared = self.declared(None, Some(target_group), container_port);
        let id = format!("ecs-svc/{}", self.world.next_number());
        let created_at = self.world.next_second();
        let resource = format!("task-set/{}/{}/{id}", self.cluster, self.name);
        let task_set_arn = self.world.ecs_arn(&resource);
        self.edit(|service| {
            service.task_sets.push(TaskSet {
                id,
                task_set_arn,
                service_arn: service.service_arn.clone(),
                cluster_arn: service.cluster_arn.clone(),
                status: status.to_owned(),
                task_definition: service.task_definition.clone(),
                load_balancers: vec![declared],
                created_at,
            });
        })
    }

    fn declared(&self, name: Option<&str>, target_group: Option<&str>, container_port: i32) -> LoadBalancerRef {
        LoadBalancerRef {
            load_balancer_name: name.map(str::to_owned),
            target_group_arn: target_group.map(str::to_owned),
            container_name: self.name.clone(),
            container_port,
        }
    }

    /// Adds running EC2 tasks with an interface of their own, spread over the hosts of the cluster; without any,
    /// one is added. Without a task definition, one with the TCP port 8080 named `http` is registered.
    pub fn awsvpc_tasks(mut self, count: usize) -> Self {
        self = self.or_definition("awsvpc", PortMapping::tcp(8080));
        for index in 0..count {
            let host = self.host(index);
            let arn = self.add_task("EC2", Some(&host));
            self.attach(&arn);
        }
        self
    }

    /// Adds running Fargate tasks, in zone `a`.
    pub fn fargate_tasks(mut self, count: usize) -> Self {
        self = self.or_definition("awsvpc", PortMapping::tcp(8080));
        self = self.edit(|service| "FARGATE".clone_into(&mut service.launch_type));
        for _ in 0..count {
            let arn = self.add_task("FARGATE", None);
            self.attach(&arn);
        }
        self
    }

    /// Adds a running bridge task on a host, the first port of its first container bound to `host_port`. Without a
    /// task definition, one with the dynamic TCP port 80 named `http` is registered.
    pub fn bridge_task(mut self, host: &Host, host_port: i32) -> Self {
        self = self.or_definition("bridge", PortMapping { host_port: Some(0), ..PortMapping::tcp(80) });
        let arn = self.add_task("EC2", Some(host));
        let first = self.definition().container_definitions[0].clone();
        let port = first.port_mappings.first().map_or(80, |mapping| mapping.container_port);
        self.world.task(&arn).bind(&first.name, port, host_port);
        self
    }

    /// Adds a running task in host mode on a host. It has no network bindings: its ports are those of its task
    /// definition, by default the TCP port 8080 named `http`.
    pub fn host_task(mut self, host: &Host) -> Self {
        self = self.or_definition("host", PortMapping { host_port: Some(8080), ..PortMapping::tcp(8080) });
        self.add_task("EC2", Some(host));
        self
    }

    /// The ARNs of its tasks, in order of their creation.
    pub fn task_arns(self) -> Vec<String> {
        self.world.tasks_of(&self.cluster, &self.name)
    }

    fn or_definition(self, network_mode: &str, port: PortMapping) -> Self {
        if self.service().task_definition.is_empty() {
            let named = PortMapping { name: Some("http".to_owned()), ..port };
            let definition = TaskDefinition::new(&self.name, network_mode).port_mapping(named);
            self.task_definition(definition)
        } else {
            self
        }
    }

    fn service(&self) -> &Service {
        &self.world.clusters[&self.cluster].services[&self.name]
    }

    fn definition(&self) -> &TaskDefinition {
        &self.world.task_definitions[&self.service().task_definition]
    }

    /// The host for the task of that number: round robin.
    fn host(&mut self, number: usize) -> Host {
        let hosts = &self.world.clusters[&self.cluster].container_instances;
        let Some(registered) = hosts.values().nth(number % hosts.len().max(1)) else {
            return self.world.add_host(&self.cluster, 'a');
        };
        self.world.host_of(registered)
    }

    fn attach(&mut self, arn: &str) {
        let attachment_id = self.world.next_id(32);
        let address = self.world.next_address().to_string();
        self.world.task(arn).attach(&attachment_id, &address);
    }

    fn add_task(&mut self, launch_type: &str, host: Option<&Host>) -> String {
        let arn = self.insert_task(launch_type, host);
        let cluster = self.world.cluster(&self.cluster);
        if let Some(service) = cluster.services.get_mut(&self.name) {
            service.desired_count += 1;
        }
        arn
    }

    /// Adds a task that does not run yet, and is not one more than before.
    pub(super) fn add_pending(mut self, host: Option<&Host>) -> String {
        let launch_type = self.service().launch_type.clone();
        let arn = self.insert_task(&launch_type, host);
        let task = self.world.task(&arn);
        "PENDING".clone_into(&mut task.last_status);
        task.started_at = None;
        arn
    }

    fn insert_task(&mut self, launch_type: &str, host: Option<&Host>) -> String {
        let id = self.world.next_id(32);
        let task_arn = self.world.ecs_arn(&format!("task/{}/{id}", self.cluster));
        let created_at = self.world.next_second();
        let zone_a = format!("{}a", self.world.region);
        let service = self.service();
        let mut task = Task {
            task_arn: task_arn.clone(),
            cluster_arn: service.cluster_arn.clone(),
            task_definition_arn: service.task_definition.clone(),
            group: Some(format!("service:{}", self.name)),
            started_by: Some("ecs-svc/1000000000000000000".to_owned()),
            launch_type: launch_type.to_owned(),
            availability_zone: Some(host.map_or(zone_a, |host| host.availability_zone.clone())),
            container_instance_arn: host.map(|host| host.container_instance_arn.clone()),
            connectivity: Some("CONNECTED".to_owned()),
            last_status: "RUNNING".to_owned(),
            desired_status: "RUNNING".to_owned(),
            version: Some(1),
            containers: Vec::new(),
            attachments: Vec::new(),
            created_at,
            started_at: Some(created_at),
            stopped_at: None,
            stopped_reason: None,
            tags: Vec::new(),
        };
        let world = &*self.world;
        let container_arn = |index| world.ecs_arn(&format!("container/{}/{id}/{index:032x}", self.cluster));
        task.run(self.definition(), container_arn);
        let cluster = self.world.cluster(&self.cluster);
        cluster.tasks.insert(task_arn.clone(), task);
        self.world.touched.push(Touched::Task(task_arn.clone()));
        task_arn
    }
}
