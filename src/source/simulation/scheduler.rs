//! What ECS's service scheduler does: start what is missing, replace what is old, unhealthy or on a draining host,
//! and stop what is too much, always keeping as many ready as wanted where that is possible.

use std::net::Ipv4Addr;

use jiff::SignedDuration;

use super::{Simulated, Simulation, later, life, world};
use crate::ecs::{ClusterArn, ContainerInstance, ContainerInstanceArn, ContainerInstanceStatus, TaskArn, TaskStatus};

/// The tasks of one service that ECS wants RUNNING.
#[derive(Default)]
struct Tally {
    /// Of the current revision, not unhealthy, and on a host that takes tasks; the newest last.
    good: Vec<TaskArn>,
    /// The others.
    bad: Vec<TaskArn>,
    /// How many of either are ready.
    ready: usize,
}

impl Simulation {
    /// One round of the scheduler for the service `index`.
    pub(super) fn schedule(&mut self, index: usize) {
        let Some(running) = self.services.get(index) else { return };
        let desired = running.service.desired_count as usize;
        let tally = self.tally(index);
        let at_most = desired + (desired / 2).max(1);
        let missing = desired.saturating_sub(tally.good.len());
        let room = at_most.saturating_sub(tally.good.len() + tally.bad.len());
        for _ in 0..missing.min(room) {
            self.start(index);
        }
        let extra = tally.good.iter().rev().take(tally.good.len().saturating_sub(desired));
        for arn in extra {
            self.stop(arn);
        }
        let mut ready = tally.ready;
        for arn in &tally.bad {
            let counts = usize::from(self.is_ready(arn));
            if ready - counts >= desired {
                ready -= counts;
                self.stop(arn);
            }
        }
    }

    /// Whether the service `index` is as ECS wants it, and nothing is on its way.
    pub(super) fn is_settled(&self, index: usize) -> bool {
        let Some(running) = self.services.get(index) else { return true };
        let tally = self.tally(index);
        let all = self.tasks_of(index).count();
        let desired = running.service.desired_count as usize;
        tally.bad.is_empty() && all == desired && tally.good.len() == desired && tally.ready == desired
    }

    pub(super) fn tasks_of(&self, index: usize) -> impl Iterator<Item = &Simulated> {
        let app = self.services.get(index).map(|running| running.app.name);
        self.tasks.values().filter(move |simulated| Some(simulated.app.name) == app)
    }

    fn tally(&self, index: usize) -> Tally {
        let mut tally = Tally::default();
        let Some(running) = self.services.get(index) else { return tally };
        let current = running.app.definition_arn(running.revision);
        let mut tasks: Vec<_> = self.tasks_of(index).collect();
        tasks.sort_by_key(|simulated| simulated.task.created_at);
        for Simulated { task, app, .. } in tasks {
            if task.desired_status != TaskStatus::Running {
                continue;
            }
            tally.ready += usize::from(life::is_ready(task, app));
            let drained = task.container_instance.as_ref().is_some_and(|arn| self.is_draining(arn));
            let good = task.task_definition == current && !life::is_unhealthy(task) && !drained;
            if good { tally.good.push(task.arn.clone()) } else { tally.bad.push(task.arn.clone()) }
        }
        tally
    }

    fn is_ready(&self, arn: &TaskArn) -> bool {
        self.tasks.get(arn).is_some_and(|simulated| life::is_ready(&simulated.task, simulated.app))
    }

    fn is_draining(&self, arn: &ContainerInstanceArn) -> bool {
        let draining = |instance: &ContainerInstance| instance.status == ContainerInstanceStatus::Draining;
        self.instances.iter().any(|instance| instance.arn == *arn && draining(instance))
    }

    /// Starts a task if there is a place for it; else the next round tries again.
    fn start(&mut self, index: usize) {
        let Some(running) = self.services.get(index) else { return };
        let (app, revision, cluster) = (running.app, running.revision, running.service.cluster.clone());
        let Some(instance) = self.free_instance(index, &cluster) else { return };
        let machine = self.machines.get(&instance.ec2_instance_id);
        let zone = machine.and_then(|machine| machine.availability_zone.clone()).unwrap_or_default();
        let place =
            life::Place { instance: (!app.fargate).then(|| instance.arn.clone()), zone, address: self.free_address() };
        let id = format!("{:032x}", self.rng.u128(..));
        let task = life::created(app, &id, revision, place, self.now);
        let (arn, due) = (task.arn.clone(), Some(later(self.now, SignedDuration::from_secs(1))));
        self.tasks.insert(arn.clone(), Simulated { task, app, due });
        self.report(&arn);
    }

    pub(super) fn stop(&mut self, arn: &TaskArn) {
        let Some(simulated) = self.tasks.get_mut(arn) else { return };
        life::stop(&mut simulated.task);
        simulated.due = Some(later(self.now, SignedDuration::from_secs(2)));
        self.report(arn);
    }

    /// The host of the cluster with the fewest tasks that takes one more of this service.
    fn free_instance(&self, index: usize, cluster: &ClusterArn) -> Option<ContainerInstance> {
        let app = self.services.get(index)?.app;
        let on = |arn: &ContainerInstanceArn, simulated: &&Simulated| {
            simulated.task.container_instance.as_ref() == Some(arn)
        };
        let own = |arn: &ContainerInstanceArn| self.tasks_of(index).filter(|task| on(arn, task)).count();
        let all = |arn: &ContainerInstanceArn| self.tasks.values().filter(|task| on(arn, task)).count();
        let takes = |instance: &&ContainerInstance| {
            let in_cluster = instance.cluster == *cluster && instance.status == ContainerInstanceStatus::Active;
            in_cluster && !(app.has_fixed_ports() && own(&instance.arn) > 0)
        };
        let places = self.instances.iter().filter(takes);
        places.min_by_key(|instance| (own(&instance.arn), all(&instance.arn))).cloned()
    }

    /// An address that no task has.
    fn free_address(&mut self) -> Ipv4Addr {
        let (first, count) = world::ADDRESSES;
        loop {
            self.next_address = (self.next_address + 1) % count;
            let address = (first + self.next_address).into();
            if !self.tasks.values().any(|simulated| simulated.task.ipv4.contains(&address)) {
                return address;
            }
        }
    }

    /// A host port that was not used for long, of the range that Docker takes them from.
    pub(super) fn free_port(&mut self) -> u16 {
        self.next_port = if self.next_port >= 60_999 { 40_000 } else { self.next_port + 1 };
        self.next_port
    }
}
