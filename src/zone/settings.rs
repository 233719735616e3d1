//! What an operator decides about the zone.

use std::net::IpAddr;

use crate::dns::DomainName;
use crate::route53::RecordSet;

/// Who is asked for names that ECS does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// Nobody.
    Off,
    /// The upstreams: the VPC resolver knows the hosted zone.
    Resolver,
    /// Our copy of the hosted zone, and until it has been read the upstreams.
    Api,
}

/// Settings of a zone; see `[dns]`, `[ecs]` and `[route53]` in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The zone, e.g. `ecs.internal`.
    pub origin: DomainName,
    /// Clusters whose services have flat names, by name or ARN, first wins.
    pub default_clusters: Vec<String>,
    /// Whether every other cluster of the account is followed as well (full names only).
    pub all_clusters: bool,
    /// TTL of records made of tasks, in seconds.
    pub ttl: u32,
    /// TTL of negative answers, in seconds.
    pub negative_ttl: u32,
    /// Whether a service whose running tasks are all UNHEALTHY answers with them, as Cloud Map and ALB do.
    pub fail_open: bool,
    /// Where names are looked for that ECS does not know.
    pub fallback: Fallback,
    /// Whether Route 53 goes before ECS.
    pub prefer_route53: bool,
    /// Records of the configuration, which go before everything.
    pub records: Vec<RecordSet>,
    /// Addresses of `ns.dns.<zone>`: those that we listen on.
    pub name_servers: Vec<IpAddr>,
    /// Where the inventory comes from, as TXT records say it (`describe`, `fixture`).
    pub source: &'static str,
}

impl Settings {
    /// TTL of the CNAME to a load balancer, in seconds: what the seed of 2016 wrote into Route 53.
    pub const ALIAS_TTL: u32 = 60;
    /// Longest TTL while a service changes, in seconds.
    const CHANGING_TTL: u32 = 1;
    /// TTL of records that never change, in seconds.
    pub const FIXED_TTL: u32 = 3600;

    /// The zone `origin` of ECS alone, as the configuration has it by default: nobody else is asked for its names.
    #[must_use]
    pub fn new(origin: DomainName, default_clusters: Vec<String>) -> Self {
        Self {
            origin,
            default_clusters,
            all_clusters: false,
            ttl: 5,
            negative_ttl: 5,
            fail_open: true,
            fallback: Fallback::Off,
            prefer_route53: false,
            records: Vec::new(),
            name_servers: Vec::new(),
            source: "describe",
        }
    }

    /// TTL of records made of tasks while these change, in seconds: never longer than at other times.
    #[must_use]
    pub fn changing_ttl(&self) -> u32 {
        self.ttl.min(Self::CHANGING_TTL)
    }

    /// Position of a cluster among the default clusters; `None` if it has full names only.
    #[must_use]
    pub fn default_order(&self, name: &str, arn: &str) -> Option<usize> {
        self.default_clusters.iter().position(|wanted| wanted == name || wanted == arn)
    }
}
