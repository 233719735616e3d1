//! The networks that this host is part of.

use std::io;
use std::net::IpAddr;

use ipnet::IpNet;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;

/// The addresses of all interfaces, each with its network.
///
/// # Errors
///
/// When the kernel does not tell: it has no memory for it, or the process may not ask.
pub fn networks() -> io::Result<Vec<IpNet>> {
    let mut networks: Vec<IpNet> = getifaddrs()?
        .filter_map(|interface| {
            let (address, mask) = (ip(interface.address.as_ref()?)?, ip(interface.netmask.as_ref()?)?);
            // A prefix of no length is a tunnel to everywhere, and everybody is not our neighbour.
            IpNet::with_netmask(address, mask).ok().filter(|network| network.prefix_len() > 0)
        })
        .collect();
    networks.sort_unstable();
    networks.dedup();
    Ok(networks)
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_among_them() {
        let networks = networks().unwrap();
        assert!(networks.contains(&"127.0.0.1/8".parse().unwrap()), "{networks:?}");
    }
}
