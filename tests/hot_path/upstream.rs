//! The upstreams of the worlds. They answer by the first word of a name: `gone…` does not exist, nor do services (`svc…`),
//! `none…` has no addresses, `big` has many, `far` is an alias; `into-…` and `both-…` are aliases of names of the zone,
//! `…-ecs` of a service, without addresses and with two; every other name has two addresses, and nothing of any other type.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use async_trait::async_trait;
use ecs_resolver::dns::{DomainName, Name, RData, RecordType, rdata};
use ecs_resolver::forward::Policy;
use ecs_resolver::forwarder::{Flight, ForwardSettings, Link, Route};
use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::Record;

/// Whether the upstream of names below `down` has gone.
pub static DOWN: AtomicBool = AtomicBool::new(false);
/// Where it was.
const DOWN_AT: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 10);

/// The two of them, one for names below `down`.
pub fn settings() -> ForwardSettings {
    let mut settings = ForwardSettings::with_upstreams([SocketAddr::from((Ipv4Addr::LOCALHOST, 9))]);
    for zone in ["down.example", "down.ecs.internal"] {
        let zone = DomainName::from_text(zone).expect("a name");
        let servers = vec![SocketAddr::from(DOWN_AT).into()];
        settings.routes.push(Route { zone, servers, policy: Policy::default() });
    }
    settings.caps.negative_ttl = 3600;
    settings
}

#[derive(Debug)]
pub struct Upstream;

struct Reply(Vec<u8>);

#[async_trait]
impl Flight for Reply {
    async fn receive(&mut self) -> io::Result<Vec<u8>> {
        Ok(std::mem::take(&mut self.0))
    }
}

#[async_trait]
impl Link for Upstream {
    async fn udp(&self, to: SocketAddr, query: &[u8]) -> io::Result<Box<dyn Flight>> {
        Ok(Box::new(Reply(self.tcp(to, query).await?)))
    }

    async fn tcp(&self, to: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
        if to == SocketAddr::from(DOWN_AT) && DOWN.load(Relaxed) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(answer(query))
    }

    async fn tls(&self, to: SocketAddr, _: &str, query: &[u8]) -> io::Result<Vec<u8>> {
        self.tcp(to, query).await
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        fastrand::Rng::new().fill(bytes);
        Ok(())
    }
}

fn answer(query: &[u8]) -> Vec<u8> {
    let query = Message::from_vec(query).expect("a query");
    let asked = query.queries[0].clone();
    let name = asked.name().to_ascii().to_ascii_lowercase();
    let ttl = if name.contains("down.") { 1 } else { 3600 };
    let word = name.split(['.', '-']).next().unwrap_or_default();
    let addresses = match word {
        "gone" | "svc" | "none" | "into" => 0,
        "big" => 100,
        _ if asked.query_type() == RecordType::A => 2,
        _ => 0,
    };
    let mut reply = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    let mut owner = asked.name().clone();
    if word == "far" {
        let next = Name::from_ascii("next.example.com.").expect("a name");
        reply.add_answer(Record::from_rdata(owner, ttl, RData::CNAME(rdata::CNAME(next.clone()))));
        owner = next;
    }
    if matches!(word, "into" | "both") {
        let label = name.split(['.', '-']).nth(1).unwrap_or_default();
        let label = if label == "ecs" { "svc-0007" } else { label };
        let target = Name::from_ascii(format!("{label}.ecs.internal.")).expect("a name");
        reply.add_answer(Record::from_rdata(owner, ttl, RData::CNAME(rdata::CNAME(target.clone()))));
        owner = target;
    }
    for last in 1..=addresses {
        reply.add_answer(Record::from_rdata(owner.clone(), ttl, RData::A(rdata::A::new(192, 0, 2, last))));
    }
    if matches!(word, "gone" | "svc" | "into") {
        reply.metadata.response_code = ResponseCode::NXDomain;
    }
    if addresses == 0 {
        let soa = rdata::SOA::new(Name::root(), Name::root(), 1, 2, 3, 4, ttl);
        reply.add_authority(Record::from_rdata(Name::root(), ttl, RData::SOA(soa)));
    }
    reply.add_query(asked);
    reply.to_vec().expect("a reply")
}
