//! The forwarder: cached answers first, then one exchange per question however many ask it, then an error.
//!
//! Caches bytes of upstreams' replies ([`Entry`]) under what was asked ([`Key`]). Everything is bounded: the cache by
//! bytes, exchanges by number, an exchange by tries and time. Sockets are behind [`Link`]; what to believe of a reply
//! is decided in [`forward`](crate::forward).

mod drive;
mod in_flight;
mod own;
mod settings;
mod stats;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, io};

use async_trait::async_trait;
use foldhash::fast::RandomState;
use moka::Expiry;
use moka::sync::Cache;
use tokio::sync::Semaphore;

pub use self::settings::ForwardSettings;
pub use self::stats::{ForwardStats, LATENCY_BOUNDS};
use crate::dns::{DomainName, name};
use crate::forward::{Caps, Entry, Failure, Key, MAX_TRIES};

/// Why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ForwardError {
    /// None is configured.
    #[error("no upstream is configured: set upstreams in [forward]")]
    NoUpstream,
    /// None answered within the budget.
    #[error("no upstream answered in time")]
    Timeout,
    /// None could be reached.
    #[error("no upstream could be reached")]
    Unreachable,
    /// They answered with errors, or with what cannot be used.
    #[error("the upstream answered with an error")]
    ServFail,
    /// As many exchanges as allowed are under way.
    #[error("too many questions are waiting for an upstream")]
    TooMany,
    /// What should be resolved is no domain name.
    #[error("this is not a domain name")]
    NotAName,
}

impl From<Failure> for ForwardError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unreachable => Self::Unreachable,
            Failure::Timeout => Self::Timeout,
            Failure::Malformed | Failure::ServFail => Self::ServFail,
        }
    }
}

/// An answer, shared with the cache, or why there is none.
pub type Resolved = Result<Arc<Entry>, ForwardError>;

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

    /// Message ids from the random numbers of the operating system.
    ///
    /// # Errors
    ///
    /// When the operating system has none.
    fn random_ids(&self) -> io::Result<[u16; MAX_TRIES]>;
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

/// Whose exchange it is, for the limit on those under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    Clients,
    /// Clients that ask for names of our own zone: nearly all of them are negative, and cost as much.
    Fallback,
    Own,
}

/// Resolves questions through the configured upstreams. Shared by all who ask.
#[derive(Debug)]
pub struct Forwarder {
    settings: ForwardSettings,
    link: Arc<dyn Link>,
    cache: Cache<Key, Arc<Entry>, RandomState>,
    in_flight: in_flight::InFlight,
    clients: Arc<Semaphore>,
    own: Arc<Semaphore>,
    stats: ForwardStats,
}

impl Forwarder {
    /// A forwarder with an empty cache.
    #[must_use]
    pub fn new(settings: ForwardSettings, link: Arc<dyn Link>) -> Arc<Self> {
        let cache = Cache::builder()
            .name("forward")
            .max_capacity(settings.cache_bytes)
            .weigher(|key: &Key, entry: &Arc<Entry>| {
                u32::try_from(entry.memory() + key.name.as_wire().len()).unwrap_or(u32::MAX)
            })
            .expire_after(WhenStale)
            .build_with_hasher(RandomState::default());
        Arc::new(Self {
            clients: Arc::new(Semaphore::new(settings.max_in_flight)),
            own: Arc::new(Semaphore::new(settings.own_in_flight)),
            in_flight: in_flight::InFlight::default(),
            stats: ForwardStats::default(),
            settings,
            link,
            cache,
        })
    }

    /// The answer that is in the cache and fresh at `now`. Does not wait. Counted as a hit or a miss.
    #[must_use]
    pub fn cached(&self, key: &Key, now: Instant) -> Option<Arc<Entry>> {
        let found = self.fresh(key, now);
        self.stats.count_lookup(found.is_some());
        found
    }

    /// The answer for a client: from the cache, from an equal question that is under way, or from an upstream. An
    /// exchange once begun ends and fills the cache even if the caller goes away.
    ///
    /// # Errors
    ///
    /// See [`ForwardError`]; at most the budget of the settings later.
    pub async fn resolve(self: &Arc<Self>, key: Key) -> Resolved {
        self.ask(key, Share::Clients).await
    }

    /// [`Self::resolve`] for a name of our zone that only the upstream may know.
    ///
    /// # Errors
    ///
    /// As [`Self::resolve`].
    pub async fn resolve_fallback(self: &Arc<Self>, key: Key) -> Resolved {
        self.ask(key, Share::Fallback).await
    }

    /// [`Self::resolve`] for questions of our own: they have a share of the exchanges under way that clients
    /// cannot use up.
    ///
    /// # Errors
    ///
    /// As [`Self::resolve`].
    pub async fn resolve_own(self: &Arc<Self>, key: Key) -> Resolved {
        self.ask(key, Share::Own).await
    }

    /// Forgets all answers to questions for these names, and says how many they were. Looks at the whole cache once.
    pub fn flush_names(&self, names: &BTreeSet<DomainName>) -> usize {
        let keys: Vec<_> = self.cache.iter().map(|(key, _)| key).filter(|key| names.contains(&key.name)).collect();
        for key in &keys {
            self.cache.invalidate(&**key);
        }
        keys.len()
    }

    /// Answers in the cache, roughly.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.cache.entry_count()
    }

    /// Bytes in the cache, roughly.
    #[must_use]
    pub fn cache_bytes(&self) -> u64 {
        self.cache.weighted_size()
    }

    /// Questions that upstreams are being asked at the moment.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> &ForwardStats {
        &self.stats
    }

    fn fresh(&self, key: &Key, now: Instant) -> Option<Arc<Entry>> {
        self.cache.get(key).filter(|entry| entry.is_fresh(now))
    }

    /// Keeps an answer, unless it is for the question at hand only.
    fn keep(&self, key: Key, entry: &Arc<Entry>) {
        if entry.ttl() > 0 {
            self.cache.insert(key, Arc::clone(entry));
        }
    }

    /// What an upstream may say of time in the answer to `key`.
    fn caps(&self, key: &Key) -> Caps {
        let ours = |zone: &DomainName| name::is_within(key.name.as_wire(), zone.as_wire());
        let mut caps = self.settings.caps;
        if self.settings.own_zones.iter().any(ours) {
            caps.negative_ttl = caps.negative_ttl.min(self.settings.own_negative_ttl);
        }
        caps
    }
}

/// The time, from the clock of tokio, which tests can hold.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// moka frees what has expired; whether an answer may be used is decided by [`Entry::is_fresh`].
struct WhenStale;

impl Expiry<Key, Arc<Entry>> for WhenStale {
    fn expire_after_create(&self, _: &Key, entry: &Arc<Entry>, _: Instant) -> Option<Duration> {
        Some(Duration::from_secs(u64::from(entry.ttl())))
    }

    fn expire_after_update(&self, _: &Key, entry: &Arc<Entry>, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(Duration::from_secs(u64::from(entry.ttl())))
    }
}

#[cfg(test)]
mod tests;
