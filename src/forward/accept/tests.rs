use hickory_proto::op::ResponseCode;
use hickory_proto::rr::Record;

use super::super::testing::{a, answer, cname, key, moment, negative, response, soa};
use super::*;
use crate::dns::{Name, RData, rdata};

fn query(key: &Key) -> Vec<u8> {
    query::build(key, &query::question(key), 7, true)
}

fn accepted(key: &Key, reply: &[u8]) -> Result<Entry, Refusal> {
    Entry::accept(key, reply, Caps { min_ttl: 0, max_ttl: 1000, negative_ttl: 100 }, moment())
}

#[track_caller]
fn refused(key: &Key, reply: &[u8], because: &Refusal) {
    assert_eq!(accepted(key, reply).unwrap_err(), *because);
}

#[test]
fn a_chain_is_taken_in_any_order_of_its_records() {
    let key = key("www.example", RecordType::A);
    let records = [
        a("c.example", 30, 1),
        cname("b.example", 20, "c.example."),
        a("C.example", 40, 2),
        cname("www.example", 10, "b.example."),
    ];
    let entry = accepted(&key, &answer(&query(&key), records)).unwrap();
    assert_eq!((entry.ttl(), entry.answer_count(), entry.rcode()), (10, 4, Rcode::NoError));
}

#[test]
fn records_that_nobody_asked_for_are_refused() {
    let key = key("www.example", RecordType::A);
    let txt = RData::TXT(rdata::TXT::new(vec!["x".into()]));
    let mut chaos = a("www.example", 5, 1);
    chaos.dns_class = hickory_proto::rr::DNSClass::CH;
    for extra in [
        a("bank.example", 86_400, 66),
        a("example", 86_400, 66),
        cname("bank.example", 86_400, "www.example."),
        Record::from_rdata(Name::from_ascii("www.example").unwrap(), 5, txt),
        chaos,
    ] {
        let reply = answer(&query(&key), [a("www.example", 5, 1), extra]);
        refused(&key, &reply, &Refusal::Unrelated);
    }
}

#[test]
fn authority_and_additional_records_do_not_get_in() {
    let key = key("www.example", RecordType::A);
    let ns = rdata::NS(Name::from_ascii("ns.evil.").unwrap());
    let mut message = response(&query(&key));
    message.add_answer(a("www.example", 5, 1));
    message.add_authority(Record::from_rdata(Name::from_ascii("example.").unwrap(), 9, RData::NS(ns)));
    message.add_additional(a("ns.evil", 9, 66));
    let entry = accepted(&key, &message.to_vec().unwrap()).unwrap();
    assert_eq!((entry.marks.len(), entry.answer_count()), (1, 1));
    let end = entry.wire.len();
    assert_eq!(entry.wire[end - 4..], [192, 0, 2, 1]);
}

#[test]
fn loops_and_long_chains_are_refused() {
    let key = key("n0.example", RecordType::A);
    let links = |count: usize| (0..count).map(|n| cname(&format!("n{n}.example"), 5, &format!("n{}.example.", n + 1)));
    assert!(accepted(&key, &answer(&query(&key), links(MAX_CHAIN))).is_ok());
    refused(&key, &answer(&query(&key), links(MAX_CHAIN + 1)), &Refusal::CnameLoop);
    refused(&key, &answer(&query(&key), links(3).chain([cname("n3.example", 5, "n1.example.")])), &Refusal::CnameLoop);
}

/// The longest message that there is, of records whose owners are all different and lead through one pointer after the
/// other: it costs one walk, and nothing of it is kept (CVE-2024-8508 and its kin).
#[test]
fn the_largest_answer_of_strange_names_is_refused_whole() {
    let key = key("www.example", RecordType::A);
    let mut reply = answer(&query(&key), [a("www.example", 60, 1)]);
    let opt = reply.split_off(reply.len() - 11);
    let (mut target, mut count) = (HEADER_LEN, 1_u16);
    while reply.len() + 18 + opt.len() <= TCP_LIMIT {
        let owner = reply.len();
        reply.extend_from_slice(&[1, b'a' + (count % 26) as u8]);
        reply.extend_from_slice(&(0xc000 | target as u16).to_be_bytes());
        reply.extend_from_slice(b"\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x02");
        // As deep as pointers reach, and as deep as we follow.
        target = if owner < 0x3fff && count % 30 != 0 { owner } else { HEADER_LEN };
        count += 1;
    }
    reply[6..8].copy_from_slice(&count.to_be_bytes());
    reply.extend_from_slice(&opt);
    assert!(count > 3000 && reply.len() > 60_000);
    refused(&key, &reply, &Refusal::Unrelated);
}

#[test]
fn a_dname_above_the_name_is_part_of_the_answer() {
    let key = key("www.old.example", RecordType::A);
    let build = |owner: &[u8]| {
        let chain = [cname("www.old.example", 60, "www.new.example."), a("www.new.example", 60, 1)];
        let mut reply = response(&query(&key));
        reply.edns = None;
        reply.add_answers(chain);
        let mut bytes = reply.to_vec().unwrap();
        bytes.extend_from_slice(owner);
        bytes.extend_from_slice(b"\x00\x27\x00\x01\x00\x00\x00\x3c\x00\x0d\x03new\x07example\x00");
        bytes[7] += 1;
        bytes
    };
    assert_eq!(accepted(&key, &build(b"\x03old\x07example\x00")).unwrap().answer_count(), 3);
    refused(&key, &build(b"\x03foo\x07example\x00"), &Refusal::Unrelated);
}

#[test]
fn ttls_are_brought_within_bounds() {
    let key = key("www.example", RecordType::A);
    for (ttl, expect) in [(5, 5), (0, 0), (4000, 1000), (i32::MAX as u32, 1000), (1 << 31, 0), (u32::MAX, 0)] {
        let mut reply = answer(&query(&key), [a("www.example", 7, 1)]);
        let at = reply.windows(4).position(|bytes| bytes == [0, 0, 0, 7]).unwrap();
        reply[at..at + 4].copy_from_slice(&ttl.to_be_bytes());
        let entry = accepted(&key, &reply).unwrap();
        assert_eq!((entry.ttl(), entry.decode(moment()).answers[0].ttl), (expect, expect), "TTL {ttl}");
    }
}

#[test]
fn a_negative_answer_lives_as_long_as_its_soa_says() {
    let key = key("no.such.example", RecordType::A);
    for (rcode, expect) in [(ResponseCode::NXDomain, Rcode::NxDomain), (ResponseCode::NoError, Rcode::NoError)] {
        for (ttl, minimum, life) in [(60, 30, 30), (20, 30, 20), (900, 900, 100), (0, 30, 0), (30, 1 << 31, 0)] {
            let entry = accepted(&key, &negative(&query(&key), rcode, [soa("example.", ttl, minimum)])).unwrap();
            assert_eq!((entry.ttl(), entry.rcode()), (life, expect));
            let decoded = entry.decode(moment());
            assert_eq!((decoded.answers.len(), decoded.authority.len(), decoded.authority[0].ttl), (0, 1, life));
            assert_eq!(decoded.authority[0].name.to_ascii(), "example.");
        }
    }
}

#[test]
fn without_the_soa_of_its_zone_a_negative_answer_is_not_kept() {
    let key = key("no.such.example", RecordType::A);
    for authority in [vec![], vec![soa("other.", 60, 60)], vec![soa("x.no.such.example.", 60, 60)]] {
        let entry = accepted(&key, &negative(&query(&key), ResponseCode::NXDomain, authority)).unwrap();
        assert_eq!((entry.ttl(), entry.marks.len()), (0, 0));
    }
}

#[test]
fn an_alias_to_nothing_is_negative() {
    let key = key("www.example", RecordType::AAAA);
    let mut message = response(&query(&key));
    message.add_answer(cname("www.example", 10, "lb.other."));
    message.add_authority(soa("other.", 60, 60));
    let entry = accepted(&key, &message.to_vec().unwrap()).unwrap();
    assert_eq!((entry.ttl(), entry.answer_count(), entry.marks.len()), (10, 1, 2));
    let asked_for_cname = Key { qtype: RecordType::CNAME, ..key };
    let reply = answer(&query(&asked_for_cname), [cname("www.example", 10, "lb.other.")]);
    assert_eq!(accepted(&asked_for_cname, &reply).unwrap().ttl(), 10);
}

#[test]
fn proofs_are_kept_for_those_who_asked_for_them() {
    let mut key = key("no.example", RecordType::A);
    let mut message = response(&query(&key));
    message.edns = None;
    message.metadata.response_code = ResponseCode::NXDomain;
    message.add_authority(soa("example.", 60, 60));
    let mut reply = message.to_vec().unwrap();
    for owner in [&b"\x01m\x07example\x00"[..], b"\x01m\x05other\x00"] {
        reply.extend_from_slice(owner);
        reply.extend_from_slice(b"\x00\x2f\x00\x01\x00\x00\x0e\x10\x00\x04\x01z\x00\x00");
    }
    reply[9] = 3;
    for (dnssec_ok, records) in [(false, 1), (true, 2)] {
        key.dnssec_ok = dnssec_ok;
        assert_eq!(accepted(&key, &reply).unwrap().marks.len(), records);
    }
}

/// A record as it stands on the wire, its owner written in full.
fn raw(owner: &str, kind: u16, ttl: u32, rdata: &[u8]) -> Vec<u8> {
    let owner = DomainName::from_text(owner).unwrap();
    let length = (rdata.len() as u16).to_be_bytes();
    [owner.as_wire(), &kind.to_be_bytes(), &[0, 1], &ttl.to_be_bytes(), &length, rdata].concat()
}

/// A signature of a type by a zone.
fn rrsig(covered: u16, signer: &str) -> Vec<u8> {
    let signer = DomainName::from_text(signer).unwrap();
    [&covered.to_be_bytes()[..], &[13, 2], &[0; 14], signer.as_wire(), &[7; 64]].concat()
}

/// What a signed wildcard says (RFC 4035 3.1.3.3), behind `chain`, with these records in AUTHORITY.
fn wildcard(key: &Key, chain: &[Record], authority: &[Vec<u8>]) -> Vec<u8> {
    let mut message = response(&query(key));
    message.edns = None;
    message.add_answers(chain.iter().cloned());
    let mut reply = message.to_vec().unwrap();
    reply.extend(authority.concat());
    reply[9] = authority.len() as u8;
    reply
}

#[test]
fn proofs_of_wildcards_come_along_for_those_who_asked_for_them() {
    let nsec = b"\x01z\x04wild\x07example\x00\x00\x01\x40";
    let mut key = key("x.wild.example", RecordType::A);
    let authority = [
        raw("a.wild.example", TYPE_NSEC, 50, nsec),
        raw("a.wild.example", TYPE_RRSIG, 50, &rrsig(TYPE_NSEC, "example")),
        raw("h.far.example", TYPE_NSEC3, 70, b"\x01\x00\x00\x00\x00\x01h\x00\x00"),
        raw("h.far.example", TYPE_RRSIG, 2000, &rrsig(TYPE_NSEC3, "far.example")),
        // None of these is a proof of this answer.
        raw("wild.example", TYPE_NS, 5, b"\x02ns\x07example\x00"),
        raw("wild.example", TYPE_RRSIG, 5, &rrsig(TYPE_NS, "example")),
        raw("b.wild.example", TYPE_NSEC, 5, nsec),
        raw("m.other", TYPE_NSEC, 5, nsec),
        raw("m.other", TYPE_RRSIG, 5, &rrsig(TYPE_NSEC, "other")),
        raw("m.other", TYPE_RRSIG, 5, &rrsig(TYPE_NSEC, "example")),
        raw("a.wild.example", TYPE_NSEC3, 5, nsec),
    ];
    let chain = [cname("x.wild.example", 90, "y.far.example."), a("y.far.example", 80, 1)];
    let reply = wildcard(&key, &chain, &authority);
    for (dnssec_ok, records, ttl) in [(false, 2, 80), (true, 6, 50)] {
        key.dnssec_ok = dnssec_ok;
        let entry = accepted(&key, &reply).unwrap();
        assert_eq!((entry.marks.len(), entry.answer_count(), entry.ttl()), (records, 2, ttl));
        let owners: Vec<_> = entry.decode(moment()).authority.iter().map(|proof| proof.name.to_ascii()).collect();
        let expected = ["a.wild.example.", "a.wild.example.", "h.far.example.", "h.far.example."];
        assert_eq!(owners, expected[..records - 2]);
        let again = accepted(&key, &entry.message(&key)).unwrap();
        assert_eq!((&again.wire[HEADER_LEN..], again.ttl()), (&entry.wire[HEADER_LEN..], ttl), "what is saved is read");
    }
}

/// A chain that begins with a wildcard, and ends where there is nothing, has proofs of two zones.
#[test]
fn a_negative_answer_has_the_proofs_of_all_zones_of_its_chain() {
    let mut key = key("x.wild.example", RecordType::A);
    key.dnssec_ok = true;
    let zone = DomainName::from_text("other").unwrap();
    let soa = [zone.as_wire(), zone.as_wire(), &[0, 0, 0, 60].repeat(5)].concat();
    let authority = [
        raw("other", TYPE_SOA, 60, &soa),
        raw("other", TYPE_RRSIG, 60, &rrsig(TYPE_SOA, "other")),
        raw("m.other", TYPE_NSEC, 60, b"\x01n\x05other\x00"),
        raw("a.wild.example", TYPE_NSEC, 60, b"\x01z\x04wild\x07example\x00"),
        raw("a.wild.example", TYPE_RRSIG, 60, &rrsig(TYPE_NSEC, "example")),
        raw("m.third", TYPE_RRSIG, 60, &rrsig(TYPE_NSEC, "third")),
    ];
    let entry = accepted(&key, &wildcard(&key, &[cname("x.wild.example", 90, "y.other.")], &authority)).unwrap();
    assert_eq!((entry.marks.len(), entry.answer_count(), entry.ttl()), (6, 1, 60));
}

#[test]
fn proofs_are_bounded() {
    let mut key = key("x.example", RecordType::A);
    key.dnssec_ok = true;
    for (bytes, at_most) in [(4, MAX_PROOFS), (2000, 2 * MAX_PROOFS_LEN / 2000)] {
        let mut authority = vec![raw("a.example", TYPE_RRSIG, 60, &rrsig(TYPE_NSEC, "example"))];
        authority.resize(20, raw("a.example", TYPE_NSEC, 60, &vec![0; bytes]));
        authority.extend(vec![authority[0].clone(); 100]);
        let entry = accepted(&key, &wildcard(&key, &[a("x.example", 60, 1)], &authority)).unwrap();
        assert!((2..=at_most + 1).contains(&entry.marks.len()), "{} records", entry.marks.len());
        assert!(entry.wire.len() < MAX_PROOFS_LEN + 512, "{} octets", entry.wire.len());
    }
}

fn rcode(code: u16) -> Refusal {
    Refusal::Rcode { code, ede: None }
}

#[test]
fn what_the_upstream_says_of_an_error_is_kept() {
    let key = key("www.example", RecordType::A);
    let with_options = |rcode, options: &[u8]| {
        let mut message = response(&query(&key));
        message.metadata.response_code = rcode;
        let mut reply = message.to_vec().unwrap();
        let at = reply.len() - 1;
        reply[at] = options.len() as u8;
        reply.extend_from_slice(options);
        reply
    };
    let bogus = with_options(ResponseCode::ServFail, b"\x00\x0a\x00\x01c\x00\x0f\x00\x07\x00\x06bogus");
    let Err(Refusal::Rcode { code: 2, ede: Some(ede) }) = accepted(&key, &bogus) else { panic!() };
    assert_eq!((ede.code(), ede.text()), (6, "bogus"));
    let entry = accepted(&key, &with_options(ResponseCode::NoError, b"\x00\x0f\x00\x02\x00\x04")).unwrap();
    assert_eq!(entry.ede.map(|ede| (ede.code(), ede.text().len())), Some((4, 0)));
    for broken in [&b"\x00\x0f\x00\x07\x00\x06bog"[..], b"\x00\x0f\x00\x01\x00", b"\x00\x0f"] {
        assert_eq!(accepted(&key, &with_options(ResponseCode::ServFail, broken)).unwrap_err(), rcode(2));
    }
}

#[test]
fn a_floor_lifts_what_is_too_short_to_be_kept() {
    let key = key("www.example", RecordType::A);
    let caps = Caps { min_ttl: 20, max_ttl: 1000, negative_ttl: 100 };
    for (ttl, expect) in [(0, 20), (5, 20), (30, 30), (5000, 1000)] {
        let entry = Entry::accept(&key, &answer(&query(&key), [a("www.example", ttl, 1)]), caps, moment()).unwrap();
        assert_eq!(entry.ttl(), expect);
    }
}

#[test]
fn errors_and_referrals_are_no_answers() {
    let key = key("www.example", RecordType::A);
    refused(&key, &negative(&query(&key), ResponseCode::ServFail, []), &rcode(2));
    refused(&key, &negative(&query(&key), ResponseCode::Refused, []), &rcode(5));
    refused(&key, &negative(&query(&key), ResponseCode::BADVERS, []), &rcode(16));
    let ns = rdata::NS(Name::from_ascii("ns.example.").unwrap());
    let ns = Record::from_rdata(Name::from_ascii("example.").unwrap(), 9, RData::NS(ns));
    refused(&key, &negative(&query(&key), ResponseCode::NoError, [ns]), &Refusal::Referral);
    let reply = answer(&query(&key), [a("www.example", 5, 1)]);
    refused(&key, &reply[..reply.len() - 1], &Refusal::Unreadable);
    refused(&key, &[&reply[..], &[0; 65_536]].concat(), &Refusal::Unreadable);
}
