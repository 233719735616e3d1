//! A small ECS that exists nowhere: the demo's clusters, in which time passes.
//!
//! A scheduler as ECS's keeps each service at its desired count; stories disturb it: deployments, failing tasks,
//! scaling, draining hosts. The same seed, called at the same times, tells the same story.

mod apps;
mod life;
mod scheduler;
mod story;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::{MissedTickBehavior, interval};

use self::apps::{APPS, App};
use self::story::Draining;
pub use self::world::world;
use super::{Delivery, Updates};
use crate::ecs::{ContainerInstance, Ec2Instance, Ec2InstanceId, Service, Task, TaskArn, Timestamp};
use crate::inventory::{Change, Resource};

/// How much time passes between two steps.
const STEP: Duration = Duration::from_secs(1);

/// What happened in one step.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// As a source would report it.
    pub changes: Vec<Change>,
    /// What began, for people: `deploying calc: revision 4`.
    pub told: Vec<String>,
}

/// A service and its revision.
#[derive(Debug, Clone)]
struct Running {
    app: &'static App,
    service: Service,
    revision: u32,
}

/// A task, and when it takes its next step.
#[derive(Debug, Clone)]
struct Simulated {
    task: Task,
    app: &'static App,
    due: Option<Timestamp>,
}

/// The simulated clusters at one moment.
#[derive(Debug)]
pub struct Simulation {
    rng: fastrand::Rng,
    now: Timestamp,
    services: Vec<Running>,
    tasks: BTreeMap<TaskArn, Simulated>,
    instances: Vec<ContainerInstance>,
    machines: BTreeMap<Ec2InstanceId, Ec2Instance>,
    next_address: u32,
    next_port: u16,
    next_story: Timestamp,
    draining: Option<Draining>,
    step: Step,
}

/// `start` and `duration` later, which may be earlier.
fn later(start: Timestamp, duration: SignedDuration) -> Timestamp {
    start.checked_add(duration).unwrap_or(start)
}

impl Simulation {
    /// The simulation that begins with [`world`] at `now`.
    #[must_use]
    pub fn new(seed: u64, now: Timestamp) -> Self {
        let document = world(now);
        let service = |app: &'static App| {
            let service = document.services.iter().find(|it| it.name == app.name)?.clone();
            Some(Running { app, service, revision: world::REVISION })
        };
        let simulated = |task: Task| {
            let app = APPS.iter().find(|app| task.service_name() == Some(app.name))?;
            Some((task.arn.clone(), Simulated { task, app, due: None }))
        };
        Self {
            rng: fastrand::Rng::with_seed(seed),
            now,
            services: APPS.iter().filter_map(service).collect(),
            tasks: document.tasks.into_iter().filter_map(simulated).collect(),
            instances: document.container_instances,
            machines: document.ec2_instances.into_iter().map(|machine| (machine.id.clone(), machine)).collect(),
            next_address: 0,
            next_port: 40_000,
            next_story: later(now, SignedDuration::from_secs(5)),
            draining: None,
            step: Step::default(),
        }
    }

    /// Lets the time until `now` pass. A time before the last one counts as that.
    pub fn step(&mut self, now: Timestamp) -> Step {
        self.now = self.now.max(now);
        self.live();
        self.tell();
        for index in 0..self.services.len() {
            self.schedule(index);
        }
        std::mem::take(&mut self.step)
    }

    /// Every task whose time has come takes its next step.
    fn live(&mut self) {
        let is_due = |simulated: &&Simulated| simulated.due.is_some_and(|due| due <= self.now);
        let due: Vec<_> = self.tasks.values().filter(is_due).map(|simulated| simulated.task.arn.clone()).collect();
        for arn in due {
            let pause = SignedDuration::from_secs(self.rng.i64(1..=3));
            let port = self.free_port();
            let Some(simulated) = self.tasks.get_mut(&arn) else { continue };
            let goes_on = life::advance(&mut simulated.task, simulated.app, port, self.now);
            simulated.due = goes_on.then(|| later(self.now, pause));
            self.report(&arn);
        }
    }

    /// Reports a task as it is now, and forgets it when it has stopped.
    fn report(&mut self, arn: &TaskArn) {
        let Some(simulated) = self.tasks.get(arn) else { return };
        let task = simulated.task.clone();
        if task.last_status.is_final() {
            self.tasks.remove(arn);
        }
        self.apply(Resource::Task(task));
    }

    fn apply(&mut self, resource: Resource) {
        self.step.changes.push(Change::Apply { resource, at: self.now });
    }
}

/// Delivers the simulated clusters to the updater and lets time pass in them, until the updater stops. `now` is the
/// wall clock; `tell` is handed each line of the story as it begins.
pub async fn run(updates: Updates, seed: u64, now: impl Fn() -> Timestamp + Send, mut tell: impl FnMut(&str) + Send) {
    let start = now();
    let mut simulation = Simulation::new(seed, start);
    let mut changes = world(start).into_changes(start);
    let mut ticks = interval(STEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if !changes.is_empty() && updates.deliver(Delivery::of(changes)).await.is_err() {
            return;
        }
        ticks.tick().await;
        let step = simulation.step(now());
        step.told.iter().for_each(|line| tell(line));
        changes = step.changes;
    }
}
