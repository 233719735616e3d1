//! Equal questions that are under way: the first begins the exchange, the others wait for what it brings.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{ForwardError, Forwarder, Resolved, Share, drive, now};
use crate::forward::Key;

/// A place where the outcome of an exchange will be.
type Waiting = watch::Receiver<Option<Resolved>>;

/// The exchanges under way, each with those who wait for it.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<HashMap<Key, Waiting, RandomState>>);

impl InFlight {
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Waiting, RandomState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a question comes to at first.
enum Joined {
    Known(Resolved),
    Waiting(Waiting),
}

impl Forwarder {
    pub(super) async fn ask(self: &Arc<Self>, key: Key, share: Share) -> Resolved {
        let mut waiting = match self.join(key, share) {
            Joined::Known(resolved) => return resolved,
            Joined::Waiting(waiting) => waiting,
        };
        match waiting.wait_for(Option::is_some).await {
            Ok(resolved) => resolved.clone().unwrap_or(Err(ForwardError::ServFail)),
            // The task that ran the exchange is gone without a word: the runtime is shutting down.
            Err(_) => Err(ForwardError::ServFail),
        }
    }

    /// Joins the exchange for `key` or begins one, in a task of its own so that it outlives whoever asked first.
    fn join(self: &Arc<Self>, key: Key, share: Share) -> Joined {
        if self.settings.upstreams.is_empty() {
            return Joined::Known(Err(ForwardError::NoUpstream));
        }
        let mut in_flight = self.in_flight.lock();
        if let Some(waiting) = in_flight.get(&key) {
            self.stats.count_coalesced();
            return Joined::Waiting(waiting.clone());
        }
        // Looked up under the lock: an exchange leaves its answer in the cache before it leaves the map.
        if let Some(entry) = self.fresh(&key, now()) {
            return Joined::Known(Ok(entry));
        }
        let Some(permit) = self.permit(share) else {
            self.stats.count_too_many();
            return Joined::Known(Err(ForwardError::TooMany));
        };
        let (sender, waiting) = watch::channel(None);
        in_flight.insert(key.clone(), waiting.clone());
        let place = Place { forwarder: Arc::clone(self), key, _permit: permit };
        tokio::spawn(async move { place.fill(&sender).await });
        Joined::Waiting(waiting)
    }

    /// A permit for one exchange. Our own questions have theirs, and may use those of the clients besides.
    fn permit(&self, share: Share) -> Option<OwnedSemaphorePermit> {
        let take = |from: &Arc<Semaphore>| Arc::clone(from).try_acquire_owned().ok();
        match share {
            Share::Own => take(&self.own).or_else(|| take(&self.clients)),
            Share::Clients | Share::Fallback => take(&self.clients),
        }
    }
}

/// A place in the map of exchanges under way, given up when dropped.
struct Place {
    forwarder: Arc<Forwarder>,
    key: Key,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    async fn fill(self, sender: &watch::Sender<Option<Resolved>>) {
        let resolved = drive::run(&self.forwarder, &self.key).await.map(Arc::new);
        if let Ok(entry) = &resolved {
            self.forwarder.keep(self.key.clone(), entry);
        }
        sender.send_replace(Some(resolved));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.forwarder.in_flight.lock().remove(&self.key);
    }
}
