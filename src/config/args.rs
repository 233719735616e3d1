//! Flags and environment variables that go over the file. A flag goes before its variable; clap sees to that.

mod access;
mod limits;

use clap::{Args, FromArgMatches};

use super::file::{Forward, Spec, Texts};
use super::{Fault, keys};
pub use access::AccessOverrides;
pub use limits::LimitsOverrides;

/// What was given on the command line or in the environment, as text: judged together with the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Settings (over the file; ranges and defaults: config/ecs-resolver.toml)")]
pub struct Overrides {
    /// Address to answer DNS on, UDP and TCP; port 53 if none is given. Repeat it, or separate by commas
    #[arg(long, env = "ECS_RESOLVER_DNS_LISTEN", value_name = "ADDR[:PORT]", value_delimiter = ',')]
    pub listen: Vec<String>,
    /// Zone of the ECS names
    #[arg(long, env = "ECS_RESOLVER_DNS_ZONE", value_name = "NAME")]
    pub zone: Option<String>,
    /// TTL of task addresses, in seconds
    #[arg(long, env = "ECS_RESOLVER_DNS_TTL", value_name = "SECONDS")]
    pub ttl: Option<String>,
    /// TTL of negative answers, in seconds
    #[arg(long, env = "ECS_RESOLVER_DNS_NEGATIVE_TTL", value_name = "SECONDS")]
    pub negative_ttl: Option<String>,
    /// Threads that answer UDP
    #[arg(long, env = "ECS_RESOLVER_DNS_WORKERS", value_name = "N")]
    pub workers: Option<String>,
    /// Whether a service without a healthy task answers with its unhealthy ones
    #[arg(long, env = "ECS_RESOLVER_DNS_FAIL_OPEN", value_name = "true|false")]
    pub fail_open: Option<String>,
    /// Whether the zone is transferred to whoever asks over TCP from this host
    #[arg(long, env = "ECS_RESOLVER_DNS_TRANSFER", value_name = "true|false")]
    pub transfer: Option<String>,
    /// Where the inventory comes from
    #[arg(long, env = "ECS_RESOLVER_ECS_SOURCE", value_name = "describe|fixture|off")]
    pub source: Option<String>,
    /// Inventory file of the fixture source
    #[arg(long, env = "ECS_RESOLVER_ECS_FIXTURE", value_name = "FILE")]
    pub fixture: Option<String>,
    /// Cluster to follow, by name or ARN, or `all`. Repeat it, or separate by commas
    #[arg(long = "cluster", env = "ECS_RESOLVER_ECS_CLUSTERS", value_name = "CLUSTER", value_delimiter = ',')]
    pub clusters: Vec<String>,
    /// Time between two reads of the clusters
    #[arg(long, env = "ECS_RESOLVER_ECS_POLL_INTERVAL", value_name = "DURATION")]
    pub poll_interval: Option<String>,
    /// The same while events tell of changes
    #[arg(long, env = "ECS_RESOLVER_ECS_RECONCILE_INTERVAL", value_name = "DURATION")]
    pub reconcile_interval: Option<String>,
    /// Time between two looks at the health of tasks while events tell of everything else
    #[arg(long, env = "ECS_RESOLVER_ECS_HEALTH_INTERVAL", value_name = "DURATION")]
    pub health_interval: Option<String>,
    /// AWS region
    #[arg(long, env = "ECS_RESOLVER_ECS_REGION", value_name = "REGION")]
    pub region: Option<String>,
    /// Configuration of the ECS agent, read for ECS_CLUSTER
    #[arg(long, env = "ECS_RESOLVER_ECS_AGENT_CONFIG", value_name = "FILE")]
    pub agent_config: Option<String>,
    /// SQS queue of this agent
    #[arg(long, env = "ECS_RESOLVER_EVENTS_QUEUE_URL", value_name = "URL")]
    pub queue_url: Option<String>,
    /// SNS topic to subscribe a queue to
    #[arg(long, env = "ECS_RESOLVER_EVENTS_TOPIC_ARN", value_name = "ARN")]
    pub topic_arn: Option<String>,
    /// Private hosted zone
    #[arg(long, env = "ECS_RESOLVER_ROUTE53_ZONE_ID", value_name = "ID")]
    pub zone_id: Option<String>,
    /// Who is asked for names of the zone that ECS does not know
    #[arg(long, env = "ECS_RESOLVER_ROUTE53_FALLBACK", value_name = "resolver|api|off")]
    pub fallback: Option<String>,
    /// Who goes first where ECS and Route 53 both have a name
    #[arg(long, env = "ECS_RESOLVER_ROUTE53_PREFER", value_name = "ecs|route53")]
    pub prefer: Option<String>,
    /// Time between two reads of the hosted zone
    #[arg(long, env = "ECS_RESOLVER_ROUTE53_POLL_INTERVAL", value_name = "DURATION")]
    pub zone_poll_interval: Option<String>,
    /// Time between two reconciles of the hosted zone
    #[arg(long = "interval", env = "ECS_RESOLVER_CONTROLLER_INTERVAL", value_name = "DURATION")]
    pub controller_interval: Option<String>,
    /// Record type that is registered. Repeat it, or separate by commas
    #[arg(
        long = "record-type",
        env = "ECS_RESOLVER_CONTROLLER_RECORD_TYPES",
        value_name = "CNAME|A|SRV",
        value_delimiter = ','
    )]
    pub record_types: Vec<String>,
    /// Take over CNAMEs, TTL 60, that lead to the service's own load balancer: those of the Lambda of 2016
    #[arg(
        long,
        env = "ECS_RESOLVER_CONTROLLER_ADOPT",
        value_name = "true|false",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub adopt: Option<String>,
    /// Time until the queue of a host that is gone from its cluster is removed
    #[arg(long, env = "ECS_RESOLVER_CONTROLLER_REMOVE_QUEUES_AFTER", value_name = "DURATION|off")]
    pub remove_queues_after: Option<String>,
    /// DNS server for everything else; port 53 if none is given. Repeat it, or separate by commas
    #[arg(
        long = "upstream",
        env = "ECS_RESOLVER_FORWARD_UPSTREAMS",
        value_name = "ADDR[:PORT]",
        value_delimiter = ','
    )]
    pub upstreams: Vec<String>,
    /// Which of several is asked first
    #[arg(long, env = "ECS_RESOLVER_FORWARD_POLICY", value_name = "fastest|sequential|random")]
    pub policy: Option<String>,
    /// Queries a second that may be sent to them
    #[arg(long, env = "ECS_RESOLVER_FORWARD_RATE", value_name = "N")]
    pub rate: Option<String>,
    /// Certificates that DNS servers over TLS are trusted by; without it, those of the system
    #[arg(long, env = "ECS_RESOLVER_FORWARD_TLS_CA", value_name = "FILE")]
    pub tls_ca: Option<String>,
    /// Whether names are sent to them in mixed case, which replies must repeat
    #[arg(long, env = "ECS_RESOLVER_FORWARD_MIX_CASE", value_name = "true|false")]
    pub mix_case: Option<String>,
    /// Memory for forwarded answers
    #[arg(long, env = "ECS_RESOLVER_FORWARD_CACHE_SIZE", value_name = "SIZE")]
    pub cache_size: Option<String>,
    /// Shortest TTL of a forwarded answer, in seconds
    #[arg(long, env = "ECS_RESOLVER_FORWARD_MIN_TTL", value_name = "SECONDS")]
    pub min_ttl: Option<String>,
    /// Longest TTL of a forwarded answer, in seconds
    #[arg(long, env = "ECS_RESOLVER_FORWARD_MAX_TTL", value_name = "SECONDS")]
    pub max_ttl: Option<String>,
    /// Longest TTL of a forwarded negative answer, in seconds
    #[arg(long, env = "ECS_RESOLVER_FORWARD_NEGATIVE_TTL", value_name = "SECONDS")]
    pub forward_negative_ttl: Option<String>,
    /// How long a forwarded answer may be used after its time when no DNS server answers
    #[arg(long, env = "ECS_RESOLVER_FORWARD_SERVE_STALE", value_name = "DURATION")]
    pub serve_stale: Option<String>,
    /// Whether popular forwarded answers are renewed before their time is over
    #[arg(long, env = "ECS_RESOLVER_FORWARD_PREFETCH", value_name = "true|false")]
    pub prefetch: Option<String>,
    /// File of further names, in the form of /etc/hosts
    #[arg(long, env = "ECS_RESOLVER_FORWARD_HOSTS", value_name = "FILE")]
    pub hosts: Option<String>,
    /// Domain that is not to be resolved. Repeat it, or separate by commas
    #[arg(long, env = "ECS_RESOLVER_FORWARD_BLOCK", value_name = "NAME", value_delimiter = ',')]
    pub block: Vec<String>,
    /// What is answered for those
    #[arg(long, env = "ECS_RESOLVER_FORWARD_BLOCK_ANSWER", value_name = "nxdomain|zero")]
    pub block_answer: Option<String>,
    /// Whether private addresses of public names are withheld
    #[arg(long, env = "ECS_RESOLVER_FORWARD_REBIND_PROTECTION", value_name = "true|false")]
    pub rebind_protection: Option<String>,
    /// Domain that may have private addresses. Repeat it, or separate by commas
    #[arg(long, env = "ECS_RESOLVER_FORWARD_REBIND_EXEMPT", value_name = "NAME", value_delimiter = ',')]
    pub rebind_exempt: Vec<String>,
    /// `[access]`
    #[command(flatten)]
    pub access: AccessOverrides,
    /// `[limits]`
    #[command(flatten)]
    pub limits: LimitsOverrides,
    /// Address of health, metrics and dumps
    #[arg(long, env = "ECS_RESOLVER_HTTP_LISTEN", value_name = "ADDR:PORT|off")]
    pub http: Option<String>,
    /// File of the last inventory
    #[arg(long = "snapshot", env = "ECS_RESOLVER_SNAPSHOT_PATH", value_name = "FILE|off")]
    pub snapshot_path: Option<String>,
    /// How old what is known of a cluster may become before its names get SERVFAIL
    #[arg(long = "max-age", env = "ECS_RESOLVER_SNAPSHOT_MAX_AGE", value_name = "DURATION")]
    pub snapshot_max_age: Option<String>,
    /// Forwarded answers that are kept on disk beside it
    #[arg(long, env = "ECS_RESOLVER_SNAPSHOT_CACHE", value_name = "SIZE|off")]
    pub snapshot_cache: Option<String>,
    /// What is logged; RUST_LOG is read as well
    #[arg(long, env = "ECS_RESOLVER_LOG_LEVEL", value_name = "FILTER")]
    pub log_level: Option<String>,
    /// How it is logged
    #[arg(long, env = "ECS_RESOLVER_LOG_FORMAT", value_name = "text|json")]
    pub log_format: Option<String>,
}

impl Overrides {
    /// What the environment alone gives, where there is no command line.
    ///
    /// # Errors
    /// What clap has to say of a variable.
    pub fn of_environment() -> Result<Self, String> {
        let command = Self::augment_args(clap::Command::new("environment"));
        let matches = command.try_get_matches_from(["environment"]);
        matches.and_then(|matches| Self::from_arg_matches(&matches)).map_err(|error| error.to_string())
    }

    /// The keys that are given, with their texts. Empty texts count as not given, so that a unit file can pass on a
    /// variable that is not set.
    pub fn given(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        let all: [(&str, &[String]); 47] = [
            ("dns.listen", &self.listen),
            ("dns.zone", self.zone.as_slice()),
            ("dns.ttl", self.ttl.as_slice()),
            ("dns.negative_ttl", self.negative_ttl.as_slice()),
            ("dns.workers", self.workers.as_slice()),
            ("dns.fail_open", self.fail_open.as_slice()),
            ("dns.transfer", self.transfer.as_slice()),
            ("ecs.source", self.source.as_slice()),
            ("ecs.fixture", self.fixture.as_slice()),
            ("ecs.clusters", &self.clusters),
            ("ecs.poll_interval", self.poll_interval.as_slice()),
            ("ecs.reconcile_interval", self.reconcile_interval.as_slice()),
            ("ecs.health_interval", self.health_interval.as_slice()),
            ("ecs.region", self.region.as_slice()),
            ("ecs.agent_config", self.agent_config.as_slice()),
            ("events.queue_url", self.queue_url.as_slice()),
            ("events.topic_arn", self.topic_arn.as_slice()),
            ("route53.zone_id", self.zone_id.as_slice()),
            ("route53.fallback", self.fallback.as_slice()),
            ("route53.prefer", self.prefer.as_slice()),
            ("route53.poll_interval", self.zone_poll_interval.as_slice()),
            ("controller.interval", self.controller_interval.as_slice()),
            ("controller.record_types", &self.record_types),
            ("controller.adopt", self.adopt.as_slice()),
            ("controller.remove_queues_after", self.remove_queues_after.as_slice()),
            ("forward.upstreams", &self.upstreams),
            ("forward.policy", self.policy.as_slice()),
            ("forward.rate", self.rate.as_slice()),
            ("forward.tls_ca", self.tls_ca.as_slice()),
            ("forward.mix_case", self.mix_case.as_slice()),
            ("forward.cache_size", self.cache_size.as_slice()),
            ("forward.min_ttl", self.min_ttl.as_slice()),
            ("forward.max_ttl", self.max_ttl.as_slice()),
            ("forward.negative_ttl", self.forward_negative_ttl.as_slice()),
            ("forward.serve_stale", self.serve_stale.as_slice()),
            ("forward.prefetch", self.prefetch.as_slice()),
            ("forward.hosts", self.hosts.as_slice()),
            ("forward.block", &self.block),
            ("forward.block_answer", self.block_answer.as_slice()),
            ("forward.rebind_protection", self.rebind_protection.as_slice()),
            ("forward.rebind_exempt", &self.rebind_exempt),
            ("http.listen", self.http.as_slice()),
            ("snapshot.path", self.snapshot_path.as_slice()),
            ("snapshot.max_age", self.snapshot_max_age.as_slice()),
            ("snapshot.cache", self.snapshot_cache.as_slice()),
            ("log.level", self.log_level.as_slice()),
            ("log.format", self.log_format.as_slice()),
        ];
        all.into_iter()
            .chain(self.access.all())
            .chain(self.limits.all())
            .filter(|(_, texts)| texts.iter().any(|text| !text.is_empty()))
    }

    /// Puts what is given over `spec`; returns what cannot even be read as the key's type.
    #[must_use]
    pub fn apply(&self, spec: &mut Spec) -> Vec<Fault> {
        self.given().filter_map(|(key, texts)| set(spec, key, texts).err()).collect()
    }
}

/// Sets one key of `spec`.
fn set(spec: &mut Spec, key: &'static str, texts: &[String]) -> Result<(), Fault> {
    let list = || Texts(texts.to_vec());
    let text = || texts.join(",");
    match key {
        "dns.listen" => spec.dns.listen = list(),
        "dns.zone" => spec.dns.zone = text(),
        "dns.ttl" => spec.dns.ttl = parse(key, &text())?,
        "dns.negative_ttl" => spec.dns.negative_ttl = parse(key, &text())?,
        "dns.workers" => spec.dns.workers = parse(key, &text())?,
        "dns.fail_open" => spec.dns.fail_open = parse(key, &text())?,
        "dns.transfer" => spec.dns.transfer = parse(key, &text())?,
        "ecs.source" => spec.ecs.source = text(),
        "ecs.fixture" => spec.ecs.fixture = Some(text()),
        "ecs.clusters" => spec.ecs.clusters = list(),
        "ecs.poll_interval" => spec.ecs.poll_interval = text(),
        "ecs.reconcile_interval" => spec.ecs.reconcile_interval = text(),
        "ecs.health_interval" => spec.ecs.health_interval = text(),
        "ecs.region" => spec.ecs.region = Some(text()),
        "ecs.agent_config" => spec.ecs.agent_config = text(),
        "events.queue_url" => spec.events.queue_url = Some(text()),
        "events.topic_arn" => spec.events.topic_arn = Some(text()),
        "route53.zone_id" => spec.route53.zone_id = Some(text()),
        "route53.fallback" => spec.route53.fallback = text(),
        "route53.prefer" => spec.route53.prefer = text(),
        "route53.poll_interval" => spec.route53.poll_interval = text(),
        "controller.interval" => spec.controller.interval = text(),
        "controller.record_types" => spec.controller.record_types = list(),
        "controller.adopt" => spec.controller.adopt = parse(key, &text())?,
        "controller.remove_queues_after" => spec.controller.remove_queues_after = text(),
        _ if key.starts_with("forward.") => return set_forward(&mut spec.forward, key, texts),
        _ if key.starts_with("access.") => return access::set(&mut spec.access, key, texts),
        _ if key.starts_with("limits.") => return limits::set(&mut spec.limits, key, texts),
        "http.listen" => spec.http.listen = text(),
        "snapshot.path" => spec.snapshot.path = Some(text()),
        "snapshot.max_age" => spec.snapshot.max_age = text(),
        "snapshot.cache" => spec.snapshot.cache = text(),
        "log.level" => spec.log.level = text(),
        "log.format" => spec.log.format = text(),
        _ => return Err(Fault::new(key, "there is no such key")),
    }
    Ok(())
}

/// Sets one key of `[forward]`.
fn set_forward(spec: &mut Forward, key: &'static str, texts: &[String]) -> Result<(), Fault> {
    let list = || Texts(texts.to_vec());
    let text = || texts.join(",");
    match key {
        "forward.upstreams" => spec.upstreams = list(),
        "forward.policy" => spec.policy = text(),
        "forward.rate" => spec.rate = parse(key, &text())?,
        "forward.tls_ca" => spec.tls_ca = Some(text()),
        "forward.mix_case" => spec.mix_case = parse(key, &text())?,
        "forward.cache_size" => spec.cache_size = text(),
        "forward.min_ttl" => spec.min_ttl = parse(key, &text())?,
        "forward.max_ttl" => spec.max_ttl = parse(key, &text())?,
        "forward.negative_ttl" => spec.negative_ttl = parse(key, &text())?,
        "forward.serve_stale" => spec.serve_stale = text(),
        "forward.prefetch" => spec.prefetch = parse(key, &text())?,
        "forward.hosts" => spec.hosts = Some(text()),
        "forward.block" => spec.block = list(),
        "forward.block_answer" => spec.block_answer = text(),
        "forward.rebind_protection" => spec.rebind_protection = parse(key, &text())?,
        "forward.rebind_exempt" => spec.rebind_exempt = list(),
        _ => return Err(Fault::new(key, "there is no such key")),
    }
    Ok(())
}

fn parse<T: std::str::FromStr>(key: &str, text: &str) -> Result<T, Fault> {
    text.trim().parse().map_err(|_| Fault::new(key, format!("`{text}` does not fit here")))
}

/// The environment variable of a key: `ECS_RESOLVER_DNS_LISTEN`.
#[must_use]
pub fn variable(key: &str) -> String {
    format!("ECS_RESOLVER_{}", key.replace('.', "_").to_uppercase())
}

/// Flag and variable of a key, for messages.
#[must_use]
pub fn names(key: &str) -> String {
    let variable = variable(key);
    let command = Overrides::augment_args(clap::Command::new("settings"));
    let flag = command
        .get_arguments()
        .find(|argument| argument.get_env().is_some_and(|env| env == variable.as_str()))
        .and_then(clap::Arg::get_long);
    match flag {
        Some(flag) if keys::find(key).is_some() => format!("--{flag} or {variable}"),
        _ => variable,
    }
}
