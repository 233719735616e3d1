//! Networks with what holds in them, looked up by address: the most specific one says.

use std::net::IpAddr;

use ipnet::IpNet;

/// What holds for the clients in a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They are whom we are here for: this host, its containers, and its neighbours on the same links.
    Own,
    /// They may ask, but an address alone proves nothing.
    Foreign,
    /// They may not ask.
    Denied,
}

/// A table of networks. A look-up allocates nothing and takes one binary search for each length of prefix that occurs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Networks {
    v4: Vec<Length>,
    v6: Vec<Length>,
}

/// The networks of one length, the longest first among all.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Length {
    mask: u128,
    /// Sorted by network.
    networks: Vec<(u128, Standing)>,
}

impl Networks {
    /// The table of these networks. Of two that are the same network the first one counts.
    pub(super) fn new(networks: impl IntoIterator<Item = (IpNet, Standing)>) -> Self {
        let mut sorted: Vec<_> = networks.into_iter().map(|(network, standing)| (network.trunc(), standing)).collect();
        sorted.sort_by_key(|(network, _)| (std::cmp::Reverse(network.prefix_len()), network.network()));
        sorted.dedup_by_key(|(network, _)| *network);
        let mut table = Self::default();
        for (network, standing) in sorted {
            let lengths = if network.network().is_ipv4() { &mut table.v4 } else { &mut table.v6 };
            let mask = bits(network.netmask());
            let entry = (bits(network.network()), standing);
            match lengths.last_mut().filter(|length| length.mask == mask) {
                Some(length) => length.networks.push(entry),
                None => lengths.push(Length { mask, networks: vec![entry] }),
            }
        }
        table
    }

    /// What the most specific network of `address` says; `None` if there is none.
    pub(super) fn of(&self, address: IpAddr) -> Option<Standing> {
        let lengths = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        let address = bits(address);
        lengths.iter().find_map(|Length { mask, networks }| {
            let at = networks.binary_search_by_key(&(address & mask), |(network, _)| *network).ok()?;
            networks.get(at).map(|(_, standing)| *standing)
        })
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn the_most_specific_network_says() {
        use Standing::{Denied, Foreign, Own};
        let table = Networks::new([
            (network("10.0.0.0/8"), Foreign),
            (network("10.1.0.0/16"), Denied),
            (network("10.1.2.3/16"), Own),
            (network("10.1.2.0/24"), Own),
            (network("10.1.2.9/32"), Denied),
            (network("fd00::/8"), Own),
            (network("::/0"), Denied),
        ]);
        for (address, standing) in [
            ("10.9.9.9", Some(Foreign)),
            ("10.1.9.9", Some(Denied)),
            ("10.1.2.8", Some(Own)),
            ("10.1.2.9", Some(Denied)),
            ("11.0.0.0", None),
            ("fd00::1", Some(Own)),
            ("2001:db8::1", Some(Denied)),
        ] {
            assert_eq!(table.of(address.parse().unwrap()), standing, "{address}");
        }
        assert_eq!(Networks::default().of([10, 0, 0, 1].into()), None);
    }

    proptest! {
        #[test]
        fn it_is_the_longest_prefix_that_a_scan_would_find(
            networks in prop::collection::vec((any::<[u8; 4]>(), 0u8..=32, 0u8..3), 0..40),
            addresses in prop::collection::vec(any::<[u8; 4]>(), 1..20),
        ) {
            let networks: Vec<(IpNet, Standing)> = networks
                .into_iter()
                .map(|(address, length, standing)| {
                    // Few bits, so that networks lie within each other.
                    let address = address.map(|byte| byte & 0x81);
                    let standing = [Standing::Own, Standing::Foreign, Standing::Denied][usize::from(standing)];
                    (IpNet::new(address.into(), length).unwrap().trunc(), standing)
                })
                .collect();
            let table = Networks::new(networks.clone());
            for address in addresses {
                let address = IpAddr::from(address.map(|byte| byte & 0x81));
                let longest = networks
                    .iter()
                    .filter(|(network, _)| network.contains(&address))
                    .map(|(network, _)| network.prefix_len())
                    .max();
                let first = networks
                    .iter()
                    .find(|(network, _)| network.contains(&address) && Some(network.prefix_len()) == longest);
                prop_assert_eq!(table.of(address), first.map(|(_, standing)| *standing));
            }
        }
    }
}
