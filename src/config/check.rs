//! [`Spec`] → [`Config`]: every value judged, all faults collected.
//!
//! A value that is wrong is replaced by a harmless one so that the others can still be judged; the result is then an
//! error, so nobody ever sees the replacement.

mod access;
mod forward;
mod limits;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file::{self, Spec, Texts};
use super::records::{self, Records};
use super::settings::{
    Clusters, Config, Controller, Dns, Ecs, Events, Fallback, Http, Log, LogFormat, Prefer, Route53, Snapshot,
    SnapshotPath, Source,
};
use super::{Fault, Overrides, keys, values};
use crate::dns::DomainName;
use crate::register::Kind;

/// Most addresses to listen on; each costs a socket per worker.
const MAX_LISTEN: usize = 32;
/// Most clusters by name; DescribeClusters takes 100.
const MAX_CLUSTERS: usize = 100;
/// Longest TTL of our own records, in seconds.
const MAX_TTL: i64 = 3600;
/// Most UDP threads.
const MAX_WORKERS: i64 = 256;
/// Shortest and longest time between two reads, where nothing else tells of changes.
const INTERVALS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);
/// The same, where events do.
const RECONCILE_INTERVALS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 3600);
/// Shortest and longest time until the queue of a host that is gone is removed.
const GRACES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(7 * 24 * 3600);
/// Shortest and longest time between two reads of the hosted zone.
const ZONE_POLL_INTERVALS: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_secs(24 * 3600);
/// How old what is known of a cluster may become; zero stands for any age.
const MAX_AGES: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(365 * 86_400);

/// Bytes of forwarded answers that are kept on disk.
const SAVED_CACHES: RangeInclusive<u64> = 64 << 10..=64 << 20;

/// Judges `spec` with `overrides` over it.
///
/// # Errors
/// Every fault, in the order of the keys.
pub fn check(mut spec: Spec, overrides: &Overrides) -> Result<Config, Vec<Fault>> {
    let mut judge = Judge { faults: overrides.apply(&mut spec) };
    let dns = judge.dns(&spec.dns);
    let config = Config {
        records: judge.records(&spec.records, &dns),
        dns,
        ecs: judge.ecs(spec.ecs),
        events: judge.events(spec.events),
        route53: judge.route53(&spec.route53),
        controller: judge.controller(&spec.controller),
        forward: judge.forward(spec.forward),
        access: judge.access(spec.access),
        limits: judge.limits(&spec.limits),
        http: judge.http(&spec.http),
        snapshot: judge.snapshot(spec.snapshot),
        log: judge.log(spec.log),
    };
    judge.own_address_upstream(&config);
    judge.ports_in_common(&config);
    if judge.faults.is_empty() { Ok(config) } else { Err(judge.faults) }
}

/// What an operator should know although it is no fault, as `key: text`.
#[must_use]
pub fn notices(config: &Config) -> Vec<String> {
    let open = config.dns.listen.iter().filter(|address| address.ip().is_unspecified());
    let open = open.map(|address| {
        format!("dns.listen: {address} can be asked by whoever reaches this host and may ask; name the addresses that shall answer")
    });
    open.chain(access::notices(config)).collect()
}

/// The faults found so far.
struct Judge {
    faults: Vec<Fault>,
}

impl Judge {
    fn fault(&mut self, key: impl Into<String>, what: impl Into<String>) {
        self.faults.push(Fault::new(key, what));
    }

    /// The value, or a fault and nothing.
    fn take<T>(&mut self, key: &str, value: Result<T, String>) -> Option<T> {
        value.map_err(|what| self.fault(key, what)).ok()
    }

    /// One of a few words.
    fn word<T: Copy>(&mut self, key: &str, text: &str, words: &[(&str, T)]) -> Option<T> {
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        self.take(key, found.ok_or_else(|| format!("`{text}` is not known here")))
    }

    /// A number within `range`.
    fn number<T: TryFrom<i64> + Default>(&mut self, key: &str, value: i64, range: &RangeInclusive<i64>) -> T {
        let fits = T::try_from(value).ok().filter(|_| range.contains(&value));
        self.take(key, fits.ok_or_else(|| format!("{value} is out of range"))).unwrap_or_default()
    }

    /// An optional text that must have a shape.
    fn shaped(&mut self, key: &str, text: Option<String>, shape: fn(&str) -> bool, what: &str) -> Option<String> {
        let text = text?;
        if !shape(&text) {
            self.fault(key, format!("`{text}` is not {what}"));
        }
        Some(text)
    }

    /// A path from the root.
    fn absolute(&mut self, key: &str, path: String) -> PathBuf {
        if !Path::new(&path).is_absolute() {
            self.fault(key, format!("`{path}` is not an absolute path"));
        }
        path.into()
    }

    /// Addresses, each once, at least one.
    fn addresses(&mut self, key: &str, texts: &Texts, max: usize) -> Vec<SocketAddr> {
        if texts.0.is_empty() || texts.0.len() > max {
            self.fault(key, format!("{} addresses are given", texts.0.len()));
        }
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for (at, text) in texts.0.iter().enumerate().take(max) {
            let key = format!("{key}[{at}]");
            let Some(address) = self.take(&key, values::address(text, values::DNS_PORT)) else { continue };
            if address.ip().is_multicast() || address.ip() == std::net::Ipv4Addr::BROADCAST {
                self.fault(key, format!("{} is not the address of one host", address.ip()));
            } else if addresses.contains(&address) && address.port() != 0 {
                self.faults.push(Fault::new(key, format!("{address} is listed twice")).fix("remove one"));
            } else {
                addresses.push(address);
            }
        }
        addresses
    }

    fn dns(&mut self, spec: &file::Dns) -> Dns {
        Dns {
            listen: self.addresses("dns.listen", &spec.listen, MAX_LISTEN),
            zone: self.take("dns.zone", values::zone(&spec.zone)).unwrap_or_else(DomainName::root),
            ttl: self.number("dns.ttl", spec.ttl, &(0..=MAX_TTL)),
            negative_ttl: self.number("dns.negative_ttl", spec.negative_ttl, &(0..=MAX_TTL)),
            workers: self.number("dns.workers", spec.workers, &(1..=MAX_WORKERS)),
            fail_open: spec.fail_open,
            transfer: spec.transfer,
        }
    }

    fn ecs(&mut self, spec: file::Ecs) -> Ecs {
        Ecs {
            source: self.source(&spec.source, spec.fixture),
            clusters: self.clusters(&spec.clusters),
            poll_interval: self.interval("ecs.poll_interval", &spec.poll_interval, &INTERVALS),
            reconcile_interval: self.interval("ecs.reconcile_interval", &spec.reconcile_interval, &RECONCILE_INTERVALS),
            health_interval: self.interval("ecs.health_interval", &spec.health_interval, &INTERVALS),
            region: self.shaped("ecs.region", spec.region, values::is_region, "an AWS region"),
            agent_config: self.absolute("ecs.agent_config", spec.agent_config),
        }
    }

    fn source(&mut self, word: &str, fixture: Option<String>) -> Source {
        match (word, fixture) {
            ("describe", _) => return Source::Describe,
            ("off", _) => return Source::Off,
            ("fixture", Some(path)) if !path.is_empty() => return Source::Fixture(path.into()),
            ("fixture", _) => self.fault("ecs.fixture", "ecs.source is \"fixture\", but no file is named"),
            _ => self.fault("ecs.source", format!("`{word}` is not known here")),
        }
        Source::Off
    }

    fn clusters(&mut self, texts: &Texts) -> Clusters {
        let is_all = |text: &String| text == "all" || text == "*";
        match texts.0.as_slice() {
            [] => return Clusters::FromHost,
            [one] if is_all(one) => return Clusters::All,
            many if many.len() > MAX_CLUSTERS => {
                self.fault("ecs.clusters", format!("{} clusters are given", many.len()));
            }
            _ => {}
        }
        for (at, text) in texts.0.iter().enumerate().take(MAX_CLUSTERS) {
            let fault = |what: String| Fault::new(format!("ecs.clusters[{at}]"), what);
            if is_all(text) {
                self.faults.push(fault(format!("`{text}` stands for all clusters")).fix("let it stand alone"));
            } else if !values::is_cluster(text) {
                self.faults.push(fault(format!("`{text}` is neither the name nor the ARN of a cluster")));
            } else if texts.0.iter().take(at).any(|before| before == text) {
                self.faults.push(fault(format!("`{text}` is listed twice")).fix("remove one"));
            }
        }
        Clusters::Named(texts.0.clone())
    }

    fn interval(&mut self, key: &str, text: &str, range: &RangeInclusive<Duration>) -> Duration {
        let in_range = |duration| {
            if range.contains(&duration) { Ok(duration) } else { Err(format!("{text} is out of range")) }
        };
        self.take(key, values::duration(text).and_then(in_range)).unwrap_or_default()
    }

    fn events(&mut self, spec: file::Events) -> Events {
        if spec.queue_url.is_some() && spec.topic_arn.is_some() {
            let what = "events.queue_url is given too, but a host reads one queue";
            self.faults.push(Fault::new("events.topic_arn", what).fix("remove one of the two"));
        }
        Events {
            queue_url: self.shaped("events.queue_url", spec.queue_url, values::is_queue_url, "the URL of a queue"),
            topic_arn: self.shaped("events.topic_arn", spec.topic_arn, values::is_topic_arn, "the ARN of a topic"),
        }
    }

    fn route53(&mut self, spec: &file::Route53) -> Route53 {
        let zone_id = spec.zone_id.as_deref().and_then(|text| {
            let id = values::hosted_zone_id(text).map(str::to_owned);
            self.take("route53.zone_id", id.ok_or_else(|| format!("`{text}` is not the id of a hosted zone")))
        });
        let words = [("resolver", Fallback::Resolver), ("api", Fallback::Api), ("off", Fallback::Off)];
        let fallback = self.word("route53.fallback", &spec.fallback, &words).unwrap_or(Fallback::Api);
        let words = [("ecs", Prefer::Ecs), ("route53", Prefer::Route53)];
        let prefer = self.word("route53.prefer", &spec.prefer, &words).unwrap_or(Prefer::Ecs);
        if fallback == Fallback::Off && prefer == Prefer::Route53 {
            let fault = Fault::new("route53.prefer", "route53.fallback is \"off\", so there is nothing to prefer");
            self.faults.push(fault.fix("set route53.fallback to \"resolver\" or \"api\", or prefer \"ecs\""));
        }
        let poll_interval = self.interval("route53.poll_interval", &spec.poll_interval, &ZONE_POLL_INTERVALS);
        Route53 { zone_id, fallback, prefer, poll_interval }
    }

    fn records(&mut self, spec: &BTreeMap<String, Texts>, dns: &Dns) -> Records {
        let mut records = Records::default();
        let mut seen: BTreeMap<DomainName, &str> = BTreeMap::new();
        for (text, texts) in spec {
            let key = format!("{}.{text}", keys::RECORDS);
            let name = self.take(&key, values::record_name(text, &dns.zone));
            let Some(name) = name else { continue };
            if let Some(first) = seen.insert(name.clone(), text) {
                self.faults.push(Fault::new(&key, format!("`{first}` is the same name")).fix("put all into one list"));
            }
            match records::of_name(&name, texts, dns.ttl) {
                Ok(sets) => records.0.extend(sets),
                Err(wrong) => {
                    for (at, what) in wrong {
                        self.fault(at.map_or_else(|| key.clone(), |at| format!("{key}[{at}]")), what);
                    }
                }
            }
        }
        records
    }

    fn controller(&mut self, spec: &file::Controller) -> Controller {
        if spec.record_types.0.is_empty() {
            self.fault("controller.record_types", "no record type is given");
        }
        let words = Kind::ALL.map(|kind| (kind.label(), kind));
        let kinds = spec.record_types.0.iter().enumerate().filter_map(|(at, text)| {
            self.word(&format!("controller.record_types[{at}]"), &text.to_ascii_uppercase(), &words)
        });
        let record_types = kinds.collect();
        let after = spec.remove_queues_after.as_str();
        Controller {
            interval: self.interval("controller.interval", &spec.interval, &INTERVALS),
            record_types,
            adopt: spec.adopt,
            remove_queues_after: (after != "off")
                .then(|| self.interval("controller.remove_queues_after", after, &GRACES)),
        }
    }

    fn http(&mut self, spec: &file::Http) -> Http {
        let text = &spec.listen;
        let parse = || text.parse().map(Some).map_err(|_| format!("`{text}` is not an IP address with a port"));
        let listen = if text == "off" { Ok(None) } else { parse() };
        Http { listen: self.take("http.listen", listen).flatten() }
    }

    fn snapshot(&mut self, spec: file::Snapshot) -> Snapshot {
        let path = match spec.path {
            None => SnapshotPath::StateDirectory,
            Some(off) if off == "off" => SnapshotPath::Off,
            Some(path) => SnapshotPath::At(self.absolute("snapshot.path", path)),
        };
        let max_age = self.interval("snapshot.max_age", &spec.max_age, &MAX_AGES);
        let cache = (spec.cache != "off").then(|| self.size("snapshot.cache", &spec.cache, &SAVED_CACHES));
        if cache.is_some() && path == SnapshotPath::Off {
            let what = "snapshot.path is \"off\", so there is no place for a file beside it";
            self.faults.push(Fault::new("snapshot.cache", what).fix("turn both off, or name a file in snapshot.path"));
        }
        Snapshot { path, max_age, cache }
    }

    /// A size within `range`.
    fn size(&mut self, key: &str, text: &str, range: &RangeInclusive<u64>) -> u64 {
        let in_range = |bytes| if range.contains(&bytes) { Ok(bytes) } else { Err(format!("{text} is out of range")) };
        self.take(key, values::size(text).and_then(in_range)).unwrap_or_default()
    }

    fn log(&mut self, spec: file::Log) -> Log {
        let filter = tracing_subscriber::EnvFilter::try_new(&spec.level);
        self.take("log.level", filter.map_err(|error| format!("`{}` is not a filter: {error}", spec.level)));
        let words = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        let format = self.word("log.format", &spec.format, &words).unwrap_or(LogFormat::Text);
        Log { level: spec.level, format }
    }

    /// DNS over TCP and HTTP cannot share an address.
    fn ports_in_common(&mut self, config: &Config) {
        let Some(http) = config.http.listen else { return };
        if let Some(dns) = config.dns.listen.iter().find(|dns| reaches(**dns, http) || reaches(http, **dns)) {
            let what = format!("{http} is taken by {dns} of dns.listen");
            self.faults.push(Fault::new("http.listen", what).fix("give HTTP a port of its own"));
        }
    }
}

/// Whether what is sent from this host to `target` arrives at a socket bound to `bound`, as far as the addresses
/// tell.
fn reaches(bound: SocketAddr, target: SocketAddr) -> bool {
    let wildcard = bound.ip().is_unspecified() && (target.ip().is_loopback() || target.ip().is_unspecified());
    bound.port() != 0 && bound.port() == target.port() && (bound.ip() == target.ip() || wildcard)
}

#[cfg(test)]
mod tests;
