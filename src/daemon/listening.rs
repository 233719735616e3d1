//! The sockets of DNS: inherited from systemd, or bound and given to it to keep, so that no query is lost when we are
//! started anew.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Error;
use super::wording::counted;
use crate::config::host;
use crate::config::settings::Dns;
use crate::forwarder::Forwarder;
use crate::server::{self, Listening, QUERY_COST, Sockets};
use crate::systemd;

/// The time of a restart in the line of the log, in milliseconds.
const RESTART: usize = 200;

/// Time between two looks at whether the host has an address by now.
const LOOK: Duration = Duration::from_secs(2);

/// Takes over what systemd has for us and binds the rest. To be called before there is any other thread.
pub(super) fn bind(dns: &Dns) -> Result<Sockets, Error> {
    let inherited = systemd::inherited();
    let retired = inherited.retired(&dns.listen);
    for (protocol, address) in &retired {
        tracing::info!("{address} ({protocol}) is not configured any more: its sockets are closed");
    }
    // Before anything is bound: they may be in the way.
    systemd::forget(&retired);
    let sockets = server::take_over(inherited, &dns.listen, dns.workers).map_err(Error::unavailable)?;
    systemd::keep(&sockets);
    for listening in sockets.listening() {
        tell(listening, dns);
    }
    Ok(sockets)
}

/// Says of each address that it is answered, or that it will be; returns those that no interface of this host has yet.
pub(super) fn announce(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let (absent, there): (Vec<_>, Vec<_>) = addresses.iter().partition(|address| host::lacks(address.ip()));
    for address in there {
        tracing::info!("answering DNS on {address}, UDP and TCP");
    }
    for address in &absent {
        tracing::warn!("{address}: no interface of this host has this address; it is answered as soon as one has");
    }
    absent
}

/// Says when an interface has one of these addresses. Their sockets are bound: nothing else has to be done then.
pub(super) async fn await_interfaces(mut absent: Vec<SocketAddr>) {
    while !absent.is_empty() {
        tokio::time::sleep(LOOK).await;
        for address in absent.extract_if(.., |address| !host::lacks(address.ip())) {
            tracing::info!("{address}: this host has the address now, and DNS is answered on it, UDP and TCP");
        }
    }
}

/// What is wrong with the addresses that we answer on, and with the upstreams.
pub(super) fn around(listen: Vec<SocketAddr>, forwarder: Arc<Forwarder>) -> Arc<dyn Fn() -> Vec<String> + Send + Sync> {
    Arc::new(move || {
        let absent = listen.iter().filter(|address| host::lacks(address.ip()));
        let absent =
            absent.map(|address| format!("{address} is not answered: no interface of this host has this address"));
        let down = forwarder.upstreams().into_iter().filter(|upstream| !upstream.health.is_up());
        absent.chain(down.map(|upstream| format!("upstream {} is down", upstream.server))).collect()
    })
}

fn tell(listening: &Listening, dns: &Dns) {
    let Listening { address, sockets, inherited, receive_buffer } = *listening;
    let origin = if inherited { "inherited" } else { "bound by us" };
    let queries = receive_buffer / QUERY_COST;
    let rate = queries * 1000 / RESTART;
    tracing::info!(
        "{address}: {}, {origin}, with room for {queries} small queries ({receive_buffer} bytes) while nobody reads: \
         {rate} a second over {RESTART} ms",
        counted(sockets, "UDP socket")
    );
    if !dns.listen.contains(&address) && dns.listen.iter().all(|address| address.port() != 0) {
        tracing::warn!("{address} is served because systemd has handed it to us, but it is not among dns.listen");
    }
    if inherited && sockets != dns.workers {
        let (sockets, workers) = (counted(sockets, "socket"), counted(dns.workers, "worker"));
        tracing::info!("{address}: {sockets} for {workers} (dns.workers)");
    }
    if inherited && sockets < dns.workers {
        tracing::warn!(
            "{address} has fewer sockets than there are workers, as inherited ones get no siblings: for one each, run \
             `systemctl stop` and `systemctl start`, or with the socket unit give it {} for this address",
            counted(dns.workers, "line")
        );
    }
}
