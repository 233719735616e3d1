//! What the forwarder can be told.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::dns::DomainName;
use crate::forward::{Caps, LocalNames, Policy, Timing};

/// A DNS server to ask. Must not be ourselves ([`asks_ourselves`](crate::forward::asks_ourselves)).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// The name in its certificate, if it is asked over TLS.
    pub tls: Option<Arc<str>>,
}

impl From<SocketAddr> for Server {
    /// A server that is asked over UDP and TCP.
    fn from(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }
}

impl fmt::Display for Server {
    /// As in the configuration: `10.0.0.2:53`, `tls://10.0.0.2:853#dns.example`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tls {
            None => write!(f, "{}", self.address),
            Some(name) => write!(f, "tls://{}#{name}", self.address),
        }
    }
}

/// Servers for the names of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The zone; the longest that a name is in counts.
    pub zone: DomainName,
    /// Whom to ask, in order.
    pub servers: Vec<Server>,
    /// Who is asked first.
    pub policy: Policy,
}

/// Settings of the forwarder, already checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardSettings {
    /// Whom to ask for which names. One for the root is for all names that no other takes.
    pub routes: Vec<Route>,
    /// How long to wait for them.
    pub timing: Timing,
    /// Limits on the TTLs that they give.
    pub caps: Caps,
    /// Our own zones, of which they may know more than we do.
    pub own_zones: Vec<DomainName>,
    /// Longest life of a negative answer about a name of our own zones, in seconds.
    pub own_negative_ttl: u32,
    /// How long an answer may be used after its time when no upstream answers; zero for never.
    pub serve_stale: Duration,
    /// Whether popular answers are renewed before their time is over.
    pub prefetch: bool,
    /// Whether names are sent in mixed case, which replies must repeat.
    pub mix_case: bool,
    /// Names that are answered here and never asked of anybody.
    pub local: LocalNames,
    /// Names below which private addresses are believed; `None`: all names.
    pub rebind: Option<Vec<DomainName>>,
    /// Memory for cached answers, in bytes.
    pub cache_bytes: u64,
    /// Queries a second that may be sent upstream.
    pub rate: NonZeroU32,
    /// Exchanges for clients that may be under way at once.
    pub max_in_flight: usize,
    /// Exchanges of our own that may be under way besides them.
    pub own_in_flight: usize,
}

impl ForwardSettings {
    /// The defaults, with these servers for all names.
    #[must_use]
    pub fn with_upstreams(upstreams: impl IntoIterator<Item = SocketAddr>) -> Self {
        let servers = upstreams.into_iter().map(Server::from).collect();
        let everything = Route { zone: DomainName::root(), servers, policy: Policy::default() };
        Self {
            routes: vec![everything],
            timing: Timing::default(),
            caps: Caps::default(),
            own_zones: Vec::new(),
            own_negative_ttl: 5,
            serve_stale: Duration::from_secs(86_400),
            prefetch: true,
            mix_case: false,
            local: LocalNames::new([]),
            rebind: None,
            cache_bytes: 32 << 20,
            rate: RATE,
            max_in_flight: 1000,
            own_in_flight: 16,
        }
    }
}

/// What the VPC resolver takes from one network interface is 1,024 packets a second.
const RATE: NonZeroU32 = NonZeroU32::MIN.saturating_add(899);

impl Default for ForwardSettings {
    /// The VPC resolver, which is at the same link-local address in every subnet; 32 MiB; 900 queries a second, and as
    /// many exchanges as it answers in about one.
    fn default() -> Self {
        Self::with_upstreams([SocketAddr::from((Ipv4Addr::new(169, 254, 169, 253), 53))])
    }
}
