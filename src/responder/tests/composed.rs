//! A reply that is written from its parts (aliases, a ready answer, the bytes of the cache) is, byte for byte, the one that
//! is put together as one body, of values.

use std::sync::LazyLock;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::Record;

use super::super::stub::{ZONE, responder};
use super::*;
use crate::dns::{BodyBuilder, DomainName, Name, RData, ReplyContext, rdata, reply};
use crate::forward::testing::{a, client_query, cname, key, moment, plain, response, soa};
use crate::forward::{Caps, Entry, query};
use crate::inventory::Inventory;
use crate::resolve::Chain;
use crate::route53::{Content, RecordSet, Routing};
use crate::zone::layers::Layer;
use crate::zone::tests::manner::manners;
use crate::zone::{Node, Settings, ZoneWriter};

/// What an upstream may say of a name: CNAMEs, addresses at their end, a code, and why.
#[derive(Debug, Clone)]
struct Said {
    chain: u8,
    addresses: u8,
    gone: bool,
    reversed: bool,
    ttl: u32,
    /// The type that was asked for. Of all but A there is nothing.
    qtype: RecordType,
    remark: bool,
    /// Which of the CNAMEs leads into our zone, and to which of [`OWN`].
    leads: Option<(u8, usize)>,
}

/// Names of our zone: with addresses, an alias of that, an alias that leads out to `lb.example`, and one that is not there.
const OWN: [&str; 4] = ["own.ecs.internal", "hop.ecs.internal", "out.ecs.internal", "nosuch.ecs.internal"];

fn said() -> impl Strategy<Value = Said> {
    let qtype = prop::sample::select(vec![RecordType::A, RecordType::A, RecordType::TXT, RecordType::Unknown(65_280)]);
    let bits = any::<[bool; 3]>();
    let leads = prop::option::of((1u8..5, 0..OWN.len()));
    (0u8..5, prop_oneof![Just(0u8), 1u8..4, 30u8..100], bits, 1u32..100, qtype, leads).prop_map(
        |(chain, addresses, [gone, reversed, remark], ttl, qtype, leads)| {
            let addresses = if qtype == RecordType::A { addresses } else { 0 };
            let (gone, leads) = (gone && addresses == 0, leads.filter(|(at, _)| *at <= chain));
            Said { chain, addresses, gone, reversed, ttl, qtype, remark, leads }
        },
    )
}

impl Said {
    fn entry(&self, owner: &str, now: Instant) -> Option<Entry> {
        let name = |number: u8| match self.leads {
            _ if number == 0 => owner.to_owned(),
            Some((at, own)) if at == number => OWN[own].to_owned(),
            // Nobody comes back to a name.
            _ => format!("{}{number}.example", &owner[..1]),
        };
        let key = key(owner, self.qtype);
        let mut message = response(&query::build(&key, &query::question(&key), 7, true));
        // Longer or shorter than that of the addresses.
        let ttl = self.ttl * 7 % 100 + 1;
        let mut records: Vec<Record> =
            (0..self.chain).map(|number| cname(&name(number), ttl, &name(number + 1))).collect();
        records.extend((0..self.addresses).map(|host| a(&name(self.chain), self.ttl, host)));
        if self.reversed {
            records.reverse();
        }
        // Not validated, or it would be said to those who ask for it.
        message.metadata.authentic_data = false;
        message.add_answers(records);
        if self.gone {
            message.metadata.response_code = ResponseCode::NXDomain;
        }
        if self.addresses == 0 {
            message.add_authority(soa(".", 30, 30));
        }
        if self.remark {
            let option = EdnsOption::Unknown(15, b"\x00\x1dfrom the upstream".to_vec());
            message.edns.as_mut()?.options_mut().insert(option);
        }
        Entry::accept(&key, &message.to_vec().ok()?, Caps::default(), now).ok()
    }

    /// The same without a name of ours.
    fn plain(&self) -> Self {
        Self { leads: None, ..self.clone() }
    }
}

/// What is to be done for the name at the end of the aliases.
#[derive(Debug, Clone, Copy)]
enum End {
    Ours(usize),
    Forward,
    Flatten,
    Ask,
    Fallback(usize),
    Prefer(usize),
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![
        3 => (0..BODIES.len()).prop_map(End::Ours),
        4 => Just(End::Forward),
        3 => Just(End::Flatten),
        1 => Just(End::Ask),
        2 => (NEGATIVE..BODIES.len()).prop_map(End::Fallback),
        1 => (0..NODES.len()).prop_map(End::Prefer),
    ]
}

/// Where those of [`BODIES`] begin that say no.
const NEGATIVE: usize = 3;

static BODIES: LazyLock<Vec<Body>> = LazyLock::new(|| {
    let mut addresses = BodyBuilder::new(true);
    let mut services = BodyBuilder::new(true);
    for host in 1..=40u8 {
        addresses.answer(5, &RData::A(rdata::A::new(10, 0, 0, host)));
    }
    for host in 1..=7u8 {
        let target = Name::from_ascii(format!("t{host}.web.ecs.internal.")).unwrap();
        services.answer(5, &RData::SRV(rdata::SRV::new(1, 2, 80, target))).glue(5, [10, 0, 0, host].into());
    }
    let mut elsewhere = BodyBuilder::new(false);
    let nowhere = DomainName::from_text("invalid").unwrap();
    elsewhere.rcode(Rcode::NxDomain).foreign_soa(nowhere, 60, &soa("invalid", 60, 60).data);
    let why = |code| Some(Arc::new(Ede::new(code, "why")));
    let negative = [
        Body::empty(Rcode::NoError, true, None),
        Body::empty(Rcode::NoError, true, why(Ede::OTHER)),
        Body::empty(Rcode::NxDomain, true, None),
        Body::empty(Rcode::ServFail, false, why(Ede::NOT_READY)),
        Body::empty(Rcode::NoError, false, None),
        elsewhere.build(),
    ];
    let single = addresses.build();
    [single, services.build(), alias("x.example").1].into_iter().chain(negative).collect()
});

static NODES: LazyLock<[Node; 2]> = LazyLock::new(|| {
    let (target, cname) = alias("lb.example");
    [Node::Unavailable { answer: BODIES[0].clone() }, Node::Alias { cname, target }]
});

fn alias(target: &str) -> (DomainName, Body) {
    let target = DomainName::from_text(target).unwrap();
    let mut body = BodyBuilder::new(false);
    body.answer(60, &RData::CNAME(rdata::CNAME(target.to_name())));
    (target, body.build())
}

impl End {
    fn resolution(self) -> Resolution<'static> {
        match self {
            Self::Ours(at) => Resolution::Reply(&BODIES[at]),
            Self::Forward => Resolution::Forward,
            Self::Flatten => Resolution::Flatten { target: &TARGET },
            Self::Ask => Resolution::Ask,
            Self::Fallback(at) => Resolution::Fallback { otherwise: &BODIES[at] },
            Self::Prefer(at) => Resolution::Prefer { otherwise: &NODES[at] },
        }
    }

    /// The answer as one body, behind `aliases`; `None`: what the upstream says as it is. Of each of two names the upstream
    /// says what was heard.
    fn body(
        self,
        mut aliases: Vec<&Body>,
        (said, [heard, second]): (&Said, [Heard<'_>; 2]),
        of: &Asked<'_>,
    ) -> Option<Body> {
        let nodata = || of.snapshot.zone.fixed.nodata.clone();
        let end = match (self, heard) {
            (Self::Ours(at), _) => BODIES[at].clone(),
            (_, Heard::Nothing) => return None,
            (Self::Prefer(1), heard) if !is_known(heard) => {
                aliases.push(NODES[1].body(RecordType::CNAME));
                return Self::Forward.body(aliases, (&said.plain(), [second, Heard::Nothing]), of);
            }
            (Self::Prefer(_), heard) if !is_known(heard) => BODIES[0].clone(),
            (Self::Fallback(at), Heard::Failed(_)) if BODIES[at].rcode() == Rcode::ServFail => BODIES[at].clone(),
            (_, Heard::Failed(ForwardError::Rebind)) => {
                Body::empty(Rcode::NoError, false, Some(ForwardError::Rebind.ede()))
            }
            (_, Heard::Failed(error)) => Body::empty(Rcode::ServFail, false, Some(error.ede())),
            (Self::Flatten, Heard::Answer(entry)) => flat(entry, of),
            (end, Heard::Answer(entry)) if matches!(end, Self::Forward) || entry.answer_count() > 0 => {
                return match said.leads {
                    Some(leads) => Some(entered(&aliases, (leads, entry), second, of)),
                    None => (!aliases.is_empty()).then(|| whole(&aliases, entry, of)),
                };
            }
            (Self::Ask, Heard::Answer(entry)) if entry.rcode() == Rcode::NxDomain => {
                let text = "only Route 53 can decide this record, and the upstream does not see the hosted zone";
                Body::empty(Rcode::ServFail, false, Some(Arc::new(Ede::new(Ede::OTHER, text))))
            }
            (end, Heard::Answer(entry)) => {
                let no = match end {
                    Self::Fallback(at) if entry.rcode() != Rcode::NoError || BODIES[at].rcode() != Rcode::NxDomain => {
                        BODIES[at].clone()
                    }
                    _ => nodata(),
                };
                entry.ede(of.now).map_or(no.clone(), |ede| no.with_ede(ede))
            }
        };
        let is_half = aliases.is_empty() || end.rcode() == Rcode::ServFail;
        Some(if is_half { end } else { Body::behind(&aliases, &end, of.spin) })
    }
}

/// The upstream's CNAMEs as far as they lead into our zone, behind the aliases, and what the zone says from there on.
fn entered(before: &[&Body], ((hops, own), entry): ((u8, usize), &Entry), second: Heard<'_>, of: &Asked<'_>) -> Body {
    // The reply may have them in any order.
    let decoded = entry.decode(of.now).answers;
    let mut name = end_of(before).unwrap_or_else(|| DomainName::from_wire(of.question.name()).unwrap());
    let mut theirs = Vec::new();
    for _ in 0..hops {
        let is_next = |record: &&Record| {
            record.record_type() == RecordType::CNAME && DomainName::from_name(&record.name).as_ref() == Some(&name)
        };
        let cname = decoded.iter().find(is_next).unwrap();
        let mut body = BodyBuilder::new(false);
        body.answer(cname.ttl, &cname.data);
        theirs.push(body.build());
        name = end_of(&[theirs.last().unwrap()]).unwrap();
    }
    let query = client_query(OWN[own], of.question.qtype, None);
    let ours = resolve::resolve(&of.snapshot.zone, &plain(&query), of.spin);
    let own: Vec<Body> = ours.chain.cnames().iter().map(|alias| alias.body().clone()).collect();
    let aliases: Vec<&Body> = before.iter().copied().chain(&theirs).chain(&own).collect();
    let unfinished = Body::empty(Rcode::NoError, false, None);
    let body = match ours.end {
        _ if aliases.len() > 16 => Body::behind(&aliases[..16], &unfinished, of.spin),
        Resolution::Reply(body) => Body::behind(&aliases, body, of.spin),
        Resolution::Forward => match second {
            Heard::Answer(second) => whole(&aliases, second, of),
            Heard::Nothing | Heard::Failed(_) => panic!("it has been heard"),
        },
        other => panic!("{other:?}"),
    };
    let body = entry.stale(of.now).map_or(body.clone(), |ede| body.with_ede(ede));
    if before.is_empty() { body.of_others() } else { body }
}

/// What the last of these CNAMEs points to.
fn end_of(aliases: &[&Body]) -> Option<DomainName> {
    aliases.last()?.answer_wires().next().and_then(|(_, _, target)| DomainName::from_wire(target))
}

/// Whether an upstream knows the name.
fn is_known(heard: Heard<'_>) -> bool {
    matches!(heard, Heard::Answer(entry) if entry.rcode() == Rcode::NoError || entry.answer_count() > 0)
}

/// The upstream's answer behind the aliases.
fn whole(aliases: &[&Body], entry: &Entry, of: &Asked<'_>) -> Body {
    let decoded = entry.decode(of.now);
    let mut body = BodyBuilder::from(Body::behind(aliases, &Body::empty(decoded.rcode, false, None), 0));
    let (mut last, chain): (Vec<_>, Vec<_>) =
        decoded.answers.into_iter().partition(|record| record.record_type() == of.question.qtype);
    let first = (of.spin as usize).checked_rem(last.len()).unwrap_or_default();
    last.rotate_left(first);
    for record in chain.iter().chain(&last) {
        body.answer_of(DomainName::from_name(&record.name).unwrap(), record.ttl, &record.data);
    }
    if let Some(soa) = decoded.authority.first() {
        body.foreign_soa(DomainName::from_name(&soa.name).unwrap(), soa.ttl, &soa.data);
    }
    body.ede(entry.ede(of.now).cloned());
    body.build()
}

/// The records of the upstream's answer as the name's own.
fn flat(entry: &Entry, of: &Asked<'_>) -> Body {
    let decoded = entry.decode(of.now);
    let ttl = decoded.answers.iter().map(|record| record.ttl).min().unwrap_or_default();
    let mut body = BodyBuilder::new(true);
    for record in decoded.answers.iter().filter(|record| record.record_type() == of.question.qtype) {
        body.answer(ttl, &record.data);
    }
    if body.is_empty() {
        body.soa();
    }
    body.ede(entry.ede(of.now).cloned());
    body.build()
}

static TARGET: LazyLock<DomainName> = LazyLock::new(|| DomainName::from_text("t.example").unwrap());

/// Any that lets every name lead in.
static RESPONDER: LazyLock<Arc<Responder>> = LazyLock::new(|| responder().0);

/// A zone in which there are the names of [`OWN`].
fn snapshot(stale: bool) -> Arc<Snapshot> {
    let set = |owner: &str, kind, values: &[&str]| RecordSet {
        name: DomainName::from_text(owner).unwrap(),
        kind,
        content: Content::Values { ttl: 60, values: values.iter().map(|value| (*value).to_owned()).collect() },
        routing: Routing::Simple,
        set_identifier: None,
        health_check: None,
    };
    let records = vec![
        set(OWN[0], RecordType::A, &["10.1.0.1", "10.1.0.2"]),
        set(OWN[1], RecordType::CNAME, &["own.ecs.internal."]),
        set(OWN[2], RecordType::CNAME, &["lb.example."]),
    ];
    let settings = Settings { records, ..Settings::new(ZONE.clone(), Vec::new()) };
    let zone = ZoneWriter::new(settings, &Inventory::default(), 1).zone().clone();
    Arc::new(Snapshot { generation: 1, zone, ede: stale.then(|| Ede::new(Ede::STALE_ANSWER, "the inventory is old")) })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn a_reply_from_its_parts_is_the_one_from_values(
        said in said(),
        end in ends(),
        hops in prop_oneof![4 => 0usize..4, 1 => Just(15)],
        failed in prop::option::weighted(0.1, prop::sample::select(vec![ForwardError::Timeout, ForwardError::Rebind])),
        manner in manners(),
        spin: u32,
        age in 0u64..150,
        [inside, stale]: [bool; 2],
        layer in prop::sample::select(vec![Layer::Ecs, Layer::Records, Layer::Route53]),
    ) {
        let now = moment();
        let asked = DomainName::from_text(if inside { "app.ecs.internal" } else { "app.corp" }).unwrap();
        let owner = if hops == 0 && !matches!(end, End::Flatten) { asked.to_string() } else { "t.example".to_owned() };
        let Some(entry) = said.entry(&owner, now) else { return Ok(()) };
        let bytes = manner.query(&asked, said.qtype);
        let question = plain(&bytes);
        let (snapshot, limit) = (snapshot(stale), question.limit(manner.tcp));
        let now = now + std::time::Duration::from_secs(age);
        let (names, envelope) = (RESPONDER.forwarder.names(), Envelope { limit, cookie: None });
        let of = Asked { question: &question, snapshot: &snapshot, names: &names, envelope, spin, now, layer };
        let second = said.plain().entry("lb.example", now - std::time::Duration::from_secs(age)).unwrap();
        let heard = [&entry, &second].map(|entry| match (&end, &failed) {
            (End::Ours(_), _) => Heard::Nothing,
            (_, Some(error)) => Heard::Failed(error),
            (_, None) => Heard::Answer(entry),
        });
        let named: Vec<_> = (1..hops).map(|hop| alias(&format!("hop{hop}.ecs.internal"))).chain([alias("t.example")]).collect();
        let aliases = named.iter().rev().take(hops).rev();
        let chain = Chain::of(aliases.clone().map(|(target, cname)| (cname, target)));
        let mut decision = Decision { layer, chain, end: end.resolution() };
        let mut fast = Vec::new();
        if of.conclude(&mut decision, heard[0], &mut fast).is_none() {
            let leads_in = said.leads.is_some();
            prop_assert!(matches!(end, End::Prefer(_)) || leads_in, "only these take two steps");
            let second = if conclude::key(&decision, &question).is_some() { heard[1] } else { Heard::Nothing };
            prop_assert!(of.conclude(&mut decision, second, &mut fast).is_some());
        }
        manner.check(&question, &fast)?;
        let mut slow = Vec::new();
        match end.body(aliases.map(|(_, cname)| cname).collect(), (&said, heard), &of) {
            None => entry.write(&mut slow, &question, now, limit, None),
            Some(body) => {
                let ede = snapshot.ede.as_ref().filter(|_| layer == Layer::Ecs && inside);
                let context = ReplyContext { soa: &snapshot.zone.soa, spin, limit, ede, cookie: None };
                reply::write(&mut slow, &question, &body, &context);
            }
        }
        prop_assert_eq!(fast, slow);
    }
}
