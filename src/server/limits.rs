//! How much of us clients may take, in all and each.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};

use crate::access::Client;

/// Limits on what clients make us hold. Behind a loopback address there are many programs:
/// each may take three quarters of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// TCP connections in all, at least 1.
    pub tcp_connections: usize,
    /// TCP connections of one client.
    pub tcp_connections_per_client: usize,
    /// How long a connection may be silent. Halves of questions and unread answers have 5 s, or this if it is less.
    pub tcp_idle: Duration,
    /// Questions that wait for an upstream, over UDP and TCP.
    pub questions_under_way: usize,
    /// Questions of one client that wait for an upstream.
    pub questions_under_way_per_client: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tcp_connections: 1024,
            tcp_connections_per_client: 128,
            tcp_idle: Duration::from_secs(10),
            questions_under_way: 4096,
            questions_under_way_per_client: 1024,
        }
    }
}

/// The limits as they are at present; its clones are the same.
#[derive(Debug, Clone)]
pub struct LiveLimits(Arc<ArcSwap<Limits>>);

impl LiveLimits {
    pub(super) fn new(limits: Limits) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(limits)))
    }

    /// Has these hold from now on. Who is over one of them already goes as others come, or as time goes by.
    pub fn set(&self, limits: Limits) {
        self.0.store(Arc::new(limits));
    }

    pub(super) fn get(&self) -> Guard<Arc<Limits>> {
        self.0.load()
    }
}

impl Limits {
    /// Connections that `client` may have.
    pub(super) fn connections_of(&self, client: Client) -> usize {
        part(client, self.tcp_connections, self.tcp_connections_per_client)
    }

    /// Questions that `client` may have under way.
    pub(super) fn questions_of(&self, client: Client) -> usize {
        part(client, self.questions_under_way, self.questions_under_way_per_client)
    }
}

/// The part of `client`: this host has three quarters.
fn part(client: Client, all: usize, each: usize) -> usize {
    let part = if client.is_loopback() { (all - all / 4).max(each) } else { each };
    part.clamp(1, all.max(1))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn client(text: &str) -> Client {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn loopback_has_three_quarters_and_nobody_more_than_all() {
        let limits = Limits { tcp_connections: 100, tcp_connections_per_client: 10, ..Limits::default() };
        let parts = ["127.0.0.1", "127.1.2.3", "::1", "10.0.0.1"].map(|text| limits.connections_of(client(text)));
        assert_eq!(parts, [75, 75, 75, 10]);
        let limits = Limits { questions_under_way: 1, ..limits };
        assert_eq!((limits.questions_of(client("::1")), limits.questions_of(client("10.0.0.1"))), (1, 1));
    }
}
