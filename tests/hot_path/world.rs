//! A cluster of 1,000 services, some behind load balancers, with an upstream that knows every name: what the hot path
//! is tested and measured with.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use ecs_resolver::access::Access;
use ecs_resolver::dns::{DomainName, Name, RecordType};
use ecs_resolver::ecs::{LoadBalancer, LoadBalancerId, LoadBalancerRef, Scheme, Timestamp};
use ecs_resolver::forwarder::{Flight, ForwardSettings, Forwarder, Link};
use ecs_resolver::inventory::{Inventory, Outcome, reduce};
use ecs_resolver::metrics::Source;
use ecs_resolver::responder::Responder;
use ecs_resolver::snapshot::{Shared, Snapshot};
use ecs_resolver::source::synthetic::synthetic;
use ecs_resolver::zone::{Settings, ZoneWriter};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};

pub const SERVICES: usize = 1_000;

/// A kind of question: what it is called, name and type, who answers, and how many records are in the answer, authority
/// and additional sections (the OPT is one).
pub struct Kind {
    pub called: &'static str,
    pub name: &'static str,
    pub qtype: RecordType,
    pub source: Source,
    pub records: [usize; 3],
}

/// Every kind of answer that the hot path has.
pub const KINDS: [Kind; 8] = [
    kind("a", "SVC-0007.ecs.internal.", RecordType::A, Source::Zone, [3, 0, 1]),
    kind("nodata", "svc-0007.ecs.internal.", RecordType::AAAA, Source::Zone, [0, 1, 1]),
    kind("srv with glue", "_http._tcp.svc-0007.ecs.internal.", RecordType::SRV, Source::Zone, [3, 0, 4]),
    kind("nxdomain", "nosuch.ecs.internal.", RecordType::A, Source::Zone, [0, 1, 1]),
    kind("ptr", "1.0.0.10.in-addr.arpa.", RecordType::PTR, Source::Zone, [1, 0, 1]),
    kind("flat cname", "lb-0.ecs.internal.", RecordType::A, Source::Cache, [3, 0, 1]),
    kind("flat cname, nodata", "lb-0.ecs.internal.", RecordType::AAAA, Source::Cache, [1, 1, 1]),
    kind("forwarded", "www.example.com.", RecordType::A, Source::Cache, [2, 0, 1]),
];

const fn kind(
    called: &'static str,
    name: &'static str,
    qtype: RecordType,
    source: Source,
    records: [usize; 3],
) -> Kind {
    Kind { called, name, qtype, source, records }
}

impl Kind {
    /// The question as `dig` sends it.
    pub fn query(&self) -> Vec<u8> {
        let mut message = Message::new(7, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(Name::from_ascii(self.name).expect("a name"), self.qtype));
        let mut edns = Edns::new();
        edns.set_max_payload(1232);
        message.set_edns(edns);
        message.to_vec().expect("a query")
    }

    /// Whether a reply is the one that was to be expected.
    pub fn is_answered_by(&self, reply: &[u8]) -> bool {
        let Ok(message) = Message::from_vec(reply) else { return false };
        let additional = message.additionals.len() + usize::from(message.edns.is_some());
        self.records == [message.answers.len(), message.authorities.len(), additional]
    }
}

/// The responder of `services` services of three tasks each, and ten behind load balancers. To be made within a tokio
/// runtime.
pub fn responder(services: usize) -> Arc<Responder> {
    let origin = DomainName::from_text("ecs.internal").expect("a name");
    let mut document = synthetic(services, 3);
    for number in 0..10.min(services) {
        let id = LoadBalancerId(format!("lb-{number}").into());
        let mut service = document.services[number].clone();
        service.name = format!("lb-{number}");
        service.load_balancers = vec![LoadBalancerRef::LoadBalancerName(id.clone())];
        document.services.push(service);
        let dns_name = format!("lb-{number}.example.com");
        document.load_balancers.push(LoadBalancer { id, dns_name, scheme: Scheme::Internal });
    }
    let mut inventory = Inventory::default();
    let mut writer = ZoneWriter::new(Settings::new(origin, vec!["prod".to_owned()]), &inventory, 1);
    let mut touched = std::collections::BTreeSet::new();
    for change in document.into_changes(Timestamp::from_second(1_700_000_000).expect("a time")) {
        let (next, outcome) = reduce(inventory, change);
        inventory = next;
        if let Outcome::Changed(subjects) = outcome {
            touched.extend(subjects);
        }
    }
    writer.update(&inventory, &touched);
    let zone = writer.zone().clone();
    let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let forwarder = Forwarder::new(ForwardSettings::with_upstreams([upstream]), Arc::new(Upstream));
    Arc::new(Responder::new(
        Shared::new(Snapshot { generation: 1, zone, ede: None }),
        forwarder,
        Arc::new(Access::open()),
    ))
}

/// An upstream that has two addresses for every name, and nothing of any other type.
#[derive(Debug)]
struct Upstream;

struct Reply(Vec<u8>);

#[async_trait]
impl Flight for Reply {
    async fn receive(&mut self) -> io::Result<Vec<u8>> {
        Ok(std::mem::take(&mut self.0))
    }
}

#[async_trait]
impl Link for Upstream {
    async fn udp(&self, _: SocketAddr, query: &[u8]) -> io::Result<Box<dyn Flight>> {
        Ok(Box::new(Reply(answer(query))))
    }

    async fn tcp(&self, _: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
        Ok(answer(query))
    }

    async fn tls(&self, _: SocketAddr, _: &str, query: &[u8]) -> io::Result<Vec<u8>> {
        Ok(answer(query))
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        fastrand::Rng::new().fill(bytes);
        Ok(())
    }
}

fn answer(query: &[u8]) -> Vec<u8> {
    use ecs_resolver::dns::{RData, rdata};
    use hickory_proto::rr::Record;
    let query = Message::from_vec(query).expect("a query");
    let asked = query.queries[0].clone();
    let mut reply = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    if asked.query_type() == RecordType::A {
        for last in [1, 2] {
            reply.add_answer(Record::from_rdata(asked.name().clone(), 3600, RData::A(rdata::A::new(192, 0, 2, last))));
        }
    } else {
        let zone = Name::from_ascii("example.com.").expect("a name");
        let soa = rdata::SOA::new(zone.clone(), zone.clone(), 1, 2, 3, 4, 3600);
        reply.add_authority(Record::from_rdata(zone, 3600, RData::SOA(soa)));
    }
    reply.add_query(asked);
    reply.to_vec().expect("a reply")
}
