//! The forwarder: cached answers first, then one exchange per question however many ask it, then a stale answer, then
//! an error.
//!
//! Caches bytes of upstreams' replies ([`Entry`]) under what was asked ([`Key`]). Everything is bounded: the cache by
//! bytes, exchanges by number and rate, an exchange by tries and time. Sockets are behind [`Link`]; what to believe of
//! a reply, and what to think of an upstream, is decided in [`forward`](crate::forward).

mod budget;
mod drive;
mod error;
mod in_flight;
mod listing;
mod own;
mod probe;
mod rules;
mod save;
mod settings;
mod stats;
mod store;
mod upstreams;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use std::{fmt, io};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use self::budget::{Class, FALLBACK_PART};
pub use self::error::ForwardError;
pub use self::rules::Names;
use self::rules::Rules;
pub use self::save::Collected;
pub use self::settings::{ForwardSettings, Route, Server};
pub use self::stats::{ForwardStats, LATENCY_BOUNDS};
pub use self::store::Answer;
use self::store::Store;
pub use self::upstreams::UpstreamState;
use crate::dns::{DomainName, name};
use crate::forward::{Entry, Key, KeyRef};

/// An answer, shared with the cache, or why there is none.
pub type Resolved = Result<Arc<Answer>, ForwardError>;

/// The way to the upstreams, as the forwarder needs it.
#[async_trait]
pub trait Link: Send + Sync + fmt::Debug {
    /// Sends `query` in a datagram from a fresh socket that is connected to `to`.
    ///
    /// # Errors
    ///
    /// When there is no socket to be had or no way to `to`.
    async fn udp(&self, to: SocketAddr, query: &[u8]) -> io::Result<Box<dyn Flight>>;

    /// Sends `query` over a fresh connection to `to` and reads one message.
    ///
    /// # Errors
    ///
    /// When the connection fails, or closes before the message is complete.
    async fn tcp(&self, to: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>>;

    /// Sends `query` over an encrypted connection to `to`, whose certificate must be for `server_name`, and reads one
    /// message.
    ///
    /// # Errors
    ///
    /// As [`Self::tcp`], and when the certificate is not good.
    async fn tls(&self, to: SocketAddr, server_name: &str, query: &[u8]) -> io::Result<Vec<u8>>;

    /// Fills `bytes` from the random numbers of the operating system.
    ///
    /// # Errors
    ///
    /// When the operating system has none.
    fn random(&self, bytes: &mut [u8]) -> io::Result<()>;
}

/// A datagram under way, and the socket where its reply is awaited.
#[async_trait]
pub trait Flight: Send {
    /// The next datagram from there, whatever it is: the exchange judges it.
    ///
    /// # Errors
    ///
    /// When the host there says that nobody listens.
    async fn receive(&mut self) -> io::Result<Vec<u8>>;
}

/// Resolves questions through the configured upstreams. Shared by all who ask.
#[derive(Debug)]
pub struct Forwarder {
    /// What the configuration says at present. Fresh answers of the cache are given without a look at it.
    rules: ArcSwap<Rules>,
    store: Store,
    in_flight: in_flight::InFlight,
    probes: probe::Probes,
    clients: Arc<Semaphore>,
    /// The part of the clients' places that names of our zone may take.
    fallback: Arc<Semaphore>,
    own: Arc<Semaphore>,
    stats: ForwardStats,
    /// Where renewals run: they are begun by threads that are not of the runtime.
    runtime: Option<Handle>,
    /// Exchanges for clients that may be under way at once.
    max_in_flight: usize,
}

impl Forwarder {
    /// A forwarder with an empty cache. Made outside of a tokio runtime, it renews nothing by itself.
    #[must_use]
    pub fn new(settings: ForwardSettings, link: Arc<dyn Link>) -> Arc<Self> {
        Arc::new(Self {
            store: Store::new(settings.cache_bytes),
            in_flight: in_flight::InFlight::default(),
            probes: probe::Probes::default(),
            clients: Arc::new(Semaphore::new(settings.max_in_flight)),
            fallback: Arc::new(Semaphore::new(settings.max_in_flight.div_ceil(FALLBACK_PART as usize))),
            own: Arc::new(Semaphore::new(settings.own_in_flight)),
            stats: ForwardStats::default(),
            runtime: Handle::try_current().ok(),
            max_in_flight: settings.max_in_flight,
            rules: ArcSwap::from_pointee(Rules::new(settings, link)),
        })
    }

    /// The names that are answered here and never asked of anybody, as they are at the first look: one query sees one
    /// state of them.
    #[must_use]
    pub fn names(&self) -> Names<'_> {
        Names::of(&self.rules)
    }

    /// The answer that is in the cache and can be given at once: it is fresh at `now`, or stale while all upstreams
    /// are known to be down. Does not wait. Counted as a hit or a miss.
    #[must_use]
    pub fn cached(self: &Arc<Self>, key: KeyRef<'_>, now: Instant) -> Option<Arc<Answer>> {
        let found = self.store.get(key).filter(|answer| {
            if answer.is_fresh(now) {
                return true;
            }
            let rules = self.rules.load();
            let stale = rules.upstreams.are_down(key.name) && answer.is_usable(now, rules.settings.serve_stale);
            self.stats.stale.fetch_add(u64::from(stale), Relaxed);
            stale
        });
        self.stats.count_lookup(found.is_some());
        if let Some(answer) = found.as_ref().filter(|answer| answer.used(now) && self.rules.load().settings.prefetch)
            && let (Some(runtime), Some(key)) = (&self.runtime, key.to_key())
        {
            // Once in the life of a popular answer.
            runtime.spawn(Arc::clone(self).renew(key, Arc::clone(answer)));
        }
        found
    }

    /// The answer that is in the cache, fresh or stale, for when there is no time or room to ask an upstream. Counted if
    /// it is stale.
    #[must_use]
    pub fn kept(&self, key: KeyRef<'_>, now: Instant) -> Option<Arc<Answer>> {
        let kept = self.usable(key, now)?;
        self.stats.stale.fetch_add(u64::from(kept.is_stale(now)), Relaxed);
        Some(kept)
    }

    /// The longest time that an exchange takes.
    #[must_use]
    pub fn budget(&self) -> Duration {
        self.rules.load().settings.timing.budget
    }

    /// The answer for `client`: from the cache, from an equal question that is under way, or from an upstream; a stale
    /// one if that takes too long or fails. An exchange once begun ends and fills the cache even if the caller goes
    /// away.
    ///
    /// # Errors
    ///
    /// See [`ForwardError`]; at most the budget of the settings later.
    pub async fn resolve(self: &Arc<Self>, key: Key, client: IpAddr) -> Resolved {
        let class = if self.rules.load().is_ours(&key.name) { Class::Fallback } else { Class::Client };
        self.ask(key, class, Some(client)).await
    }

    /// [`Self::resolve`] for questions of our own: they have a share of the rate and of the exchanges under way that
    /// clients cannot use up.
    ///
    /// # Errors
    ///
    /// As [`Self::resolve`].
    pub async fn resolve_own(self: &Arc<Self>, key: Key) -> Resolved {
        self.ask(key, Class::Own, None).await
    }

    /// Forgets all answers to questions for `name`, and says how many they were. Looks at the whole cache.
    pub fn flush_name(&self, name: &DomainName) -> usize {
        self.flush(|key| key.name == *name)
    }

    /// Forgets what upstreams have said of these names, which our zone says from now on. Costs a few look-ups a name.
    pub fn forget(&self, names: &BTreeSet<DomainName>) {
        self.in_flight.forget(|key| names.contains(&key.name));
        self.store.forget(names);
    }

    /// Forgets all answers to questions for `zone` and the names below it, and says how many they were. Looks at the
    /// whole cache.
    pub fn flush_zone(&self, zone: &DomainName) -> usize {
        self.flush(|key| name::is_within(key.name.as_wire(), zone.as_wire()))
    }

    /// Answers in the cache, roughly.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.store.len()
    }

    /// Bytes in the cache, roughly.
    #[must_use]
    pub fn cache_bytes(&self) -> u64 {
        self.store.bytes()
    }

    /// Questions that upstreams are being asked at the moment.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// The upstreams, and what is known of each.
    #[must_use]
    pub fn upstreams(&self) -> Vec<UpstreamState> {
        self.rules.load().upstreams.states()
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> &ForwardStats {
        &self.stats
    }

    fn flush(&self, matches: impl Fn(&Key) -> bool) -> usize {
        self.in_flight.forget(&matches);
        self.store.flush(matches)
    }

    fn usable(&self, key: KeyRef<'_>, now: Instant) -> Option<Arc<Answer>> {
        let answer = self.store.get(key)?;
        answer.is_usable(now, self.rules.load().settings.serve_stale).then_some(answer)
    }

    fn fresh(&self, key: KeyRef<'_>, now: Instant) -> Option<Arc<Answer>> {
        self.store.get(key).filter(|answer| answer.is_fresh(now))
    }

    /// The answer to `key` as it may be given and kept.
    fn admit(&self, key: &Key, entry: Entry) -> Resolved {
        if self.rules.load().withholds(key, &entry, now()) {
            stats::count(&self.stats.rebinds);
            return Err(ForwardError::Rebind);
        }
        if entry.ttl() == 0 {
            stats::count(&self.stats.zero_ttl);
        }
        Ok(Arc::new(Answer::from(entry)))
    }
}

/// The time, from the clock of tokio, which tests can hold.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests;
