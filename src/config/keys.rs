//! Every key of the configuration, and what a good value of it looks like.

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// `section.key`, as in the file.
    pub name: &'static str,
    /// What to give, as the end of a sentence that begins with "give".
    pub expects: &'static str,
}

const fn key(name: &'static str, expects: &'static str) -> Key {
    Key { name, expects }
}

/// The keys, in the order of the file.
pub const KEYS: &[Key] = &[
    key("dns.listen", "1 to 32 IP addresses of this host, each with or without a port: [\"127.0.0.1:53\", \"::1\"]"),
    key("dns.zone", "a domain name that no one else answers for, such as \"ecs.internal\""),
    key("dns.ttl", "a number of seconds from 0 to 3600"),
    key("dns.negative_ttl", "a number of seconds from 0 to 3600"),
    key("dns.workers", "a number of threads from 1 to 256"),
    key("dns.fail_open", "true or false"),
    key("dns.transfer", "true or false"),
    key("ecs.source", "\"describe\", \"fixture\" or \"off\""),
    key("ecs.fixture", "the path of a file that `ecs-resolver dump --json` wrote, in quotes"),
    key("ecs.clusters", "names or ARNs of at most 100 clusters, [\"prod\", \"batch\"], or \"all\""),
    key("ecs.poll_interval", "a duration from \"100ms\" to \"1h\", in quotes, such as \"30s\" or \"1m 30s\""),
    key("ecs.reconcile_interval", "a duration from \"1s\" to \"24h\", in quotes, such as \"10m\""),
    key("ecs.health_interval", "a duration from \"100ms\" to \"1h\", in quotes, such as \"10s\""),
    key("ecs.region", "an AWS region, such as \"eu-central-1\""),
    key("ecs.agent_config", "the absolute path of the ECS agent's configuration, \"/etc/ecs/ecs.config\""),
    key("events.queue_url", "the URL of an SQS queue, \"https://sqs.eu-central-1.amazonaws.com/123456789012/name\""),
    key("events.topic_arn", "the ARN of an SNS topic, \"arn:aws:sns:eu-central-1:123456789012:name\""),
    key("route53.zone_id", "the id of a hosted zone, such as \"Z0123456789ABCDEFGHIJ\""),
    key("route53.fallback", "\"resolver\", \"api\" or \"off\""),
    key("route53.prefer", "\"ecs\" or \"route53\""),
    key("route53.poll_interval", "a duration from \"10s\" to \"24h\", in quotes, such as \"5m\""),
    key("controller.interval", "a duration from \"100ms\" to \"1h\", in quotes, such as \"60s\""),
    key("controller.record_types", "what to register: [\"CNAME\"], [\"CNAME\", \"A\"] or [\"CNAME\", \"A\", \"SRV\"]"),
    key("controller.adopt", "true or false"),
    key("controller.remove_queues_after", "a duration from \"1s\" to \"168h\", in quotes, such as \"15m\", or \"off\""),
    key(
        "forward.upstreams",
        "1 to 8 addresses of DNS servers, each with or without a port, or tls://ADDRESS#NAME: [\"169.254.169.253\"]",
    ),
    key("forward.policy", "\"fastest\", \"sequential\" or \"random\""),
    key("forward.rate", "a number of queries a second from 10 to 1000000"),
    key("forward.tls_ca", "the absolute path of a file with certificates in PEM form"),
    key("forward.mix_case", "true or false"),
    key("forward.cache_size", "a size from \"1MiB\" to \"4GiB\", in quotes, such as \"16MiB\""),
    key("forward.min_ttl", "a number of seconds from 0 to 3600, at most forward.max_ttl"),
    key("forward.max_ttl", "a number of seconds from 1 to 604800"),
    key("forward.negative_ttl", "a number of seconds from 0 to 3600"),
    key("forward.serve_stale", "a duration up to \"168h\", in quotes, such as \"24h\"; \"0s\" for never"),
    key("forward.prefetch", "true or false"),
    key("forward.hosts", "the absolute path of a file in the form of /etc/hosts"),
    key("forward.block", "names of domains, [\"ads.example\"]"),
    key("forward.block_answer", "\"nxdomain\" or \"zero\""),
    key("forward.rebind_protection", "true or false"),
    key("forward.rebind_exempt", "names of domains, [\"internal\"]"),
    key("access.allow", "networks as address and length of the prefix, [\"10.0.0.0/8\", \"fd00::/8\"]"),
    key("access.deny", "networks as address and length of the prefix, [\"10.9.0.0/16\"]"),
    key("access.denied", "\"refuse\" or \"drop\""),
    key("access.own_networks", "networks as address and length of the prefix, [\"10.0.0.0/20\"]"),
    key("access.rate_limit", "a number of replies a second from 1 to 1000000, or 0 for no limit"),
    key("access.slip", "a number from 1 to 100, or 0 for never"),
    key("access.cookies", "true or false"),
    key("access.cookie_secret", "the absolute path of a file with one or two lines of 32 hexadecimal digits"),
    key("limits.tcp_connections", "a number of connections from 16 to 100000"),
    key("limits.tcp_connections_per_client", "a number of connections from 1 to 1000000"),
    key("limits.tcp_idle", "a duration from \"100ms\" to \"1h\", in quotes, such as \"10s\""),
    key("limits.questions_under_way", "a number of questions from 16 to 1000000"),
    key("limits.questions_under_way_per_client", "a number of questions from 1 to 1000000"),
    key("limits.inventory", "a number of services, tasks and container instances from 1000 to 10000000"),
    key("http.listen", "an IP address with a port, \"127.0.0.1:9153\", or \"off\""),
    key("snapshot.path", "an absolute path, such as \"/var/lib/ecs-resolver/inventory\", or \"off\""),
    key("snapshot.max_age", "a duration up to \"8760h\", in quotes, such as \"168h\"; \"0s\" for no limit"),
    key("snapshot.cache", "a size from \"64KiB\" to \"64MiB\", in quotes, such as \"1MiB\", or \"off\""),
    key("log.level", "\"error\", \"warn\", \"info\", \"debug\", or a filter such as \"info,ecs_resolver=debug\""),
    key("log.format", "\"text\" or \"json\""),
];

/// The section whose keys are domain names.
pub const RECORDS: &str = "records";

/// What the texts of a name in [`RECORDS`] should be.
pub const RECORD_EXPECTS: &str =
    "IP addresses, or records such as \"TXT \\\"a b\\\"\", \"CNAME db.example.\", \"60 SRV 10 5 8080 y.ecs.internal.\"";

/// The key that `name` is, or is an element of (`dns.listen[1]`).
#[must_use]
pub fn find(name: &str) -> Option<&'static Key> {
    let name = base(name);
    KEYS.iter().find(|key| key.name == name)
}

/// `dns.listen` for `dns.listen[1]`.
#[must_use]
pub fn base(name: &str) -> &str {
    name.split('[').next().unwrap_or(name)
}

/// The sections, each once.
#[must_use]
pub fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = KEYS.iter().filter_map(|key| Some(key.name.split_once('.')?.0)).collect();
    sections.dedup();
    sections
}

/// The keys of `section`, without its name.
pub fn keys_of(section: &str) -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(move |key| key.name.split_once('.').filter(|(of, _)| *of == section).map(|(_, name)| name))
}
