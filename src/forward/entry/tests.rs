use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use proptest::prelude::*;

use super::super::testing::{a, answer, client_query, cname, key, moment, negative, plain, soa};
use super::super::{Transport, query};
use super::*;
use crate::dns::RecordType;

const CAPS: Caps = Caps { min_ttl: 0, max_ttl: 86_400, negative_ttl: 300 };

/// The entry made of this reply to a query for `www.example A`.
fn entry(now: Instant, reply: impl FnOnce(&[u8]) -> Vec<u8>) -> Entry {
    let key = key("www.example", RecordType::A);
    Entry::accept(&key, &reply(&query::build(&key, &query::question(&key), 7, true)), CAPS, now).unwrap()
}

fn written(entry: &Entry, query: &[u8], now: Instant, transport: Transport) -> (Vec<u8>, Message) {
    let question = plain(query);
    let mut out = b"left over".to_vec();
    let limit = question.limit(transport == Transport::Tcp);
    entry.write(&mut out, &question, now, limit, None);
    assert!(out.len() <= limit);
    let message = Message::from_vec(&out).unwrap();
    (out, message)
}

#[test]
fn a_reply_is_the_clients_own() {
    let now = moment();
    let entry = entry(now, |query| {
        let mut reply = answer(query, [cname("www.example", 60, "lb.example."), a("lb.example", 30, 1)]);
        reply[2] |= 0x04;
        reply[3] |= 0x20;
        reply
    });
    let mut query = client_query("WwW.Example", RecordType::A, Some(4096));
    let (_, message) = written(&entry, &query, now, Transport::Udp);
    assert!(!message.metadata.authentic_data, "for those who ask for it");
    query[3] |= 0x20;
    let (bytes, message) = written(&entry, &query, now, Transport::Udp);
    assert_eq!(bytes[12..28], query[12..28]);
    let metadata = &message.metadata;
    assert_eq!((metadata.id, metadata.response_code), (0x1234, ResponseCode::NoError));
    assert!(metadata.recursion_desired && metadata.recursion_available && metadata.checking_disabled);
    assert!(metadata.authentic_data && !metadata.authoritative && !metadata.truncation);
    let answers: Vec<String> = message.answers.iter().map(ToString::to_string).collect();
    assert_eq!(answers, ["WwW.Example. 60 IN CNAME lb.Example.", "lb.Example. 30 IN A 192.0.2.1"]);
    assert_eq!(message.edns.unwrap().max_payload(), 1232);

    let mut query = client_query("www.example", RecordType::A, None);
    (query[2], query[3]) = (0, 0);
    let (_, message) = written(&entry, &query, now, Transport::Udp);
    assert!(message.edns.is_none() && message.additionals.is_empty());
    assert!(!message.metadata.recursion_desired && !message.metadata.checking_disabled);
}

#[test]
fn ttls_count_down_to_nothing() {
    let then = moment();
    let entry = entry(then, |query| answer(query, [cname("www.example", 60, "b.example."), a("b.example", 30, 1)]));
    let query = client_query("www.example", RecordType::A, None);
    for (age, ttls, fresh) in [(0, [60, 30], true), (29, [31, 1], true), (30, [30, 30], false), (99, [30, 30], false)] {
        let now = then + Duration::from_secs(age);
        let (_, message) = written(&entry, &query, now, Transport::Udp);
        assert_eq!(message.answers.iter().map(|record| record.ttl).collect::<Vec<_>>(), ttls);
        assert_eq!(entry.decode(now).answers.iter().map(|record| record.ttl).collect::<Vec<_>>(), ttls);
        assert_eq!((entry.is_fresh(now), entry.is_stale(now)), (fresh, !fresh), "30 is what a stale answer has");
        assert_eq!(u64::from(entry.remaining(now)), 30u64.saturating_sub(age));
    }
    let (_, message) = written(&entry, &query, then - Duration::from_secs(5), Transport::Udp);
    assert_eq!(message.answers[1].ttl, 30);
}

/// Code and text of the extended error in a reply.
fn ede(message: &Message) -> Option<(u16, String)> {
    use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
    match message.edns.as_ref()?.option(EdnsCode::Unknown(15))? {
        EdnsOption::Unknown(15, data) => Ede::from_option(data).map(|ede| (ede.code(), ede.text().to_owned())),
        _ => None,
    }
}

#[test]
fn a_stale_answer_says_so_unless_that_would_truncate_it() {
    let then = moment();
    for (rcode, code) in [(ResponseCode::NoError, 3), (ResponseCode::NXDomain, 19)] {
        let entry = entry(then, |query| negative(query, rcode, [soa("example.", 60, 40)]));
        let now = then + Duration::from_secs(40);
        let (_, message) =
            written(&entry, &client_query("www.example", RecordType::A, Some(1232)), now, Transport::Udp);
        assert_eq!((ede(&message).map(|(code, _)| code), message.authorities[0].ttl), (Some(code), 30));
        assert!(entry.is_usable(now, Duration::from_secs(1)) && !entry.is_usable(now, Duration::ZERO));
        let (_, message) = written(&entry, &client_query("www.example", RecordType::A, None), now, Transport::Udp);
        assert!(message.edns.is_none());
    }
    let full = entry(then, |query| answer(query, (0..74).map(|host| a("www.example", 30, host))));
    let query = client_query("www.example", RecordType::A, Some(1232));
    let (_, message) = written(&full, &query, then + Duration::from_secs(99), Transport::Udp);
    assert_eq!((ede(&message), message.metadata.truncation, message.answers.len()), (None, false, 74));
}

#[test]
fn what_the_upstream_says_of_its_answer_is_passed_on_while_it_is_fresh() {
    let then = moment();
    let entry = entry(then, |query| {
        let mut reply = answer(query, [a("www.example", 30, 1)]);
        let at = reply.len() - 1;
        reply[at] = 10;
        reply.extend_from_slice(b"\x00\x0f\x00\x06\x00\x04hint");
        reply
    });
    let query = client_query("www.example", RecordType::A, Some(1232));
    let (_, message) = written(&entry, &query, then, Transport::Udp);
    assert_eq!(ede(&message), Some((4, "hint".to_owned())));
    let (_, message) = written(&entry, &query, then + Duration::from_secs(31), Transport::Udp);
    assert_eq!(ede(&message).unwrap().0, 3);
}

#[test]
fn an_answer_for_the_question_at_hand_never_becomes_stale() {
    let then = moment();
    let entry = entry(then, |query| answer(query, [a("www.example", 0, 1)]));
    let later = then + Duration::from_secs(3);
    assert!(!entry.is_stale(later) && !entry.is_usable(later, Duration::from_secs(9)) && entry.ede(later).is_none());
    assert_eq!(entry.decode(later).answers[0].ttl, 0);
}

#[test]
fn private_addresses_are_known() {
    let now = moment();
    for (address, private) in [
        ("10.1.2.3", true),
        ("172.31.0.1", true),
        ("192.168.0.1", true),
        ("127.0.0.1", true),
        ("169.254.1.1", true),
        ("0.0.0.0", true),
        ("8.8.8.8", false),
        ("172.32.0.1", false),
    ] {
        let entry = entry(now, |query| {
            let mut record = a("www.example", 30, 1);
            record.data = RData::A(address.parse::<std::net::Ipv4Addr>().unwrap().into());
            answer(query, [record])
        });
        assert_eq!(entry.has_private_address(now), private, "{address}");
    }
}

#[test]
fn a_negative_answer_ages_with_its_soa() {
    let then = moment();
    let entry = entry(then, |query| negative(query, ResponseCode::NXDomain, [soa("example.", 60, 40)]));
    let query = client_query("www.EXAMPLE", RecordType::A, Some(1232));
    let (_, message) = written(&entry, &query, then + Duration::from_secs(15), Transport::Udp);
    assert_eq!((message.metadata.response_code, message.answers.len()), (ResponseCode::NXDomain, 0));
    assert_eq!(message.authorities[0].to_string(), "example. 25 IN SOA example. example. 1 7200 900 86400 40");
}

#[test]
fn truncation_keeps_whole_records_and_the_opt() {
    let now = moment();
    let entry = entry(now, |query| answer(query, (0..200).map(|host| a("www.example", 30, host))));
    for (payload, limit) in [(None, 512), (Some(512), 512), (Some(1232), 1232), (Some(65_535), 1232)] {
        let query = client_query("www.example", RecordType::A, payload);
        let (bytes, message) = written(&entry, &query, now, Transport::Udp);
        assert!(message.metadata.truncation && bytes.len() > limit - 16);
        let opt = if payload.is_some() { 11 } else { 0 };
        assert_eq!(message.answers.len(), (limit - 12 - 17 - opt) / 16);
        assert_eq!(message.edns.is_some(), payload.is_some());
        let (_, message) = written(&entry, &query, now, Transport::Tcp);
        assert_eq!((message.metadata.truncation, message.answers.len()), (false, 200));
    }
}

#[test]
fn an_soa_that_does_not_fit_is_a_truncation() {
    let now = moment();
    let entry = entry(now, |query| negative(query, ResponseCode::NXDomain, [soa("example.", 60, 40)]));
    let query = client_query("www.example", RecordType::A, None);
    let mut out = Vec::new();
    entry.write(&mut out, &plain(&query), now, 60, None);
    let message = Message::from_vec(&out).unwrap();
    assert!(message.metadata.truncation && message.authorities.is_empty());
}

#[test]
fn types_that_nobody_knows_pass_untouched() {
    let now = moment();
    let key = key("www.example", RecordType::Unknown(65_280));
    let upstream = query::build(&key, &query::question(&key), 7, true);
    let mut reply = answer(&upstream, []);
    reply.truncate(upstream.len() - 11);
    (reply[7], reply[11]) = (1, 0);
    let record = b"\xc0\x0c\xff\x00\x00\x01\x00\x00\x00\x3c\x00\x06\xc0\x0c\xff\x00\x01\x02";
    reply.extend_from_slice(record);
    let entry = Entry::accept(&key, &reply, CAPS, now).unwrap();
    let query = client_query("www.example", RecordType::Unknown(65_280), None);
    let mut out = Vec::new();
    entry.write(&mut out, &plain(&query), now, 512, None);
    assert!(out.ends_with(record));
}

#[test]
fn an_entry_does_not_answer_another_question() {
    let now = moment();
    let entry = entry(now, |query| answer(query, [a("www.example", 30, 1)]));
    for query in
        [client_query("wwx.example", RecordType::A, Some(1232)), client_query("www.example", RecordType::AAAA, None)]
    {
        let (_, message) = written(&entry, &query, now, Transport::Udp);
        assert_eq!((message.metadata.response_code, message.answers.len()), (ResponseCode::ServFail, 0));
    }
}

/// A reply with `edits` (place, byte) made to it and `tail` appended.
fn damaged(reply: &[u8], edits: &[(prop::sample::Index, u8)], tail: &[u8]) -> Vec<u8> {
    let mut reply = [reply, tail].concat();
    for (index, byte) in edits {
        let at = 12 + 17 + index.index(reply.len() - 29);
        reply[at] = *byte;
    }
    reply
}

/// TTLs of all records in a written reply, by our own walk: hickory would refuse the stranger RDATA.
fn ttls(reply: &[u8], question_len: usize) -> Vec<u32> {
    let sections = super::super::wire::sections(reply, HEADER_LEN + question_len).unwrap();
    sections.answers.iter().chain(&sections.authority).map(|record| record.ttl).collect()
}

proptest! {
    #[test]
    fn whatever_an_upstream_sends_is_written_within_bounds_and_its_ttls_only_fall(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        tail in prop::collection::vec(any::<u8>(), 0..40),
        counts in prop::option::of(any::<[u8; 3]>()),
        is_negative in any::<bool>(),
        edns in prop::option::of(any::<u16>()),
        ages in any::<(u16, u16)>(),
        limit in 0usize..1300,
    ) {
        let key = key("www.example", RecordType::A);
        let upstream = query::build(&key, &query::question(&key), 7, true);
        let reply = match is_negative {
            true => negative(&upstream, ResponseCode::NXDomain, [soa("example.", 60, 40)]),
            false => answer(&upstream, [cname("www.example", 60, "b.example."), a("b.example", 30, 1)]),
        };
        let mut reply = damaged(&reply, &edits, &tail);
        for (place, count) in [7, 9, 11].into_iter().zip(counts.into_iter().flatten()) {
            reply[place] = count % 8;
        }
        let then = moment();
        let Ok(entry) = Entry::accept(&key, &reply, CAPS, then) else { return Ok(()) };
        let client = client_query("www.example", RecordType::A, edns);
        let question = plain(&client);
        let (young, old) = (ages.0.min(ages.1), ages.0.max(ages.1));
        let [young, old] = [young, old].map(|age| {
            let mut out = Vec::new();
            let now = then + Duration::from_secs(u64::from(age));
            entry.write(&mut out, &question, now, limit, None);
            // Once it is stale, the reply says so in place of what is left.
            if entry.is_stale(now) {
                assert!(ttls(&out, 17).iter().all(|ttl| *ttl == STALE_TTL));
                return Vec::new();
            }
            assert!(entry.decode(now).answers.len() <= usize::from(entry.answer_count()));
            out
        });
        if young.is_empty() || old.is_empty() {
            return Ok(());
        }
        prop_assert!(young.len() <= limit.max(12 + question.wire().len() + reply::opt_len(reply::Remarks::default(), None)));
        prop_assert_eq!(young.len(), old.len());
        let (young, old) = (ttls(&young, 17), ttls(&old, 17));
        prop_assert!(young.iter().all(|ttl| *ttl <= CAPS.max_ttl));
        prop_assert!(young.iter().zip(&old).all(|(young, old)| old <= young));
        prop_assert!(entry.ttl() == 0 || entry.ttl() <= smallest_ttl(&entry));
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let key = key("www.example", RecordType::A);
        let mut reply = query::build(&key, &query::question(&key), 7, true);
        reply.truncate(29);
        reply[2] |= 0x80;
        reply.extend_from_slice(&bytes);
        for (place, byte) in [6, 7, 8, 9, 10, 11].into_iter().zip(bytes.iter().rev()) {
            reply[place] = *byte;
        }
        if let Ok(entry) = Entry::accept(&key, &reply, CAPS, moment()) {
            entry.write(&mut Vec::new(), &plain(&client_query("www.example", RecordType::A, None)), moment(), 512, None);
        }
    }
}

/// The smallest TTL that a client sees of a new entry.
fn smallest_ttl(entry: &Entry) -> u32 {
    let ttl = |mark: &Mark| super::super::wire::read_u32(&entry.wire, usize::from(mark.ttl_at)).unwrap();
    entry.marks.iter().map(ttl).min().unwrap_or(u32::MAX)
}
