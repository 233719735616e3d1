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
    assert!(answers(&message)[0].ends_with(" none.ecs.internal."), "{message:?}");
    let (_, message) = ask_a(&responder, "circle.corp.example").await;
    assert!((2..20).contains(&message.answers.len()), "{message:?}");
}

#[tokio::test]
async fn without_recursion_the_aliases_are_told_as_far_as_they_are_known() {
    let (responder, _) = responder();
    let mut plain = query(1, "chain.corp.example", RecordType::A, 1232);
    plain[2] &= !1;
    let (_, message) = ask(&responder, &plain, 0).await;
    assert_eq!(answers(&message), ["chain.corp.example. 5 far.corp.example.", "far.corp.example. 5 lb.example."]);
}

fn texts(lines: &[&str]) -> Vec<String> {
    lines.iter().map(ToString::to_string).collect()
}
