use proptest::prelude::*;

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn secrets(current: &str, other: Option<&str>) -> Secrets {
    Secrets { current: Secret::from_hex(current).unwrap(), other: other.map(|hex| Secret::from_hex(hex).unwrap()) }
}

fn judge(secrets: &Secrets, cookie: &[u8], client: &str, now: u32) -> (Worth, Vec<u8>) {
    let (worth, reply) = secrets.judge(Cookie::from_option(cookie).unwrap(), client.parse().unwrap(), now);
    (worth, [reply.client.as_slice(), &reply.server].concat())
}

/// Secret, secret before it, client, query, time, reply.
type Vector = (&'static str, Option<&'static str>, &'static str, &'static str, u32, &'static str, Worth);

/// RFC 9018, Appendix A.
const VECTORS: [Vector; 3] = [
    (
        "e5e973e5a6b2a43f48e7dc849e37bfcf",
        None,
        "198.51.100.100",
        "2464c4abcf10c957",
        1_559_731_985,
        "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
        Worth::New,
    ),
    (
        "e5e973e5a6b2a43f48e7dc849e37bfcf",
        None,
        "198.51.100.100",
        "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
        1_559_734_385,
        "2464c4abcf10c957010000005cf7a871d4a564a1442aca77",
        Worth::Valid,
    ),
    (
        "445536bcd2513298075a5d379663c962",
        Some("dd3bdf9344b678b185a6f5cb60fca715"),
        "2001:db8:220:1:59de:d0f4:8769:82b8",
        "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
        1_559_741_961,
        "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
        Worth::Valid,
    ),
];

#[test]
fn the_vectors_of_rfc_9018_hold() {
    for (current, other, client, query, now, reply, worth) in VECTORS {
        let judged = judge(&secrets(current, other), &bytes(query), client, now);
        assert_eq!(judged, (worth, bytes(reply)), "{client} {query}");
    }
    // A.3: reserved octets are part of what is hashed. The cookie is older than an hour there, and taken nevertheless;
    // to us it is valid for its hour, and the new one is that of the RFC.
    let (secrets, client) = (secrets(VECTORS[0].0, None), "203.0.113.203");
    let reserved = bytes("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
    let (worth, reply) = judge(&secrets, &reserved, client, 1_559_727_985);
    assert_eq!((worth, &reply[8..16]), (Worth::Valid, bytes("010000005cf78f71").as_slice()));
    let (worth, reply) = judge(&secrets, &reserved, client, 1_559_734_700);
    assert_eq!((worth, reply), (Worth::Bad, bytes("fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e")));
}

#[test]
fn a_cookie_lives_for_an_hour_and_is_renewed_after_half_of_it() {
    let (secrets, client, made) = (secrets(VECTORS[0].0, None), "10.0.0.7", 4_000_000_000_u32);
    let (_, cookie) = judge(&secrets, b"client00", client, made);
    for (after, worth, same) in [
        (-301, Worth::Bad, false),
        (-300, Worth::Valid, true),
        (0, Worth::Valid, true),
        (1800, Worth::Valid, true),
        (1801, Worth::Valid, false),
        (3600, Worth::Valid, false),
        (3601, Worth::Bad, false),
    ] {
        let (judged, reply) = judge(&secrets, &cookie, client, made.wrapping_add_signed(after));
        assert_eq!((judged, reply == cookie), (worth, same), "{after} s");
    }
    let (_, last) = judge(&secrets, b"client00", client, u32::MAX);
    assert_eq!(judge(&secrets, &last, client, 5), (Worth::Valid, last.clone()), "time may wrap around");
}

#[test]
fn a_cookie_of_the_secret_before_is_taken_and_replaced() {
    let before = secrets(VECTORS[0].0, None);
    let (_, cookie) = judge(&before, b"client00", "10.0.0.7", 1000);
    let after = secrets(VECTORS[2].0, Some(VECTORS[0].0));
    let (worth, reply) = judge(&after, &cookie, "10.0.0.7", 1001);
    assert!(worth == Worth::Valid && reply != cookie);
    let later = secrets(VECTORS[0].0.replace('e', "f").as_str(), Some(VECTORS[2].0));
    assert_eq!(judge(&later, &cookie, "10.0.0.7", 1001).0, Worth::Bad);
}

#[test]
fn a_secret_is_32_digits_and_shows_none_of_them() {
    assert!(Secret::from_hex("E5E973e5a6b2a43f48e7dc849e37bfcf").is_some());
    for bad in [
        "",
        "e5",
        "e5e973e5a6b2a43f48e7dc849e37bfc",
        "e5e973e5a6b2a43f48e7dc849e37bfcg",
        "é5e973e5a6b2a43f48e7dc849e37bfc",
    ] {
        assert!(Secret::from_hex(bad).is_none(), "{bad}");
    }
    let shown = format!("{:?}", secrets(VECTORS[0].0, Some(VECTORS[2].0)));
    assert_eq!(shown, "Secrets { current: Secret(…), other: Some(Secret(…)) }");
}

proptest! {
    #[test]
    fn nothing_but_the_very_cookie_is_taken(
        client in any::<[u8; 8]>(),
        flip in (0usize..24, 1u8..),
        address in any::<[u8; 4]>(),
        other in any::<[u8; 4]>(),
        now in any::<u32>(),
    ) {
        let secrets = secrets(VECTORS[0].0, None);
        let (_, cookie) = secrets.judge(Cookie { client: &client, server: &[] }, address.into(), now);
        let good = [cookie.client.as_slice(), &cookie.server].concat();
        let judge = |bytes: &[u8], from: [u8; 4]| secrets.judge(Cookie::from_option(bytes).unwrap(), from.into(), now).0;
        prop_assert_eq!(judge(&good, address), Worth::Valid);
        prop_assert_eq!(judge(&good, other) == Worth::Valid, other == address);
        let mut bad = good.clone();
        bad[flip.0] ^= flip.1;
        prop_assert_eq!(judge(&bad, address), Worth::Bad);
        prop_assert_eq!(judge(&good[..20], address), Worth::Bad);
    }
}
