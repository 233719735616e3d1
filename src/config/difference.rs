//! What another configuration would change, key by key, and which of it can be changed while the daemon runs: pure.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::records::Records;
use super::settings::{Config, Dns, Log, Route53};
use super::show;

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

/// `running` with those settings of `wanted` that can be changed without a restart: what names of the zone say, and how
/// much is logged.
#[must_use]
pub fn applicable(running: &Config, wanted: &Config) -> Config {
    let Dns { ttl, negative_ttl, fail_open, .. } = wanted.dns;
    // Names outside of the zone are the forwarder's, which is not changed.
    let (within, _) = wanted.records.split(&running.dns.zone);
    let (_, outside) = running.records.split(&running.dns.zone);
    Config {
        dns: Dns { ttl, negative_ttl, fail_open, ..running.dns.clone() },
        route53: Route53 { prefer: wanted.route53.prefer, ..running.route53.clone() },
        records: Records(within.into_iter().chain(outside).collect()),
        log: Log { level: wanted.log.level.clone(), ..running.log.clone() },
        ..running.clone()
    }
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
        let wanted = config("[records]\n\"db.ecs.internal\" = \"10.0.0.1\"\n\"db.corp.example\" = \"10.0.0.2\"");
        let applied = applicable(&running, &wanted);
        assert_eq!(keys(between(&running, &applied)), ["records.db.ecs.internal"]);
        assert_eq!(keys(between(&applied, &wanted)), ["records.db.corp.example"]);
    }
}
