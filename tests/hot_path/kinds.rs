//! Every kind of answer that is given at once, one a line: what the hot path is tested and measured with.

use ecs_resolver::dns::{Ede, Name, RecordType};
use ecs_resolver::metrics::Source;
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};

/// Where a question is asked: what is configured, beside the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// Nothing.
    Plain,
    /// Records in the zone and outside of it, a copy of the hosted zone, hosts, blocked names, cookies.
    Hosted,
    /// The upstreams are asked for what ECS does not have.
    Fallback,
    /// They are asked before ECS is.
    Prefer,
    /// One of the clusters has not been read yet.
    Early,
    /// Nobody may ask.
    Closed,
    /// Nobody may ask twice a second.
    Limited,
}

impl World {
    pub const ALL: [Self; 7] =
        [Self::Plain, Self::Hosted, Self::Fallback, Self::Prefer, Self::Early, Self::Closed, Self::Limited];
}

/// How a question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// As `dig` does.
    Usual,
    /// With DO and CD.
    Dnssec,
    /// Without EDNS, so that there is room for 512 octets.
    Bare,
    /// Without a wish for recursion.
    Alone,
    /// With a cookie of the client's.
    Cookie,
    /// With options that nobody knows, or that go unanswered (NSID).
    Options,
    /// Cut in its last record.
    Broken,
}

/// A kind of question: what it is called, name and type, who answers, response code, extended error, and how many records
/// are in the answer, authority and additional sections (the OPT is one).
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub called: &'static str,
    pub name: &'static str,
    pub qtype: RecordType,
    pub source: Source,
    pub records: [usize; 3],
    pub rcode: ResponseCode,
    pub ede: Option<u16>,
    pub world: World,
    pub how: How,
    pub truncated: bool,
}

const fn kind(
    called: &'static str,
    name: &'static str,
    qtype: RecordType,
    source: Source,
    records: [usize; 3],
) -> Kind {
    let (rcode, world, how) = (ResponseCode::NoError, World::Plain, How::Usual);
    Kind { called, name, qtype, source, records, rcode, ede: None, world, how, truncated: false }
}

const A: RecordType = RecordType::A;
const AAAA: RecordType = RecordType::AAAA;
const GONE: ResponseCode = ResponseCode::NXDomain;
const FAILED: ResponseCode = ResponseCode::ServFail;
const STALE: u16 = Ede::STALE_ANSWER;
use How::{Alone, Bare, Broken, Cookie, Dnssec, Options};
use RecordType::{CNAME, HTTPS, NS, PTR, SOA, SRV, TXT};
use Source::{Cache, Error, Records, Route53, Zone};
use World::{Closed, Early, Fallback, Hosted, Limited, Prefer};

/// Every kind of answer that the hot path has.
#[rustfmt::skip]
pub const KINDS: &[Kind] = &[
    kind("a", "SVC-0007.ecs.internal.", A, Zone, [3, 0, 1]),
    kind("nodata", "svc-0007.ecs.internal.", AAAA, Zone, [0, 1, 1]),
    kind("srv with glue", "_http._tcp.svc-0007.ecs.internal.", SRV, Zone, [3, 0, 4]),
    kind("nxdomain", "nosuch.ecs.internal.", A, Zone, [0, 1, 1]).says(GONE),
    kind("ptr", "1.0.0.10.in-addr.arpa.", PTR, Zone, [1, 0, 1]),
    kind("flat cname", "lb-0.ecs.internal.", A, Cache, [3, 0, 1]),
    kind("flat cname, nodata", "lb-0.ecs.internal.", AAAA, Cache, [1, 1, 1]),
    kind("forwarded", "www.example.com.", A, Cache, [2, 0, 1]),
    kind("flat cname, https", "lb-0.ecs.internal.", HTTPS, Cache, [1, 1, 1]),
    kind("flat cname, nxdomain", "lb-9.ecs.internal.", A, Cache, [1, 1, 1]).says(GONE),
    kind("flat cname, alone", "lb-8.ecs.internal.", A, Zone, [1, 0, 1]).asked(Alone),
    kind("cname", "lb-0.ecs.internal.", CNAME, Zone, [1, 0, 1]),
    kind("facts", "svc-0007.ecs.internal.", TXT, Zone, [1, 0, 1]),
    kind("empty non-terminal", "prod.svc.ecs.internal.", A, Zone, [0, 1, 1]),
    kind("apex", "ecs.internal.", SOA, Zone, [1, 0, 1]),
    kind("name servers", "ecs.internal.", NS, Zone, [1, 0, 1]),
    kind("version", "dns-version.ecs.internal.", TXT, Zone, [1, 0, 1]),
    kind("without edns", "svc-0007.ecs.internal.", A, Zone, [3, 0, 0]).asked(Bare),
    kind("dnssec", "svc-0007.ecs.internal.", A, Zone, [3, 0, 1]).asked(Dnssec),
    kind("unknown options", "svc-0007.ecs.internal.", A, Zone, [3, 0, 1]).asked(Options),
    kind("broken", "svc-0007.ecs.internal.", A, Error, [0, 0, 0]).says(ResponseCode::FormErr).asked(Broken),
    kind("forwarded, dnssec", "www.example.com.", A, Cache, [2, 0, 1]).asked(Dnssec),
    kind("forwarded, nodata", "www.example.com.", AAAA, Cache, [0, 1, 1]),
    kind("forwarded, nxdomain", "gone.example.com.", A, Cache, [0, 1, 1]).says(GONE),
    kind("forwarded, truncated", "big.example.com.", A, Cache, [29, 0, 0]).asked(Bare).truncated(),
    kind("forwarded, stale", "www.down.example.", A, Cache, [2, 0, 1]).remarks(STALE),
    kind("not ours", "nobody.asked.example.", A, Error, [0, 0, 1])
        .says(ResponseCode::Refused).remarks(Ede::NOT_AUTHORITATIVE).asked(Alone),
    kind("special", "db.localhost.", A, Zone, [1, 0, 1]),
    kind("nowhere", "x.invalid.", A, Zone, [0, 1, 1]).says(GONE),

    kind("record", "own.ecs.internal.", A, Records, [2, 0, 1]).of(Hosted),
    kind("record, truncated", "large.ecs.internal.", A, Records, [29, 0, 0]).of(Hosted).asked(Bare).truncated(),
    kind("chain", "one.ecs.internal.", A, Records, [5, 0, 1]).of(Hosted),
    kind("chain, nodata", "one.ecs.internal.", AAAA, Records, [2, 1, 1]).of(Hosted),
    kind("chain, nxdomain", "lost.ecs.internal.", A, Records, [1, 1, 1]).says(GONE).of(Hosted),
    kind("chain, srv", "to-srv.ecs.internal.", SRV, Records, [4, 0, 4]).of(Hosted),
    kind("chain of sixteen", "c-1.ecs.internal.", A, Records, [19, 0, 1]).of(Hosted),
    kind("chain of seventeen", "c-0.ecs.internal.", A, Records, [16, 0, 1]).of(Hosted),
    kind("circle", "round.ecs.internal.", A, Records, [2, 0, 1]).of(Hosted),
    kind("chain out", "out.ecs.internal.", A, Records, [4, 0, 1]).of(Hosted),
    kind("chain out, nodata", "out.ecs.internal.", AAAA, Records, [2, 1, 1]).of(Hosted),
    kind("chain out, nxdomain", "out-gone.ecs.internal.", A, Records, [1, 1, 1]).says(GONE).of(Hosted),
    kind("chain out, longer", "out-far.ecs.internal.", A, Records, [4, 0, 1]).of(Hosted),
    kind("chain out, stale", "out-down.ecs.internal.", A, Records, [3, 0, 1]).remarks(STALE).of(Hosted),
    kind("chain out, alone", "out-alone.ecs.internal.", A, Records, [1, 0, 1]).of(Hosted).asked(Alone),
    kind("chain to an alias record", "to-flat.ecs.internal.", A, Records, [3, 0, 1]).of(Hosted),
    kind("alias record", "flat.ecs.internal.", A, Route53, [2, 0, 1]).of(Hosted),
    kind("alias record, nodata", "flat.ecs.internal.", AAAA, Route53, [0, 1, 1]).of(Hosted),
    kind("alias record, nxdomain", "flat-gone.ecs.internal.", A, Route53, [0, 1, 1]).of(Hosted),
    kind("alias record, longer", "flat-far.ecs.internal.", A, Route53, [2, 0, 1]).of(Hosted),
    kind("alias record, stale", "flat-down.ecs.internal.", A, Route53, [2, 0, 1]).remarks(STALE).of(Hosted),
    kind("hosted", "static.ecs.internal.", A, Route53, [2, 0, 1]).of(Hosted),
    kind("wildcard", "any.wild.ecs.internal.", A, Route53, [2, 0, 1]).of(Hosted),
    kind("weighted", "weighted.ecs.internal.", A, Route53, [1, 0, 1]).of(Hosted),
    kind("multivalue", "many.ecs.internal.", A, Route53, [8, 0, 1]).of(Hosted),
    kind("delegated", "www.sub.ecs.internal.", A, Route53, [2, 0, 1]).of(Hosted),
    kind("chain to a delegation", "to-sub.ecs.internal.", A, Records, [3, 0, 1]).of(Hosted),
    kind("of route 53", "ask.ecs.internal.", A, Route53, [2, 0, 1]).of(Hosted),
    kind("of route 53, nodata", "none-ask.ecs.internal.", A, Route53, [0, 1, 1]).of(Hosted),
    kind("of route 53, unseen", "gone-ask.ecs.internal.", A, Error, [0, 0, 1]).says(FAILED).remarks(Ede::OTHER).of(Hosted),
    kind("host", "nas.lan.", A, Zone, [1, 0, 1]).of(Hosted),
    kind("host, back", "9.0.0.192.in-addr.arpa.", PTR, Zone, [1, 0, 1]).of(Hosted),
    kind("blocked", "x.ads.example.", A, Zone, [0, 1, 1]).says(GONE).remarks(Ede::BLOCKED).of(Hosted),
    kind("outside", "db.corp.example.", A, Zone, [1, 0, 1]).of(Hosted),
    kind("outside, chain", "alias.corp.example.", A, Zone, [2, 0, 1]).of(Hosted),
    kind("outside, chain in", "web.corp.example.", A, Zone, [4, 0, 1]).of(Hosted),
    kind("outside, chain in, nxdomain", "home.corp.example.", A, Zone, [1, 1, 1]).says(GONE).of(Hosted),
    kind("outside, chain on", "far.corp.example.", A, Cache, [3, 0, 1]).of(Hosted),
    kind("cookie", "svc-0007.ecs.internal.", A, Zone, [3, 0, 1]).of(Hosted).asked(Cookie),
    kind("forwarded, cookie", "www.example.com.", A, Cache, [2, 0, 1]).of(Hosted).asked(Cookie),

    kind("fallback", "known.ecs.internal.", A, Route53, [2, 0, 1]).of(Fallback),
    kind("fallback, nodata", "none.ecs.internal.", A, Route53, [0, 1, 1]).of(Fallback),
    kind("fallback, nxdomain", "gone.ecs.internal.", A, Zone, [0, 1, 1]).says(GONE).of(Fallback),
    kind("fallback, stale", "www.down.ecs.internal.", A, Route53, [2, 0, 1]).remarks(STALE).of(Fallback),
    kind("fallback, stale nxdomain", "gone.down.ecs.internal.", A, Zone, [0, 1, 1])
        .says(GONE).remarks(Ede::STALE_NXDOMAIN).of(Fallback),
    kind("fallback, chain in", "into-ecs.ecs.internal.", A, Zone, [4, 0, 1]).of(Fallback),
    kind("fallback, chain in, dnssec", "into-ecs.ecs.internal.", A, Zone, [4, 0, 1]).of(Fallback).asked(Dnssec),
    kind("fallback, chain in, nodata", "into-ecs.ecs.internal.", AAAA, Zone, [1, 1, 1]).of(Fallback),
    kind("fallback, chain in, nxdomain", "into-gone.ecs.internal.", A, Zone, [1, 1, 1]).says(GONE).of(Fallback),
    kind("fallback, chain in, of both", "both-ecs.ecs.internal.", A, Zone, [4, 0, 1]).of(Fallback),
    kind("fallback, chain in, of route 53", "both-known.ecs.internal.", A, Route53, [3, 0, 1]).of(Fallback),
    kind("forwarded, chain in", "into-ecs.corp.example.", A, Zone, [4, 0, 1]).of(Fallback),
    kind("preferred, chain in", "into-ecs.ecs.internal.", A, Zone, [4, 0, 1]).of(Prefer),
    kind("preferred", "lb-0.ecs.internal.", A, Route53, [2, 0, 1]).of(Prefer),
    kind("preferred, ecs after all", "svc-0007.ecs.internal.", A, Zone, [3, 0, 1]).of(Prefer),
    kind("preferred, alias after all", "gone-lb.ecs.internal.", A, Cache, [3, 0, 1]).of(Prefer),
    kind("not synced", "nosuch.ecs.internal.", A, Zone, [0, 0, 1]).says(FAILED).remarks(Ede::NOT_READY).of(Early),
    kind("refused", "svc-0007.ecs.internal.", A, Error, [0, 0, 1])
        .says(ResponseCode::Refused).remarks(Ede::PROHIBITED).of(Closed),
    kind("limited", "svc-0007.ecs.internal.", A, Error, [0, 0, 1]).of(Limited).truncated(),
    kind("limited, cookie", "svc-0007.ecs.internal.", A, Error, [0, 0, 1])
        .says(ResponseCode::BADCOOKIE).of(Limited).asked(Cookie),
];

/// Names below those of the upstream that goes, of which nothing is known: each fails, until it is known to be down.
pub const FAILING: [Kind; 6] = [
    kind("failing", "a.down.example.", A, Error, [0, 0, 1]),
    kind("failing", "b.down.example.", A, Error, [0, 0, 1]),
    kind("failing", "c.down.example.", A, Error, [0, 0, 1]),
    kind("failing", "a.down.ecs.internal.", A, Error, [0, 0, 1]),
    kind("failing", "b.down.ecs.internal.", A, Error, [0, 0, 1]),
    kind("failing", "c.down.ecs.internal.", A, Error, [0, 0, 1]),
];

impl Kind {
    const fn of(self, world: World) -> Self {
        Self { world, ..self }
    }

    const fn says(self, rcode: ResponseCode) -> Self {
        Self { rcode, ..self }
    }

    const fn remarks(self, code: u16) -> Self {
        Self { ede: Some(code), ..self }
    }

    const fn asked(self, how: How) -> Self {
        Self { how, ..self }
    }

    const fn truncated(self) -> Self {
        Self { truncated: true, ..self }
    }

    /// Whether it is an answer that has outlived its upstream.
    pub fn is_stale(&self) -> bool {
        matches!(self.ede, Some(Ede::STALE_ANSWER | Ede::STALE_NXDOMAIN))
    }

    /// The question in bytes.
    pub fn query(&self) -> Vec<u8> {
        let mut message = Message::new(7, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = self.how != Alone;
        message.metadata.checking_disabled = self.how == Dnssec;
        message.add_query(Query::query(Name::from_ascii(self.name).expect("a name"), self.qtype));
        let mut edns = Edns::new();
        edns.set_max_payload(1232).set_dnssec_ok(self.how == Dnssec);
        let options: &[(u16, &[u8])] = match self.how {
            Cookie => &[(10, b"01234567")],
            Options => &[(3, b""), (65_001, b"?")],
            _ => &[],
        };
        for (code, data) in options {
            edns.options_mut().insert(EdnsOption::Unknown(*code, data.to_vec()));
        }
        if self.how != Bare {
            message.set_edns(edns);
        }
        let mut bytes = message.to_vec().expect("a query");
        if self.how == Broken {
            bytes.truncate(bytes.len() - 3);
        }
        bytes
    }

    /// Whether a reply is the one that was to be expected.
    pub fn is_answered_by(&self, reply: &[u8]) -> bool {
        let Ok(message) = Message::from_vec(reply) else { return false };
        let option = |code: u16| message.edns.as_ref()?.option(EdnsCode::from(code));
        let ede = option(15).and_then(|option| Vec::<u8>::try_from(option).ok());
        let ede = ede.and_then(|data| Some(u16::from_be_bytes(*data.first_chunk::<2>()?)));
        let additional = message.additionals.len() + usize::from(message.edns.is_some());
        let records = [message.answers.len(), message.authorities.len(), additional];
        let flags = (message.metadata.response_code, message.metadata.truncation, option(10).is_some());
        (records, flags, ede) == (self.records, (self.rcode, self.truncated, self.how == Cookie), self.ede)
    }
}
