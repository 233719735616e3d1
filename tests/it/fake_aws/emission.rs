//! From changes of the world to events: what changed, and how the message of it travels.
//!
//! Once it is switched on, whatever a test changes by the methods of [`World`] (`task`, `service`, `instance`, …, not by
//! its fields) is published when the guard of [`FakeAws::world`](super::FakeAws::world) is dropped, as AWS would
//! publish it and in the order in which it was touched: for a task or a container instance whose `version`
//! has stepped one event with its state at that moment, for a machine whose state is another one, for a service that
//! was made, changed or deleted the API call and the deployment. Changes of health have no event, as at AWS. Several
//! steps of one task under one guard are one event; for an event each, take a guard each.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::events;
use super::world::{Service, Touched, World};

/// How the messages travel. The default loses nothing and is at once. Everything follows from `seed`: which messages
/// are late, and by how much.
#[derive(Clone, Copy, Debug, Default)]
pub struct Travel {
    /// Chooses the delays.
    pub seed: u64,
    /// Each nth message is lost; 0: none.
    pub drop_every: u64,
    /// Each nth message is published twice, each with a delay of its own; 0: none.
    pub duplicate_every: u64,
    /// The least time on the way.
    pub delay: Duration,
    /// Up to so much more: messages that are published within this time overtake each other.
    pub shuffle_within: Duration,
}

/// What was published of the world so far, and where to.
#[derive(Debug)]
pub struct Emission {
    topic: String,
    travel: Travel,
    random: fastrand::Rng,
    known: Known,
    events: u64,
}

/// A message on its way: the event, and when it arrives.
#[derive(Debug)]
pub struct Parcel {
    pub topic: String,
    pub event: Value,
    pub delay: Duration,
}

/// What was told last of each resource, by its name.
#[derive(Debug, Default, PartialEq, Eq)]
struct Known {
    tasks: BTreeMap<String, Option<i64>>,
    container_instances: BTreeMap<String, Option<i64>>,
    machines: BTreeMap<String, String>,
    services: BTreeMap<String, ServiceState>,
}

/// What of a service has an event when it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ServiceState {
    status: String,
    desired_count: i32,
    task_definition: String,
}

impl ServiceState {
    fn of(service: &Service) -> Self {
        let (status, task_definition) = (service.status.clone(), service.task_definition.clone());
        Self { status, desired_count: service.desired_count, task_definition }
    }
}

impl Emission {
    /// Publishes to `topic` what changes from now on; what there is now is known.
    pub fn new(topic: &str, travel: Travel, world: &World) -> Self {
        let random = fastrand::Rng::with_seed(travel.seed);
        Self { topic: topic.to_owned(), travel, random, known: Known::of(world), events: 0 }
    }

    /// Where to, and how, the messages travel from now on.
    pub fn set_travel(&mut self, topic: &str, travel: Travel) {
        topic.clone_into(&mut self.topic);
        self.random = fastrand::Rng::with_seed(travel.seed);
        self.travel = travel;
    }

    /// How many events there were so far, lost ones included.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The messages about what has changed among `touched`.
    pub fn parcels(&mut self, touched: &[Touched], world: &World) -> Vec<Parcel> {
        let mut news = News { number: self.events, events: Vec::new() };
        for one in touched {
            match one {
                Touched::Service(cluster, name) => self.known.service(cluster, name, world, &mut news),
                Touched::Task(arn) => self.known.task(arn, world, &mut news),
                Touched::Host(id) => self.known.host(id, world, &mut news),
            }
        }
        news.events.into_iter().flat_map(|event| self.pack(event)).collect()
    }

    /// One event on its way: none, one or two messages.
    pub fn pack(&mut self, event: Value) -> Vec<Parcel> {
        self.events += 1;
        let nth = |every: u64, number: u64| every != 0 && number.is_multiple_of(every);
        let Travel { drop_every, duplicate_every, delay, shuffle_within, .. } = self.travel;
        let copies = match self.events {
            number if nth(drop_every, number) => 0,
            number if nth(duplicate_every, number) => 2,
            _ => 1,
        };
        let parcel = |event: Value| {
            let late = shuffle_within.mul_f64(self.random.f64());
            Parcel { topic: self.topic.clone(), event, delay: delay + late }
        };
        std::iter::repeat_n(event, copies).map(parcel).collect()
    }

    /// A number for an event that has no change of the world behind it.
    pub fn next_number(&self) -> u64 {
        self.events + 1
    }
}

impl Known {
    /// All of the world.
    fn of(world: &World) -> Self {
        let (mut known, mut news) = (Self::default(), News { number: 0, events: Vec::new() });
        for (cluster, all) in &world.clusters {
            all.services.keys().for_each(|name| known.service(cluster, name, world, &mut news));
            all.tasks.keys().for_each(|arn| known.task(arn, world, &mut news));
        }
        world.instances.keys().for_each(|id| known.host(id, world, &mut news));
        known
    }

    fn service(&mut self, cluster: &str, name: &str, world: &World, news: &mut News) {
        let Some(service) = world.clusters.get(cluster).and_then(|cluster| cluster.services.get(name)) else { return };
        let key = format!("{cluster}/{name}");
        let state = ServiceState::of(service);
        if self.services.get(&key) != Some(&state) {
            let before = self.services.insert(key, state.clone());
            news.service(before.as_ref(), &state, service, world);
        }
    }

    fn task(&mut self, arn: &str, world: &World, news: &mut News) {
        match world.clusters.values().find_map(|cluster| cluster.tasks.get(arn)) {
            Some(task) if changes(&mut self.tasks, arn, &task.version) => {
                news.push(|number| events::task(number, task, world));
            }
            Some(_) => {}
            None => drop(self.tasks.remove(arn)),
        }
    }

    fn host(&mut self, id: &str, world: &World, news: &mut News) {
        for cluster in world.clusters.values() {
            let registered = cluster.container_instances.values().filter(|one| one.ec2_instance_id == id);
            for one in registered {
                if changes(&mut self.container_instances, &one.container_instance_arn, &one.version) {
                    news.push(|number| events::container_instance(number, one, &cluster.cluster_arn, world));
                }
            }
        }
        if let Some(machine) = world.instances.get(id)
            && changes(&mut self.machines, id, &machine.state)
        {
            news.push(|number| events::machine(number, machine, world));
        }
    }
}

/// Whether `value` is new of `name`; then it is known.
fn changes<T: Clone + PartialEq>(known: &mut BTreeMap<String, T>, name: &str, value: &T) -> bool {
    let is_new = known.get(name) != Some(value);
    if is_new {
        known.insert(name.to_owned(), value.clone());
    }
    is_new
}

/// Events in the order in which they happened, with numbers.
struct News {
    number: u64,
    events: Vec<Value>,
}

impl News {
    fn push(&mut self, make: impl FnOnce(u64) -> Value) {
        self.number += 1;
        self.events.push(make(self.number));
    }

    fn service(&mut self, before: Option<&ServiceState>, now: &ServiceState, service: &Service, world: &World) {
        let call = match before {
            None => "CreateService",
            Some(before) if before.status == "ACTIVE" && now.status != "ACTIVE" => "DeleteService",
            // From DRAINING to INACTIVE it goes by itself, without a word.
            Some(_) if now.status != "ACTIVE" => return,
            Some(_) => "UpdateService",
        };
        self.push(|number| events::api_call(number, call, service, world));
        let deployed = before.is_none_or(|before| before.task_definition != now.task_definition);
        if now.status == "ACTIVE" && deployed {
            self.push(|number| events::deployment(number, "SERVICE_DEPLOYMENT_IN_PROGRESS", service, world));
        }
    }
}
