//! CNAMEs of an upstream that lead into our zone: from there on the zone answers.

use super::super::stub::{ZONE, responder_guarding, responder_over};
use super::*;
use crate::dns::DomainName;
use crate::inventory::Inventory;
use crate::route53::{Content, RecordSet, Routing};
use crate::zone::{Fallback, Settings, ZoneWriter};

fn set(owner: &str, kind: RecordType, value: &str) -> RecordSet {
    RecordSet {
        name: DomainName::from_text(&format!("{owner}.ecs.internal")).unwrap(),
        kind,
        content: Content::Values { ttl: 60, values: vec![value.to_owned()] },
        routing: Routing::Simple,
        set_identifier: None,
        health_check: None,
    }
}

/// A zone with an address at `own`, an alias of it, circles through the upstream, and a long way in and out of the zone.
fn zone(clusters: &[&str]) -> Zone {
    let mut records = vec![
        set("own", RecordType::A, "10.1.0.1"),
        set("hop", RecordType::CNAME, "own.ecs.internal."),
        set("round", RecordType::CNAME, "into-round.example."),
        set("out", RecordType::CNAME, "lb.example."),
    ];
    let step = |at: u8| set(&format!("long{at}"), RecordType::CNAME, &format!("into-long{}.example.", at + 1));
    records.extend((0..20).map(step));
    let clusters = clusters.iter().map(|cluster| (*cluster).to_owned()).collect();
    let settings = Settings { records, fallback: Fallback::Resolver, ..Settings::new(ZONE.clone(), clusters) };
    ZoneWriter::new(settings, &Inventory::default(), 1).zone().clone()
}

/// Answers of both the first time, with the upstream, and the second, without.
async fn heard(responder: &Responder, name: &str, qtype: RecordType) -> (ResponseCode, Vec<String>) {
    let query = query(7, name, qtype, 1232);
    let (_, first) = ask(responder, &query, 0).await;
    let (source, second) = ask(responder, &query, 0).await;
    assert_eq!((answers(&first), source == Source::Upstream), (answers(&second), false), "{name} {qtype}");
    (first.metadata.response_code, answers(&first))
}

#[tokio::test]
async fn the_zone_answers_for_its_names_whoever_leads_to_them() {
    let responder = responder_over(&zone(&[]));
    for above in ["ecs.internal", "example"] {
        let own = |word: &str| {
            vec![format!("{word}.{above}. 30 own.ecs.internal."), "own.ecs.internal. 60 10.1.0.1".to_owned()]
        };
        for word in ["into-own", "both-own"] {
            let name = format!("{word}.{above}.");
            assert_eq!(heard(&responder, &name, RecordType::A).await, (ResponseCode::NoError, own(word)), "{word}");
            let (_, message) = ask(&responder, &query(7, &name, RecordType::AAAA, 0), 0).await;
            assert_eq!((message.metadata.response_code, message.answers.len()), (ResponseCode::NoError, 1));
            assert_eq!(message.authorities[0].name.to_ascii(), "ecs.internal.", "{name} has no AAAA");
            assert!(!message.metadata.authoritative, "the first of its records is not ours");
        }
        let through = heard(&responder, &format!("into-hop.{above}."), RecordType::A).await.1;
        assert_eq!(through[1..], ["hop.ecs.internal. 60 own.ecs.internal.", "own.ecs.internal. 60 10.1.0.1"]);
        let out = heard(&responder, &format!("into-out.{above}."), RecordType::A).await.1;
        assert_eq!((out.len(), &*out[4]), (5, "lb2.example. 30 192.0.2.2"), "{out:?}");
        let alias = heard(&responder, &format!("into-own.{above}."), RecordType::CNAME).await.1;
        assert_eq!(alias, [format!("into-own.{above}. 30 own.ecs.internal.")], "who asks for the CNAME gets no more");
    }
}

#[tokio::test]
async fn what_the_zone_does_not_have_is_the_upstreams() {
    let responder = responder_over(&zone(&[]));
    let both = heard(&responder, "both-known.ecs.internal.", RecordType::A).await.1;
    assert_eq!(both, ["both-known.ecs.internal. 30 known.ecs.internal.", "known.ecs.internal. 30 192.0.2.9"]);
    // Asked for by itself, as there may be other upstreams for it.
    let known = heard(&responder, "into-known.example.", RecordType::A).await;
    let records = ["into-known.example. 30 known.ecs.internal.", "known.ecs.internal. 30 192.0.2.7"];
    assert_eq!(known, (ResponseCode::NoError, records.map(str::to_owned).to_vec()));
    let (_, message) = ask_a(&responder, "into-gone.example.").await;
    assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(answers(&message), ["into-gone.example. 30 gone.ecs.internal."]);
    assert_eq!(message.authorities[0].name.to_ascii(), "ecs.internal.");
    let (_, message) = ask_a(&responder, "into-refused.example.").await;
    assert_eq!((message.metadata.response_code, message.answers.len()), (ResponseCode::ServFail, 0));
}

#[tokio::test]
async fn what_cannot_be_known_yet_is_servfail_behind_an_alias_as_well() {
    let responder = responder_over(&zone(&["prod"]));
    let (_, message) = ask_a(&responder, "into-gone.ecs.internal.").await;
    assert_eq!(
        (message.metadata.response_code, message.answers.len(), ede(&message)),
        (ResponseCode::ServFail, 0, Some(Ede::NOT_READY))
    );
}

#[tokio::test]
async fn circles_through_the_upstream_end_and_so_do_long_ways() {
    let responder = responder_over(&zone(&[]));
    let there = ["round.ecs.internal. 60 into-round.example.", "into-round.example. 30 round.ecs.internal."];
    let there = there.map(str::to_owned).to_vec();
    let back = there.iter().rev().cloned().collect::<Vec<_>>();
    assert_eq!(heard(&responder, "round.ecs.internal.", RecordType::A).await, (ResponseCode::NoError, there));
    assert_eq!(heard(&responder, "into-round.example.", RecordType::A).await, (ResponseCode::NoError, back));
    for name in ["long0.ecs.internal.", "into-long0.example."] {
        let (rcode, records) = heard(&responder, name, RecordType::A).await;
        assert_eq!((rcode, records.len()), (ResponseCode::NoError, 16), "{name}: {records:?}");
    }
}

#[tokio::test]
async fn who_may_not_have_private_addresses_does_not_lead_in() {
    let exempt = vec![DomainName::from_text("corp.example").unwrap()];
    let responder = responder_guarding(&zone(&[]), Some(exempt));
    let (_, message) = ask_a(&responder, "into-own.example.").await;
    assert_eq!((message.metadata.response_code, message.answers.len()), (ResponseCode::NXDomain, 1));
    for name in ["into-own.corp.example.", "into-own.ecs.internal."] {
        assert_eq!(heard(&responder, name, RecordType::A).await.1.len(), 2, "{name}");
    }
}

#[tokio::test]
async fn dnssec_ok_and_checking_disabled_are_kept_on_the_way() {
    let responder = responder_over(&zone(&[]));
    let mut strict = query(7, "into-own.example.", RecordType::A, 1232);
    strict[3] |= 0x10;
    let opt = strict.len() - 4;
    strict[opt] |= 0x80;
    for _ in 0..2 {
        let (_, message) = ask(&responder, &strict, 0).await;
        assert_eq!(answers(&message).len(), 2);
        assert!(message.metadata.checking_disabled && message.edns.unwrap().flags().dnssec_ok);
    }
}
