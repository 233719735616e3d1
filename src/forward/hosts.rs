//! The text of a hosts file (hosts(5)).

use std::net::IpAddr;

use crate::dns::DomainName;

/// One line: an address and its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The address.
    pub address: IpAddr,
    /// The names, the canonical one first.
    pub names: Vec<DomainName>,
}

/// The lines that name something. What is no address, no name, or a name of this host itself (`localhost` and those
/// that `/etc/hosts` gives to groups of hosts, `ip6-allnodes`) is passed over, as the C library does.
#[must_use]
pub fn parse(text: &str) -> Vec<Host> {
    let line = |line: &str| {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let address: IpAddr = words.next()?.parse().ok()?;
        let names: Vec<_> = words.filter_map(DomainName::from_text).filter(|name| !is_own(name)).collect();
        (!names.is_empty() && !address.is_multicast()).then_some(Host { address, names })
    };
    text.lines().filter_map(line).collect()
}

fn is_own(name: &DomainName) -> bool {
    let labels: Vec<&[u8]> = name.labels().collect();
    labels.is_empty()
        || labels.last() == Some(&&b"localhost"[..])
        || labels.iter().any(|label| label.starts_with(b"ip6-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_noise_is_not() {
        let text = "# comment\n127.0.0.1 localhost\n::1 ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\n\n\
                    10.0.0.9\tNAS.lan nas # the store\n10.0.0.300 wrong\nfe80::1%eth0 scoped\n10.0.0.1\n10.0.0.2 a..b ok\n";
        let shown: Vec<String> = parse(text).iter().map(|host| format!("{} {:?}", host.address, host.names)).collect();
        assert_eq!(shown, ["10.0.0.9 [nas.lan., nas.]", "10.0.0.2 [ok.]"]);
    }
}
