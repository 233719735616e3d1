use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use hickory_proto::op::{Edns as ProtoEdns, Message, MessageType, OpCode, Query, ResponseCode};

use super::super::{BodyBuilder, Name, Parsed, RData, Rcode, RecordType, rdata::SRV};
use super::*;

mod negative;

fn zone() -> DomainName {
    DomainName::from_text("ecs.internal").unwrap()
}

fn query(name: &str, edns: bool) -> Vec<u8> {
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::A));
    if edns {
        let mut opt = ProtoEdns::new();
        opt.set_max_payload(4096);
        message.set_edns(opt);
    }
    message.to_vec().unwrap()
}

fn reply(query: &[u8], body: &Body, spin: u32, tcp: bool) -> (Vec<u8>, Message) {
    let Parsed::Plain(question) = Question::parse(query) else { panic!("not plain") };
    let soa = SoaBlock::new(&zone(), 42, 5);
    let mut out = Vec::new();
    let limit = question.limit(tcp);
    write(&mut out, &question, body, &ReplyContext { soa: &soa, spin, limit, ede: None, cookie: None });
    assert!(out.len() <= limit);
    let message = Message::from_vec(&out).unwrap();
    (out, message)
}

fn addresses(count: u8) -> Body {
    let mut body = BodyBuilder::new(true);
    for host in 1..=count {
        body.answer(5, &RData::A(Ipv4Addr::new(10, 0, 0, host).into()));
    }
    body.build()
}

#[test]
fn an_answer_echoes_the_question_and_rotates() {
    let query = query("WeB.ECS.internal.", true);
    let (_, message) = reply(&query, &addresses(3), 1, false);
    assert_eq!(message.queries[0].name().to_ascii(), "WeB.ECS.internal.");
    assert!(message.metadata.authoritative && message.metadata.recursion_available);
    let order: Vec<String> = message.answers.iter().map(|record| record.data.to_string()).collect();
    assert_eq!(order, ["10.0.0.2", "10.0.0.3", "10.0.0.1"]);
    assert_eq!(message.edns.unwrap().max_payload(), 1232);
}

#[test]
fn a_negative_answer_carries_the_soa_of_the_zone() {
    let ede = Some(Arc::new(Ede::new(Ede::OTHER, "no task is ready")));
    let body = Body::empty(Rcode::NxDomain, true, ede);
    let (_, message) = reply(&query("no.such.ecs.internal.", true), &body, 0, false);
    assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
    let soa = &message.authorities[0];
    assert_eq!((soa.name.to_ascii().as_str(), soa.ttl), ("ecs.internal.", 5));
    assert_eq!(soa.data.to_string(), "ns.dns.ecs.internal. hostmaster.ecs.internal. 42 7200 900 86400 5");
}

#[test]
fn truncation_keeps_whole_records_and_the_opt() {
    let (bytes, message) = reply(&query("web.ecs.internal.", false), &addresses(200), 0, false);
    assert!(message.metadata.truncation && message.edns.is_none());
    assert_eq!(message.answers.len(), (512 - 12 - 22) / 16);
    assert!(bytes.len() > 512 - 16);
    let (_, message) = reply(&query("web.ecs.internal.", true), &addresses(200), 0, false);
    assert!(message.metadata.truncation && message.edns.is_some());
    let (_, message) = reply(&query("web.ecs.internal.", true), &addresses(200), 0, true);
    assert_eq!((message.metadata.truncation, message.answers.len()), (false, 200));
}

#[test]
fn glue_belongs_to_its_target_whatever_the_rotation() {
    let mut body = BodyBuilder::new(true);
    for task in 1..=200u8 {
        let target = Name::from_ascii(format!("t{task}.web.prod.task.ecs.internal.")).unwrap();
        body.answer(5, &RData::SRV(SRV::new(10, 100, 8080, target)));
        body.glue(5, IpAddr::V4(Ipv4Addr::new(10, 0, 0, task)));
    }
    let body = body.build();
    for spin in [0, 1, 199] {
        let (_, message) = reply(&query("_http._tcp.web.ecs.internal.", true), &body, spin, true);
        assert_eq!((message.answers.len(), message.additionals.len()), (200, 200));
        for record in &message.additionals {
            let task: u8 = record.name.to_ascii().trim_start_matches('t').split('.').next().unwrap().parse().unwrap();
            assert_eq!(record.data.to_string(), format!("10.0.0.{task}"));
        }
    }
    let (_, message) = reply(&query("_http._tcp.web.ecs.internal.", true), &body, 3, false);
    assert!(message.metadata.truncation && message.additionals.is_empty());
}

#[test]
fn glue_that_does_not_fit_is_no_truncation() {
    let mut body = BodyBuilder::new(true);
    for task in 1..=15u8 {
        let target = Name::from_ascii(format!("t{task}.web.prod.task.ecs.internal.")).unwrap();
        body.answer(5, &RData::SRV(SRV::new(10, 100, 8080, target)));
        for host in 1..=5u8 {
            body.glue(5, IpAddr::V4(Ipv4Addr::new(10, 0, host, task)));
        }
    }
    let (_, message) = reply(&query("_http._tcp.web.ecs.internal.", true), &body.build(), 0, false);
    assert_eq!((message.metadata.truncation, message.answers.len()), (false, 15));
    assert!(!message.additionals.is_empty() && message.additionals.len() < 75);
}

/// Without EDNS nobody hears a remark, so it takes no room from anything.
#[test]
fn without_edns_a_remark_changes_nothing() {
    let mut body = BodyBuilder::new(true);
    for task in 1..=3u8 {
        let target = Name::from_ascii(format!("t{task}.web.prod.task.ecs.internal.")).unwrap();
        body.answer(5, &RData::SRV(SRV::new(10, 100, 8080, target)));
        for host in 1..=15u8 {
            body.glue(5, IpAddr::V4(Ipv4Addr::new(10, 0, host, task)));
        }
    }
    let (body, soa) = (body.build(), SoaBlock::new(&zone(), 42, 5));
    let stale = Ede::new(Ede::STALE_ANSWER, "the inventory is old");
    let bytes = query("_http._tcp.web.ecs.internal.", false);
    let Parsed::Plain(question) = Question::parse(&bytes) else { panic!("not plain") };
    let [without, with] = [None, Some(&stale)].map(|ede| {
        let mut out = Vec::new();
        write(&mut out, &question, &body, &ReplyContext { soa: &soa, spin: 0, limit: 512, ede, cookie: None });
        out
    });
    assert_eq!(with, without);
    assert!(without.len() > 512 - 16, "as many addresses as fit");
}

#[test]
fn a_remark_goes_before_answers_and_the_soa_do() {
    let ede = Some(Arc::new(Ede::new(Ede::OTHER, "no task is ready")));
    let long = format!("{0}.{0}.{0}.{1}.ecs.internal.", "a".repeat(63), "b".repeat(20));
    let bytes = query(&long, true);
    let Parsed::Plain(question) = Question::parse(&bytes) else { panic!("not plain") };
    let (soa, mut out) = (SoaBlock::new(&zone(), 42, 5), Vec::new());
    let body = Body::empty(Rcode::NxDomain, true, ede);
    for (limit, whole) in [(400, true), (329, false)] {
        write(&mut out, &question, &body, &ReplyContext { soa: &soa, spin: 0, limit, ede: None, cookie: None });
        let message = Message::from_vec(&out).unwrap();
        assert!(out.len() <= limit && message.authorities.len() == 1 && !message.metadata.truncation, "{limit}");
        assert_eq!(out.ends_with(b"no task is ready"), whole, "{limit}");
    }
    let stale = Ede::new(Ede::STALE_ANSWER, "the inventory is old");
    for (limit, own) in [(400, true), (350, false)] {
        write(&mut out, &question, &body, &ReplyContext { soa: &soa, spin: 0, limit, ede: Some(&stale), cookie: None });
        assert!(out.ends_with(b"the inventory is old") && out.len() <= limit);
        assert_eq!(out.windows(16).any(|part| part == b"no task is ready"), own, "{limit}");
        assert_eq!(Message::from_vec(&out).unwrap().authorities.len(), 1);
    }
}

#[test]
fn a_chased_cname_chain_keeps_its_owners() {
    let elb = Name::from_ascii("internal-web.elb.amazonaws.com.").unwrap();
    let mut body = BodyBuilder::new(true);
    body.answer(60, &RData::CNAME(hickory_proto::rr::rdata::CNAME(elb.clone())));
    let other = DomainName::from_text("other.example").unwrap();
    for (owner, last) in
        [(DomainName::from_name(&elb).unwrap(), 1), (DomainName::from_name(&elb).unwrap(), 2), (other, 3)]
    {
        body.answer_of(owner, 30, &RData::A(Ipv4Addr::new(10, 1, 1, last).into()));
    }
    let (bytes, message) = reply(&query("web.ecs.internal.", true), &body.build(), 5, false);
    let owners: Vec<String> = message.answers.iter().map(|record| record.name.to_ascii()).collect();
    assert_eq!(owners, ["web.ecs.internal.", &elb.to_ascii(), &elb.to_ascii(), "other.example."]);
    let elb_spelled_out = bytes.windows(12).filter(|window| window == b"internal-web").count();
    assert_eq!(elb_spelled_out, 1);
}

/// Upstreams may send a chain in any order: then an owner is spelled out whose own target others point to.
#[test]
fn a_chain_in_the_wrong_order_keeps_its_owners() {
    let [first, second, last] = ["a.example.", "b.example.", "c.example."].map(|name| Name::from_ascii(name).unwrap());
    let cname = |target: &Name| RData::CNAME(hickory_proto::rr::rdata::CNAME(target.clone()));
    let owner = |name: &Name| DomainName::from_name(name).unwrap();
    let mut body = BodyBuilder::new(true);
    body.answer(60, &cname(&first)).answer_of(owner(&second), 30, &cname(&last));
    body.answer_of(owner(&first), 30, &cname(&second));
    body.answer_of(owner(&last), 30, &RData::A(Ipv4Addr::new(10, 1, 1, 1).into()));
    let (_, message) = reply(&query("web.ecs.internal.", true), &body.build(), 0, false);
    let owners: Vec<String> = message.answers.iter().map(|record| record.name.to_ascii()).collect();
    assert_eq!(owners, ["web.ecs.internal.", "b.example.", "a.example.", "c.example."]);
}

/// Where the reply has the cookies: they end it.
const COOKIES: ReplyCookie = ReplyCookie { client: *b"client00", server: *b"server0123456789" };

#[test]
fn cookies_are_sent_back_and_never_exceed_the_limit() {
    let bytes = query("web.ecs.internal.", true);
    let Parsed::Plain(question) = Question::parse(&bytes) else { panic!("not plain") };
    let soa = SoaBlock::new(&zone(), 42, 5);
    let ede = Ede::new(Ede::STALE_ANSWER, "the inventory is old");
    let mut out = Vec::new();
    for count in 0..100 {
        let body = if count == 0 { Body::empty(Rcode::NoError, true, None) } else { addresses(count) };
        let mut sent = Vec::new();
        for (ede, cookie) in [(None, None), (None, Some(COOKIES)), (Some(&ede), Some(COOKIES))] {
            write(&mut out, &question, &body, &ReplyContext { soa: &soa, spin: 0, limit: 512, ede, cookie });
            assert!(out.len() <= 512, "{count}: {}", out.len());
            assert_eq!(out.ends_with(b"\x00\x0a\x00\x18client00server0123456789"), cookie.is_some());
            sent.push(Message::from_vec(&out).unwrap().answers.len());
        }
        assert!(sent[0] >= sent[1] && sent[1] == sent[2], "a remark takes no room from answers: {sent:?}");
    }
    assert!(out[2] & 2 != 0, "the last did not fit");
}
