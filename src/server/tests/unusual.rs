use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{DNSClass, Name, RData, Record, rdata};
use proptest::prelude::*;

use super::*;
use crate::server::handler;

/// A message with this question and an OPT record.
fn message(opcode: OpCode, qtype: RecordType, class: DNSClass) -> Message {
    let mut message = Message::new(77, MessageType::Query, opcode);
    message.metadata.recursion_desired = true;
    let mut asked = Query::query(Name::from_ascii("WeB.ecs.internal.").unwrap(), qtype);
    asked.set_query_class(class);
    message.add_query(asked);
    message.set_edns(Edns::new());
    message
}

fn plain(qtype: RecordType) -> Message {
    message(OpCode::Query, qtype, DNSClass::IN)
}

async fn check(client: &UdpSocket, query: &Message, rcode: ResponseCode) -> Message {
    let reply = ask(client, &query.to_vec().unwrap()).await;
    // As numbers: 16 has two names, and only one of them belongs to EDNS.
    assert_eq!(u16::from(reply.metadata.response_code), u16::from(rcode), "{query}");
    assert_eq!(reply.metadata.id, 77);
    assert_eq!(reply.metadata.op_code, query.metadata.op_code);
    assert_eq!(reply.queries, query.queries, "{query}");
    let edns = reply.edns.as_ref().expect("no OPT");
    assert_eq!((edns.version(), edns.max_payload()), (0, 1232));
    reply
}

#[tokio::test]
async fn what_is_not_plain_gets_the_code_of_its_rfc() {
    let server = start();
    let client = server.client().await;
    for opcode in [OpCode::Status, OpCode::Notify, OpCode::Update, OpCode::Unknown(9)] {
        check(&client, &message(opcode, RecordType::A, DNSClass::IN), ResponseCode::NotImp).await;
    }
    for class in [DNSClass::CH, DNSClass::HS, DNSClass::ANY, DNSClass::Unknown(77)] {
        let reply = check(&client, &message(OpCode::Query, RecordType::TXT, class), ResponseCode::Refused).await;
        assert!(reply.answers.is_empty());
    }
    check(&client, &plain(RecordType::AXFR), ResponseCode::Refused).await;
    let soa = rdata::SOA::new(Name::root(), Name::root(), 1, 2, 3, 4, 5);
    let record = Record::from_rdata(Name::root(), 5, RData::SOA(soa));
    let mut transfer = plain(RecordType::IXFR);
    transfer.add_authority(record.clone());
    check(&client, &transfer, ResponseCode::Refused).await;
    let mut extra = plain(RecordType::A);
    extra.add_authority(record.clone());
    check(&client, &extra, ResponseCode::FormErr).await;
    let mut extra = plain(RecordType::A);
    extra.add_additional(record);
    check(&client, &extra, ResponseCode::FormErr).await;
    server.until_counted("ecs_resolver_dns_answers_total{source=\"handler\"} 12.0").await;
}

#[tokio::test]
async fn an_unknown_version_of_edns_is_told_ours() {
    let server = start();
    let mut query = plain(RecordType::A);
    query.edns.as_mut().unwrap().set_version(1);
    let reply = check(&server.client().await, &query, ResponseCode::BADVERS).await;
    assert!(reply.answers.is_empty());
    server.until_counted("ecs_resolver_dns_responses_total{rcode=\"BADVERS\"} 1.0").await;
}

#[tokio::test]
async fn any_is_answered_small() {
    let server = start();
    let reply = check(&server.client().await, &plain(RecordType::ANY), ResponseCode::NoError).await;
    assert_eq!(reply.answers.len(), 1);
    assert_eq!(reply.answers[0].name.to_ascii(), "WeB.ecs.internal.");
    assert!(matches!(&reply.answers[0].data, RData::HINFO(hinfo) if *hinfo.cpu == *b"RFC8482" && hinfo.os.is_empty()));
}

#[tokio::test]
async fn any_of_a_long_name_is_whole_or_truncated() {
    let server = start();
    let client = server.client().await;
    let name = |last: usize| format!("{0}.{0}.{0}.{1}.", "a".repeat(63), "a".repeat(last));
    // 12 + 4 + 19 + 11 + 28 bytes besides the name, which is there twice: 219 bytes of it fit into 512.
    for (last, size, whole) in [(61, 0, false), (25, 0, true), (26, 0, false), (61, 1232, true)] {
        client.send(&query(7, &name(last), RecordType::ANY, size)).await.unwrap();
        let bytes = receive_bytes(&client).await;
        let reply = Message::from_vec(&bytes).unwrap();
        assert_eq!((reply.metadata.truncation, reply.answers.len()), (!whole, usize::from(whole)), "{last} {size}");
        let end = 12 + name(last).len() + 1 + 4;
        assert_eq!(
            (bytes.len() == end, reply.edns.is_some()),
            (!whole, size > 0),
            "nothing is left of what did not fit"
        );
    }
}

#[tokio::test]
async fn nsid_and_other_options_are_ignored() {
    let server = start();
    let mut query = query(1, "web.ecs.internal.", RecordType::A, 1232);
    let end = query.len() - 2;
    query[end..].copy_from_slice(&[0, 4]);
    query.extend_from_slice(&[0, 3, 0, 0]);
    assert_eq!(ask(&server.client().await, &query).await.answers.len(), 3);
}

#[tokio::test]
async fn damage_is_a_format_error() {
    let server = start();
    let client = server.client().await;
    let good = query(9, "web.ecs.internal.", RecordType::A, 0);
    let mut no_question = good.clone();
    no_question[5] = 0;
    let mut two_questions = good.clone();
    two_questions[5] = 2;
    let mut pointer = good.clone();
    pointer[12] = 0xc0;
    for bad in [&no_question, &two_questions, &pointer, &good[..good.len() - 3].to_vec()] {
        client.send(bad).await.unwrap();
        let reply = receive_bytes(&client).await;
        assert_eq!((reply.len(), &reply[..2], reply[3] & 15), (12, &bad[..2], 1));
    }
}

proptest! {
    #[test]
    fn the_handler_survives_any_bytes(
        header in prop::array::uniform12(any::<u8>()),
        counts in prop::array::uniform3(0u8..3),
        rest in prop::collection::vec(any::<u8>(), 0..300),
        readable in any::<bool>(),
    ) {
        let mut message = header.to_vec();
        message[2] &= 0x7f;
        message[4..12].copy_from_slice(&[0, 1, 0, counts[0], 0, counts[1], 0, counts[2]]);
        if readable {
            message.extend_from_slice(b"\x03web\x00\x00\xff\x00\x01");
        }
        message.extend_from_slice(&rest);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut out = Vec::new();
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        runtime.block_on(handler::answer(&message, peer, false, &|_| None, &mut out));
        prop_assert!(out.len() >= 12 && out.len() <= 1232);
        prop_assert_eq!(&out[..2], &message[..2]);
        prop_assert!(out[2] & 0x80 != 0 && Message::from_vec(&out).is_ok());
    }
}

#[tokio::test]
async fn cookies_are_in_every_reply_to_who_sends_some() {
    use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
    let bake =
        |cookie: crate::dns::Cookie<'_>| Some(crate::dns::ReplyCookie { client: *cookie.client, server: [7; 16] });
    let with = |data: &[u8], version: u8| {
        let mut query = plain(RecordType::ANY);
        let edns = query.edns.as_mut().unwrap();
        edns.set_version(version);
        edns.options_mut().insert(EdnsOption::Unknown(10, data.to_vec()));
        query
    };
    let answered = async |query: &Message| {
        let mut out = Vec::new();
        handler::answer(&query.to_vec().unwrap(), "192.0.2.1:5".parse().unwrap(), false, &bake, &mut out).await;
        let reply = Message::from_vec(&out).unwrap();
        reply.edns.unwrap().option(EdnsCode::Cookie).cloned()
    };
    let baked = EdnsOption::Unknown(10, [&[1; 8][..], &[7; 16]].concat());
    assert_eq!(answered(&with(&[1; 8], 0)).await, Some(baked.clone()), "ANY");
    assert_eq!(answered(&with(&[1; 24], 1)).await, Some(baked), "BADVERS");
    assert_eq!(answered(&with(&[1; 7], 0)).await, None, "it is none (RFC 7873 5.2.2)");
    assert_eq!(answered(&plain(RecordType::ANY)).await, None, "it has sent none");
}
