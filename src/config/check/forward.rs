//! The values of `[forward]`.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Judge;
use crate::config::file::{self, Texts};
use crate::config::settings::{BlockAnswer, Config, Domain, Forward};
use crate::config::{Fault, host, values};
use crate::dns::DomainName;
use crate::forward::{Policy, asks_ourselves};
use crate::forwarder::Server;

/// Most upstreams; a client gives up before more could be tried.
const MAX_UPSTREAMS: usize = 8;
/// Most domains with upstreams of their own.
const MAX_DOMAINS: usize = 64;
/// Most domains in a list.
const MAX_NAMES: usize = 10_000;
/// Smallest and largest forward cache, in bytes.
const CACHE_SIZES: RangeInclusive<u64> = 1 << 20..=4 << 30;
/// Longest TTL of a forwarded answer, in seconds: a week, as RFC 8767 4 advises.
const LONGEST_TTL: i64 = 604_800;
/// Longest floor under TTLs, and longest life of a negative answer, in seconds.
const LONGEST_FLOOR: i64 = 3600;
/// Fewest and most queries a second.
const RATES: RangeInclusive<i64> = 10..=1_000_000;
/// Longest time that an answer may be used after its own.
const LONGEST_STALE: Duration = Duration::from_secs(7 * 86_400);

const POLICIES: [(&str, Policy); 3] =
    [("fastest", Policy::Fastest), ("sequential", Policy::Sequential), ("random", Policy::Random)];

impl Judge {
    pub(super) fn forward(&mut self, spec: file::Forward) -> Forward {
        let max_ttl = self.number("forward.max_ttl", spec.max_ttl, &(1..=LONGEST_TTL));
        let min_ttl = self.number("forward.min_ttl", spec.min_ttl, &(0..=LONGEST_FLOOR.min(spec.max_ttl.max(0))));
        let rate = self.number("forward.rate", spec.rate, &RATES);
        let block = [("nxdomain", BlockAnswer::Nxdomain), ("zero", BlockAnswer::Zero)];
        Forward {
            upstreams: self.servers("forward.upstreams", &spec.upstreams),
            policy: self.word("forward.policy", &spec.policy, &POLICIES).unwrap_or_default(),
            rate: NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN),
            tls_ca: spec.tls_ca.map(|path| self.absolute("forward.tls_ca", path)),
            mix_case: spec.mix_case,
            cache_size: self.size("forward.cache_size", &spec.cache_size, &CACHE_SIZES),
            min_ttl,
            max_ttl,
            negative_ttl: self.number("forward.negative_ttl", spec.negative_ttl, &(0..=LONGEST_FLOOR)),
            serve_stale: self.serve_stale(&spec.serve_stale),
            prefetch: spec.prefetch,
            hosts: spec.hosts.map(|path| self.absolute("forward.hosts", path)),
            block: self.names("forward.block", &spec.block),
            block_answer: self
                .word("forward.block_answer", &spec.block_answer, &block)
                .unwrap_or(BlockAnswer::Nxdomain),
            rebind_protection: spec.rebind_protection,
            rebind_exempt: self.names("forward.rebind_exempt", &spec.rebind_exempt),
            domains: self.domains(&spec.domains),
        }
    }

    /// DNS servers, each once, at least one.
    fn servers(&mut self, key: &str, texts: &Texts) -> Vec<Server> {
        if texts.0.is_empty() || texts.0.len() > MAX_UPSTREAMS {
            self.fault(key, format!("{} addresses are given", texts.0.len()));
        }
        let mut servers: Vec<Server> = Vec::new();
        for (at, text) in texts.0.iter().enumerate().take(MAX_UPSTREAMS) {
            let key = format!("{key}[{at}]");
            let Some(server) = self.take(&key, values::server(text)) else { continue };
            let ip = server.address.ip();
            if ip.is_multicast() || ip == std::net::Ipv4Addr::BROADCAST {
                self.fault(key, format!("{ip} is not the address of one host"));
            } else if servers.contains(&server) {
                self.faults.push(Fault::new(key, format!("{server} is listed twice")).fix("remove one"));
            } else {
                servers.push(server);
            }
        }
        servers
    }

    fn domains(&mut self, specs: &std::collections::BTreeMap<String, file::Domain>) -> Vec<Domain> {
        if specs.len() > MAX_DOMAINS {
            let what = format!("{} domains have upstreams of their own", specs.len());
            self.faults.push(Fault::new("forward", what).fix(format!("name at most {MAX_DOMAINS}")));
        }
        let mut domains: Vec<Domain> = Vec::new();
        for (text, spec) in specs.iter().take(MAX_DOMAINS) {
            let key = format!("forward.{text}");
            let before = self.faults.len();
            let (name, upstreams) = (self.domain(&key, text), self.servers(&key, &spec.upstreams));
            let policy = self.word(&key, &spec.policy, &POLICIES).unwrap_or_default();
            for fault in self.faults.iter_mut().skip(before) {
                "name a domain, and its upstreams and policy as in [forward]".clone_into(&mut fault.fix);
            }
            let Some(name) = name else { continue };
            if domains.iter().any(|domain| domain.name == name) {
                self.faults.push(Fault::new(key, format!("{name} is there twice")).fix("remove one"));
            } else {
                domains.push(Domain { name, upstreams, policy });
            }
        }
        domains
    }

    fn names(&mut self, key: &str, texts: &Texts) -> Vec<DomainName> {
        if texts.0.len() > MAX_NAMES {
            self.fault(key, format!("{} names are given, {MAX_NAMES} are the most", texts.0.len()));
        }
        let names = texts.0.iter().enumerate().take(MAX_NAMES);
        names.filter_map(|(at, text)| self.domain(&format!("{key}[{at}]"), text)).collect()
    }

    fn domain(&mut self, key: &str, text: &str) -> Option<DomainName> {
        let name = DomainName::from_text(text).filter(|name| name.labels().next().is_some());
        self.take(key, name.ok_or_else(|| format!("`{text}` is not a domain name")))
    }

    fn serve_stale(&mut self, text: &str) -> Duration {
        let in_range = |time| if time <= LONGEST_STALE { Ok(time) } else { Err(format!("{text} is out of range")) };
        self.take("forward.serve_stale", values::duration(text).and_then(in_range)).unwrap_or_default()
    }

    /// A question that we forward to ourselves would go round for ever.
    pub(super) fn own_address_upstream(&mut self, config: &Config) {
        let general = config.forward.upstreams.iter().enumerate();
        let general = general.map(|(at, server)| (format!("forward.upstreams[{at}]"), server));
        let domains = config.forward.domains.iter().flat_map(|domain| {
            let name = domain.name.to_string();
            domain.upstreams.iter().map(move |server| (format!("forward.{}", name.trim_end_matches('.')), server))
        });
        for (key, server) in general.chain(domains) {
            let upstream = server.address;
            let local: Vec<IpAddr> = Some(upstream.ip()).filter(|ip| host::has(*ip)).into_iter().collect();
            let own = config.dns.listen.iter().find(|own| asks_ourselves(upstream, &[**own], &local));
            if upstream.port() == 0 || upstream.ip().is_unspecified() {
                self.fault(key, format!("{upstream} cannot be asked"));
            } else if let Some(own) = own {
                let what = format!("{upstream} is our own address {own} of dns.listen: questions would go in a loop");
                self.faults.push(Fault::new(key, what).fix("name the resolver that comes after this one"));
            }
        }
    }
}
