//! The demo's load balancers: their names resolve as those of real ones do, without AWS.
//!
//! A [`Link`] in front of another: what is asked about a made-up `elb.amazonaws.com` name is answered here, everything
//! else goes on to the real upstream.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::forwarder::{Flight, Link};

/// TTL of the addresses of a load balancer, in seconds, as AWS gives it.
const TTL: u32 = 60;

/// Answers for names below `elb.amazonaws.com` and `elb.<region>.amazonaws.com`.
#[derive(Debug)]
pub(super) struct SimulatedBalancers {
    upstream: Arc<dyn Link>,
}

impl SimulatedBalancers {
    /// Simulated load balancers, and `upstream` for everything else.
    pub(super) fn before(upstream: Arc<dyn Link>) -> Self {
        Self { upstream }
    }
}

/// A datagram that is there already.
struct Landed(Option<Vec<u8>>);

#[async_trait]
impl Flight for Landed {
    async fn receive(&mut self) -> io::Result<Vec<u8>> {
        match self.0.take() {
            Some(reply) => Ok(reply),
            None => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Link for SimulatedBalancers {
    async fn udp(&self, to: SocketAddr, query: &[u8]) -> io::Result<Box<dyn Flight>> {
        match reply(query) {
            Some(reply) => Ok(Box::new(Landed(Some(reply)))),
            None => self.upstream.udp(to, query).await,
        }
    }

    async fn tcp(&self, to: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
        match reply(query) {
            Some(reply) => Ok(reply),
            None => self.upstream.tcp(to, query).await,
        }
    }

    async fn tls(&self, to: SocketAddr, server_name: &str, query: &[u8]) -> io::Result<Vec<u8>> {
        match reply(query) {
            Some(reply) => Ok(reply),
            None => self.upstream.tls(to, server_name, query).await,
        }
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        self.upstream.random(bytes)
    }
}

/// The reply about a load balancer; `None` if the question is about something else.
fn reply(query: &[u8]) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).ok()?;
    let asked = query.queries.first()?;
    let name = asked.name().to_ascii().to_ascii_lowercase();
    let is_balancer = name.ends_with(".amazonaws.com.") && name.split('.').any(|label| label == "elb");
    if !is_balancer {
        return None;
    }
    let mut reply = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    reply.metadata.response_code = ResponseCode::NoError;
    reply.add_query(Query::query(asked.name().clone(), asked.query_type()));
    if asked.query_type() == RecordType::A {
        for address in addresses(&name) {
            reply.add_answer(Record::from_rdata(asked.name().clone(), TTL, crate::dns::body::address_record(address)));
        }
    } else {
        let zone = Name::from_ascii("amazonaws.com.").ok()?;
        let soa = SOA::new(zone.clone(), zone.clone(), 1, 7200, 900, 86_400, TTL);
        reply.add_authority(Record::from_rdata(zone, TTL, RData::SOA(soa)));
    }
    reply.to_vec().ok()
}

/// Two addresses, one in each subnet, always the same for a name.
fn addresses(name: &str) -> [IpAddr; 2] {
    let sum = name.bytes().fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    let host = 100 + sum % 100;
    [IpAddr::from([10, 5, 10, host]), IpAddr::from([10, 5, 15, host])]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str, kind: RecordType) -> Vec<u8> {
        let mut message = Message::new(7, MessageType::Query, OpCode::Query);
        message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
        message.to_vec().unwrap()
    }

    #[test]
    fn balancers_have_addresses_and_nobody_else_has() {
        for name in ["Internal-app-1.us-east-1.elb.amazonaws.com.", "stream-1.elb.us-east-1.amazonaws.com."] {
            let message = Message::from_vec(&reply(&query(name, RecordType::A)).unwrap()).unwrap();
            assert_eq!((message.metadata.id, message.answers.len()), (7, 2));
            let message = Message::from_vec(&reply(&query(name, RecordType::AAAA)).unwrap()).unwrap();
            assert_eq!((message.answers.len(), message.authorities.len()), (0, 1));
        }
        assert_eq!(reply(&query("sqs.us-east-1.amazonaws.com.", RecordType::A)), None);
        assert_eq!(reply(b"scrap"), None);
    }
}
