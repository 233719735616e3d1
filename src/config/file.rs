//! The shape of the configuration file, and the defaults. No judgement of values: that is `check`'s.

mod snapshot;

use std::collections::BTreeMap;

use serde::de::{SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer};
pub use snapshot::Snapshot;

/// The file as it was written. Every key may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// `[dns]`
    pub dns: Dns,
    /// `[ecs]`
    pub ecs: Ecs,
    /// `[events]`
    pub events: Events,
    /// `[route53]`
    pub route53: Route53,
    /// `[records]`: texts by name.
    pub records: BTreeMap<String, Texts>,
    /// `[controller]`
    pub controller: Controller,
    /// `[forward]`
    pub forward: Forward,
    /// `[access]`
    pub access: Access,
    /// `[limits]`
    pub limits: Limits,
    /// `[http]`
    pub http: Http,
    /// `[snapshot]`
    pub snapshot: Snapshot,
    /// `[log]`
    pub log: Log,
}

/// A list of strings; one string stands for a list of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts(pub Vec<String>);

impl Texts {
    fn of<const N: usize>(texts: [&str; N]) -> Self {
        Self(texts.map(str::to_owned).into())
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Texts;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string or a list of strings")
            }
            fn visit_str<E>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts::of([text]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Texts, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Texts)
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

/// What we serve, and where.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// Addresses, UDP and TCP; port 53 if none is given.
    pub listen: Texts,
    /// The zone of the ECS names.
    pub zone: String,
    /// TTL of records made of tasks, in seconds.
    pub ttl: i64,
    /// TTL of negative answers, in seconds.
    pub negative_ttl: i64,
    /// Threads that answer UDP.
    pub workers: i64,
    /// Whether a service whose running tasks are all UNHEALTHY answers with them.
    pub fail_open: bool,
    /// Whether the zone is transferred to this host.
    pub transfer: bool,
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            listen: Texts::of(["127.0.0.1:53", "169.254.20.10:53"]),
            zone: "ecs.internal".to_owned(),
            ttl: 5,
            negative_ttl: 5,
            workers: 1,
            fail_open: true,
            transfer: false,
        }
    }
}

/// Where the inventory comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ecs {
    /// `describe`, `fixture` or `off`.
    pub source: String,
    /// The inventory file of `fixture`.
    pub fixture: Option<String>,
    /// Names or ARNs, `all` or `*`; none: the cluster of this host.
    pub clusters: Texts,
    /// Time between two reads of the clusters.
    pub poll_interval: String,
    /// The same while events tell of changes.
    pub reconcile_interval: String,
    /// Time between two looks at the health of tasks while events tell of everything else.
    pub health_interval: String,
    /// AWS region; none: as the AWS SDK finds it.
    pub region: Option<String>,
    /// The ECS agent's configuration, read for `ECS_CLUSTER`.
    pub agent_config: String,
}

impl Default for Ecs {
    fn default() -> Self {
        Self {
            source: "describe".to_owned(),
            fixture: None,
            clusters: Texts::default(),
            poll_interval: "30s".to_owned(),
            reconcile_interval: "10m".to_owned(),
            health_interval: "10s".to_owned(),
            region: None,
            agent_config: "/etc/ecs/ecs.config".to_owned(),
        }
    }
}

/// Changes as they happen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Events {
    /// SQS queue of this agent.
    pub queue_url: Option<String>,
    /// SNS topic to subscribe a queue to.
    pub topic_arn: Option<String>,
}

/// The private hosted zone of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Route53 {
    /// Its id.
    pub zone_id: Option<String>,
    /// `resolver`, `api` or `off`.
    pub fallback: String,
    /// `ecs` or `route53`.
    pub prefer: String,
    /// Time between two reads of the zone.
    pub poll_interval: String,
}

impl Default for Route53 {
    fn default() -> Self {
        Self {
            zone_id: None,
            fallback: "resolver".to_owned(),
            prefer: "ecs".to_owned(),
            poll_interval: "5m".to_owned(),
        }
    }
}

/// Registration of services in the hosted zone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Controller {
    /// Time between two reconciles.
    pub interval: String,
    /// Record types that are written.
    pub record_types: Texts,
    /// Whether the CNAMEs of the Lambda of 2016 are taken over.
    pub adopt: bool,
    /// Time until the queue of a host that is gone is removed; `off`: never.
    pub remove_queues_after: String,
}

impl Default for Controller {
    fn default() -> Self {
        Self {
            interval: "60s".to_owned(),
            record_types: Texts::of(["CNAME"]),
            adopt: false,
            remove_queues_after: "15m".to_owned(),
        }
    }
}

/// Everything that is not ours.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Forward {
    /// DNS servers; port 53 if none is given. `tls://` for those that are asked over TLS.
    pub upstreams: Texts,
    /// `fastest`, `sequential` or `random`.
    pub policy: String,
    /// Queries a second.
    pub rate: i64,
    /// Certificates that servers over TLS are trusted by.
    pub tls_ca: Option<String>,
    /// Whether names are sent in mixed case.
    pub mix_case: bool,
    /// Memory for forwarded answers.
    pub cache_size: String,
    /// Shortest TTL of an answer, in seconds.
    pub min_ttl: i64,
    /// Longest TTL of an answer, in seconds.
    pub max_ttl: i64,
    /// Longest TTL of a negative answer, in seconds.
    pub negative_ttl: i64,
    /// How long an answer may be used after its time.
    pub serve_stale: String,
    /// Whether popular answers are renewed before their time is over.
    pub prefetch: bool,
    /// A file of further names.
    pub hosts: Option<String>,
    /// Domains that are not resolved.
    pub block: Texts,
    /// `nxdomain` or `zero`.
    pub block_answer: String,
    /// Whether private addresses of public names are withheld.
    pub rebind_protection: bool,
    /// Domains that may have private addresses.
    pub rebind_exempt: Texts,
    /// `[forward."corp.example"]`: other servers for the names of a domain, by its name as it was written.
    #[serde(skip)]
    pub domains: BTreeMap<String, Domain>,
}

/// DNS servers for the names of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// As in `[forward]`.
    pub upstreams: Texts,
    /// As in `[forward]`.
    #[serde(default = "fastest")]
    pub policy: String,
}

fn fastest() -> String {
    "fastest".to_owned()
}

impl Default for Forward {
    fn default() -> Self {
        Self {
            upstreams: Texts::of(["169.254.169.253:53"]),
            policy: fastest(),
            rate: 900,
            tls_ca: None,
            mix_case: false,
            cache_size: "16MiB".to_owned(),
            min_ttl: 0,
            max_ttl: 86_400,
            negative_ttl: 30,
            serve_stale: "24h".to_owned(),
            prefetch: true,
            hosts: None,
            block: Texts::default(),
            block_answer: "nxdomain".to_owned(),
            rebind_protection: false,
            rebind_exempt: Texts::of(["internal", "amazonaws.com"]),
            domains: BTreeMap::new(),
        }
    }
}

/// Who may ask, how often, and what proves who they are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// Networks of clients that may ask.
    pub allow: Texts,
    /// Networks of clients that may not.
    pub deny: Texts,
    /// `refuse` or `drop`.
    pub denied: String,
    /// Networks without limits; none: those of the host.
    pub own_networks: Texts,
    /// Replies a second to every other client over UDP; 0: any number.
    pub rate_limit: i64,
    /// Every so many-th query over the limit is told so; 0: none.
    pub slip: i64,
    /// Whether clients are given cookies.
    pub cookies: bool,
    /// A file with their secret.
    pub cookie_secret: Option<String>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            allow: Texts::of([
                "127.0.0.0/8",
                "10.0.0.0/8",
                "100.64.0.0/10",
                "169.254.0.0/16",
                "172.16.0.0/12",
                "192.168.0.0/16",
                "::1/128",
                "fc00::/7",
                "fe80::/10",
            ]),
            deny: Texts::default(),
            denied: "refuse".to_owned(),
            own_networks: Texts::default(),
            rate_limit: 200,
            slip: 2,
            cookies: true,
            cookie_secret: None,
        }
    }
}

/// How much of us clients may take.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// TCP connections, in all.
    pub tcp_connections: i64,
    /// TCP connections of one client.
    pub tcp_connections_per_client: i64,
    /// How long one may be silent.
    pub tcp_idle: String,
    /// Questions that wait for an upstream, in all.
    pub questions_under_way: i64,
    /// Questions of one client that do.
    pub questions_under_way_per_client: i64,
    /// Services, tasks and container instances that are known.
    pub inventory: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tcp_connections: 1024,
            tcp_connections_per_client: 128,
            tcp_idle: "10s".to_owned(),
            questions_under_way: 4096,
            questions_under_way_per_client: 1024,
            inventory: 150_000,
        }
    }
}

/// Health, metrics, dumps.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Address and port, or `off`.
    pub listen: String,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: "127.0.0.1:9153".to_owned() }
    }
}

/// The log on standard error.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Filter of tracing-subscriber.
    pub level: String,
    /// `text` or `json`.
    pub format: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info,aws_config=error".to_owned(), format: "text".to_owned() }
    }
}
