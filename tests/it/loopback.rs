//! Addresses of the servers of the tests. All of 127.0.0.0/8 is this host.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};

/// Addresses for one process; then they repeat.
const PER_PROCESS: u32 = 1 << 9;

/// An address that no other server of the tests has, so that a port on it is free, and stays closed after the server
/// has ended: neither a test beside this one nor a client whose port the kernel chooses can get hold of it.
pub fn address() -> Ipv4Addr {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let number = std::process::id() * PER_PROCESS + GIVEN.fetch_add(1, Ordering::Relaxed) % PER_PROCESS;
    // The upper half of the net: people use the lower one. Other runs of the tests have other process ids.
    let [_, b, c, d] = number.to_be_bytes();
    Ipv4Addr::new(127, b | 0x80, c, d)
}

#[test]
fn each_server_has_an_address_of_its_own() {
    let some: std::collections::BTreeSet<_> = (0..20).map(|_| address()).collect();
    assert_eq!(some.len(), 20);
    assert!(some.iter().all(Ipv4Addr::is_loopback));
}
