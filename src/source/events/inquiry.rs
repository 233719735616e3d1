//! Asks AWS what events have made us want to know: put together, within the budget, and again where the answer was
//! too old.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::asks::{Asks, by_cluster};
use super::intake;
use crate::ecs::event::ServiceHint;
use crate::ecs::{ClusterArn, ContainerInstanceArn, Ec2InstanceId};
use crate::inventory::ServiceKey;
use crate::source::Stopped;
use crate::source::describe::{Describer, Trigger};

/// Time after which a machine that was said to be gone is asked for.
const DEPARTED: Duration = Duration::from_secs(10);

/// Time after which a service that has lost its last task is listed, if no other has shown up. In a deployment that
/// stops the old task first, the event of the new one is there by then.
const EMPTIED: Duration = Duration::from_secs(5);

/// More services than this that have lost their last task at once are found by a pass: that takes fewer lists.
const LISTS: usize = 10;

/// Times after which a service that the API does not know yet is asked for again, as it is eventually consistent, and
/// whatever else has not been answered.
const AGAIN: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(10)];

/// Times after which task definitions that could not be read, or for which the budget had no room, are asked for
/// again. After the last, they are left to the next pass.
const DEFINITIONS_AGAIN: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(15), Duration::from_secs(45), Duration::from_secs(135)];

/// Least time between two passes that are made because something failed: what may never be asked fails every time.
const POKE_INTERVAL: Duration = Duration::from_secs(60);

/// What is to be asked. Whoever learns of something adds to it; one worker asks.
pub(super) struct Inquiry {
    describer: Arc<Describer>,
    trigger: Trigger,
    asks: Mutex<Asks>,
    added: Notify,
}

type Hosts = BTreeSet<(ClusterArn, ContainerInstanceArn)>;
type Machines = BTreeSet<(ClusterArn, Ec2InstanceId)>;

/// What is asked at a later time.
struct Later {
    at: Instant,
    asks: Asks,
    /// How often that has been asked.
    tries: usize,
}

/// What is asked at later times.
#[derive(Default)]
struct Schedule {
    asks: Vec<Later>,
    /// When a pass was last asked for because something else had failed.
    poked: Option<Instant>,
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
        let mut later = Schedule::default();
        // When what has been added is taken up.
        let mut fresh: Option<Instant> = None;
        loop {
            let next = later.asks.iter().map(|it| it.at).chain(fresh).min();
            tokio::select! {
                () = self.added.notified() => {
                    let spread = self.describer.spread().mul_f64(fastrand::f64());
                    fresh = Some(fresh.unwrap_or_else(|| Instant::now() + spread));
                }
                () = due(next) => {}
            }
            let now = Instant::now();
            // What has been tried as often is asked together.
            let mut asks: BTreeMap<usize, Asks> = BTreeMap::new();
            if fresh.take_if(|fresh| *fresh <= now).is_some() {
                asks.insert(0, later.put_off(std::mem::take(&mut *self.lock())));
            }
            for again in later.asks.extract_if(.., |it| it.at <= now) {
                asks.entry(again.tries).or_default().extend(again.asks);
            }
            for (tries, asks) in asks {
                self.ask(asks, tries, &mut later).await?;
            }
        }
    }

    /// Asks, and notes what must be asked once more.
    async fn ask(&self, asks: Asks, tries: usize, later: &mut Schedule) -> Result<(), Stopped> {
        let Asks { services, hosts, machines, definitions, emptied, .. } = asks;
        let ((services, failed), emptied, hosts, machines) = tokio::try_join!(
            self.ask_services(services),
            self.ask_for_tasks(emptied),
            self.ask_hosts(hosts),
            self.ask_machines(machines),
        )?;
        let failed = failed || !(emptied.is_empty() && hosts.is_empty() && machines.is_empty());
        let again = Asks { services, hosts, machines, emptied, ..Asks::default() };
        match AGAIN.get(tries) {
            Some(delay) if !again.is_empty() => later.add(*delay, again, tries + 1),
            None if failed && later.may_poke(Instant::now()) => self.trigger.poke(),
            _ => {}
        }
        if definitions
            && self.describer.describe_definitions().await? > 0
            && !later.asks.iter().any(|it| it.asks.definitions)
            && let Some(delay) = DEFINITIONS_AGAIN.get(tries)
        {
            later.add(*delay, Asks { definitions, ..Asks::default() }, tries + 1);
        }
        Ok(())
    }

    /// Describes container instances; returns them if that failed.
    async fn ask_hosts(&self, hosts: Hosts) -> Result<Hosts, Stopped> {
        let answered = self.describer.describe_hosts(by_cluster(hosts.iter().cloned())).await?;
        Ok(if answered { BTreeSet::new() } else { hosts })
    }

    /// Describes EC2 instances; returns them if that failed.
    async fn ask_machines(&self, machines: Machines) -> Result<Machines, Stopped> {
        let answered = self.describer.describe_machines(by_cluster(machines.iter().cloned())).await?;
        Ok(if answered { BTreeSet::new() } else { machines })
    }

    /// Lists the tasks of those of `services` that are to have some and of which none is known to be there or to
    /// come; returns them if that failed. Many at once are left to a pass, which has them in one list.
    async fn ask_for_tasks(&self, services: BTreeSet<ServiceKey>) -> Result<BTreeSet<ServiceKey>, Stopped> {
        if services.is_empty() {
            return Ok(services);
        }
        let without = self.describer.updates.ask(move |inventory| -> BTreeSet<ServiceKey> {
            let is_without = |key: &ServiceKey| {
                let none = BTreeSet::new();
                let wanted = intake::is_wanted(inventory, key) && !intake::has_ready(inventory, key, &none);
                wanted && intake::successors(inventory, key).is_empty()
            };
            services.into_iter().filter(is_without).collect()
        });
        let without = without.await?;
        if without.len() > LISTS {
            self.trigger.poke();
            return Ok(BTreeSet::new());
        }
        let answered = self.describer.list_and_look_at(without.clone()).await?;
        Ok(if answered { BTreeSet::new() } else { without })
    }

    /// Asks for services and their load balancers; returns those that are still not known, and whether that may be
    /// because AWS has not answered.
    async fn ask_services(&self, services: BTreeSet<ServiceHint>) -> Result<(BTreeSet<ServiceHint>, bool), Stopped> {
        if services.is_empty() {
            return Ok((services, false));
        }
        let mut unanswered = BTreeSet::new();
        let pairs = services.iter().map(|hint| (hint.cluster.clone(), hint.service.clone()));
        for (cluster, services) in by_cluster(pairs) {
            // As if listed: one that is MISSING is more likely too young than gone, and a list will tell.
            if !self.describer.describe_services(&cluster, services.clone(), &services).await? {
                unanswered.insert(cluster.clone());
            }
            let keys = services.iter().map(|service| ServiceKey::new(&cluster, service.id())).collect();
            self.describer.describe_balancers(&cluster, keys).await?;
        }
        let failed = !unanswered.is_empty();
        let again = self.describer.updates.ask(move |inventory| {
            let known = |hint: &ServiceHint| {
                inventory.services.contains_key(&ServiceKey::new(&hint.cluster, hint.service.id()))
            };
            services.into_iter().filter(|hint| unanswered.contains(&hint.cluster) || !known(hint)).collect()
        });
        Ok((again.await?, failed))
    }

    fn lock(&self) -> MutexGuard<'_, Asks> {
        self.asks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Schedule {
    fn add(&mut self, delay: Duration, asks: Asks, tries: usize) {
        if !asks.is_empty() {
            self.asks.push(Later { at: Instant::now() + delay, asks, tries });
        }
    }

    /// Puts off those of `asks` that had better be asked some time from now; returns the others.
    fn put_off(&mut self, mut asks: Asks) -> Asks {
        let emptied = std::mem::take(&mut asks.emptied);
        self.add(EMPTIED, Asks { emptied, ..Asks::default() }, 0);
        let machines = std::mem::take(&mut asks.departed);
        self.add(DEPARTED, Asks { machines, ..Asks::default() }, 0);
        asks
    }

    /// Whether a pass may be asked for at `now` because of what failed; then it is noted that it was.
    fn may_poke(&mut self, now: Instant) -> bool {
        let may = self.poked.is_none_or(|last| now - last >= POKE_INTERVAL);
        if may {
            self.poked = Some(now);
        }
        may
    }
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
