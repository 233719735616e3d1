//! What the host's own files say, for settings that are not given: `/etc/ecs/ecs.config` and `/etc/resolv.conf`.
//!
//! Only the texts are read here; whoever needs them opens the files. And which addresses are ours.

use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};

/// The cluster that the ECS agent of this host joins (`ECS_CLUSTER` of its configuration, the last one counts, as in
/// a systemd environment file). `None`: not said, which to the agent means `default`.
#[must_use]
pub fn ecs_cluster(agent_config: &str) -> Option<String> {
    let mut values = agent_config.lines().filter_map(|line| {
        let (key, value) = line.trim().split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (key.trim_start_matches("export ").trim() == "ECS_CLUSTER").then_some(value)
    });
    values.next_back().filter(|value| !value.is_empty()).map(str::to_owned)
}

/// Whether `address` is one of this host's: only then can a socket be bound to it.
#[must_use]
pub fn has(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// Whether no interface of this host has `address`; not so if that cannot be told.
#[must_use]
pub fn lacks(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_err_and(|error| error.kind() == ErrorKind::AddrNotAvailable)
}

/// The `nameserver` lines of a resolv.conf (resolv.conf(5)), in order; those with a scope (`fe80::1%eth0`) are left
/// out.
#[must_use]
pub fn nameservers(resolv_conf: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let mut words = line.split_whitespace();
        words.next().filter(|word| *word == "nameserver").and(words.next())?.parse().ok()
    };
    resolv_conf.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agents_cluster_is_found() {
        assert_eq!(
            ecs_cluster("ECS_CLUSTER=old\n# x\nECS_LOGLEVEL=info\n ECS_CLUSTER=\"prod\" \n"),
            Some("prod".into())
        );
        for none in ["", "#ECS_CLUSTER=prod", "ECS_CLUSTER=", "MY_ECS_CLUSTER=prod", "ECS_CLUSTER"] {
            assert_eq!(ecs_cluster(none), None, "{none}");
        }
    }

    #[test]
    fn an_address_of_nobody_here_is_lacked() {
        let [documentation, own, any]: [IpAddr; 3] =
            ["192.0.2.7", "127.0.0.9", "0.0.0.0"].map(|ip| ip.parse().unwrap());
        assert!(lacks(documentation) && !lacks(own) && !lacks(any));
    }

    #[test]
    fn nameservers_are_found() {
        let text =
            "search x\n# nameserver 9.9.9.9\nnameserver 10.0.0.2\nnameserver fe80::1%eth0\nnameserver fd00::2 x\n";
        let want: [IpAddr; 2] = ["10.0.0.2".parse().unwrap(), "fd00::2".parse().unwrap()];
        assert_eq!(nameservers(text), want);
        assert_eq!(nameservers("nameserver\nnameserver dns.example\n"), Vec::<IpAddr>::new());
    }
}
