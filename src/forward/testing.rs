//! Replies of upstreams for the tests of this floor and of those above it.

use std::time::Instant;

use hickory_proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::Record;

use super::Key;
use crate::dns::{DomainName, Name, Parsed, Question, RData, RecordType, rdata};

/// Some moment. Tests count from it; none of them waits.
pub fn moment() -> Instant {
    tokio::time::Instant::now().into_std()
}

pub fn key(name: &str, qtype: RecordType) -> Key {
    Key::new(DomainName::from_text(name).unwrap(), qtype)
}

pub fn a(owner: &str, ttl: u32, host: u8) -> Record {
    Record::from_rdata(Name::from_ascii(owner).unwrap(), ttl, RData::A(rdata::A::new(192, 0, 2, host)))
}

pub fn cname(owner: &str, ttl: u32, target: &str) -> Record {
    let target = rdata::CNAME(Name::from_ascii(target).unwrap());
    Record::from_rdata(Name::from_ascii(owner).unwrap(), ttl, RData::CNAME(target))
}

pub fn soa(zone: &str, ttl: u32, minimum: u32) -> Record {
    let zone = Name::from_ascii(zone).unwrap();
    let soa = rdata::SOA::new(zone.clone(), zone.clone(), 1, 7200, 900, 86_400, minimum);
    Record::from_rdata(zone, ttl, RData::SOA(soa))
}

/// A NOERROR response with the id and question of `query`, and an OPT record, as recursive servers send it.
pub fn response(query: &[u8]) -> Message {
    let mut message = Message::from_vec(query).unwrap();
    message.metadata.message_type = MessageType::Response;
    message.metadata.recursion_available = true;
    message.set_edns(Edns::new());
    message
}

/// [`response`] with these answers, as bytes.
pub fn answer(query: &[u8], answers: impl IntoIterator<Item = Record>) -> Vec<u8> {
    let mut message = response(query);
    message.add_answers(answers);
    message.to_vec().unwrap()
}

/// A negative response with this code and authority section.
pub fn negative(query: &[u8], rcode: ResponseCode, authority: impl IntoIterator<Item = Record>) -> Vec<u8> {
    let mut message = response(query);
    message.metadata.response_code = rcode;
    message.add_authorities(authority);
    message.to_vec().unwrap()
}

/// A client's query, CD and RD set, with EDNS of this payload or none.
pub fn client_query(name: &str, qtype: RecordType, payload: Option<u16>) -> Vec<u8> {
    let mut message = Message::query();
    message.metadata.id = 0x1234;
    message.metadata.recursion_desired = true;
    message.metadata.checking_disabled = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), qtype));
    if let Some(payload) = payload {
        let mut edns = Edns::new();
        edns.set_max_payload(payload);
        message.set_edns(edns);
    }
    message.to_vec().unwrap()
}

pub fn plain(query: &[u8]) -> Question<'_> {
    match Question::parse(query) {
        Parsed::Plain(question) => question,
        other => panic!("{query:?} is {other:?}"),
    }
}
