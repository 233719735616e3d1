//! The sockets of DNS: inherited from systemd, or bound and given to it to keep, so that no query is lost when we are
//! started anew.

use super::Error;
use crate::config::settings::Dns;
use crate::server::{self, Listening, QUERY_COST, Sockets};
use crate::systemd;

/// The time of a restart in the line of the log, in milliseconds.
const RESTART: usize = 200;

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

fn tell(listening: &Listening, dns: &Dns) {
    let Listening { address, sockets, inherited, receive_buffer } = *listening;
    let origin = if inherited { "inherited" } else { "bound by us" };
    let queries = receive_buffer / QUERY_COST;
    let rate = queries * 1000 / RESTART;
    tracing::info!(
        "{address}: {sockets} UDP sockets, {origin}, that hold {queries} small queries ({receive_buffer} bytes) while \
         nobody reads them: {rate} a second over {RESTART} ms"
    );
    if !dns.listen.contains(&address) && dns.listen.iter().all(|address| address.port() != 0) {
        tracing::warn!("{address} is served because systemd has handed it to us, but it is not among dns.listen");
    }
    if inherited && sockets != dns.workers {
        tracing::info!("{address}: its {sockets} sockets are shared by {} workers (dns.workers)", dns.workers);
    }
    if inherited && sockets < dns.workers {
        tracing::warn!(
            "{address} has fewer sockets than there are workers, as inherited ones get no siblings: for one each, run \
             `systemctl stop` and `systemctl start`, or with the socket unit give it {} lines for this address",
            dns.workers
        );
    }
}
