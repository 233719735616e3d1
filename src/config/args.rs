//! Flags and environment variables that go over the file. A flag goes before its variable; clap sees to that.

use clap::{Args, FromArgMatches};

use super::file::{Spec, Texts};
use super::{Fault, keys};

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
    /// DNS server for everything else; port 53 if none is given. Repeat it, or separate by commas
    #[arg(
        long = "upstream",
        env = "ECS_RESOLVER_FORWARD_UPSTREAMS",
        value_name = "ADDR[:PORT]",
        value_delimiter = ','
    )]
    pub upstreams: Vec<String>,
    /// Memory for forwarded answers
    #[arg(long, env = "ECS_RESOLVER_FORWARD_CACHE_SIZE", value_name = "SIZE")]
    pub cache_size: Option<String>,
    /// Address of health, metrics and dumps
    #[arg(long, env = "ECS_RESOLVER_HTTP_LISTEN", value_name = "ADDR:PORT|off")]
    pub http: Option<String>,
    /// File of the last inventory
    #[arg(long = "snapshot", env = "ECS_RESOLVER_SNAPSHOT_PATH", value_name = "FILE")]
    pub snapshot_path: Option<String>,
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
        let all: [(&str, &[String]); 27] = [
            ("dns.listen", &self.listen),
            ("dns.zone", self.zone.as_slice()),
            ("dns.ttl", self.ttl.as_slice()),
            ("dns.negative_ttl", self.negative_ttl.as_slice()),
            ("dns.workers", self.workers.as_slice()),
            ("dns.fail_open", self.fail_open.as_slice()),
            ("ecs.source", self.source.as_slice()),
            ("ecs.fixture", self.fixture.as_slice()),
            ("ecs.clusters", &self.clusters),
            ("ecs.poll_interval", self.poll_interval.as_slice()),
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
            ("forward.upstreams", &self.upstreams),
            ("forward.cache_size", self.cache_size.as_slice()),
            ("http.listen", self.http.as_slice()),
            ("snapshot.path", self.snapshot_path.as_slice()),
            ("log.level", self.log_level.as_slice()),
            ("log.format", self.log_format.as_slice()),
        ];
        all.into_iter().filter(|(_, texts)| texts.iter().any(|text| !text.is_empty()))
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
        "ecs.source" => spec.ecs.source = text(),
        "ecs.fixture" => spec.ecs.fixture = Some(text()),
        "ecs.clusters" => spec.ecs.clusters = list(),
        "ecs.poll_interval" => spec.ecs.poll_interval = text(),
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
        "forward.upstreams" => spec.forward.upstreams = list(),
        "forward.cache_size" => spec.forward.cache_size = text(),
        "http.listen" => spec.http.listen = text(),
        "snapshot.path" => spec.snapshot.path = Some(text()),
        "log.level" => spec.log.level = text(),
        "log.format" => spec.log.format = text(),
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
