//! The upstreams: which names go to which, and what is known of each.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::settings::{ForwardSettings, Route, Server};
use crate::dns::{DomainName, name};
use crate::forward::plan::order;
use crate::forward::{Candidate, Health, Observation, Policy, Random, Turn};

/// What is known of one upstream, for whoever shows it.
#[derive(Debug, Clone)]
pub struct UpstreamState {
    /// Which one.
    pub server: Server,
    /// How it has been.
    pub health: Health,
}

/// All upstreams of all routes.
#[derive(Debug)]
pub(super) struct Upstreams {
    servers: Vec<Server>,
    health: Mutex<Vec<Health>>,
    /// Which of them have been asked anything.
    used: Vec<AtomicBool>,
    /// By zone, the longest first.
    routes: Vec<Group>,
}

/// The upstreams of one zone.
#[derive(Debug)]
struct Group {
    zone: DomainName,
    members: Vec<usize>,
    policy: Policy,
    /// None of them answers. Read by every question that finds a stale answer, so it is no lock.
    down: AtomicBool,
}

impl Upstreams {
    /// Those of the settings, all of them believed to be up. One that serves several zones is one.
    pub(super) fn new(settings: &ForwardSettings) -> Self {
        let mut servers: Vec<Server> = Vec::new();
        let mut place = |server: &Server| {
            servers.iter().position(|known| known == server).unwrap_or_else(|| {
                servers.push(server.clone());
                servers.len() - 1
            })
        };
        let group = |route: &Route| Group {
            zone: route.zone.clone(),
            members: route.servers.iter().map(&mut place).collect(),
            policy: route.policy,
            down: AtomicBool::new(false),
        };
        let mut routes: Vec<Group> = settings.routes.iter().map(group).collect();
        routes.sort_by_key(|group| std::cmp::Reverse(group.zone.as_wire().len()));
        let health = Mutex::new(vec![Health::default(); servers.len()]);
        let used = servers.iter().map(|_| AtomicBool::new(false)).collect();
        Self { servers, health, used, routes }
    }

    /// The same, with what is known of those that are among `before`.
    pub(super) fn knowing(self, before: &Self) -> Self {
        {
            let (mut health, known) = (self.lock(), before.lock());
            for (place, server) in self.servers.iter().enumerate() {
                let Some(old) = before.servers.iter().position(|known| known == server) else { continue };
                if let (Some(new), Some(known)) = (health.get_mut(place), known.get(old)) {
                    *new = known.clone();
                }
                let used = before.used.get(old).is_some_and(|used| used.load(Relaxed));
                self.used.iter().skip(place).take(1).for_each(|new| new.store(used, Relaxed));
            }
            self.tell_groups(&health);
        }
        self
    }

    /// Those that do not answer, as far as we know.
    pub(super) fn down(&self) -> Vec<usize> {
        self.lock().iter().enumerate().filter(|(_, health)| !health.is_up()).map(|(place, _)| place).collect()
    }

    pub(super) fn server(&self, upstream: usize) -> Option<&Server> {
        self.servers.get(upstream)
    }

    /// Whether there is anybody to ask about `name`.
    pub(super) fn serve(&self, name: &DomainName) -> bool {
        self.route(name.as_wire()).is_some_and(|group| !group.members.is_empty())
    }

    /// Whether all who could be asked about `name` (in lower-case wire form) are known to be down.
    pub(super) fn are_down(&self, name: &[u8]) -> bool {
        self.route(name).is_some_and(|group| group.down.load(Relaxed))
    }

    /// Whom to ask about `name` now, in order; nobody, if all lead back to us.
    pub(super) fn candidates(&self, name: &DomainName, random: &Random, now: Instant) -> Vec<Candidate> {
        let Some(group) = self.route(name.as_wire()) else { return Vec::new() };
        let health = self.lock();
        let order = order(&health, &group.members, group.policy, random.order, now);
        let candidate = |upstream: usize| {
            let encrypted = self.servers.get(upstream)?.tls.is_some();
            Some(Candidate::new(upstream, encrypted, health.get(upstream)?, now))
        };
        order.into_iter().filter_map(candidate).collect()
    }

    /// Takes note of what was seen of an upstream.
    pub(super) fn observe(&self, upstream: usize, observation: Observation, now: Instant) -> Option<Turn> {
        let mut health = self.lock();
        let turn = health.get_mut(upstream)?.observe(observation, now)?;
        self.tell_groups(&health);
        Some(turn)
    }

    /// A query that was sent to this upstream has come back to us. Says whether that is news.
    pub(super) fn found_looping(&self, upstream: usize) -> bool {
        let mut health = self.lock();
        let Some(one) = health.get_mut(upstream) else { return false };
        let news = !one.is_looping();
        one.found_looping();
        self.tell_groups(&health);
        news
    }

    /// Whether this is the first time that an upstream is asked; once true.
    pub(super) fn is_first_use(&self, upstream: usize) -> bool {
        self.used.get(upstream).is_some_and(|used| !used.load(Relaxed) && !used.swap(true, Relaxed))
    }

    /// Whether an upstream answers, as far as we know.
    pub(super) fn is_up(&self, upstream: usize) -> bool {
        self.lock().get(upstream).is_some_and(Health::is_up)
    }

    /// All of them as they are.
    pub(super) fn states(&self) -> Vec<UpstreamState> {
        let health = self.lock().clone();
        let state = |(server, health): (&Server, Health)| UpstreamState { server: server.clone(), health };
        self.servers.iter().zip(health).map(state).collect()
    }

    fn tell_groups(&self, health: &[Health]) {
        for group in &self.routes {
            let up = group.members.iter().any(|member| health.get(*member).is_some_and(Health::is_up));
            group.down.store(!up, Relaxed);
        }
    }

    fn route(&self, name: &[u8]) -> Option<&Group> {
        self.routes.iter().find(|group| name::is_within(name, group.zone.as_wire()))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Health>> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
