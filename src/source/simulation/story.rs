//! What happens to the simulated clusters: one story at a time, each when the one before has been settled.

use jiff::SignedDuration;

use super::{Running, Simulation, later, life};
use crate::ecs::{ClusterArn, ContainerInstanceStatus, Health, Task, TaskArn, Timestamp};
use crate::inventory::Resource;

/// How long a host is drained at least, in seconds.
const DRAINED: i64 = 15;

/// A host that is being drained.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draining {
    instance: usize,
    until: Timestamp,
}

impl Simulation {
    /// Goes on with the story, or begins the next one.
    pub(super) fn tell(&mut self) {
        self.end_draining();
        let settled = self.draining.is_none() && (0..self.services.len()).all(|index| self.is_settled(index));
        if self.now < self.next_story || !settled {
            return;
        }
        let story = match self.rng.u8(0..6) {
            0 | 1 => self.deploy(),
            2 => self.scale(),
            3 => self.fail(),
            4 => self.crash(),
            _ => self.drain(),
        };
        self.step.told.extend(story);
        self.next_story = later(self.now, SignedDuration::from_secs(self.rng.i64(8..=20)));
    }

    /// A service that has tasks and meets `condition`.
    fn pick(&mut self, condition: impl Fn(&Running) -> bool) -> Option<usize> {
        let all = self.services.iter().enumerate();
        let fit = all.filter(|(_, running)| running.service.desired_count > 0 && condition(running));
        let fit: Vec<_> = fit.map(|(index, _)| index).collect();
        self.rng.choice(fit)
    }

    fn pick_task(&mut self, index: usize) -> Option<TaskArn> {
        let tasks: Vec<_> = self.tasks_of(index).map(|simulated| simulated.task.arn.clone()).collect();
        self.rng.choice(tasks)
    }

    fn deploy(&mut self) -> Option<String> {
        let index = self.pick(|_| true)?;
        let running = self.services.get_mut(index)?;
        running.revision += 1;
        let definition = running.app.definition(running.revision);
        running.service.task_definition = Some(definition.arn.clone());
        let told = format!("deploying {}: revision {}", running.app.name, running.revision);
        let service = running.service.clone();
        self.apply(Resource::TaskDefinition(definition));
        self.apply(Resource::Service(service));
        Some(told)
    }

    /// Out by up to three tasks, or back in. Not with fixed host ports: the hosts would not do.
    fn scale(&mut self) -> Option<String> {
        let index = self.pick(|running| !running.app.has_fixed_ports())?;
        let more = self.rng.u32(1..=3);
        let running = self.services.get_mut(index)?;
        let (usual, from) = (running.app.desired, running.service.desired_count);
        let to = if from > usual { usual } else { usual + more };
        running.service.desired_count = to;
        let told = format!("scaling {} from {from} to {to} tasks", running.app.name);
        let service = running.service.clone();
        self.apply(Resource::Service(service));
        Some(told)
    }

    fn fail(&mut self) -> Option<String> {
        let index = self.pick(|running| running.app.check)?;
        self.hurt(index, "fails its health check", |task| life::set_health(task, Health::Unhealthy))
    }

    fn crash(&mut self) -> Option<String> {
        let index = self.pick(|_| true)?;
        self.hurt(index, "has exited", life::exit)
    }

    fn hurt(&mut self, index: usize, how: &str, harm: fn(&mut Task)) -> Option<String> {
        let arn = self.pick_task(index)?;
        let simulated = self.tasks.get_mut(&arn)?;
        harm(&mut simulated.task);
        let told = format!("a task of {} {how}: {}", simulated.app.name, arn.id());
        self.report(&arn);
        Some(told)
    }

    /// Only where there is another host for the tasks.
    fn drain(&mut self) -> Option<String> {
        let others =
            |cluster: &ClusterArn| self.instances.iter().filter(move |other| other.cluster == *cluster).count() > 1;
        let all = self.instances.iter().enumerate();
        let fit: Vec<_> = all.filter(|(_, instance)| others(&instance.cluster)).map(|(index, _)| index).collect();
        let instance = self.rng.choice(fit)?;
        self.draining = Some(Draining { instance, until: later(self.now, SignedDuration::from_secs(DRAINED)) });
        let id = self.set_status(instance, ContainerInstanceStatus::Draining)?;
        Some(format!("draining {id}"))
    }

    fn end_draining(&mut self) {
        let Some(Draining { instance, until }) = self.draining else { return };
        let arn = self.instances.get(instance).map(|instance| &instance.arn);
        let busy = self.tasks.values().any(|simulated| simulated.task.container_instance.as_ref() == arn);
        if self.now < until || busy {
            return;
        }
        self.draining = None;
        let id = self.set_status(instance, ContainerInstanceStatus::Active);
        self.step.told.extend(id.map(|id| format!("{id} takes tasks again")));
    }

    fn set_status(&mut self, index: usize, status: ContainerInstanceStatus) -> Option<String> {
        let instance = self.instances.get_mut(index)?;
        instance.status = status;
        instance.version = instance.version.map(|version| version + 1);
        let (id, instance) = (instance.ec2_instance_id.to_string(), instance.clone());
        self.apply(Resource::ContainerInstance(instance));
        Some(id)
    }
}
