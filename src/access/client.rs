//! Who counts as one.

use std::net::{IpAddr, Ipv6Addr};

/// IPv6 clients are told apart by so many bits: what one customer is given (RFC 6177), all of which is his to use.
const V6_PREFIX: u32 = 56;

/// An IPv4 address, or the /56 network of an IPv6 address. Rates and limits count by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client(IpAddr);

impl Client {
    /// Whether it is this host.
    #[must_use]
    pub fn is_loopback(self) -> bool {
        self.0.is_loopback()
    }
}

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) if !v6.is_loopback() => {
                Self(Ipv6Addr::from_bits(v6.to_bits() & !(u128::MAX >> V6_PREFIX)).into())
            }
            other => Self(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> Client {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn a_client_is_an_address_or_a_network() {
        assert_eq!(client("2001:db8::1"), client("2001:db8:0:ff::ffff:1"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:100::1"));
        assert_eq!(client("::ffff:10.0.0.1"), client("10.0.0.1"));
        assert_ne!(client("10.0.0.1"), client("10.0.0.2"));
        assert_ne!(client("0.0.0.1"), client("::1"));
        assert_ne!(client("::1"), client("::2"));
    }
}
