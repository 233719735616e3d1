//! What another configuration would change, key by key, and which of it can be changed while the daemon runs: pure.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::settings::{Config, Dns, Fallback, Forward, Log, Route53};
use super::show;
use crate::forward::asks_ourselves;

/// A key with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// As in the file: `dns.ttl`, `records.db.ecs.internal`.
    pub key: String,
    /// Its value so far, `-` for none.
    pub old: String,
    /// Its value from now on.
    pub new: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.key, self.old, self.new)
    }
}

/// What is different in `new`, in the order of the keys.
#[must_use]
pub fn between(old: &Config, new: &Config) -> Vec<Difference> {
    let (old, new) = (values(old), values(new));
    let keys = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
    let value = |of: &BTreeMap<String, String>, key: &str| of.get(key).cloned().unwrap_or_else(|| "-".to_owned());
    let mut differences: Vec<_> = keys
        .map(|key| Difference { key: key.clone(), old: value(&old, key), new: value(&new, key) })
        .filter(|difference| difference.old != difference.new)
        .collect();
    differences.sort_by(|a, b| a.key.cmp(&b.key));
    differences
}

/// `running` with those settings of `wanted` that can be changed without a restart: what names say, where others are asked,
/// who may ask how much, and how much is logged. Not so what sockets, sources and files are made of.
#[must_use]
pub fn applicable(running: &Config, wanted: &Config) -> Config {
    let Dns { ttl, negative_ttl, fail_open, .. } = wanted.dns;
    // A copy of the hosted zone is begun, and given up, at a start only.
    let fallback = match (running.route53.fallback, wanted.route53.fallback) {
        (running @ Fallback::Api, _) | (running, Fallback::Api) => running,
        (_, wanted) => wanted,
    };
    // Those of another zone are for the names of that one.
    let same_zone = running.dns.zone == wanted.dns.zone;
    let records = if same_zone { &wanted.records } else { &running.records };
    let forward = if loops(&wanted.forward, &running.dns) { &running.forward } else { &wanted.forward };
    Config {
        dns: Dns { ttl, negative_ttl, fail_open, ..running.dns.clone() },
        route53: Route53 { fallback, prefer: wanted.route53.prefer, ..running.route53.clone() },
        records: records.clone(),
        forward: forward.clone(),
        access: wanted.access.clone(),
        limits: wanted.limits.clone(),
        log: Log { level: wanted.log.level.clone(), ..running.log.clone() },
        ..running.clone()
    }
}

/// Whether an upstream is an address that we listen on until the restart.
fn loops(forward: &Forward, dns: &Dns) -> bool {
    let mut servers = forward.upstreams.iter().chain(forward.domains.iter().flat_map(|domain| &domain.upstreams));
    servers.any(|server| asks_ourselves(server.address, &dns.listen, &[]))
}

/// Every key with its value as text.
fn values(config: &Config) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for (section, settings) in json!(config).as_object().into_iter().flatten() {
        for (key, value) in settings.as_object().into_iter().flatten() {
            match value.as_array().filter(|_| key == "domains") {
                Some(domains) => values.extend(domains.iter().map(|domain| of_domain(section, domain))),
                None => {
                    values.insert(format!("{section}.{key}"), show::value(value));
                }
            }
        }
    }
    values
}

/// `[forward."corp.example"]`
fn of_domain(section: &str, domain: &Value) -> (String, String) {
    let part = |key: &str| show::value(&domain[key]);
    (format!("{section}.{}", part("name")), format!("{} ({})", part("upstreams"), part("policy")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, load_text};

    fn config(text: &str) -> Config {
        load_text(text, None, &Overrides::default()).unwrap().config
    }

    fn told(old: &str, new: &str) -> Vec<String> {
        between(&config(old), &config(new)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_different_is_told_key_by_key() {
        assert_eq!(told("", "dns.ttl = 5"), [""; 0], "the default, and the same");
        assert_eq!(
            told("dns.ttl = 9", "dns.listen = \"127.0.0.1\"\nlog.level = \"debug\""),
            [
                "dns.listen: 127.0.0.1:53 169.254.20.10:53 -> 127.0.0.1:53",
                "dns.ttl: 9 -> 5",
                "log.level: info,aws_config=error -> debug"
            ]
        );
        let corp = "[forward.\"corp.example\"]\nupstreams = \"10.1.0.2\"";
        assert_eq!(told("", corp), ["forward.corp.example: - -> 10.1.0.2:53 (fastest)"]);
        let record = |address: &str| format!("[records]\n\"db.ecs.internal\" = \"{address}\"");
        let one = told(&record("10.0.0.1"), &record("10.0.0.2"));
        assert!(matches!(one.as_slice(), [one] if one.contains("records.db.ecs.internal") && one.contains("10.0.0.2")));
    }

    #[test]
    fn what_needs_a_restart_is_left_as_it_is() {
        let (running, wanted) = (config(""), config("dns.ttl = 9\ndns.workers = 3\nhttp.listen = \"off\""));
        let applied = applicable(&running, &wanted);
        let keys = |differences: Vec<Difference>| differences.into_iter().map(|it| it.key).collect::<Vec<_>>();
        assert_eq!(keys(between(&running, &applied)), ["dns.ttl"]);
        assert_eq!(keys(between(&applied, &wanted)), ["dns.workers", "http.listen"]);
        let wanted = config("[dns]\nzone = \"x.internal\"\n[records]\n\"db.x.internal\" = \"10.0.0.1\"");
        assert_eq!(applicable(&running, &wanted), running, "they are names of another zone");
        let wanted = config("[dns]\nlisten = \"127.0.0.3\"\n[forward]\nupstreams = \"127.0.0.1\"");
        assert_eq!(applicable(&running, &wanted), running, "until the restart they would lead back to us");
        for api in
            [(config("route53.fallback = \"api\""), config("")), (config(""), config("route53.fallback = \"api\""))]
        {
            assert_eq!(applicable(&api.0, &api.1), api.0);
        }
    }

    #[test]
    fn what_an_operator_changes_at_night_holds_at_once() {
        for text in [
            "access.deny = \"10.9.0.0/16\"",
            "access.cookie_secret = \"/s\"",
            "limits.tcp_connections = 17",
            "limits.inventory = 1000",
            "forward.cache_size = \"1MiB\"",
            "forward.upstreams = \"10.0.0.2\"",
            "[forward.\"corp.example\"]\nupstreams = \"10.0.0.2\"",
            "forward.block = [\"ads.example\"]",
            "route53.fallback = \"off\"",
            "route53.prefer = \"route53\"",
            "[records]\n\"db.ecs.internal\" = \"10.0.0.1\"\n\"db.corp.example\" = \"10.0.0.2\"",
            "log.level = \"debug\"",
        ] {
            let wanted = config(text);
            assert_eq!(applicable(&config(""), &wanted), wanted, "{text}");
        }
    }

    #[test]
    fn secrets_are_not_told() {
        let url = |user: &str| format!("events.queue_url = \"https://{user}sqs.eu-west-1.amazonaws.com/1/q\"");
        let told = told(&url("me:hunter2@"), &url("me:hunter3@"));
        assert_eq!(told, [""; 0], "they look the same");
        let told = between(&config(""), &config(&url("me:hunter2@")));
        assert_eq!(told[0].new, "https://***@sqs.eu-west-1.amazonaws.com/1/q");
    }
}
