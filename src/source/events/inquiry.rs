//! Asks AWS what events have made us want to know: put together, within the budget, and again where the answer was
//! too old.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::asks::{Asks, by_cluster};
use super::intake;
use crate::ecs::event::ServiceHint;
use crate::inventory::ServiceKey;
use crate::source::Stopped;
use crate::source::describe::{Describer, Trigger};

/// Time after which a machine that was said to be gone is asked for.
const DEPARTED: Duration = Duration::from_secs(10);

/// Time after which a service that has lost its last task is listed, if no other has shown up. In a deployment that
/// stops the old task first, the event of the new one is there by then.
const EMPTIED: Duration = Duration::from_secs(5);

/// Times after which a service that the API does not know yet is asked for again: it is eventually consistent.
const AGAIN: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(10)];

/// Times after which task definitions that could not be read, or for which the budget had no room, are asked for
/// again. After the last, they are left to the next pass.
const DEFINITIONS_AGAIN: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(15), Duration::from_secs(45), Duration::from_secs(135)];

/// What is to be asked. Whoever learns of something adds to it; one worker asks.
pub(super) struct Inquiry {
    describer: Arc<Describer>,
    trigger: Trigger,
    asks: Mutex<Asks>,
    added: Notify,
}

/// What is asked at a later time.
struct Later {
    at: Instant,
    asks: Asks,
    /// How often that has been asked.
    tries: usize,
}

impl Inquiry {
    pub(super) fn new(describer: Arc<Describer>, trigger: Trigger) -> Self {
        Self { describer, trigger, asks: Mutex::default(), added: Notify::new() }
    }

    /// Has `asks` asked soon.
    pub(super) fn add(&self, asks: Asks) {
        if asks.is_empty() {
            return;
        }
        let mut waiting = self.lock();
        waiting.extend(asks);
        if waiting.is_too_much() {
            *waiting = Asks::default();
            self.trigger.poke();
        }
        drop(waiting);
        self.added.notify_one();
    }

    /// Asks until the updater stops.
    pub(super) async fn run(&self) -> Result<Infallible, Stopped> {
        let mut later: Vec<Later> = Vec::new();
        loop {
            let next = later.iter().map(|it| it.at).min();
            tokio::select! {
                () = self.added.notified() => {}
                () = due(next) => {}
            }
            let now = Instant::now();
            let (mut asks, mut tries) = (std::mem::take(&mut *self.lock()), 0);
            let emptied = std::mem::take(&mut asks.emptied);
            if !emptied.is_empty() {
                later.push(Later { at: now + EMPTIED, asks: Asks { emptied, ..Asks::default() }, tries: 0 });
            }
            for again in later.extract_if(.., |it| it.at <= now) {
                tries = tries.max(again.tries);
                asks.extend(again.asks);
            }
            if !asks.departed.is_empty() {
                let machines = std::mem::take(&mut asks.departed);
                later.push(Later { at: now + DEPARTED, asks: Asks { machines, ..Asks::default() }, tries: 0 });
            }
            later.extend(self.ask(asks, tries).await?);
        }
    }

    /// Asks, and says what must be asked once more.
    async fn ask(&self, asks: Asks, tries: usize) -> Result<Vec<Later>, Stopped> {
        let Asks { services, hosts, machines, definitions, emptied, .. } = asks;
        let (unknown, (), (), ()) = tokio::try_join!(
            self.ask_services(services),
            self.ask_for_tasks(emptied),
            self.describer.describe_hosts(by_cluster(hosts)),
            self.describer.describe_machines(by_cluster(machines)),
        )?;
        let mut later = Vec::new();
        if let Some(delay) = AGAIN.get(tries).filter(|_| !unknown.is_empty()) {
            let asks = Asks { services: unknown, ..Asks::default() };
            later.push(Later { at: Instant::now() + *delay, asks, tries: tries + 1 });
        }
        if definitions
            && self.describer.describe_definitions().await? > 0
            && let Some(delay) = DEFINITIONS_AGAIN.get(tries)
        {
            let asks = Asks { definitions, ..Asks::default() };
            later.push(Later { at: Instant::now() + *delay, asks, tries: tries + 1 });
        }
        Ok(later)
    }

    /// Lists the tasks of those of `services` that are to have some and of which none is known to be there or to come.
    async fn ask_for_tasks(&self, services: BTreeSet<ServiceKey>) -> Result<(), Stopped> {
        if services.is_empty() {
            return Ok(());
        }
        let without = self.describer.updates.ask(move |inventory| -> BTreeSet<ServiceKey> {
            let is_without = |key: &ServiceKey| {
                let none = BTreeSet::new();
                let wanted = intake::is_wanted(inventory, key) && !intake::has_ready(inventory, key, &none);
                wanted && intake::successors(inventory, key).is_empty()
            };
            services.into_iter().filter(is_without).collect()
        });
        self.describer.list_and_look_at(without.await?).await
    }

    /// Asks for services and their load balancers; returns those that are still not known.
    async fn ask_services(&self, services: BTreeSet<ServiceHint>) -> Result<BTreeSet<ServiceHint>, Stopped> {
        if services.is_empty() {
            return Ok(services);
        }
        let pairs = services.iter().map(|hint| (hint.cluster.clone(), hint.service.clone()));
        for (cluster, services) in by_cluster(pairs) {
            // As if listed: one that is MISSING is more likely too young than gone, and a list will tell.
            self.describer.describe_services(&cluster, services.clone(), &services).await?;
            let keys = services.iter().map(|service| ServiceKey::new(&cluster, service.id())).collect();
            self.describer.describe_balancers(&cluster, keys).await?;
        }
        let unknown = self.describer.updates.ask(move |inventory| {
            let known = |hint: &ServiceHint| {
                inventory.services.contains_key(&ServiceKey::new(&hint.cluster, hint.service.id()))
            };
            services.into_iter().filter(|hint| !known(hint)).collect()
        });
        unknown.await
    }

    fn lock(&self) -> MutexGuard<'_, Asks> {
        self.asks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
