//! For tests of this floor and the one above: a responder over a made-up zone and a made-up upstream.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::Record;
use smallvec::smallvec;
use tokio::sync::{Mutex, Semaphore};

use super::{Responder, Shared};
use crate::access::Access;
use crate::dns::{Body, BodyBuilder, DomainName, Ede, Name, Question, RData, Rcode, RecordType, name, rdata};
use crate::forward::{Blocked, LocalNames, hosts};
use crate::forwarder::{Flight, ForwardSettings, Forwarder, Link};
use crate::inventory::Inventory;
use crate::resolve::{Chain, Decision, Resolution};
use crate::route53::{Content, RecordSet, Routing};
use crate::snapshot::Snapshot;
use crate::zone::layers::Layer;
use crate::zone::{Fallback, Node, Settings, Zone, ZoneWriter};

/// The zone of the stub.
pub(crate) static ZONE: LazyLock<DomainName> = LazyLock::new(|| DomainName::from_text("ecs.internal").unwrap());

/// Whoever asks for `hold.ecs.internal` waits, with the worker, while this is locked.
pub(crate) static HOLD: Mutex<()> = Mutex::const_new(());

/// Names of our zone that the upstream was asked for and that begin with `lapse`: who looks at one of them then comes upon
/// a fault, which is in a task.
static LAPSES: std::sync::Mutex<BTreeSet<Vec<u8>>> = std::sync::Mutex::new(BTreeSet::new());

/// A query as `dig` would send it, with an OPT of this size if it is not 0.
pub(crate) fn query(id: u16, name: &str, qtype: RecordType, payload: u16) -> Vec<u8> {
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), qtype));
    if payload > 0 {
        let mut edns = Edns::new();
        edns.set_max_payload(payload);
        message.set_edns(edns);
    }
    message.to_vec().unwrap()
}

/// The responder, and what holds the upstream's answers to names that begin with `slow`: one permit lets one go.
pub(crate) fn responder() -> (Arc<Responder>, Arc<Semaphore>) {
    responder_for(Access::open())
}

/// The same for those whom `access` lets in.
pub(crate) fn responder_for(access: Access) -> (Arc<Responder>, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let settings = Settings { fallback: Fallback::Resolver, ..Settings::new(ZONE.clone(), Vec::new()) };
    let shared = published(ZoneWriter::new(settings, &Inventory::default(), 42).zone());
    (Arc::new(Responder::with(shared, forwarder(&gate), Arc::new(access), resolve)), gate)
}

/// A responder over a zone that is none of its making, with the same upstream.
pub(crate) fn responder_over(zone: &Zone) -> Responder {
    responder_guarding(zone, None)
}

/// The same with rebind protection, if `exempt` says for which names it is not.
pub(crate) fn responder_guarding(zone: &Zone, exempt: Option<Vec<DomainName>>) -> Responder {
    let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
    let settings = ForwardSettings { rebind: exempt, own_zones: vec![ZONE.clone()], ..settings() };
    let forwarder = Forwarder::new(settings, Arc::new(Upstream(gate)));
    Responder::new(published(zone), forwarder, Arc::new(Access::open()))
}

fn published(zone: &Zone) -> Shared {
    Shared::new(Snapshot { generation: 1, zone: zone.clone(), ede: None })
}

fn forwarder(gate: &Arc<Semaphore>) -> Arc<Forwarder> {
    Forwarder::new(settings(), Arc::new(Upstream(Arc::clone(gate))))
}

fn settings() -> ForwardSettings {
    let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let listed = hosts::parse("10.7.0.1 nas.sub.ecs.internal nas.corp.example");
    let blocked = ["ads.sub.ecs.internal", "ads.example"].map(|name| DomainName::from_text(name).unwrap());
    let local =
        LocalNames::new([]).with_hosts(&listed).with_blocked(&blocked, Blocked::NxDomain).with_records(&records());
    ForwardSettings { max_in_flight: 64, local, ..ForwardSettings::with_upstreams([upstream]) }
}

/// What the operator says of names outside of the zone.
fn records() -> Vec<RecordSet> {
    let set = |name, kind, value: &str| RecordSet {
        name: DomainName::from_text(name).unwrap(),
        kind,
        content: Content::Values { ttl: 5, values: vec![value.to_owned()] },
        routing: Routing::Simple,
        set_identifier: None,
        health_check: None,
    };
    vec![
        set("db.corp.example", RecordType::A, "10.1.2.3"),
        set("alias.corp.example", RecordType::CNAME, "db.corp.example."),
        set("far.corp.example", RecordType::CNAME, "lb.example."),
        set("chain.corp.example", RecordType::CNAME, "far.corp.example."),
        set("home.corp.example", RecordType::CNAME, "gone.ecs.internal."),
        set("circle.corp.example", RecordType::CNAME, "circle.corp.example."),
        set("sub.corp.example", RecordType::CNAME, "to-nas.ecs.internal."),
    ]
}

fn addresses(count: u16) -> Body {
    let mut body = BodyBuilder::new(true);
    for host in 1..=count {
        let [high, low] = host.to_be_bytes();
        body.answer(5, &RData::A(Ipv4Addr::new(10, 0, high, low).into()));
    }
    body.build()
}

static WEB: LazyLock<Body> = LazyLock::new(|| addresses(3));
static MANY: LazyLock<Body> = LazyLock::new(|| addresses(200));
static NO_DATA: LazyLock<Body> = LazyLock::new(|| Body::empty(Rcode::NoError, true, None));
static NO_NAME: LazyLock<Body> = LazyLock::new(|| Body::empty(Rcode::NxDomain, true, None));
static NOT_READY: LazyLock<Body> = LazyLock::new(|| failed(Ede::NOT_READY, "no inventory yet"));
static UNAVAILABLE: LazyLock<Body> = LazyLock::new(|| failed(Ede::OTHER, "its load balancer is not known"));

fn failed(code: u16, text: &str) -> Body {
    Body::empty(Rcode::ServFail, false, Some(Arc::new(Ede::new(code, text))))
}

/// `<label>.ecs.internal` is an alias of the name that this gives for the label.
fn target(label: &[u8]) -> Option<&'static (DomainName, Body)> {
    static TARGETS: LazyLock<Vec<(&str, (DomainName, Body))>> = LazyLock::new(|| {
        let aliases = [("app", "lb.example"), ("lost", "gone.example"), ("dark", "refused.example")];
        let others = [("late", "slow.example"), ("brief", "brief.example"), ("own", "alias.corp.example")];
        aliases.into_iter().chain(others).map(|(label, target)| (label, alias(target))).collect()
    });
    TARGETS.iter().find(|(alias, _)| alias.as_bytes() == label).map(|(_, target)| target)
}

fn alias(target: &str) -> (DomainName, Body) {
    let target = DomainName::from_text(target).unwrap();
    let mut body = BodyBuilder::new(false);
    body.answer(60, &RData::CNAME(rdata::CNAME(target.to_name())));
    (target, body.build())
}

fn resolve<'z>(_: &'z Zone, question: &Question<'_>, _: u32) -> Decision<'z> {
    let layer = Layer::Ecs;
    if !name::is_within(question.name(), ZONE.as_wire()) {
        return Decision { layer, chain: Chain::default(), end: Resolution::Forward };
    }
    let label = name::labels(question.name()).next().unwrap_or_default();
    if let Some(label) = label.strip_suffix(b"-first") {
        let ours = label.splitn(2, |byte| *byte == b'-').nth(1).unwrap_or_default();
        return Decision { layer, chain: Chain::default(), end: Resolution::Prefer { otherwise: node(ours) } };
    }
    let (hop, label) = match label.strip_prefix(b"behind-") {
        Some(label) => (Some(&*HOP), label),
        None => (None, label),
    };
    let (alias, end) = of_label(label, question);
    Decision { layer, chain: Chain::of(hop.into_iter().chain(alias).map(|(target, cname)| (cname, target))), end }
}

/// The CNAME that `behind-…` begins with.
static HOP: LazyLock<(DomainName, Body)> = LazyLock::new(|| alias("hop.ecs.internal"));

/// What ECS says of the name with this label.
fn node(label: &[u8]) -> &'static Node {
    static NODES: LazyLock<Vec<(&str, Node)>> = LazyLock::new(|| {
        let alias = |(target, cname): &(DomainName, Body)| Node::Alias { cname: cname.clone(), target: target.clone() };
        let web = Node::Records { sets: smallvec![(RecordType::A, WEB.clone())], nodata: NO_DATA.clone() };
        let aliases = ["app", "late", "brief"].into_iter();
        let aliases = aliases.filter_map(|label| Some((label, alias(target(label.as_bytes())?))));
        aliases.chain([("web", web), ("", Node::Unavailable { answer: NO_NAME.clone() })]).collect()
    });
    let found = NODES.iter().find(|(name, _)| name.as_bytes() == label).or(NODES.last());
    &found.expect("there are some").1
}

/// An alias, if it is one, and what is to be done for the name at its end.
fn of_label<'z>(label: &[u8], question: &Question<'_>) -> (Option<&'static (DomainName, Body)>, Resolution<'z>) {
    if let Some(alias) = target(label) {
        return (Some(alias), Resolution::Forward);
    }
    if let Some((target, _)) = label.strip_prefix(b"flat-").and_then(target) {
        return (None, Resolution::Flatten { target });
    }
    (None, resolution(label, question))
}

fn resolution<'z>(label: &[u8], question: &Question<'_>) -> Resolution<'z> {
    match label {
        label if label.ends_with(b"-ask") => Resolution::Ask,
        b"web" if question.qtype == RecordType::A => Resolution::Reply(&WEB),
        b"web" => Resolution::Reply(&NO_DATA),
        b"many" => Resolution::Reply(&MANY),
        b"hold" => {
            drop(HOLD.blocking_lock());
            Resolution::Reply(&WEB)
        }
        b"fault" => panic!("a fault of our own, on purpose"),
        label if label.starts_with(b"lapse") => {
            let comes_late = LAPSES.lock().unwrap().remove(label);
            assert!(!comes_late, "a fault of our own, on purpose");
            Resolution::Ask
        }
        label if label.ends_with(b"-r53") => Resolution::Fallback { otherwise: &NO_NAME },
        label if label.ends_with(b"-ent") => Resolution::Fallback { otherwise: &NO_DATA },
        label if label.ends_with(b"-unsynced") => Resolution::Fallback { otherwise: &NOT_READY },
        label if label.ends_with(b"-unavailable") => Resolution::Fallback { otherwise: &UNAVAILABLE },
        _ => Resolution::Reply(&NO_NAME),
    }
}

/// Answers by the first label of the name: `into-x` is an alias of `x.ecs.internal`, which is not there, and `both-x` one
/// that has an address.
struct Upstream(Arc<Semaphore>);

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upstream")
    }
}

struct Datagram {
    gate: Option<Arc<Semaphore>>,
    reply: Option<Vec<u8>>,
}

#[async_trait]
impl Flight for Datagram {
    async fn receive(&mut self) -> io::Result<Vec<u8>> {
        if let Some(gate) = self.gate.take() {
            gate.acquire().await.unwrap().forget();
        }
        match self.reply.take() {
            Some(reply) => Ok(reply),
            None => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Link for Upstream {
    async fn udp(&self, _: SocketAddr, query: &[u8]) -> io::Result<Box<dyn Flight>> {
        let (label, reply) = answer(query)?;
        let gate = label.starts_with("slow").then(|| Arc::clone(&self.0));
        Ok(Box::new(Datagram { gate, reply: Some(reply) }))
    }

    async fn tcp(&self, _: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
        Ok(answer(query)?.1)
    }

    async fn tls(&self, to: SocketAddr, _: &str, query: &[u8]) -> io::Result<Vec<u8>> {
        self.tcp(to, query).await
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        fastrand::Rng::new().fill(bytes);
        Ok(())
    }
}

fn answer(query: &[u8]) -> io::Result<(String, Vec<u8>)> {
    let query = Message::from_vec(query).unwrap();
    let mut reply = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    let asked = query.queries[0].clone();
    let label = asked.name().to_ascii().to_ascii_lowercase().split('.').next().unwrap().to_owned();
    let ttl = if label.starts_with("brief") { 0 } else { 30 };
    let mut add = |owner: &Name, data: RData| {
        reply.add_answer(Record::from_rdata(owner.clone(), ttl, data));
    };
    let a = |last| RData::A(Ipv4Addr::new(192, 0, 2, last).into());
    let is_a = asked.query_type() == RecordType::A;
    match label.split('-').next().unwrap_or_default() {
        "refused" => return Err(io::ErrorKind::ConnectionRefused.into()),
        "lapse" => {
            LAPSES.lock().unwrap().insert(label.clone().into_bytes());
        }
        _ if label.starts_with("slow-big") => (0..150).for_each(|last| add(asked.name(), a(last))),
        _ if label.starts_with("slow-gone") => reply.metadata.response_code = ResponseCode::NXDomain,
        "gone" => reply.metadata.response_code = ResponseCode::NXDomain,
        "lb" if is_a => {
            let second = Name::from_ascii("lb2.example.").unwrap();
            add(asked.name(), RData::CNAME(rdata::CNAME(second.clone())));
            add(&second, a(1));
            add(&second, a(2));
        }
        word @ ("into" | "both") => {
            let target = Name::from_ascii(format!("{}.ecs.internal.", &label[5..])).unwrap();
            add(asked.name(), RData::CNAME(rdata::CNAME(target.clone())));
            match asked.query_type() {
                RecordType::CNAME => {}
                RecordType::A if word == "both" => add(&target, a(9)),
                _ => reply.metadata.response_code = ResponseCode::NXDomain,
            }
        }
        "big" => (0..150).for_each(|last| add(asked.name(), a(last))),
        _ if is_a => add(asked.name(), a(7)),
        _ => {}
    }
    if reply.answers.is_empty() || reply.metadata.response_code == ResponseCode::NXDomain {
        let root = Name::root();
        let soa = rdata::SOA::new(root.clone(), root.clone(), 1, 2, 3, 4, 30);
        reply.add_authority(Record::from_rdata(root, 30, RData::SOA(soa)));
    }
    reply.add_query(asked);
    Ok((label, reply.to_vec().unwrap()))
}
