//! What the forwarder can be told.

use std::net::{Ipv4Addr, SocketAddr};

use crate::dns::DomainName;
use crate::forward::{Caps, Timing};

/// Settings of the forwarder, already checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardSettings {
    /// Servers to ask, in this order. None of them may be ourselves
    /// ([`asks_ourselves`](crate::forward::asks_ourselves)).
    pub upstreams: Vec<SocketAddr>,
    /// How long to wait for them.
    pub timing: Timing,
    /// Limits on the TTLs that they give.
    pub caps: Caps,
    /// Our own zones, of which they may know more than we do.
    pub own_zones: Vec<DomainName>,
    /// Longest life of a negative answer about a name of our own zones, in seconds.
    pub own_negative_ttl: u32,
    /// Memory for cached answers, in bytes.
    pub cache_bytes: u64,
    /// Exchanges for clients that may be under way at once.
    pub max_in_flight: usize,
    /// Exchanges of our own that may be under way besides them.
    pub own_in_flight: usize,
}

impl Default for ForwardSettings {
    /// The VPC resolver, which is at the same link-local address in every subnet; 32 MiB; 1,000 exchanges, which is
    /// about what it answers in a second.
    fn default() -> Self {
        Self {
            upstreams: vec![SocketAddr::from((Ipv4Addr::new(169, 254, 169, 253), 53))],
            timing: Timing::default(),
            caps: Caps::default(),
            own_zones: Vec::new(),
            own_negative_ttl: 5,
            cache_bytes: 32 << 20,
            max_in_flight: 1000,
            own_in_flight: 16,
        }
    }
}
