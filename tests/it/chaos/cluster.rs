//! The fake AWS with a cluster that keeps changing, and the memory of what was true when.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::fake_aws::{FakeAws, Op};

/// Services; `svc-0` and so on.
pub const SERVICES: usize = 4;
/// Tasks of each, at least.
const TASKS: usize = 2;
/// How old an answer may be while all is well: some passes, on a machine that is busy with other things.
const SLACK: Duration = Duration::from_secs(20);
/// How long a pass may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// One address, which no other task ever gets.
#[derive(Debug, Clone, Copy)]
struct Life {
    service: usize,
    born: Instant,
    died: Option<Instant>,
}

/// The cluster and its past.
#[derive(Debug)]
pub struct Cluster {
    /// Where it is described.
    pub fake: FakeAws,
    lives: Mutex<BTreeMap<Ipv4Addr, Life>>,
    /// When the daemon could not know better: AWS or the daemon itself was away.
    blind: Mutex<Vec<(Instant, Option<Instant>)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The name of a service.
pub fn name(service: usize) -> String {
    format!("svc-{service}")
}

impl Cluster {
    /// Starts with two tasks for each service.
    pub fn start() -> Self {
        let cluster = Self { fake: FakeAws::start(), lives: Mutex::default(), blind: Mutex::default() };
        for service in 0..SERVICES {
            let arns = cluster.fake.world().service("prod", &name(service)).fargate_tasks(TASKS).task_arns();
            for arn in arns {
                cluster.is_born(service, &arn);
            }
        }
        cluster
    }

    fn is_born(&self, service: usize, arn: &str) {
        let address = self.fake.world().task(arn).private_address();
        self.live(address, service);
    }

    fn live(&self, address: Option<String>, service: usize) {
        let address = address.and_then(|address| address.parse().ok()).expect("a running task has an address");
        let life = Life { service, born: Instant::now(), died: None };
        assert!(lock(&self.lives).insert(address, life).is_none(), "{address} is given twice");
    }

    /// One task comes and then the oldest of its service goes, as in a rolling deployment.
    pub fn change(&self, rng: &mut Rng) {
        let service = rng.usize(..SERVICES);
        let name = name(service);
        {
            let mut world = self.fake.world();
            let arn = world.launch("prod", &name);
            let address = world.come_up(&arn).private_address();
            // Known here before anybody can see it.
            self.live(address, service);
        }
        let mut world = self.fake.world();
        let running = |world: &crate::fake_aws::World| -> Vec<String> {
            let known = world.tasks_of("prod", &name);
            known.into_iter().filter(|arn| world.clusters["prod"].tasks[arn].last_status == "RUNNING").collect()
        };
        let oldest = running(&world).remove(0);
        let address = world.task(&oldest).private_address().and_then(|address| address.parse::<Ipv4Addr>().ok());
        world.task(&oldest).stop();
        drop(world);
        let address = address.expect("a running task has an address");
        if let Some(life) = lock(&self.lives).get_mut(&address) {
            life.died = Some(Instant::now());
        }
    }

    /// From now on the daemon may know only what it knew before, until [`Self::sees`].
    pub fn is_blind(&self) {
        lock(&self.blind).push((Instant::now(), None));
    }

    /// AWS has been read from beginning to end since now, so the daemon knows again.
    pub fn sees(&self) {
        let (before, until) = (self.fake.count(Op::ListTasks), Instant::now() + PATIENCE);
        while self.fake.count(Op::ListTasks) < before + 3 {
            assert!(Instant::now() < until, "no pass in {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        if let Some((_, end)) = lock(&self.blind).last_mut() {
            *end = Some(Instant::now());
        }
    }

    /// Since when a task may be gone that is still told at `then`.
    fn horizon(&self, then: Instant) -> Instant {
        let before = |then: Instant| then.checked_sub(SLACK).unwrap_or(then);
        let blind = lock(&self.blind);
        blind.iter().rev().fold(before(then), |since, (from, to)| {
            let overlaps = *from <= then && to.is_none_or(|to| to >= since);
            if overlaps { since.min(before(*from)) } else { since }
        })
    }

    /// What is wrong with these addresses of a service, asked for at `then` and told by now.
    pub fn fault(&self, service: usize, addresses: &[Ipv4Addr], then: Instant) -> Option<String> {
        if addresses.is_empty() {
            return Some(format!("{} has tasks, and none is told", name(service)));
        }
        let (since, lives) = (self.horizon(then), lock(&self.lives));
        addresses.iter().find_map(|address| match lives.get(address) {
            None => Some(format!("{address} was never given to anybody")),
            Some(life) if life.service != service => Some(format!("{address} is of {}", name(life.service))),
            Some(Life { born, died: Some(died), .. }) if *died < since => {
                Some(format!("{address} lived from {born:?} to {died:?}, which is long ago"))
            }
            Some(_) => None,
        })
    }
}
