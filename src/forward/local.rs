//! Names outside of our zone that are answered here and never asked of anybody: those of RFC 6761 and its successors,
//! those of the operator's hosts file and records, and those that the operator blocks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::hosts::Host;
use crate::dns::body::address_record;
use crate::dns::presentation::{self, Escapes};
use crate::dns::{Body, BodyBuilder, DomainName, Ede, RData, Rcode, RecordType, name, rdata};
use crate::route53::{Content, RecordSet};

/// TTL of what RFCs say, in seconds.
const FIXED_TTL: u32 = 10_800;
/// TTL of what the operator says, in seconds.
const OPERATOR_TTL: u32 = 60;
/// Domains that exist nowhere in the DNS: RFC 6761 6.4, RFC 7686, RFC 8375.
const NOWHERE: [&str; 3] = ["invalid", "onion", "home.arpa"];

/// What is answered for blocked names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Blocked {
    /// That they do not exist.
    #[default]
    NxDomain,
    /// 0.0.0.0 and ::, where nobody is; other types do not exist.
    Zero,
}

/// What is said of a type of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalAnswer<'a> {
    /// This.
    Body(&'a Body),
    /// That it is an alias.
    Alias {
        /// The CNAME alone.
        cname: &'a Body,
        /// Where it points.
        target: &'a DomainName,
    },
}

/// What is said of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answers {
    /// Of an alias, its CNAME alone.
    sets: Vec<(RecordType, Body)>,
    /// Where it points, if it is an alias.
    target: Option<DomainName>,
    /// For all other types.
    otherwise: Body,
}

impl Answers {
    /// These records, each of its own type or all of one; of other types there are none.
    fn new(name: &DomainName, ttl: u32, records: &[RData], ede: Option<&Arc<Ede>>) -> Self {
        let mut sets: Vec<(RecordType, Body)> = Vec::new();
        for kind in records.iter().map(RData::record_type) {
            if sets.iter().any(|(known, _)| *known == kind) {
                continue;
            }
            let mut body = BodyBuilder::new(true);
            for data in records.iter().filter(|data| data.record_type() == kind) {
                body.answer(ttl, data);
            }
            body.ede(ede.cloned());
            sets.push((kind, body.build()));
        }
        Self { sets, target: None, otherwise: negative(name, Rcode::NoError, ttl, ede) }
    }

    /// Nothing of any type.
    fn none(otherwise: Body) -> Self {
        Self { sets: Vec::new(), target: None, otherwise }
    }

    /// One more record set, its values as in a master file; those that are none are left out.
    fn add(&mut self, kind: RecordType, ttl: u32, values: &[String]) {
        let mut body = BodyBuilder::new(true);
        for wire in values.iter().filter_map(|value| presentation::rdata(kind, value, Escapes::Decimal).ok()) {
            body.answer_wire(ttl, kind, &wire);
            if kind == RecordType::CNAME {
                self.target = DomainName::from_wire(&wire);
            }
        }
        self.sets.push((kind, body.build()));
    }

    fn of(&self, kind: RecordType) -> LocalAnswer<'_> {
        match (self.sets.iter().find(|(known, _)| *known == kind), self.sets.first(), &self.target) {
            (Some((_, body)), ..) => LocalAnswer::Body(body),
            (None, Some((_, cname)), Some(target)) => LocalAnswer::Alias { cname, target },
            (None, ..) => LocalAnswer::Body(&self.otherwise),
        }
    }
}

/// The names, and what is said of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalNames {
    names: HashMap<DomainName, Answers, RandomState>,
    /// With everything below them.
    domains: HashMap<DomainName, Answers, RandomState>,
    domain_lengths: Lengths,
}

/// Lengths of names in octets. Every forwarded question is looked up with each of its parents, and those of a length
/// that no domain has need no look-up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Lengths([u64; 4]);

impl Lengths {
    fn add(&mut self, name: &[u8]) {
        if let Some(part) = self.0.get_mut(name.len() / 64) {
            *part |= 1 << (name.len() % 64);
        }
    }

    fn has_that_of(&self, name: &[u8]) -> bool {
        self.0.get(name.len() / 64).is_some_and(|part| part >> (name.len() % 64) & 1 == 1)
    }
}

impl LocalNames {
    /// The names of the RFCs, but for the domains in `forwarded`, which somebody answers for after all.
    #[must_use]
    pub fn new<'d>(forwarded: impl IntoIterator<Item = &'d DomainName>) -> Self {
        let forwarded: HashSet<&DomainName> = forwarded.into_iter().collect();
        let mut local = Self::default();
        for domain in NOWHERE.iter().filter_map(|text| DomainName::from_text(text)) {
            if !forwarded.contains(&domain) {
                let otherwise = negative(&domain, Rcode::NxDomain, FIXED_TTL, None);
                local.put_domain(domain, Answers::none(otherwise));
            }
        }
        // RFC 6761 6.3: whatever is below localhost is this host.
        if let Some(localhost) = DomainName::from_text("localhost") {
            let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
            for address in loopback {
                local.point_back(address, &localhost, FIXED_TTL);
            }
            let answers = Answers::new(&localhost, FIXED_TTL, &loopback.map(address_record), None);
            local.put_domain(localhost, answers);
        }
        local
    }

    /// The names of a hosts file as well. An address that has several names points back to the first.
    #[must_use]
    pub fn with_hosts(mut self, hosts: &[Host]) -> Self {
        let mut addresses: BTreeMap<&DomainName, Vec<RData>> = BTreeMap::new();
        for Host { address, names } in hosts {
            for name in names {
                addresses.entry(name).or_default().push(address_record(*address));
            }
            if let Some(first) = names.first() {
                self.point_back(*address, first, OPERATOR_TTL);
            }
        }
        for (name, records) in addresses {
            self.names.insert(name.clone(), Answers::new(name, OPERATOR_TTL, &records, None));
        }
        self
    }

    /// The names of these record sets as well, in place of what was said of them before. The sets of a name are sound:
    /// one of each type, and a CNAME alone.
    #[must_use]
    pub fn with_records(mut self, sets: &[RecordSet]) -> Self {
        let mut names: BTreeMap<&DomainName, Answers> = BTreeMap::new();
        for set in sets {
            let Content::Values { ttl, values } = &set.content else { continue };
            let fresh = || Answers::none(negative(&set.name, Rcode::NoError, OPERATOR_TTL, None));
            names.entry(&set.name).or_insert_with(fresh).add(set.kind, *ttl, values);
        }
        self.names.extend(names.into_iter().map(|(name, answers)| (name.clone(), answers)));
        self
    }

    /// Blocks these domains with everything below them.
    #[must_use]
    pub fn with_blocked(mut self, domains: &[DomainName], how: Blocked) -> Self {
        let ede = Arc::new(Ede::new(Ede::BLOCKED, "blocked by forward.block"));
        let zero = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)].map(address_record);
        for domain in domains {
            let answers = match how {
                Blocked::Zero => Answers::new(domain, OPERATOR_TTL, &zero, Some(&ede)),
                Blocked::NxDomain => Answers::none(negative(domain, Rcode::NxDomain, OPERATOR_TTL, Some(&ede))),
            };
            self.put_domain(domain.clone(), answers);
        }
        self
    }

    /// What is said of this type of a name in lower-case wire form, if the name is one of these.
    #[must_use]
    pub fn find(&self, of: &[u8], qtype: RecordType) -> Option<LocalAnswer<'_>> {
        if let Some(answers) = self.names.get(of) {
            return Some(answers.of(qtype));
        }
        let mut at = Some(of);
        while let Some(here) = at {
            if self.domain_lengths.has_that_of(here)
                && let Some(answers) = self.domains.get(here)
            {
                return Some(answers.of(qtype));
            }
            at = name::parent(here);
        }
        None
    }

    fn put_domain(&mut self, domain: DomainName, answers: Answers) {
        self.domain_lengths.add(domain.as_wire());
        self.domains.insert(domain, answers);
    }

    /// A PTR record from an address to a name, unless it points to another already.
    fn point_back(&mut self, address: IpAddr, to: &DomainName, ttl: u32) {
        let name = reverse(address);
        let pointer = RData::PTR(rdata::PTR(to.to_name()));
        self.names.entry(name.clone()).or_insert_with(|| Answers::new(&name, ttl, &[pointer], None));
    }
}

/// That a name or a type of it does not exist, with an SOA so that it is believed for a while.
fn negative(zone: &DomainName, rcode: Rcode, ttl: u32, ede: Option<&Arc<Ede>>) -> Body {
    let mut body = BodyBuilder::new(false);
    let mailbox = DomainName::from_text("nobody.invalid").unwrap_or_else(DomainName::root);
    let soa = rdata::SOA::new(zone.to_name(), mailbox.to_name(), 1, 3600, 1200, 604_800, ttl);
    body.rcode(rcode).ede(ede.cloned()).foreign_soa(zone.clone(), ttl, &RData::SOA(soa));
    body.build()
}

/// The name that an address has in the reverse zones.
fn reverse(address: IpAddr) -> DomainName {
    let name = hickory_proto::rr::Name::from(address);
    DomainName::from_name(&name).unwrap_or_else(DomainName::root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route53::Routing;

    #[track_caller]
    fn says(local: &LocalNames, name: &str, qtype: RecordType, expect: Option<(Rcode, &[&str])>) {
        let found = local.find(domain(name).as_wire(), qtype).map(|answer| {
            let LocalAnswer::Body(body) = answer else { panic!("{answer:?}") };
            let records: Vec<String> = body.answer_records().map(|(_, data)| data.to_string()).collect();
            (body.rcode(), records)
        });
        let expect = expect.map(|(rcode, records)| (rcode, records.iter().map(ToString::to_string).collect()));
        assert_eq!(found, expect, "{name} {qtype}");
    }

    const NOTHING: Option<(Rcode, &[&str])> = Some((Rcode::NoError, &[]));
    const NO_NAME: Option<(Rcode, &[&str])> = Some((Rcode::NxDomain, &[]));

    fn domain(text: &str) -> DomainName {
        DomainName::from_text(text).unwrap()
    }

    #[test]
    fn special_names_are_answered_and_ordinary_ones_are_not() {
        let local = LocalNames::new([]);
        says(&local, "localhost", RecordType::A, Some((Rcode::NoError, &["127.0.0.1"])));
        says(&local, "db.LocalHost", RecordType::AAAA, Some((Rcode::NoError, &["::1"])));
        says(&local, "localhost", RecordType::MX, NOTHING);
        says(&local, "1.0.0.127.in-addr.arpa", RecordType::PTR, Some((Rcode::NoError, &["localhost."])));
        for name in ["invalid", "a.b.invalid", "facebookcorewwwi.onion", "home.arpa", "printer.home.arpa"] {
            says(&local, name, RecordType::A, NO_NAME);
        }
        // The private reverse zones are the VPC resolver's; .internal, .local and .test are in use.
        for name in ["1.0.0.10.in-addr.arpa", "example", "localhost.example", "x.internal", "x.local", "x.test", "."] {
            says(&local, name, RecordType::PTR, None);
        }
        let forwarded = LocalNames::new([&domain("home.arpa")]);
        says(&forwarded, "printer.home.arpa", RecordType::A, None);
        says(&forwarded, "x.invalid", RecordType::A, NO_NAME);
    }

    #[test]
    fn hosts_are_answered_both_ways() {
        let hosts = super::super::hosts::parse(
            "10.0.0.9 nas.lan nas
10.0.0.8 nas.lan
fd00::9 nas.lan
10.0.0.9 other
",
        );
        let local = LocalNames::new([]).with_hosts(&hosts);
        says(&local, "NAS.lan", RecordType::A, Some((Rcode::NoError, &["10.0.0.9", "10.0.0.8"])));
        says(&local, "nas.lan", RecordType::AAAA, Some((Rcode::NoError, &["fd00::9"])));
        says(&local, "nas", RecordType::AAAA, NOTHING);
        says(&local, "9.0.0.10.in-addr.arpa", RecordType::PTR, Some((Rcode::NoError, &["nas.lan."])));
        says(&local, "x.nas.lan", RecordType::A, None);
    }

    #[test]
    fn blocked_domains_do_not_exist_or_are_nowhere() {
        let blocked = [domain("ads.example")];
        let local = LocalNames::new([]).with_blocked(&blocked, Blocked::NxDomain);
        says(&local, "x.ads.example", RecordType::A, NO_NAME);
        says(&local, "ads.example", RecordType::HTTPS, NO_NAME);
        says(&local, "example", RecordType::A, None);
        let local = LocalNames::new([]).with_blocked(&blocked, Blocked::Zero);
        says(&local, "x.ads.example", RecordType::A, Some((Rcode::NoError, &["0.0.0.0"])));
        says(&local, "x.ads.example", RecordType::AAAA, Some((Rcode::NoError, &["::"])));
        says(&local, "x.ads.example", RecordType::TXT, NOTHING);
        let Some(LocalAnswer::Body(body)) = local.find(blocked[0].as_wire(), RecordType::A) else { panic!() };
        assert_eq!(body.ede().unwrap().code(), Ede::BLOCKED);
    }

    #[test]
    fn a_host_of_the_operator_goes_before_a_blocked_domain() {
        let hosts = super::super::hosts::parse("10.0.0.9 ok.ads.example");
        let local = LocalNames::new([]).with_hosts(&hosts).with_blocked(&[domain("ads.example")], Blocked::NxDomain);
        says(&local, "ok.ads.example", RecordType::A, Some((Rcode::NoError, &["10.0.0.9"])));
    }

    fn set(name: &str, kind: RecordType, values: &[&str]) -> RecordSet {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        RecordSet {
            name: domain(name),
            kind,
            content: Content::Values { ttl: 5, values },
            routing: Routing::Simple,
            set_identifier: None,
            health_check: None,
        }
    }

    #[test]
    fn records_of_the_operator_are_answered_by_type() {
        let sets = [
            set("db.corp.example", RecordType::A, &["10.1.2.3", "10.1.2.4"]),
            set("db.corp.example", RecordType::MX, &["10 mx.corp.example."]),
            set("7.2.1.10.in-addr.arpa", RecordType::PTR, &["db.corp.example."]),
            set("www.corp.example", RecordType::CNAME, &["DB.corp.example."]),
        ];
        let hosts = super::super::hosts::parse("10.0.0.9 db.corp.example");
        let local = LocalNames::new([]).with_hosts(&hosts).with_records(&sets);
        says(&local, "DB.corp.example", RecordType::A, Some((Rcode::NoError, &["10.1.2.3", "10.1.2.4"])));
        says(&local, "db.corp.example", RecordType::MX, Some((Rcode::NoError, &["10 mx.corp.example."])));
        says(&local, "db.corp.example", RecordType::AAAA, NOTHING);
        says(&local, "7.2.1.10.in-addr.arpa", RecordType::PTR, Some((Rcode::NoError, &["db.corp.example."])));
        says(&local, "x.db.corp.example", RecordType::A, None);
        says(&local, "corp.example", RecordType::A, None);
        says(&local, "www.corp.example", RecordType::CNAME, Some((Rcode::NoError, &["DB.corp.example."])));
        match local.find(domain("www.corp.example").as_wire(), RecordType::A) {
            Some(LocalAnswer::Alias { cname, target }) => {
                assert_eq!((cname.answer_count(), target), (1, &domain("db.corp.example")));
            }
            other => panic!("{other:?}"),
        }
    }
}
