//! Names: the only place that joins labels.
//!
//! `labels` maps ECS names to DNS labels, `grammar` reads a name back, and [`Names`] here writes them: flat, full,
//! task, host and reverse names of one zone.

pub mod grammar;
pub mod labels;

use std::net::IpAddr;

use smallvec::SmallVec;

use crate::dns::DomainName;
pub use labels::{Form, Forms};

/// The kinds of full names: what a service is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// What a client should talk to: load balancer or ready tasks.
    Svc,
    /// Ready tasks, never the load balancer.
    Task,
    /// Tasks that are not stopping, ready or not.
    All,
    /// The load balancer.
    Lb,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Svc, Self::Task, Self::All, Self::Lb];

    /// Its label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Svc => "svc",
            Self::Task => "task",
            Self::All => "all",
            Self::Lb => "lb",
        }
    }

    fn from_label(label: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.label().as_bytes() == label)
    }
}

/// Right-most labels that are grammar: a service or cluster of such a name has full names only.
pub const RESERVED: [&str; 7] = ["svc", "task", "all", "lb", "host", "meta", "dns"];

/// Whether `label` is one of [`RESERVED`].
#[must_use]
pub fn is_reserved(label: &[u8]) -> bool {
    RESERVED.iter().any(|reserved| reserved.as_bytes() == label)
}

/// Writes the names of one zone. Every method returns `None` for a name that would be too long.
#[derive(Debug, Clone, Copy)]
pub struct Names<'z> {
    origin: &'z DomainName,
}

impl<'z> Names<'z> {
    /// Names below `origin`.
    #[must_use]
    pub fn new(origin: &'z DomainName) -> Self {
        Self { origin }
    }

    /// `<service>.<zone>`; `None` also for a reserved label.
    #[must_use]
    pub fn flat(&self, service: &str) -> Option<DomainName> {
        (!is_reserved(service.as_bytes())).then(|| self.join(&[service]))?
    }

    /// `<service>.<cluster>.<zone>`; `None` also if the cluster's label is reserved.
    #[must_use]
    pub fn in_cluster(&self, service: &str, cluster: &str) -> Option<DomainName> {
        (!is_reserved(cluster.as_bytes())).then(|| self.join(&[service, cluster]))?
    }

    /// `<service>.<kind>.<zone>`, for default clusters.
    #[must_use]
    pub fn short(&self, service: &str, kind: Kind) -> Option<DomainName> {
        self.join(&[service, kind.label()])
    }

    /// `<service>.<cluster>.<kind>.<zone>`.
    #[must_use]
    pub fn full(&self, service: &str, cluster: &str, kind: Kind) -> Option<DomainName> {
        self.join(&[service, cluster, kind.label()])
    }

    /// `<task-id>.task.<zone>`.
    #[must_use]
    pub fn task(&self, id: &str) -> Option<DomainName> {
        self.join(&[id, Kind::Task.label()])
    }

    /// `<task-id>.<service>.<cluster>.task.<zone>`, the target of SRV records.
    #[must_use]
    pub fn task_of(&self, id: &str, service: &str, cluster: &str) -> Option<DomainName> {
        self.join(&[id, service, cluster, Kind::Task.label()])
    }

    /// `<instance-id>.host.<zone>`.
    #[must_use]
    pub fn host(&self, id: &str) -> Option<DomainName> {
        self.join(&[id, "host"])
    }

    /// `dns-version.<zone>`.
    #[must_use]
    pub fn version(&self) -> Option<DomainName> {
        self.join(&["dns-version"])
    }

    /// `ns.dns.<zone>`.
    #[must_use]
    pub fn name_server(&self) -> Option<DomainName> {
        self.join(&["ns", "dns"])
    }

    /// `_<service>._<protocol>.<zone>`, or with a cluster's label before the zone (RFC 2782).
    #[must_use]
    pub fn srv_short(&self, service: &str, protocol: &str, cluster: Option<&str>) -> Option<DomainName> {
        let service = labels::underscored(service);
        match cluster {
            None => self.join(&[&service, protocol]),
            Some(cluster) if is_reserved(cluster.as_bytes()) => None,
            Some(cluster) => self.join(&[&service, protocol, cluster]),
        }
    }

    fn join(&self, labels: &[&str]) -> Option<DomainName> {
        DomainName::join(labels, self.origin)
    }
}

/// `_<port>._<protocol>` in front of a name (RFC 2782).
#[must_use]
pub fn srv(port: &str, protocol: &str, owner: &DomainName) -> Option<DomainName> {
    srv_of(&labels::underscored(port), protocol, owner)
}

/// The same with the port's label as [`labels::underscored`] makes it, for many owners.
#[must_use]
pub fn srv_of(underscored: &str, protocol: &str, owner: &DomainName) -> Option<DomainName> {
    DomainName::join([underscored, protocol], owner)
}

/// The name of the PTR record of an address (RFC 1035 3.5, RFC 3596 2.5).
#[must_use]
pub fn reverse(address: IpAddr) -> DomainName {
    let mut labels = SmallVec::<[Digits; 32]>::new();
    let family = match address {
        IpAddr::V4(v4) => {
            labels.extend(v4.octets().into_iter().rev().map(decimal));
            "in-addr"
        }
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]);
            labels.extend(nibbles.map(|nibble| Digits::from_iter([hexadecimal(nibble)])));
            "ip6"
        }
    };
    let labels = labels.iter().map(SmallVec::as_slice).chain([family.as_bytes(), b"arpa"]);
    // At most 34 short labels: always a name.
    DomainName::join(labels, &DomainName::root()).unwrap_or_else(DomainName::root)
}

/// The digits of a short label.
type Digits = SmallVec<[u8; 4]>;

fn decimal(octet: u8) -> Digits {
    let digits = [octet / 100, octet / 10 % 10, octet % 10].map(|digit| b'0' + digit);
    let zeros = usize::from(octet < 100) + usize::from(octet < 10);
    digits.into_iter().skip(zeros).collect()
}

fn hexadecimal(nibble: u8) -> u8 {
    b"0123456789abcdef"[usize::from(nibble & 15)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reverse_names_are_those_of_dig_x() {
        assert_eq!(reverse("10.5.10.17".parse().unwrap()).to_string(), "17.10.5.10.in-addr.arpa.");
        assert_eq!(reverse("255.100.99.0".parse().unwrap()).to_string(), "0.99.100.255.in-addr.arpa.");
        let v6 = reverse("2001:db8::9".parse().unwrap()).to_string();
        assert!(v6.starts_with("9.0.0.0.") && v6.ends_with(".8.b.d.0.1.0.0.2.ip6.arpa."), "{v6}");
    }

    #[test]
    fn reserved_labels_have_full_names_only() {
        let origin = DomainName::from_text("ecs.internal").unwrap();
        let names = Names::new(&origin);
        assert_eq!(names.flat("task"), None);
        assert_eq!(names.in_cluster("web", "svc"), None);
        assert_eq!(names.full("task", "svc", Kind::Svc).unwrap().to_string(), "task.svc.svc.ecs.internal.");
        assert_eq!(names.in_cluster("task", "prod").unwrap().to_string(), "task.prod.ecs.internal.");
    }
}
