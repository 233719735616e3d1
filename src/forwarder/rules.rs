//! What the configuration says of forwarding, as it is at present; and how another takes its place while questions are
//! being answered.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};

use super::budget::Budget;
use super::settings::{ForwardSettings, Route};
use super::upstreams::Upstreams;
use super::{Forwarder, Link, now, probe};
use crate::dns::{DomainName, RecordType, name};
use crate::forward::saved::Terms;
use crate::forward::{Caps, Entry, Key, LocalAnswer};

/// Answers that are looked at in a row by a sweep, and its pause behind them.
const SWEEP: (usize, Duration) = (1024, Duration::from_millis(10));
/// Time between two sweeps.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// The settings, and what is made of them. An exchange keeps those that it began with.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) settings: ForwardSettings,
    pub(super) link: Arc<dyn Link>,
    pub(super) upstreams: Upstreams,
    pub(super) budget: Arc<Budget>,
}

impl Rules {
    pub(super) fn new(settings: ForwardSettings, link: Arc<dyn Link>) -> Self {
        let (upstreams, budget) = (Upstreams::new(&settings), Arc::new(Budget::new(settings.rate)));
        Self { settings, link, upstreams, budget }
    }

    /// Rules that follow these: what is known of upstreams that stay is kept, and so are the places in line for them.
    fn followed_by(&self, settings: ForwardSettings, link: Arc<dyn Link>) -> Self {
        let budget = match settings.rate == self.settings.rate {
            true => Arc::clone(&self.budget),
            false => Arc::new(Budget::new(settings.rate)),
        };
        Self { upstreams: Upstreams::new(&settings).knowing(&self.upstreams), settings, link, budget }
    }

    /// Whether a name is of our own zones.
    pub(super) fn is_ours(&self, name: &DomainName) -> bool {
        self.settings.own_zones.iter().any(|zone| name::is_within(name.as_wire(), zone.as_wire()))
    }

    /// What an upstream may say of time in the answer to `key`.
    pub(super) fn caps(&self, key: &Key) -> Caps {
        let mut caps = self.settings.caps;
        if self.is_ours(&key.name) {
            caps.negative_ttl = caps.negative_ttl.min(self.settings.own_negative_ttl);
        }
        caps
    }

    /// Whether the answer to `key` has a private address that the name has no business to have.
    pub(super) fn withholds(&self, key: &Key, entry: &Entry, now: Instant) -> bool {
        self.guards(key.name.as_wire()) && entry.has_private_address(now)
    }

    /// Whether a name, in lower-case wire form, has no business to have private addresses.
    fn guards(&self, name: &[u8]) -> bool {
        let is_of = |zone: &DomainName| name::is_within(name, zone.as_wire());
        let guarded = self.settings.rebind.as_ref().is_some_and(|exempt| !exempt.iter().any(is_of));
        guarded && !self.settings.own_zones.iter().any(is_of)
    }

    /// Whether an answer that was taken by `before` would not be taken any more: nobody who was asked for the name is
    /// asked now, or what the answer says is not believed.
    fn disown(&self, before: &Self, key: &Key, entry: &Entry, now: Instant) -> bool {
        let related = before
            .route(&key.name)
            .zip(self.route(&key.name))
            .is_some_and(|(then, today)| then.servers.iter().any(|server| today.servers.contains(server)));
        let caps = self.caps(key);
        let longest = if entry.answer_count() == 0 { caps.max_ttl.min(caps.negative_ttl) } else { caps.max_ttl };
        !related || entry.ttl() > longest || self.withholds(key, entry, now)
    }

    fn route(&self, name: &DomainName) -> Option<&Route> {
        let within = |route: &&Route| name::is_within(name.as_wire(), route.zone.as_wire());
        self.settings.routes.iter().filter(within).max_by_key(|route| route.zone.as_wire().len())
    }

    /// Whose answers the cache holds, for those that are saved.
    pub(super) fn terms(&self) -> Terms {
        let texts = |texts: &mut dyn Iterator<Item = String>| {
            let texts: BTreeSet<_> = texts.collect();
            texts.into_iter().collect::<Vec<_>>()
        };
        let routes = self.settings.routes.iter();
        let upstreams = routes
            .map(|route| (route.zone.to_string(), texts(&mut route.servers.iter().map(ToString::to_string))))
            .collect();
        let private = self.settings.rebind.as_ref();
        Terms { upstreams, private: private.map(|exempt| texts(&mut exempt.iter().map(ToString::to_string))) }
    }
}

/// The names that are answered without an upstream, as they were at the first look.
pub struct Names<'f> {
    rules: &'f ArcSwap<Rules>,
    seen: OnceCell<Guard<Arc<Rules>>>,
}

impl<'f> Names<'f> {
    pub(super) fn of(rules: &'f ArcSwap<Rules>) -> Self {
        Self { rules, seen: OnceCell::new() }
    }

    /// The same for one who waits for an upstream meanwhile: it looks now, and takes no place that others look by.
    #[must_use]
    pub fn held(self) -> Self {
        Self { seen: OnceCell::from(Guard::from_inner(self.rules.load_full())), ..self }
    }

    /// What is said of this type of a name (in lower-case wire form) that nobody is asked about: a special one, one of
    /// the hosts file or the operator's records, or one that is blocked. Not for names of our zones.
    #[must_use]
    pub fn local(&self, name: &[u8], qtype: RecordType) -> Option<LocalAnswer<'_>> {
        self.rules().settings.local.find(name, qtype)
    }

    /// Whether a name (in lower-case wire form) of an upstream's may be an alias of one of ours: not where it may not have
    /// private addresses (rebind protection).
    #[must_use]
    pub fn may_lead_in(&self, name: &[u8]) -> bool {
        !self.rules().guards(name)
    }

    fn rules(&self) -> &Rules {
        self.seen.get_or_init(|| self.rules.load())
    }
}

impl Forwarder {
    /// Forwards by these settings from now on, and says how many answers that made wrong: those of upstreams none of
    /// which is asked for the name any more, those that live longer than they may now, and those with addresses that are
    /// not believed now. All others are kept. Looks at the whole cache. One caller at a time.
    pub fn reconfigure(self: &Arc<Self>, settings: ForwardSettings, link: Arc<dyn Link>) -> usize {
        let before = self.rules.load_full();
        let rules = Arc::new(before.followed_by(settings, link));
        self.rules.store(Arc::clone(&rules));
        self.store.resize(rules.settings.cache_bytes);
        // Their answers are handed out, and not kept: who begins an exchange from now on begins it by the new rules.
        self.in_flight.forget(|_| true);
        let now = now();
        let forgotten = self.store.weed(|key, answer| rules.disown(&before, key, answer, now));
        self.store.forgive();
        probe::watch_all(self, &rules);
        forgotten
    }

    /// Removes answers that are of no use to anybody any more, for ever: a little at a time, so that nobody waits for it.
    pub async fn sweep(self: Arc<Self>) {
        let (batch, pause) = SWEEP;
        loop {
            tokio::time::sleep(SWEEP_INTERVAL).await;
            let mut answers = self.store.iter();
            while self.expire(answers.by_ref().take(batch)) == batch {
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// Removes those of these answers whose time is over, that of stale ones included; returns how many were looked at.
    fn expire(&self, answers: impl Iterator<Item = (Key, Arc<super::Answer>)>) -> usize {
        let (now, longest) = (now(), self.rules.load().settings.serve_stale);
        let mut count = 0;
        for (key, answer) in answers {
            count += 1;
            if !answer.is_fresh(now) && !answer.is_usable(now, longest) {
                self.store.drop_if_same(&key, &answer);
            }
        }
        count
    }
}
