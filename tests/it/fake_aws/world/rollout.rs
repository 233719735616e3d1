//! Tasks that come up step by step, and leave so: what a deployment is made of.
//!
//! A rolling deployment of a service is, for each old task: [`World::launch`], [`World::come_up`], (with a health
//! check) `task(new).health(…)`, then `task(old).stopping()` and `task(old).stop()`. Take a guard for each step, and
//! each step is an event.

use super::{Host, Task, World};

impl World {
    /// ECS has decided to start one more task of a service, of its current task definition: PENDING, without address.
    /// The desired count stays as it is. Tasks go to the ACTIVE hosts in turn, or to none (Fargate). Returns its ARN.
    ///
    /// # Panics
    /// If the service has no task definition, or there is no host for it.
    pub fn launch(&mut self, cluster: &str, service: &str) -> String {
        let is_fargate = self.clusters[cluster].services[service].launch_type == "FARGATE";
        let host = (!is_fargate).then(|| self.next_host(cluster));
        let arn = self.service(cluster, service).add_pending(host.as_ref());
        let task = self.task(&arn);
        for container in &mut task.containers {
            "PENDING".clone_into(&mut container.last_status);
            "UNKNOWN".clone_into(&mut container.health_status);
        }
        arn
    }

    /// A launched task runs: it has its address (awsvpc) or its host port (bridge), and where there is a health check
    /// its health is UNKNOWN. Steps the version.
    pub fn come_up(&mut self, arn: &str) -> &mut Task {
        let definition = self.task(arn).task_definition_arn.clone();
        let definition = self.task_definitions[&definition].clone();
        match definition.network_mode.as_deref() {
            Some("awsvpc") => {
                let attachment = self.next_id(32);
                let address = self.next_address().to_string();
                self.task(arn).attach(&attachment, &address);
            }
            Some("host") => {}
            _ => {
                let port = 32_768 + i32::try_from(self.next_number() % 28_000).expect("a port");
                for container in &definition.container_definitions {
                    if let Some(mapping) = container.port_mappings.first() {
                        self.task(arn).bind(&container.name, mapping.container_port, port);
                    }
                }
            }
        }
        let now = self.next_second();
        let task = self.task(arn);
        task.started_at = Some(now);
        task.status("RUNNING", "RUNNING")
    }

    /// The ACTIVE hosts in turn.
    fn next_host(&mut self, cluster: &str) -> Host {
        self.placed += 1;
        let hosts = self.clusters[cluster].container_instances.values();
        let active: Vec<_> = hosts.filter(|host| host.status == "ACTIVE").collect();
        self.host_of(active[self.placed % active.len()])
    }
}
