mod composed;
mod delegated;
mod entering;
mod forwarding;
mod twice;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use proptest::prelude::*;

use super::stub::{query, responder};
use super::*;
use crate::dns::RecordType;
use crate::metrics::Metrics;
use crate::snapshot::Snapshot;

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn circumstances(spin: u32, tcp: bool) -> Circumstances {
    let client = IpAddr::from([192, 0, 2, 53]);
    Circumstances { tcp, client, spin, now: now() }
}

/// Answers a query at once or through the upstream, and tells which.
async fn ask(responder: &Responder, query: &[u8], spin: u32) -> (Source, Message) {
    let counters = Metrics::new("test").shared();
    let mut out = Vec::new();
    let source = match responder.respond(query, circumstances(spin, false), &counters, &mut out) {
        Verdict::Reply(source) => source,
        Verdict::Await(pending) => responder.finish(&pending, &mut out).await,
        other => panic!("{other:?}"),
    };
    (source, Message::from_vec(&out).unwrap())
}

fn texts(lines: &[&str]) -> Vec<String> {
    lines.iter().map(ToString::to_string).collect()
}

async fn ask_a(responder: &Responder, name: &str) -> (Source, Message) {
    ask(responder, &query(7, name, RecordType::A, 1232), 0).await
}

fn answers(message: &Message) -> Vec<String> {
    message.answers.iter().map(|record| format!("{} {} {}", record.name, record.ttl, record.data)).collect()
}

fn ede(message: &Message) -> Option<u16> {
    match message.edns.as_ref()?.option(EdnsCode::Unknown(15))? {
        EdnsOption::Unknown(_, bytes) => Some(u16::from_be_bytes([bytes[0], bytes[1]])),
        _ => None,
    }
}

#[tokio::test]
async fn the_zone_answers_at_once() {
    let (responder, _) = responder();
    let (source, message) = ask_a(&responder, "WeB.ecs.internal.").await;
    assert_eq!(source, Source::Zone);
    assert_eq!(message.queries[0].name().to_ascii(), "WeB.ecs.internal.");
    assert_eq!(message.answers.len(), 3);
    let (_, message) = ask(&responder, &query(7, "web.ecs.internal.", RecordType::AAAA, 0), 0).await;
    assert_eq!((message.metadata.response_code, message.authorities.len()), (ResponseCode::NoError, 1));
    let (_, message) = ask_a(&responder, "none.ecs.internal.").await;
    assert_eq!((message.metadata.response_code, message.authorities.len()), (ResponseCode::NXDomain, 1));
}

#[tokio::test]
async fn an_alias_comes_with_its_addresses_which_rotate() {
    let (responder, _) = responder();
    let alias = "app.ecs.internal. 60 lb.example.";
    let chain = "lb.example. 30 lb2.example.";
    let (source, message) = ask_a(&responder, "app.ecs.internal.").await;
    assert_eq!(source, Source::Upstream);
    assert_eq!(answers(&message), [alias, chain, "lb2.example. 30 192.0.2.1", "lb2.example. 30 192.0.2.2"]);
    let (source, message) = ask(&responder, &query(7, "app.ecs.internal.", RecordType::A, 0), 1).await;
    assert_eq!(source, Source::Cache);
    assert_eq!(answers(&message), [alias, chain, "lb2.example. 30 192.0.2.2", "lb2.example. 30 192.0.2.1"]);
    assert!(message.metadata.authoritative);
}

#[tokio::test]
async fn an_alias_of_nothing_says_so() {
    let (responder, _) = responder();
    let (_, message) = ask_a(&responder, "lost.ecs.internal.").await;
    assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(answers(&message), ["lost.ecs.internal. 60 gone.example."]);
    assert_eq!((message.authorities.len(), message.authorities[0].name.to_ascii().as_str()), (1, "."));
    let (_, message) = ask(&responder, &query(7, "app.ecs.internal.", RecordType::AAAA, 0), 0).await;
    assert_eq!(message.metadata.response_code, ResponseCode::NoError);
    assert_eq!(answers(&message), ["app.ecs.internal. 60 lb.example."]);
    let (source, message) = ask_a(&responder, "dark.ecs.internal.").await;
    assert_eq!((source, message.metadata.response_code), (Source::Error, ResponseCode::ServFail));
    assert_eq!((message.answers.len(), ede(&message)), (0, Some(Ede::NO_REACHABLE_AUTHORITY)));
}

#[tokio::test]
async fn the_fallback_answers_for_what_it_has_and_the_zone_for_the_rest() {
    let (responder, _) = responder();
    let check = async |name: &str, qtype, rcode: ResponseCode, answers: usize, soa: usize, code: Option<u16>| {
        let (_, message) = ask(&responder, &query(7, &format!("{name}.ecs.internal."), qtype, 1232), 0).await;
        let zone_soa = message.authorities.iter().filter(|record| record.name.to_ascii() == "ecs.internal.").count();
        let got = (message.metadata.response_code, message.answers.len(), zone_soa, ede(&message));
        assert_eq!(got, (rcode, answers, soa, code), "{name} {qtype}");
    };
    let (a, aaaa) = (RecordType::A, RecordType::AAAA);
    check("known-r53", a, ResponseCode::NoError, 1, 0, None).await;
    check("known-r53", aaaa, ResponseCode::NoError, 0, 1, None).await;
    check("gone-r53", a, ResponseCode::NXDomain, 0, 1, None).await;
    check("refused-r53", a, ResponseCode::ServFail, 0, 0, Some(Ede::NO_REACHABLE_AUTHORITY)).await;
    check("known-ent", a, ResponseCode::NoError, 1, 0, None).await;
    check("gone-ent", a, ResponseCode::NoError, 0, 1, None).await;
    check("refused-ent", a, ResponseCode::ServFail, 0, 0, Some(Ede::NO_REACHABLE_AUTHORITY)).await;
    check("known-unsynced", a, ResponseCode::NoError, 1, 0, None).await;
    check("known-unsynced", aaaa, ResponseCode::ServFail, 0, 0, Some(Ede::NOT_READY)).await;
    check("known-unavailable", a, ResponseCode::NoError, 1, 0, None).await;
    check("known-unavailable", aaaa, ResponseCode::ServFail, 0, 0, Some(Ede::OTHER)).await;
    check("gone-unsynced", a, ResponseCode::ServFail, 0, 0, Some(Ede::NOT_READY)).await;
    check("refused-unsynced", a, ResponseCode::ServFail, 0, 0, Some(Ede::NOT_READY)).await;
}

#[tokio::test]
async fn other_names_are_forwarded_and_cached() {
    let (responder, _) = responder();
    let (source, message) = ask_a(&responder, "www.example.").await;
    assert_eq!((source, answers(&message)), (Source::Upstream, vec!["www.example. 30 192.0.2.7".to_owned()]));
    assert!(!message.metadata.authoritative && message.metadata.recursion_available);
    assert_eq!(ask_a(&responder, "WWW.example.").await.0, Source::Cache);
}

#[tokio::test]
async fn without_recursion_only_what_we_have_is_told() {
    let (responder, _) = responder();
    let mut elsewhere = query(7, "www.example.", RecordType::A, 1232);
    elsewhere[2] &= !1;
    let (_, message) = ask(&responder, &elsewhere, 0).await;
    assert_eq!(message.metadata.response_code, ResponseCode::Refused);
    assert_eq!(ede(&message), Some(Ede::NOT_AUTHORITATIVE));
    ask_a(&responder, "www.example.").await;
    assert_eq!(ask(&responder, &elsewhere, 0).await.1.answers.len(), 1);
    let mut alias = query(7, "app.ecs.internal.", RecordType::A, 0);
    alias[2] &= !1;
    assert_eq!(answers(&ask(&responder, &alias, 0).await.1), ["app.ecs.internal. 60 lb.example."]);
}

/// A real zone, of an inventory in which there is nothing.
#[tokio::test]
async fn the_published_snapshot_answers() {
    let (stub, _) = responder();
    let ours = Responder::new(stub.shared.clone(), Arc::clone(&stub.forwarder), Arc::clone(&stub.access));
    let version = query(7, "dns-version.ecs.internal.", RecordType::TXT, 1232);
    let (source, message) = ask(&ours, &version, 0).await;
    assert_eq!((source, message.answers[0].data.to_string().as_str()), (Source::Zone, "1.0.0"));
    let (_, message) = ask(&ours, &query(7, "ECS.internal.", RecordType::SOA, 0), 0).await;
    assert_eq!(message.answers.len(), 1);
    assert_eq!(ask_a(&ours, "www.example.").await.0, Source::Upstream);
    let old = stub.shared.load().as_ref().clone();
    let stale = Snapshot { ede: Some(Ede::new(Ede::STALE_ANSWER, "the inventory is old")), ..old };
    let stale = Responder::new(Shared::new(stale), Arc::clone(&stub.forwarder), Arc::clone(&stub.access));
    assert_eq!(ede(&ask(&stale, &version, 0).await.1), Some(Ede::STALE_ANSWER));
    assert_eq!(ede(&ask(&stale, &query(7, "localhost.", RecordType::A, 1232), 0).await.1), None, "not of ECS");
}

#[test]
fn what_is_no_query_gets_no_reply_and_what_is_damaged_a_format_error() {
    let (responder, _) = responder();
    let counters = Metrics::new("test").shared();
    let mut out = Vec::new();
    let mut respond = |bytes: &[u8]| {
        let verdict = responder.respond(bytes, circumstances(0, false), &counters, &mut out);
        (verdict, out.clone())
    };
    let good = query(0x1234, "web.ecs.internal.", RecordType::A, 0);
    let mut response = good.clone();
    response[2] |= 0x80;
    assert!(matches!(respond(&response).0, Verdict::Drop(Dropped::NoQuery)));
    assert!(matches!(respond(&good[..11]).0, Verdict::Drop(Dropped::NoQuery)));
    let (verdict, reply) = respond(&good[..good.len() - 3]);
    assert!(matches!(verdict, Verdict::Reply(Source::Error)));
    assert_eq!((&reply[..2], reply[3] & 15), (&good[..2], Rcode::FormErr.code()));
    let mut update = good;
    update[2] |= 0x28;
    assert!(matches!(respond(&update).0, Verdict::Unusual));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(
        mut bytes in prop::collection::vec(any::<u8>(), 0..600),
        header in prop::option::of(Just(*b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01")),
        tcp in any::<bool>(),
    ) {
        if let (Some(header), Some(start)) = (header, bytes.first_chunk_mut::<12>()) {
            *start = header;
        }
        let (responder, _) = responder();
        let counters = Metrics::new("test").shared();
        let mut out = Vec::new();
        if let Verdict::Reply(_) = responder.respond(&bytes, circumstances(0, tcp), &counters, &mut out) {
            prop_assert_eq!(&out[..2], &bytes[..2]);
            prop_assert!(out[2] & 0x80 != 0);
            prop_assert!(Message::from_vec(&out).is_ok());
        }
    }
}

#[tokio::test]
async fn an_alias_record_says_what_its_target_does_as_its_own() {
    let (responder, _) = responder();
    let (_, message) = ask_a(&responder, "flat-app.ecs.internal.").await;
    assert_eq!(
        answers(&message),
        ["flat-app.ecs.internal. 30 192.0.2.1", "flat-app.ecs.internal. 30 192.0.2.2"],
        "no CNAME, and the TTL of the target"
    );
    assert!(message.metadata.authoritative);
    let (_, message) = ask(&responder, &query(7, "flat-app.ecs.internal.", RecordType::AAAA, 0), 0).await;
    assert_eq!((message.metadata.response_code, message.answers.len()), (ResponseCode::NoError, 0));
    assert_eq!(message.authorities[0].name.to_ascii(), "ecs.internal.", "the name is ours, and exists");
    let (_, message) = ask_a(&responder, "flat-lost.ecs.internal.").await;
    assert_eq!((message.metadata.response_code, message.answers.len()), (ResponseCode::NoError, 0));
    let (source, message) = ask_a(&responder, "flat-dark.ecs.internal.").await;
    assert_eq!((source, message.metadata.response_code), (Source::Error, ResponseCode::ServFail));
}

#[tokio::test]
async fn what_route_53_decides_is_asked_of_it() {
    let (responder, _) = responder();
    let (source, message) = ask_a(&responder, "known-ask.ecs.internal.").await;
    assert_eq!((source, answers(&message)), (Source::Route53, vec!["known-ask.ecs.internal. 30 192.0.2.7".to_owned()]));
    let (_, message) = ask(&responder, &query(7, "known-ask.ecs.internal.", RecordType::AAAA, 0), 0).await;
    assert_eq!((message.metadata.response_code, message.answers.len()), (ResponseCode::NoError, 0));
    assert_eq!(message.authorities[0].name.to_ascii(), "ecs.internal.");
    let (source, message) = ask_a(&responder, "gone-ask.ecs.internal.").await;
    assert_eq!(
        (source, message.metadata.response_code, ede(&message)),
        (Source::Error, ResponseCode::ServFail, Some(Ede::OTHER)),
        "it is in our copy: who says no does not see the zone"
    );
    let (_, message) = ask_a(&responder, "refused-ask.ecs.internal.").await;
    assert_eq!(message.metadata.response_code, ResponseCode::ServFail);
}

#[tokio::test]
async fn where_route_53_goes_first_ecs_has_what_it_does_not() {
    let (responder, _) = responder();
    let (source, message) = ask_a(&responder, "known-web-first.ecs.internal.").await;
    assert_eq!((source, answers(&message).len()), (Source::Route53, 1), "the upstream has the name: {message}");
    // The upstream of the stub answers by the first word, up to the hyphen.
    for (name, qtype, answers, rcode) in [
        ("gone-web", RecordType::A, 3, ResponseCode::NoError),
        ("refused-web", RecordType::A, 3, ResponseCode::NoError),
        ("gone-nobody", RecordType::A, 0, ResponseCode::NXDomain),
        ("gone-app", RecordType::A, 4, ResponseCode::NoError),
        ("known-web", RecordType::AAAA, 0, ResponseCode::NoError),
    ] {
        for _ in 0..2 {
            let (_, message) = ask(&responder, &query(7, &format!("{name}-first.ecs.internal."), qtype, 1232), 0).await;
            assert_eq!((message.answers.len(), message.metadata.response_code), (answers, rcode), "{name} {qtype}");
        }
    }
}

#[tokio::test]
async fn an_answer_behind_a_cname_has_both() {
    let (responder, _) = responder();
    let hop = |name: &str| format!("{name}.ecs.internal. 60 hop.ecs.internal.");
    let (_, message) = ask_a(&responder, "behind-web.ecs.internal.").await;
    assert_eq!(answers(&message).len(), 4);
    assert_eq!(answers(&message)[..2], [hop("behind-web"), "hop.ecs.internal. 5 10.0.0.1".to_owned()]);
    let (_, message) = ask_a(&responder, "behind-nobody.ecs.internal.").await;
    assert_eq!(
        (message.metadata.response_code, answers(&message)),
        (ResponseCode::NXDomain, vec![hop("behind-nobody")])
    );
    assert_eq!(message.authorities.len(), 1);
    let (_, message) = ask_a(&responder, "behind-app.ecs.internal.").await;
    assert_eq!(
        answers(&message),
        [
            hop("behind-app"),
            "hop.ecs.internal. 60 lb.example.".to_owned(),
            "lb.example. 30 lb2.example.".to_owned(),
            "lb2.example. 30 192.0.2.1".to_owned(),
            "lb2.example. 30 192.0.2.2".to_owned(),
        ]
    );
    for passed in ["behind-x-r53", "behind-x-ask"] {
        let (source, message) = ask_a(&responder, &format!("{passed}.ecs.internal.")).await;
        assert_eq!(answers(&message), [hop(passed), "hop.ecs.internal. 30 192.0.2.7".to_owned()], "{passed}");
        assert_eq!(source, Source::Route53);
    }
    let (_, message) = ask_a(&responder, "behind-dark.ecs.internal.").await;
    assert_eq!((message.metadata.response_code, message.answers.len()), (ResponseCode::ServFail, 0));
    let mut alone = query(7, "behind-late.ecs.internal.", RecordType::A, 0);
    alone[2] &= !1;
    let (_, message) = ask(&responder, &alone, 0).await;
    assert_eq!(answers(&message), [hop("behind-late"), "hop.ecs.internal. 60 slow.example.".to_owned()]);
}
