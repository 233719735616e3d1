//! The checked configuration, as the rest of the program sees it. The fields are named as the keys of the file.

mod written;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Serialize, Serializer};

use super::records::Records;
use crate::access::Denial;
use crate::dns::DomainName;
use crate::forward::Policy;
use crate::forwarder::Server;
use crate::register::Kind;

use written::{
    denial, duration, duration_or_off, kinds, name, names, or_off, or_zero, policy, shown, size, size_or_off,
    snapshot_path,
};

/// Every setting, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Config {
    /// What we serve, and where.
    pub dns: Dns,
    /// Where the inventory comes from.
    pub ecs: Ecs,
    /// Changes as they happen: from a queue that is given, or one of our own below a topic; never both.
    pub events: Events,
    /// The private hosted zone of the same name.
    pub route53: Route53,
    /// Names that the configuration itself answers.
    pub records: Records,
    /// Registration of services in the hosted zone.
    pub controller: Controller,
    /// Everything that is not ours.
    pub forward: Forward,
    /// Who may ask, how often, and what proves who they are.
    pub access: Access,
    /// How much of us clients may take.
    pub limits: Limits,
    /// Health, metrics, dumps.
    pub http: Http,
    /// The last inventory on disk.
    pub snapshot: Snapshot,
    /// The log on standard error.
    pub log: Log,
}

/// `[dns]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dns {
    /// Addresses for UDP and TCP, each once, at least one. Port 0 lets the kernel choose.
    pub listen: Vec<SocketAddr>,
    /// The zone of the ECS names.
    #[serde(serialize_with = "name")]
    pub zone: DomainName,
    /// TTL of records made of tasks, in seconds, 0–3600.
    pub ttl: u32,
    /// TTL of negative answers, in seconds, 0–3600.
    pub negative_ttl: u32,
    /// Threads that answer UDP, 1–256.
    pub workers: usize,
    /// Whether a service whose running tasks are all UNHEALTHY answers with them.
    pub fail_open: bool,
    /// Whether the zone is transferred to this host.
    pub transfer: bool,
}

/// `[ecs]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ecs {
    /// Where the inventory comes from.
    #[serde(flatten)]
    pub source: Source,
    /// Which clusters are followed.
    pub clusters: Clusters,
    /// Time between two reads of the clusters, 100 ms to 1 h.
    #[serde(serialize_with = "duration")]
    pub poll_interval: Duration,
    /// The same while events tell of changes, 1 s to 24 h.
    #[serde(serialize_with = "duration")]
    pub reconcile_interval: Duration,
    /// Time between two looks at the health of tasks while events tell of everything else, 100 ms to 1 h.
    #[serde(serialize_with = "duration")]
    pub health_interval: Duration,
    /// AWS region; `None`: as the AWS SDK finds it.
    pub region: Option<String>,
    /// The ECS agent's configuration, read for `ECS_CLUSTER`. Need not exist.
    pub agent_config: PathBuf,
}

/// Where the inventory comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "source", content = "fixture", rename_all = "snake_case")]
pub enum Source {
    /// The describe calls of ECS, EC2 and Elastic Load Balancing.
    Describe,
    /// A file that `dump --json` wrote.
    Fixture(PathBuf),
    /// Nowhere: names are only forwarded.
    Off,
}

/// Which clusters are followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clusters {
    /// These names or ARNs, each once, at least one; they are the default clusters, the first first.
    Named(Vec<String>),
    /// All of the account and region.
    All,
    /// The one that this host belongs to.
    FromHost,
}

impl Serialize for Clusters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Named(clusters) => clusters.serialize(serializer),
            Self::All => "all".serialize(serializer),
            Self::FromHost => [(); 0].serialize(serializer),
        }
    }
}

/// `[events]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Events {
    /// SQS queue of this agent.
    pub queue_url: Option<String>,
    /// SNS topic to subscribe a queue to.
    pub topic_arn: Option<String>,
}

/// `[route53]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Route53 {
    /// Id of the private hosted zone, without `/hostedzone/`.
    pub zone_id: Option<String>,
    /// Who is asked for names of our zone that ECS does not know.
    pub fallback: Fallback,
    /// Who goes first.
    pub prefer: Prefer,
    /// Time between two reads of the zone, 10 s to 24 h.
    #[serde(serialize_with = "duration")]
    pub poll_interval: Duration,
}

/// Who is asked for names of our zone that ECS does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// The upstreams: the VPC resolver knows the private hosted zone.
    Resolver,
    /// Our own copy of the zone, read through the API.
    Api,
    /// Nobody.
    Off,
}

/// Who goes first where ECS and Route 53 both have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Prefer {
    /// ECS.
    Ecs,
    /// Route 53.
    Route53,
}

/// `[controller]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Controller {
    /// Time between two reconciles, 100 ms to 1 h.
    #[serde(serialize_with = "duration")]
    pub interval: Duration,
    /// Record types that are written, at least one.
    #[serde(serialize_with = "kinds")]
    pub record_types: BTreeSet<Kind>,
    /// Whether the CNAMEs of the Lambda of 2016 are taken over.
    pub adopt: bool,
    /// How long a host must be gone from its cluster until its queue is removed, 1 s to 7 days; `None`: for ever.
    #[serde(serialize_with = "duration_or_off")]
    pub remove_queues_after: Option<Duration>,
}

/// `[forward]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forward {
    /// DNS servers, each once, at least one, none of them ourselves.
    #[serde(serialize_with = "shown")]
    pub upstreams: Vec<Server>,
    /// Who of them is asked first.
    #[serde(serialize_with = "policy")]
    pub policy: Policy,
    /// Queries a second, 10–1,000,000.
    pub rate: NonZeroU32,
    /// Certificates that servers over TLS are trusted by; `None`: those of the system.
    pub tls_ca: Option<PathBuf>,
    /// Whether names are sent in mixed case.
    pub mix_case: bool,
    /// Memory for forwarded answers, in bytes, 1 MiB to 4 GiB.
    #[serde(serialize_with = "size")]
    pub cache_size: u64,
    /// Shortest TTL of an answer, in seconds, at most `max_ttl`.
    pub min_ttl: u32,
    /// Longest TTL of an answer, in seconds, 1–604,800.
    pub max_ttl: u32,
    /// Longest TTL of a negative answer, in seconds, 0–3600.
    pub negative_ttl: u32,
    /// How long an answer may be used after its time, up to a week.
    #[serde(serialize_with = "duration")]
    pub serve_stale: Duration,
    /// Whether popular answers are renewed before their time is over.
    pub prefetch: bool,
    /// A file of further names. Must exist.
    pub hosts: Option<PathBuf>,
    /// Domains that are not resolved.
    #[serde(serialize_with = "names")]
    pub block: Vec<DomainName>,
    /// What is answered for them.
    pub block_answer: BlockAnswer,
    /// Whether private addresses of public names are withheld.
    pub rebind_protection: bool,
    /// Domains that may have private addresses.
    #[serde(serialize_with = "names")]
    pub rebind_exempt: Vec<DomainName>,
    /// Other servers for the names of a domain.
    pub domains: Vec<Domain>,
}

/// `[forward."corp.example"]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Domain {
    /// The domain.
    #[serde(serialize_with = "name")]
    pub name: DomainName,
    /// DNS servers, as in [`Forward`].
    #[serde(serialize_with = "shown")]
    pub upstreams: Vec<Server>,
    /// Who of them is asked first.
    #[serde(serialize_with = "policy")]
    pub policy: Policy,
}

/// What is answered for names that are blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockAnswer {
    /// That they do not exist.
    Nxdomain,
    /// 0.0.0.0 and ::.
    Zero,
}

/// `[access]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Access {
    /// Networks of clients that may ask, each once.
    #[serde(serialize_with = "shown")]
    pub allow: Vec<IpNet>,
    /// Networks of clients that may not, each once, none of them in `allow`.
    #[serde(serialize_with = "shown")]
    pub deny: Vec<IpNet>,
    /// What those get.
    #[serde(serialize_with = "denial")]
    pub denied: Denial,
    /// Networks without limits; none: those of the host.
    #[serde(serialize_with = "shown")]
    pub own_networks: Vec<IpNet>,
    /// Replies a second to every other client over UDP, up to 1,000,000; `None`: any number.
    #[serde(serialize_with = "or_zero")]
    pub rate_limit: Option<NonZeroU32>,
    /// Every so many-th query over the limit is told so, up to 100; 0: none.
    pub slip: u32,
    /// Whether clients are given cookies.
    pub cookies: bool,
    /// A file with their secret; `None`: it is random, and our own.
    pub cookie_secret: Option<PathBuf>,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// TCP connections, in all, 16–100,000.
    pub tcp_connections: usize,
    /// TCP connections of one client, 1–1,000,000.
    pub tcp_connections_per_client: usize,
    /// How long one may be silent, 100 ms to 1 h.
    #[serde(serialize_with = "duration")]
    pub tcp_idle: Duration,
    /// Questions that wait for an upstream, in all, 16–1,000,000.
    pub questions_under_way: usize,
    /// Questions of one client that do, 1–1,000,000.
    pub questions_under_way_per_client: usize,
    /// Services, tasks and container instances that are known, 1000–10,000,000.
    pub inventory: usize,
}

/// `[http]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Http {
    /// Address; `None`: no HTTP at all.
    #[serde(serialize_with = "or_off")]
    pub listen: Option<SocketAddr>,
}

/// `[snapshot]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// The file.
    #[serde(serialize_with = "snapshot_path")]
    pub path: SnapshotPath,
    /// How old what is known of a cluster may become, up to a year; zero: as old as it may.
    #[serde(serialize_with = "duration")]
    pub max_age: Duration,
    /// Bytes of forwarded answers that are kept beside the inventory, 64 KiB to 64 MiB; `None`: none are.
    #[serde(serialize_with = "size_or_off")]
    pub cache: Option<u64>,
}

/// Where the last inventory is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotPath {
    /// In the folder that systemd gives (`StateDirectory=`); without one, nowhere.
    StateDirectory,
    /// In this file, absolute.
    At(PathBuf),
    /// Nowhere.
    Off,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Log {
    /// Filter of tracing-subscriber; one that it accepts.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// How lines of the log look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}
