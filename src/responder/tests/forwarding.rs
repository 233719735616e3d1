use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::*;

/// Code of the extended error in a reply.
fn ede_code(message: &Message) -> Option<u16> {
    match message.edns.as_ref()?.option(EdnsCode::Unknown(15))? {
        EdnsOption::Unknown(15, data) => Ede::from_option(data).map(|ede| ede.code()),
        _ => None,
    }
}

#[tokio::test]
async fn special_names_are_answered_without_an_upstream() {
    let (responder, _) = responder();
    let (source, message) = ask(&responder, &query(1, "db.LocalHost", RecordType::A, 1232), 0).await;
    assert_eq!(
        (source, message.answers[0].to_string()),
        (Source::Zone, "db.LocalHost. 10800 IN A 127.0.0.1".to_owned())
    );
    let (source, message) = ask(&responder, &query(1, "slow.invalid", RecordType::A, 1232), 0).await;
    assert_eq!((source, message.metadata.response_code), (Source::Zone, ResponseCode::NXDomain));
    assert_eq!(message.authorities.len(), 1, "so that it is believed for a while");
}

#[tokio::test(start_paused = true)]
async fn what_an_alias_points_to_may_be_stale_and_says_so() {
    let (responder, gate) = responder();
    gate.add_permits(1);
    let (_, message) = ask(&responder, &query(1, "late.ecs.internal", RecordType::A, 1232), 0).await;
    assert_eq!((message.answers.len(), ede_code(&message)), (2, None));
    tokio::time::advance(Duration::from_secs(31)).await;
    let begun = now();
    let (source, message) = ask(&responder, &query(1, "late.ecs.internal", RecordType::A, 1232), 0).await;
    assert_eq!((source, message.answers.len(), ede_code(&message)), (Source::Upstream, 2, Some(Ede::STALE_ANSWER)));
    assert_eq!(message.answers[1].ttl, 30);
    assert_eq!((now() - begun).as_millis(), 1800);
}

#[tokio::test]
async fn without_recursion_only_what_is_known_is_told() {
    let (responder, _) = responder();
    let mut plain = query(1, "www.example", RecordType::A, 1232);
    plain[2] &= !1;
    let (_, message) = ask(&responder, &plain, 0).await;
    assert_eq!((message.metadata.response_code, ede_code(&message)), (ResponseCode::Refused, Some(20)));
    ask(&responder, &query(1, "www.example", RecordType::A, 1232), 0).await;
    let (source, message) = ask(&responder, &plain, 0).await;
    assert_eq!((source, message.answers.len()), (Source::Cache, 1), "the cache may answer");
}

#[tokio::test(start_paused = true)]
async fn all_steps_together_take_no_longer_than_one() {
    let (responder, _gate) = responder();
    let begun = now();
    let (source, message) = ask_a(&responder, "slow-late-first.ecs.internal.").await;
    assert_eq!((source, message.metadata.response_code), (Source::Error, ResponseCode::ServFail));
    assert_eq!(ede(&message), Some(Ede::NO_REACHABLE_AUTHORITY));
    assert!(now() - begun < responder.forwarder.budget() + Duration::from_millis(10), "{:?}", now() - begun);
}

#[tokio::test(start_paused = true)]
async fn no_step_is_asked_twice_for_one_question() {
    let (responder, _) = responder();
    let asked = || responder.forwarder.stats().udp_queries.load(Relaxed);
    let name = "gone-brief-first.ecs.internal.";
    assert_eq!(ask_a(&responder, name).await.1.answers.len(), 2);
    let before = asked();
    assert_eq!(ask_a(&responder, name).await.1.answers.len(), 2);
    assert_eq!(asked() - before, 1, "the first step is in the cache, the second has a TTL of 0");
}

#[tokio::test(start_paused = true)]
async fn what_rests_on_a_stale_answer_says_so() {
    let (a, aaaa) = (RecordType::A, RecordType::AAAA);
    for (name, qtype, answers, code) in [
        ("flat-late", a, 1, Ede::STALE_ANSWER),
        ("flat-late", aaaa, 0, Ede::STALE_ANSWER),
        ("slow-r53", aaaa, 0, Ede::STALE_ANSWER),
        ("slow-gone-r53", a, 0, Ede::STALE_NXDOMAIN),
    ] {
        let (responder, gate) = responder();
        let query = query(1, &format!("{name}.ecs.internal"), qtype, 1232);
        gate.add_permits(1);
        let (_, message) = ask(&responder, &query, 0).await;
        assert_eq!((message.answers.len(), ede_code(&message)), (answers, None), "{name} {qtype}");
        tokio::time::advance(Duration::from_secs(31)).await;
        let (_, message) = ask(&responder, &query, 0).await;
        assert_eq!((message.answers.len(), ede_code(&message)), (answers, Some(code)), "{name} {qtype}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_room_there_is_what_the_cache_has_or_servfail() {
    let (responder, gate) = responder();
    let counters = Metrics::new("test").shared();
    let refused = |name: &str| {
        let mut out = Vec::new();
        let query = query(7, name, RecordType::A, 1232);
        let Verdict::Await(pending) = responder.respond(&query, circumstances(0, false), &counters, &mut out) else {
            panic!("{name} is known");
        };
        let source = responder.refuse_for_room(&pending, &mut out);
        (source, Message::from_vec(&out).unwrap())
    };
    for name in ["slow-www.example", "late.ecs.internal", "slow-r53.ecs.internal"] {
        let (source, message) = refused(name);
        assert_eq!((source, message.metadata.id, ede(&message)), (Source::Error, 7, Some(Ede::NETWORK_ERROR)));
        assert_eq!(message.metadata.response_code, ResponseCode::ServFail);
        gate.add_permits(1);
        ask_a(&responder, name).await;
    }
    tokio::time::advance(Duration::from_secs(31)).await;
    for (name, answers, source) in [
        ("slow-www.example", 1, Source::Cache),
        ("late.ecs.internal", 2, Source::Cache),
        ("slow-r53.ecs.internal", 1, Source::Route53),
    ] {
        let (from, message) = refused(name);
        assert_eq!((from, message.answers.len(), ede(&message)), (source, answers, Some(Ede::STALE_ANSWER)), "{name}");
    }
}

#[tokio::test]
async fn aliases_lead_from_name_to_name_whoever_answers_them() {
    let (responder, _) = responder();
    let db = "db.corp.example. 5 10.1.2.3";
    let expected: [(&str, &[&str]); 6] = [
        ("db.corp.example", &[db]),
        ("alias.corp.example", &["alias.corp.example. 5 db.corp.example.", db]),
        (
            "own.ecs.internal",
            &["own.ecs.internal. 60 alias.corp.example.", "alias.corp.example. 5 db.corp.example.", db],
        ),
        (
            "far.corp.example",
            &[
                "far.corp.example. 5 lb.example.",
                "lb.example. 30 lb2.example.",
                "lb2.example. 30 192.0.2.1",
                "lb2.example. 30 192.0.2.2",
            ],
        ),
        (
            "chain.corp.example",
            &[
                "chain.corp.example. 5 far.corp.example.",
                "far.corp.example. 5 lb.example.",
                "lb.example. 30 lb2.example.",
                "lb2.example. 30 192.0.2.1",
                "lb2.example. 30 192.0.2.2",
            ],
        ),
        (
            "behind-own.ecs.internal",
            &[
                "behind-own.ecs.internal. 60 hop.ecs.internal.",
                "hop.ecs.internal. 60 alias.corp.example.",
                "alias.corp.example. 5 db.corp.example.",
                db,
            ],
        ),
    ];
    for (name, records) in expected {
        let (_, message) = ask_a(&responder, name).await;
        assert_eq!(
            (answers(&message), message.metadata.response_code),
            (texts(records), ResponseCode::NoError),
            "{name}"
        );
    }
    let (_, message) = ask(&responder, &query(1, "chain.corp.example", RecordType::CNAME, 1232), 0).await;
    assert_eq!(answers(&message), ["chain.corp.example. 5 far.corp.example."]);
    let (_, message) = ask(&responder, &query(1, "alias.corp.example", RecordType::MX, 1232), 0).await;
    assert_eq!((message.answers.len(), message.authorities.len()), (1, 1), "no record of this type, and for how long");
}

#[tokio::test]
async fn an_alias_into_the_zone_ends_as_the_zone_says_and_a_circle_ends() {
    let (responder, _) = responder();
    let (_, message) = ask_a(&responder, "home.corp.example").await;
    assert!(answers(&message)[0].ends_with(" gone.ecs.internal."), "{message:?}");
    assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(message.authorities[0].name.to_ascii(), "ecs.internal.", "not a part of the name that was asked");
    assert_eq!(message.authorities[0].data.to_string().split(' ').next(), Some("ns.dns.ecs.internal."));
    let (_, message) = ask_a(&responder, "circle.corp.example").await;
    assert_eq!(answers(&message), ["circle.corp.example. 5 circle.corp.example."], "and no record twice");
}

#[tokio::test]
async fn without_recursion_the_aliases_are_told_as_far_as_they_are_known() {
    let (responder, _) = responder();
    let mut plain = query(1, "chain.corp.example", RecordType::A, 1232);
    plain[2] &= !1;
    let (_, message) = ask(&responder, &plain, 0).await;
    assert_eq!(answers(&message), ["chain.corp.example. 5 far.corp.example.", "far.corp.example. 5 lb.example."]);
}
