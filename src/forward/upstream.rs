//! What can be said of an upstream's address before anything is asked.

use std::net::{IpAddr, SocketAddr};

/// Whether a query to `upstream` would come back to us: it has a port that we listen on, and its address is one of
/// `listen`, or is local while we listen on all addresses of the host. `local` are the host's own addresses, as far
/// as they are known; loopback counts as local anyway, and so does the unspecified address, which Linux sends to the
/// host itself.
#[must_use]
pub fn asks_ourselves(upstream: SocketAddr, listen: &[SocketAddr], local: &[IpAddr]) -> bool {
    let to = upstream.ip().to_canonical();
    let is_local =
        |ip: IpAddr| ip.is_loopback() || ip.is_unspecified() || local.iter().any(|own| own.to_canonical() == ip);
    listen.iter().any(|listen| {
        let ours = listen.ip().to_canonical();
        listen.port() == upstream.port()
            && (ours == to || (ours.is_unspecified() && is_local(to)) || (to.is_unspecified() && is_local(ours)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(upstream: &str, listen: &[&str], expect: bool) {
        let listen: Vec<SocketAddr> = listen.iter().map(|text| text.parse().unwrap()).collect();
        let local = ["10.0.0.7".parse().unwrap(), "fd00::7".parse().unwrap()];
        assert_eq!(asks_ourselves(upstream.parse().unwrap(), &listen, &local), expect, "{upstream} and {listen:?}");
    }

    #[test]
    fn our_own_addresses_are_known() {
        check("127.0.0.1:53", &["169.254.20.10:53", "127.0.0.1:53"], true);
        check("127.0.0.1:5300", &["127.0.0.1:53"], false);
        check("127.0.0.2:53", &["127.0.0.1:53"], false);
        check("169.254.169.253:53", &["127.0.0.1:53", "0.0.0.0:53", "[::]:53"], false);
        check("[::ffff:127.0.0.1]:53", &["127.0.0.1:53"], true);
    }

    #[test]
    fn listening_everywhere_includes_every_local_address() {
        for local in ["127.0.0.2:53", "10.0.0.7:53", "[::1]:53", "[fd00::7]:53", "0.0.0.0:53"] {
            check(local, &["0.0.0.0:53"], true);
        }
        check("0.0.0.0:53", &["127.0.0.1:53"], true);
        check("10.0.0.7:5353", &["0.0.0.0:53"], false);
        check("10.0.0.8:53", &["0.0.0.0:53"], false);
    }
}
