//! Who may ask, how often, and how large a reply may be that nobody has asked for.
//!
//! This host and its neighbours are served without a limit. Others may be refused; and as the sender of a datagram can be
//! forged, what leaves for them is bounded in number and in size, until they come over TCP or show a cookie of ours.
//! Every question passes here: nothing allocates, locks or logs, and for a loopback client nothing is even looked up.

mod client;
pub mod cookies;
mod networks;
mod rate;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use arc_swap::ArcSwap;
use ipnet::IpNet;

use self::cookies::{Secrets, Worth};
use self::networks::Networks;
use self::rate::{Rate, Rated};
use crate::dns::{Cookie, Envelope, Question, ReplyCookie, UDP_PLAIN_LIMIT};

pub use self::client::Client;
pub use self::networks::Standing;

/// Largest UDP reply to an address that has not been proved, as a multiple of the query, if that is more than 512 bytes.
const AMPLIFICATION: usize = 3;

/// What those get who may not ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// REFUSED, and why.
    Refuse,
    /// Nothing; over TCP, no connection.
    Drop,
}

/// The rules, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessSettings {
    /// Who may ask.
    pub allow: Vec<IpNet>,
    /// Who may not. The most specific network of both lists counts; whoever is in neither may not.
    pub deny: Vec<IpNet>,
    /// What those get.
    pub denial: Denial,
    /// The networks of our own; empty: those of the host's interfaces. The host's own addresses
    /// always are, and so is loopback, unless a part of it is named here.
    pub own: Vec<IpNet>,
    /// Replies a second to each foreign client over UDP; `None`: any number.
    pub rate: Option<NonZeroU32>,
    /// Of the queries over the rate every so many-th is answered, by TC or BADCOOKIE; 0: none.
    pub slip: u32,
    /// Whether there are cookies.
    pub cookies: bool,
}

impl AccessSettings {
    /// Everybody may ask, as if from our own networks.
    #[must_use]
    pub fn open() -> Self {
        let everything = [IpAddr::from([0; 4]), IpAddr::from([0; 16])].map(|ip| IpNet::new_assert(ip, 0));
        let (allow, deny) = (Vec::new(), Vec::new());
        Self { allow, deny, denial: Denial::Refuse, own: everything.into(), rate: None, slip: 0, cookies: false }
    }

    /// Whether all loopback addresses are our own, whatever the interfaces are.
    fn loopback_is_own(&self) -> bool {
        !self.own.iter().chain(&self.deny).any(is_loopback)
    }
}

/// What changes while we run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// The addresses of the host's interfaces, each with its network.
    pub networks: Vec<IpNet>,
    /// The server secrets of this hour.
    pub secrets: Secrets,
    /// Seconds since 1970, modulo 2³², at this moment.
    pub time: (u32, Instant),
}

/// The rules, ready to be asked. Shared by all workers as an `Arc`.
#[derive(Debug)]
pub struct Access {
    /// Whether all loopback addresses are our own, whatever the interfaces are.
    loopback_is_own: AtomicBool,
    state: ArcSwap<State>,
}

#[derive(Debug)]
struct State {
    rules: Arc<Rules>,
    networks: Networks,
    around: Surroundings,
}

/// The settings, and what each client has used of its rate.
#[derive(Debug)]
struct Rules {
    settings: AccessSettings,
    rate: Option<Arc<Rate>>,
}

/// What is to be done with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is answered, by a reply like this.
    Answer(Envelope),
    /// The client is told to ask over TCP.
    Truncate,
    /// The client is told to ask again with this cookie.
    BadCookie(ReplyCookie),
    /// The client is told that it may not ask.
    Refuse,
    /// The client may not ask and is told nothing.
    Deny,
    /// The client asks too often and is told nothing.
    Drop,
}

/// A query on its way in.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    access: &'a Access,
    client: IpAddr,
    standing: Standing,
    tcp: bool,
    /// Of the whole message, in bytes.
    length: usize,
    now: Instant,
}

impl Access {
    /// The rules, in these surroundings.
    #[must_use]
    pub fn new(settings: AccessSettings, around: Surroundings) -> Self {
        let rate = settings.rate.map(|rate| Arc::new(Rate::new(rate, settings.slip)));
        let loopback_is_own = AtomicBool::new(settings.loopback_is_own());
        let state = ArcSwap::from_pointee(State::of(Arc::new(Rules { settings, rate }), around));
        Self { loopback_is_own, state }
    }

    /// Everybody may ask, as if from our own networks.
    #[must_use]
    pub fn open() -> Self {
        let secrets = Secrets { current: cookies::Secret::new([0; 16]), other: None };
        let time = (0, tokio::time::Instant::now().into_std());
        Self::new(AccessSettings::open(), Surroundings { networks: Vec::new(), secrets, time })
    }

    /// Takes note that the surroundings are now these. One caller at a time, of this and [`Self::reconfigure`].
    pub fn refresh(&self, around: Surroundings) {
        self.state.store(Arc::new(State::of(Arc::clone(&self.state.load().rules), around)));
    }

    /// Goes by other settings from now on, in these surroundings. What clients have used of their rate counts on if the
    /// rate is the same.
    pub fn reconfigure(&self, settings: AccessSettings, around: Surroundings) {
        let before = Arc::clone(&self.state.load().rules);
        let same = (before.settings.rate, before.settings.slip) == (settings.rate, settings.slip);
        let rate =
            if same { before.rate.clone() } else { settings.rate.map(|rate| Arc::new(Rate::new(rate, settings.slip))) };
        let (loopback_is_own, rules) = (settings.loopback_is_own(), Arc::new(Rules { settings, rate }));
        self.state.store(Arc::new(State::of(rules, around)));
        self.loopback_is_own.store(loopback_is_own, Relaxed);
    }

    /// Whether a connection from `client` is to be closed without a word.
    #[must_use]
    pub fn shuts_out(&self, client: IpAddr) -> bool {
        self.state.load().rules.settings.denial == Denial::Drop
            && self.standing(client.to_canonical()) == Standing::Denied
    }

    /// A message of `length` bytes from `client`, received at `now`.
    #[must_use]
    pub fn visit(&self, client: IpAddr, tcp: bool, length: usize, now: Instant) -> Visit<'_> {
        let client = client.to_canonical();
        Visit { access: self, client, standing: self.standing(client), tcp, length, now }
    }

    fn standing(&self, client: IpAddr) -> Standing {
        if self.loopback_is_own.load(Relaxed) && client.is_loopback() {
            return Standing::Own;
        }
        self.state.load().networks.of(client).unwrap_or(Standing::Denied)
    }
}

/// The addresses by which a host reaches itself.
fn loopback() -> [IpNet; 2] {
    [IpNet::new_assert([127, 0, 0, 0].into(), 8), IpNet::new_assert(std::net::Ipv6Addr::LOCALHOST.into(), 128)]
}

fn is_loopback(network: &IpNet) -> bool {
    loopback().iter().any(|whole| whole.contains(network))
}

impl State {
    fn of(rules: Arc<Rules>, around: Surroundings) -> Self {
        let settings = &rules.settings;
        let with = |standing| move |network: &IpNet| (*network, standing);
        let interfaces = around.networks.iter().filter_map(|interface| match settings.own.as_slice() {
            [] => Some(*interface),
            _ => Some(IpNet::from(interface.addr())).filter(|address| !is_loopback(address)),
        });
        let named = settings.own.iter().any(is_loopback);
        let whole = loopback().into_iter().filter(|_| !named);
        let own: Vec<_> = whole.chain(settings.own.iter().copied()).chain(interfaces).collect();
        let own = own.iter().map(with(Standing::Own));
        let (denied, allowed) = (settings.deny.iter(), settings.allow.iter());
        let standings = denied.map(with(Standing::Denied)).chain(own).chain(allowed.map(with(Standing::Foreign)));
        Self { networks: Networks::new(standings), rules, around }
    }

    /// The wall clock, from the last look at it.
    fn time(&self, now: Instant) -> u32 {
        let (seconds, at) = self.around.time;
        let since = now.saturating_duration_since(at).as_secs();
        seconds.wrapping_add(u32::try_from(since).unwrap_or_default())
    }
}

impl Visit<'_> {
    /// What is to be done with a plain question, and what its cookies are worth, if it has any.
    #[must_use]
    pub fn admit(&self, question: &Question<'_>) -> (Admission, Option<Worth>) {
        let limit = question.limit(self.tcp);
        if self.standing == Standing::Own && question.cookie.is_none() {
            return (Admission::Answer(Envelope { limit, cookie: None }), None);
        }
        let state = self.access.state.load();
        let (worth, cookie) = question.cookie.and_then(|cookie| self.judge(&state, cookie)).unzip();
        let proved = self.standing == Standing::Own || self.tcp || worth == Some(Worth::Valid);
        let admission = match (self.admit_unread(&state.rules, proved), cookie) {
            (Admission::Answer(_), _) if proved => Admission::Answer(Envelope { limit, cookie }),
            (Admission::Answer(_), _) => {
                let limit = limit.min(UDP_PLAIN_LIMIT.max(AMPLIFICATION * self.length));
                Admission::Answer(Envelope { limit, cookie })
            }
            (Admission::Truncate, Some(cookie)) => Admission::BadCookie(cookie),
            (other, _) => other,
        };
        (admission, worth)
    }

    /// What is to be done with a message that is no plain question, or cannot be read. Its replies are small.
    #[must_use]
    pub fn admit_other(&self) -> Admission {
        self.admit_unread(&self.access.state.load().rules, self.standing == Standing::Own || self.tcp)
    }

    /// The cookies to send back in a reply to a message that is no plain question, if there are any.
    #[must_use]
    pub fn cookie(&self, cookie: Cookie<'_>) -> Option<ReplyCookie> {
        self.judge(&self.access.state.load(), cookie).map(|(_, cookie)| cookie)
    }

    fn admit_unread(&self, rules: &Rules, proved: bool) -> Admission {
        let denied = self.standing == Standing::Denied;
        if denied && rules.settings.denial == Denial::Drop {
            return Admission::Deny;
        }
        let rated = match &rules.rate {
            Some(rate) if !proved => rate.ask(self.client),
            _ => Rated::Within,
        };
        match rated {
            Rated::Within if denied => Admission::Refuse,
            Rated::Within => Admission::Answer(Envelope { limit: UDP_PLAIN_LIMIT, cookie: None }),
            Rated::Slip if !denied => Admission::Truncate,
            Rated::Slip | Rated::Over => Admission::Drop,
        }
    }

    /// What cookies are worth, and those to send back; `None` if there are to be none.
    fn judge(&self, state: &State, cookie: Cookie<'_>) -> Option<(Worth, ReplyCookie)> {
        let judge = || state.around.secrets.judge(cookie, self.client, state.time(self.now));
        state.rules.settings.cookies.then(judge)
    }
}

#[cfg(test)]
mod tests;
