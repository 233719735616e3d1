//! Equal questions that are under way: the first begins the exchange, the others wait for what it brings.
//!
//! A client that a stale answer can be given to waits for a moment only (RFC 8767 5), while the exchange goes on.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::budget::Class;
use super::stats::count;
use super::{Answer, ForwardError, Forwarder, Resolved, drive, now, probe};
use crate::forward::Key;

/// A place where the outcome of an exchange will be.
type Waiting = watch::Receiver<Option<Resolved>>;

/// The places that an exchange has taken: one of all, and if it is for a [`Class::Fallback`] one of theirs as well.
type Places = (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>);

/// An exchange under way.
#[derive(Debug)]
struct UnderWay {
    waiting: Waiting,
    /// Its answer was forgotten before it came: it is handed out, and not kept.
    forgotten: bool,
}

/// Who is counted: a client, its questions for names of our zone apart from the others.
type Counted = (IpAddr, Class);

/// The exchanges under way, each with those who wait for it; and how many each client has begun.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    under_way: HashMap<Key, UnderWay, RandomState>,
    clients: HashMap<Counted, usize, RandomState>,
}

impl InFlight {
    pub(super) fn len(&self) -> usize {
        self.lock().under_way.len()
    }

    /// What the exchanges for the names that `matches` bring is not to be kept. Must come before the cache forgets them.
    pub(super) fn forget(&self, matches: impl Fn(&Key) -> bool) {
        for (key, under_way) in &mut self.lock().under_way {
            under_way.forgotten |= matches(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Whether `client` may begin one more of `max` exchanges: while fewer than half are under way, always; then three
    /// quarters of all are shared equally by those who have any, and the rest is for newcomers.
    fn may_begin(&self, client: Counted, max: usize) -> bool {
        let begun = self.clients.get(&client).copied().unwrap_or_default();
        let sharing = self.clients.len() + usize::from(begun == 0);
        self.under_way.len() < max / 2 || begun < (max - max / 4).div_ceil(sharing)
    }
}

/// What a question comes to at first.
enum Joined {
    Known(Resolved),
    Waiting(Waiting),
}

impl Forwarder {
    pub(super) async fn ask(self: &Arc<Self>, key: Key, class: Class, client: Option<IpAddr>) -> Resolved {
        let stale = self.usable(key.borrow(), now());
        let waiting = match self.join(key, class, client, stale.as_ref()) {
            Joined::Known(resolved) => return self.or_stale(resolved, stale),
            Joined::Waiting(waiting) => waiting,
        };
        let Some(stale) = stale else { return outcome(waiting).await };
        let patience = self.rules.load().settings.timing.stale_wait;
        match tokio::time::timeout(patience, outcome(waiting)).await {
            Ok(resolved) => self.or_stale(resolved, Some(stale)),
            Err(_) => self.or_stale(Err(ForwardError::Timeout), Some(stale)),
        }
    }

    /// Renews the answer to `key`, unless that would make others wait.
    pub(super) async fn renew(self: Arc<Self>, key: Key, answer: Arc<Answer>) {
        if let Joined::Waiting(waiting) = self.join(key, Class::Renewal, None, Some(&answer))
            && outcome(waiting).await.is_ok()
        {
            count(&self.stats.renewed);
        }
    }

    /// The stale answer in place of an error.
    fn or_stale(&self, resolved: Resolved, stale: Option<Arc<Answer>>) -> Resolved {
        match (resolved, stale) {
            (Err(error), Some(stale)) if error != ForwardError::Rebind => {
                if error == ForwardError::OverRate {
                    count(&self.stats.shed_stale);
                }
                // It was fresh when it was looked up, if it was looked up at the very end of its time.
                if stale.is_stale(now()) {
                    count(&self.stats.stale);
                }
                Ok(stale)
            }
            (resolved, _) => resolved,
        }
    }

    /// Joins the exchange for `key` or begins one, in a task of its own so that it outlives whoever asked first.
    fn join(self: &Arc<Self>, key: Key, class: Class, client: Option<IpAddr>, kept: Option<&Arc<Answer>>) -> Joined {
        if let Some(refusal) = self.refusal(&key, class, kept.is_some()) {
            return Joined::Known(Err(refusal));
        }
        let mut in_flight = self.in_flight.lock();
        if let Some(under_way) = in_flight.under_way.get(&key) {
            count(&self.stats.coalesced);
            return Joined::Waiting(under_way.waiting.clone());
        }
        // Looked up under the lock: an exchange leaves its answer in the cache before it leaves the map.
        if let Some(answer) = self.fresh(key.borrow(), now()).filter(|_| class != Class::Renewal) {
            return Joined::Known(Ok(answer));
        }
        let client = client.map(|client| (client, class));
        if client.is_some_and(|client| !in_flight.may_begin(client, self.max_in_flight)) {
            count(&self.stats.over_share);
            return Joined::Known(Err(ForwardError::OverShare));
        }
        let Some(places) = self.places(class) else {
            count(&self.stats.too_many);
            return Joined::Known(Err(ForwardError::TooMany));
        };
        let (sender, waiting) = watch::channel(None);
        in_flight.under_way.insert(key.clone(), UnderWay { waiting: waiting.clone(), forgotten: false });
        if let Some(client) = client {
            *in_flight.clients.entry(client).or_default() += 1;
        }
        let place = Place { forwarder: Arc::clone(self), key, client, _places: places };
        tokio::spawn(async move { place.fill(class, &sender).await });
        Joined::Waiting(waiting)
    }

    /// Why no exchange is begun for `key`, if so. With an answer at hand, even a stale one, less is asked for.
    fn refusal(&self, key: &Key, class: Class, at_hand: bool) -> Option<ForwardError> {
        let rules = self.rules.load();
        if !rules.upstreams.serve(&key.name) {
            return Some(ForwardError::NoUpstream);
        }
        if probe::came_back(self, &key.name) {
            return Some(ForwardError::Loop);
        }
        if let Some(error) = self.store.failure(key, now()) {
            count(&self.stats.held);
            return Some(error);
        }
        if at_hand && rules.upstreams.are_down(key.name.as_wire()) {
            return Some(ForwardError::Unreachable);
        }
        (at_hand && rules.budget.is_exhausted(class)).then_some(ForwardError::OverRate)
    }

    /// Places for one exchange. Our own questions have theirs, and may use those of the clients besides; names of our
    /// zone that ECS does not know may use a part of them.
    fn places(&self, class: Class) -> Option<Places> {
        let take = |from: &Arc<Semaphore>| Arc::clone(from).try_acquire_owned().ok();
        match class {
            Class::Own => Some((take(&self.own).or_else(|| take(&self.clients))?, None)),
            Class::Fallback => {
                let part = take(&self.fallback)?;
                Some((take(&self.clients)?, Some(part)))
            }
            Class::Client | Class::Renewal => Some((take(&self.clients)?, None)),
        }
    }
}

async fn outcome(mut waiting: Waiting) -> Resolved {
    match waiting.wait_for(Option::is_some).await {
        Ok(resolved) => resolved.clone().unwrap_or(Err(ForwardError::ServFail(None))),
        // The task that ran the exchange is gone without a word: the runtime is shutting down.
        Err(_) => Err(ForwardError::ServFail(None)),
    }
}

/// A place in the map of exchanges under way, given up when dropped.
struct Place {
    forwarder: Arc<Forwarder>,
    key: Key,
    client: Option<Counted>,
    _places: Places,
}

impl Place {
    async fn fill(self, class: Class, sender: &watch::Sender<Option<Resolved>>) {
        let forwarder = &self.forwarder;
        let resolved =
            drive::run(forwarder, &self.key, class).await.and_then(|entry| forwarder.admit(&self.key, entry));
        self.keep(&resolved);
        sender.send_replace(Some(resolved));
    }

    /// Puts what has come into the cache, under the lock: whoever forgets it does so before, and is heeded, or after.
    fn keep(&self, resolved: &Resolved) {
        let Forwarder { in_flight, store, .. } = &*self.forwarder;
        let in_flight = in_flight.lock();
        if in_flight.under_way.get(&self.key).is_some_and(|under_way| under_way.forgotten) {
            return;
        }
        match resolved {
            Ok(answer) => store.keep(self.key.clone(), answer),
            Err(error) if error.is_resolution_failure() => store.fail(self.key.clone(), error.clone(), now()),
            Err(_) => {}
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut in_flight = self.forwarder.in_flight.lock();
        in_flight.under_way.remove(&self.key);
        if let Some(client) = self.client
            && let Some(begun) = in_flight.clients.get_mut(&client)
        {
            *begun -= 1;
            if *begun == 0 {
                in_flight.clients.remove(&client);
            }
        }
    }
}
