//! What is deployed, and how AWS does it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::super::Followed;
use super::truth::Truth;
use crate::fake_aws::FakeAws;
use crate::fake_aws::world::TaskDefinition;

/// ECS's scheduler looks at a service every few seconds; that it finds new tasks healthy is what ends the old ones.
const SCHEDULER: Duration = Duration::from_millis(1_500);

/// What a task takes to end on SIGTERM.
const SIGTERM: Duration = Duration::from_millis(500);

/// The container, and family, of services with a health check.
const CONTAINER: &str = "checked";

/// How a service is made, and deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Fargate with a health check; new tasks first (minimumHealthyPercent 100).
    Checked,
    /// Fargate without one; new tasks first.
    Plain,
    /// On hosts, bridge mode, with a health check; new tasks first. One of the hosts is being drained.
    Bridge,
    /// Fargate without a check; the old task first (minimumHealthyPercent 0).
    Recreated,
}

#[derive(Debug)]
pub struct Deployed {
    pub name: String,
    pub kind: Kind,
    pub tasks: usize,
}

#[derive(Debug)]
pub struct Plan {
    pub services: Vec<Deployed>,
}

impl Plan {
    /// Large and small services of each kind.
    pub fn of_2000_tasks() -> Self {
        let mut services = Vec::new();
        for (kind, prefix, count, tasks) in [
            (Kind::Checked, "checked", 12, 50),
            (Kind::Plain, "plain", 25, 50),
            (Kind::Bridge, "bridge", 6, 15),
            (Kind::Checked, "single", 25, 1),
            (Kind::Recreated, "recreated", 35, 1),
        ] {
            services.extend((0..count).map(|n| Deployed { name: format!("{prefix}-{n:02}"), kind, tasks }));
        }
        // Kinds beside one another, so that deployments meet.
        services.sort_by_key(|service| service.name.chars().rev().collect::<String>());
        let plan = Self { services };
        assert_eq!(plan.services.iter().map(|service| service.tasks).sum::<usize>(), 2_000);
        plan
    }

    /// Everything runs, and has passed its check.
    pub fn build(&self, fake: &FakeAws) {
        let mut world = fake.world();
        let hosts: Vec<_> = ['b', 'c'].map(|zone| world.add_host("prod", zone)).into();
        let checked = |mode| TaskDefinition::new(CONTAINER, mode).port("http", 8080).health_check();
        let definitions = [
            (Kind::Checked, world.register(checked("awsvpc"))),
            (Kind::Plain, world.register(TaskDefinition::new("plain", "awsvpc").port("http", 8080))),
            (Kind::Bridge, world.register(checked("bridge"))),
        ];
        let mut port = 32_768;
        for service in &self.services {
            let of_kind = definitions.iter().find(|(kind, _)| *kind == service.kind).unwrap_or(&definitions[1]);
            let definition = of_kind.1.clone();
            let wanted = i32::try_from(service.tasks).expect("a count");
            let made = world.service("prod", &service.name).desired(wanted);
            let mut made = made.edit(|service| service.task_definition = definition);
            if service.kind == Kind::Bridge {
                for n in 0..service.tasks {
                    port += 1;
                    made = made.bridge_task(&hosts[n % hosts.len()], port);
                }
            } else {
                made = made.fargate_tasks(service.tasks);
            }
            let arns = made.task_arns();
            if service.is_checked() {
                for arn in arns {
                    world.task(&arn).health(CONTAINER, "HEALTHY");
                }
            }
        }
        for host in hosts.iter().take(1) {
            world.container_instance(&host.instance_id).status("DRAINING");
        }
    }
}

impl Deployed {
    fn is_checked(&self) -> bool {
        matches!(self.kind, Kind::Checked | Kind::Bridge)
    }

    /// Replaces every task, as ECS does.
    pub fn deploy(&self, it: &Followed, truth: &Truth) {
        let old = it.fake.world().tasks_of("prod", &self.name);
        if self.kind == Kind::Recreated {
            self.stop(it, truth, &old);
            self.start(it, truth);
            return;
        }
        for _ in &old {
            self.start(it, truth);
        }
        sleep(SCHEDULER);
        self.stop(it, truth, &old);
    }

    fn start(&self, it: &Followed, truth: &Truth) {
        pace(it);
        let arn = it.fake.world().launch("prod", &self.name);
        it.fake.world().come_up(&arn);
        if self.is_checked() {
            it.fake.world().task(&arn).health(CONTAINER, "HEALTHY");
        }
        let address = it.fake.world().task(&arn).private_address();
        truth.ready(&self.name, &arn, address);
    }

    fn stop(&self, it: &Followed, truth: &Truth, arns: &[String]) {
        for arn in arns {
            pace(it);
            truth.leaves(&self.name, arn);
            it.fake.world().task(arn).stopping();
        }
        sleep(SIGTERM);
        for arn in arns {
            pace(it);
            it.fake.world().task(arn).stop();
            truth.stopped(arn, Instant::now());
        }
    }
}

/// Waits while there is more in the queue than a cluster would have in it.
fn pace(it: &Followed) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while it.fake.messaging().queue(&it.queue).counts().0 > 40 && Instant::now() < deadline {
        sleep(Duration::from_millis(5));
    }
}
