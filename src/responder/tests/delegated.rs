//! What is below a delegation is the upstream's: whoever asks for it, or is led to it, hears what is said of any name that
//! would be forwarded, and so first what the operator says.

use super::super::stub::{ZONE, responder_over};
use super::*;
use crate::dns::DomainName;
use crate::inventory::Inventory;
use crate::route53::{Content, RecordSet, Routing};
use crate::zone::tests::hosted_records;
use crate::zone::{Fallback, Settings, ZoneWriter};

fn set(label: &str, kind: RecordType, value: &str) -> RecordSet {
    RecordSet {
        name: DomainName::from_text(&format!("{label}.ecs.internal")).unwrap(),
        kind,
        content: Content::Values { ttl: 60, values: vec![value.to_owned()] },
        routing: Routing::Simple,
        set_identifier: None,
        health_check: None,
    }
}

/// Over a copy of a hosted zone in which `sub` is delegated, with records of the configuration before it.
fn delegating() -> Responder {
    let cname = |label: &str, target: &str| set(label, RecordType::CNAME, target);
    let records = vec![
        set("own.sub", RecordType::A, "10.7.0.2"),
        cname("first", "to-nas.ecs.internal."),
        cname("other.sub", "to-own.ecs.internal."),
    ];
    let settings = Settings { fallback: Fallback::Api, records, ..Settings::new(ZONE.clone(), Vec::new()) };
    let mut writer = ZoneWriter::new(settings, &Inventory::default(), 1);
    writer.replace_hosted(&hosted_records(&[
        set("sub", RecordType::NS, "ns.example."),
        cname("to-www", "www.sub.ecs.internal."),
        cname("to-nas", "nas.sub.ecs.internal."),
        cname("to-ads", "x.ads.sub.ecs.internal."),
        cname("to-own", "own.sub.ecs.internal."),
        cname("to-other", "other.sub.ecs.internal."),
    ]));
    responder_over(writer.zone())
}

/// What is answered at once, without an upstream.
fn at_once(responder: &Responder, name: &str, qtype: RecordType) -> Message {
    let counters = Metrics::new("test").shared();
    let mut out = Vec::new();
    let verdict = responder.respond(&query(7, name, qtype, 1232), circumstances(0, false), &counters, &mut out);
    assert!(matches!(verdict, Verdict::Reply(_)), "{name} {qtype} has to wait");
    Message::from_vec(&out).unwrap()
}

#[tokio::test]
async fn what_is_delegated_is_the_upstreams_by_itself_and_behind_aliases() {
    let responder = delegating();
    let (source, message) = ask_a(&responder, "www.sub.ecs.internal.").await;
    assert_eq!((source, answers(&message)), (Source::Route53, vec!["www.sub.ecs.internal. 30 192.0.2.7".to_owned()]));
    let (source, message) = ask_a(&responder, "to-www.ecs.internal.").await;
    assert_eq!(source, Source::Route53);
    assert_eq!(
        answers(&message),
        ["to-www.ecs.internal. 60 www.sub.ecs.internal.", "www.sub.ecs.internal. 30 192.0.2.7"]
    );
}

#[test]
fn the_hosts_file_goes_before_the_upstream_of_what_is_delegated() {
    let responder = delegating();
    let nas = "nas.sub.ecs.internal. 60 10.7.0.1";
    let to_nas = "to-nas.ecs.internal. 60 nas.sub.ecs.internal.";
    let first = "first.ecs.internal. 60 to-nas.ecs.internal.";
    let outside = "sub.corp.example. 5 to-nas.ecs.internal.";
    let expected: [(&str, &[&str]); 4] = [
        ("nas.sub.ecs.internal.", &[nas]),
        ("to-nas.ecs.internal.", &[to_nas, nas]),
        ("first.ecs.internal.", &[first, to_nas, nas]),
        ("sub.corp.example.", &[outside, to_nas, nas]),
    ];
    for (name, records) in expected {
        let message = at_once(&responder, name, RecordType::A);
        assert_eq!((answers(&message), message.authorities.len()), (texts(records), 0), "{name}");
        let other = at_once(&responder, name, RecordType::AAAA);
        assert_eq!(other.metadata.response_code, ResponseCode::NoError, "{name}");
        assert_eq!(answers(&other), texts(&records[..records.len() - 1]), "{name}: of this type there is none");
        assert_eq!(other.authorities[0].name.to_ascii(), "nas.sub.ecs.internal.", "{name}");
    }
}

#[test]
fn what_is_blocked_stays_so_where_it_is_delegated() {
    let responder = delegating();
    let to_ads = "to-ads.ecs.internal. 60 x.ads.sub.ecs.internal.";
    for (name, records) in [("x.ads.sub.ecs.internal.", &[][..]), ("to-ads.ecs.internal.", &[to_ads])] {
        let message = at_once(&responder, name, RecordType::A);
        assert_eq!((message.metadata.response_code, answers(&message)), (ResponseCode::NXDomain, texts(records)));
        assert_eq!(ede(&message), Some(Ede::BLOCKED), "{name}");
        assert_eq!(message.authorities[0].name.to_ascii(), "ads.sub.ecs.internal.", "{name}");
    }
}

#[test]
fn records_of_the_configuration_go_before_a_delegation() {
    let responder = delegating();
    let own = "own.sub.ecs.internal. 60 10.7.0.2";
    let to_own = "to-own.ecs.internal. 60 own.sub.ecs.internal.";
    let other = "other.sub.ecs.internal. 60 to-own.ecs.internal.";
    let to_other = "to-other.ecs.internal. 60 other.sub.ecs.internal.";
    let expected: [(&str, &[&str]); 4] = [
        ("own.sub.ecs.internal.", &[own]),
        ("to-own.ecs.internal.", &[to_own, own]),
        ("other.sub.ecs.internal.", &[other, to_own, own]),
        ("to-other.ecs.internal.", &[to_other, other, to_own, own]),
    ];
    for (name, records) in expected {
        assert_eq!(answers(&at_once(&responder, name, RecordType::A)), texts(records), "{name}");
    }
    let message = at_once(&responder, "to-own.ecs.internal.", RecordType::TXT);
    assert_eq!((message.metadata.response_code, answers(&message)), (ResponseCode::NoError, texts(&[to_own])));
    assert_eq!(message.authorities[0].name.to_ascii(), "ecs.internal.", "the name has this and nothing else");
}
