//! The daemon asks itself, as a client would: over UDP, from one of its own addresses to that address, for the SOA of its
//! zone. Only a worker that reads, answers and sends lets such a query come back.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::dns::{DomainName, RecordType};
use crate::forward::{Key, query};
use crate::metrics::Counters;

/// Queries for each socket of the address. The kernel spreads them over the sockets by their ports: that one socket of
/// two gets none has a chance of one in 65,536.
const PER_SOCKET: usize = 8;
/// Queries under way at once.
const AT_ONCE: usize = 64;
/// Time after which a query is sent again.
const RETRY: Duration = Duration::from_millis(250);

/// A query that the daemon puts to itself.
#[derive(Debug, Clone)]
pub struct SelfQuery {
    pub(super) addresses: Vec<SocketAddr>,
    /// The counters of each worker.
    pub(super) workers: Vec<Arc<Counters>>,
    /// Most sockets that an address has.
    pub(super) sockets: usize,
    /// The zone whose SOA is asked for.
    pub(super) zone: DomainName,
}

impl SelfQuery {
    /// Whether every worker answers, with `patience` for each.
    ///
    /// A query may be lost in a flood, and a flood must not end the daemon. So a worker that has dealt with anything
    /// at all in the meantime is believed to live.
    pub async fn is_answered(&self, patience: Duration) -> bool {
        let before = self.dealt_with();
        let Some(address) = self.present().await else {
            // None of our addresses is there: nobody can ask, neither can we.
            return true;
        };
        let queries = (0..self.sockets * PER_SOCKET).map(|_| timeout(patience, self.ask(address)));
        let answered = stream::iter(queries).buffer_unordered(AT_ONCE).all(async |reply| matches!(reply, Ok(Ok(()))));
        answered.await || before.iter().zip(self.dealt_with()).all(|(before, after)| *before != after)
    }

    fn dealt_with(&self) -> Vec<u64> {
        self.workers.iter().map(|counters| counters.dealt_with()).collect()
    }

    /// The first address of ours that the host has: others are bound, but cannot be asked yet.
    async fn present(&self) -> Option<SocketAddr> {
        for address in self.addresses.iter().copied().map(reachable) {
            if UdpSocket::bind((address.ip(), 0)).await.is_ok() {
                return Some(address);
            }
        }
        None
    }

    /// Asks until there is an answer.
    async fn ask(&self, address: SocketAddr) -> io::Result<()> {
        let socket = UdpSocket::bind((address.ip(), 0)).await?;
        socket.connect(address).await?;
        let id = fastrand::u16(..);
        let key = Key::new(self.zone.clone(), RecordType::SOA);
        let query = query::build(&key, &query::question(&key), id, false);
        let mut reply = [0; 512];
        loop {
            socket.send(&query).await?;
            // An error tells of an earlier query that found nobody.
            if let Ok(Ok(length)) = timeout(RETRY, socket.recv(&mut reply)).await
                && reply.get(..length).is_some_and(|reply| reply.starts_with(&id.to_be_bytes()))
            {
                return Ok(());
            }
        }
    }
}

/// Where a socket that is bound to `address` can be asked from this host.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let mut reachable = address;
    reachable.set_ip(ip);
    reachable
}
