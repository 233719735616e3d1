use std::time::Duration;

use super::cookies::Secret;
use super::*;
use crate::dns::{Parsed, RecordType};
use crate::responder::stub::query;

fn networks(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn settings() -> AccessSettings {
    AccessSettings {
        allow: networks(&["127.0.0.0/8", "::1/128", "10.0.0.0/8"]),
        deny: networks(&["10.9.0.0/16"]),
        denial: Denial::Refuse,
        own: Vec::new(),
        rate: NonZeroU32::new(10),
        slip: 2,
        cookies: true,
    }
}

fn around(networks: Vec<IpNet>) -> Surroundings {
    let secrets = Secrets { current: Secret::new([7; 16]), other: None };
    Surroundings { networks, secrets, time: (1_800_000_000, now()) }
}

fn access(settings: AccessSettings) -> Access {
    Access::new(settings, around(networks(&["127.0.0.2/8", "10.1.0.7/16"])))
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// A query of some length with this COOKIE option.
fn with_cookie(cookie: &[u8]) -> Vec<u8> {
    let mut bytes = query(1, "web.ecs.internal.", RecordType::A, 1232);
    let length = u16::try_from(cookie.len()).unwrap();
    let end = bytes.len() - 2;
    bytes.truncate(end);
    bytes.extend((length + 4).to_be_bytes());
    bytes.extend([0, 10]);
    bytes.extend(length.to_be_bytes());
    bytes.extend_from_slice(cookie);
    bytes
}

fn ask(access: &Access, client: &str, tcp: bool, message: &[u8]) -> (Admission, Option<Worth>) {
    let Parsed::Plain(question) = Question::parse(message) else { panic!("{message:?}") };
    access.visit(client.parse().unwrap(), tcp, message.len(), now()).admit(&question)
}

fn plain(access: &Access, client: &str, tcp: bool) -> Admission {
    ask(access, client, tcp, &query(1, "web.ecs.internal.", RecordType::A, 1232)).0
}

fn answer(limit: usize) -> Admission {
    Admission::Answer(Envelope { limit, cookie: None })
}

#[test]
fn who_may_ask_is_said_by_the_most_specific_network() {
    let access = access(settings());
    for (client, udp, tcp) in [
        ("127.0.0.1", answer(1232), answer(65_535)),
        ("127.9.9.9", answer(1232), answer(65_535)),
        ("::1", answer(1232), answer(65_535)),
        ("::ffff:127.0.0.1", answer(1232), answer(65_535)),
        ("10.1.2.3", answer(1232), answer(65_535)),
        ("::ffff:10.1.2.3", answer(1232), answer(65_535)),
        ("10.2.3.4", answer(512), answer(65_535)),
        ("10.9.0.1", Admission::Refuse, Admission::Refuse),
        ("192.0.2.1", Admission::Refuse, Admission::Refuse),
        ("2001:db8::1", Admission::Refuse, Admission::Refuse),
    ] {
        assert_eq!((plain(&access, client, false), plain(&access, client, true)), (udp, tcp), "{client}");
        assert!(!access.shuts_out(client.parse().unwrap()));
    }
    access.refresh(around(networks(&["10.2.0.0/16", "10.9.0.0/16"])));
    assert_eq!(plain(&access, "10.1.2.3", false), answer(512));
    assert_eq!(plain(&access, "10.2.3.4", false), answer(1232));
    assert_eq!(plain(&access, "10.9.0.1", false), Admission::Refuse, "who is denied by name stays out");
}

#[test]
fn those_who_may_not_ask_can_be_told_nothing() {
    let access = access(AccessSettings { denial: Denial::Drop, ..settings() });
    assert_eq!(plain(&access, "192.0.2.1", false), Admission::Deny);
    assert!(access.shuts_out("192.0.2.1".parse().unwrap()) && !access.shuts_out("10.2.3.4".parse().unwrap()));
}

#[test]
fn loopback_is_our_own_unless_it_is_said_otherwise() {
    let given = access(AccessSettings { own: networks(&["127.0.0.1/32"]), ..settings() });
    assert_eq!((plain(&given, "127.0.0.1", false), plain(&given, "127.0.0.2", false)), (answer(1232), answer(512)));
    let given = access(AccessSettings { own: networks(&["10.3.0.0/16"]), ..settings() });
    for client in ["127.0.0.1", "127.9.9.9", "::1", "10.1.0.7", "10.3.2.1"] {
        assert!((0..50).all(|_| plain(&given, client, false) == answer(1232)), "{client}");
    }
    assert_eq!(plain(&given, "10.1.2.3", false), answer(512), "the networks of interfaces do not count then");
    let denied = access(AccessSettings { deny: networks(&["127.0.0.2/32", "0.0.0.0/0"]), ..settings() });
    assert_eq!(
        (plain(&denied, "127.0.0.1", false), plain(&denied, "127.0.0.2", false)),
        (answer(1232), Admission::Refuse)
    );
}

#[test]
fn the_address_of_a_stranger_gets_no_more_than_three_times_what_came_from_it() {
    let access = access(AccessSettings { rate: None, ..settings() });
    for length in [1usize, 60, 170, 171, 200, 400, 1000] {
        let message = query(1, "web.ecs.internal.", RecordType::A, 1232);
        let Parsed::Plain(question) = Question::parse(&message) else { panic!() };
        let (admission, _) = access.visit([10, 2, 0, 1].into(), false, length, now()).admit(&question);
        assert_eq!(admission, answer((3 * length).clamp(512, 1232)), "{length}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cookie_of_ours_proves_the_address() {
    let access = access(settings());
    let (Admission::Answer(first), Some(Worth::New)) = ask(&access, "10.2.3.4", false, &with_cookie(b"client00"))
    else {
        panic!("a client without a server cookie gets one");
    };
    assert_eq!(first.limit, 512);
    let cookie = first.cookie.unwrap();
    let shown = with_cookie(&[cookie.client.as_slice(), &cookie.server].concat());
    for _ in 0..100 {
        let (admission, worth) = ask(&access, "10.2.3.4", false, &shown);
        assert_eq!(
            (admission, worth),
            (Admission::Answer(Envelope { limit: 1232, cookie: Some(cookie) }), Some(Worth::Valid))
        );
    }
    assert_eq!(ask(&access, "10.2.3.5", false, &shown).1, Some(Worth::Bad), "of another client");
    tokio::time::advance(Duration::from_secs(3601)).await;
    assert_eq!(ask(&access, "10.2.3.4", false, &shown).1, Some(Worth::Bad), "too old");
    let off = Access::new(AccessSettings { cookies: false, ..settings() }, around(Vec::new()));
    assert_eq!(ask(&off, "127.0.0.1", false, &shown), (answer(1232), None));
}

#[tokio::test(start_paused = true)]
async fn who_asks_too_often_is_sent_to_tcp_or_for_a_cookie_and_others_are_not() {
    let access = access(settings());
    let count = |client: &str, tcp: bool, message: &[u8]| {
        let (mut answered, mut told, mut dropped) = (0, 0, 0);
        for _ in 0..30 {
            match ask(&access, client, tcp, message).0 {
                Admission::Answer(_) => answered += 1,
                Admission::Truncate | Admission::BadCookie(_) => told += 1,
                Admission::Drop => dropped += 1,
                other => panic!("{other:?}"),
            }
        }
        (answered, told, dropped)
    };
    let bare = query(1, "web.ecs.internal.", RecordType::A, 0);
    assert_eq!(count("10.2.3.4", false, &bare), (10, 10, 10));
    assert_eq!(count("10.2.3.5", false, &with_cookie(b"client00")), (10, 10, 10));
    assert!(matches!(ask(&access, "10.2.3.5", false, &with_cookie(b"client00")).0, Admission::BadCookie(_)));
    assert_eq!(count("10.2.3.4", true, &bare), (30, 0, 0));
    assert_eq!(count("10.1.2.3", false, &bare), (30, 0, 0));
    assert_eq!(count("127.0.0.1", false, &bare), (30, 0, 0));
    let refused: Vec<_> = (0..30).map(|_| plain(&access, "192.0.2.1", false)).collect();
    let told = refused.iter().filter(|admission| **admission == Admission::Refuse).count();
    assert_eq!((told, refused[29]), (10, Admission::Drop), "REFUSED is no way to flood somebody either");
    let visit = access.visit([10, 2, 3, 4].into(), false, 12, now());
    assert!(matches!(visit.admit_other(), Admission::Truncate | Admission::Drop));
}
