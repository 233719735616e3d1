use super::*;

/// A query for `name` (wire form), with these bytes after the question.
fn query(flags: [u8; 2], counts: [u8; 4], question: &[u8], rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34, flags[0], flags[1]];
    bytes.extend(counts.iter().flat_map(|count| [0, *count]));
    bytes.extend_from_slice(question);
    bytes.extend_from_slice(rest);
    bytes
}

const WEB_A: &[u8] = b"\x03WeB\x03ecs\x00\x00\x01\x00\x01";

fn plain(bytes: &[u8]) -> Question<'_> {
    match Question::parse(bytes) {
        Parsed::Plain(question) => question,
        other => panic!("{bytes:?} is {other:?}"),
    }
}

#[test]
fn a_plain_question_keeps_the_case_that_was_asked() {
    let bytes = query([1, 0x10], [1, 0, 0, 0], WEB_A, b"");
    let question = plain(&bytes);
    assert_eq!((question.id, question.recursion_desired, question.checking_disabled), (0x1234, true, true));
    assert_eq!(question.wire(), WEB_A);
    assert_eq!(question.name(), b"\x03web\x03ecs\x00");
    assert_eq!((question.qtype, question.edns), (RecordType::A, None));
    assert_eq!((question.limit(false), question.limit(true)), (512, 65_535));
}

#[test]
fn edns_is_read_and_unknown_options_are_ignored() {
    let opt = b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x0a\xff\xff\x00\x02ab\x00\x03\x00\x00";
    let bytes = query([1, 0], [1, 0, 0, 1], WEB_A, opt);
    let question = plain(&bytes);
    assert_eq!(question.edns, Some(Edns { payload: 1232, dnssec_ok: true }));
    for (payload, limit) in [(0u16, 512), (512, 512), (1000, 1000), (65_535, 1232)] {
        let mut opt = opt.to_vec();
        opt[3..5].copy_from_slice(&payload.to_be_bytes());
        let bytes = query([1, 0], [1, 0, 0, 1], WEB_A, &opt);
        assert_eq!(plain(&bytes).limit(false), limit);
    }
}

#[test]
fn what_is_not_plain_goes_to_the_handler() {
    let chaos = b"\x03web\x00\x00\x10\x00\x03";
    let any = b"\x03web\x00\x00\xff\x00\x01";
    let badvers = b"\x00\x00\x29\x04\xd0\x00\x01\x00\x00\x00\x00";
    for bytes in [
        query([0x20, 0], [1, 0, 0, 0], WEB_A, b""),
        query([1, 0], [1, 0, 0, 0], chaos, b""),
        query([1, 0], [1, 0, 0, 0], any, b""),
        query([1, 0], [1, 0, 0, 1], WEB_A, badvers),
        query([1, 0], [1, 1, 0, 0], WEB_A, &[0; 11]),
    ] {
        assert!(matches!(Question::parse(&bytes), Parsed::Unusual), "{bytes:?}");
    }
}

#[test]
fn what_cannot_be_read_is_malformed() {
    for bytes in [
        query([1, 0], [1, 0, 0, 0], b"\x03we", b""),
        query([1, 0], [1, 0, 0, 0], b"\xc0\x0c\x00\x01\x00\x01", b""),
        query([1, 0], [1, 0, 0, 0], b"\x03web\x00\x00\x01", b""),
        query([1, 0], [1, 0, 0, 1], WEB_A, b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x05\x00"),
        query([1, 0], [1, 0, 0, 1], WEB_A, b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x04\x00\x01\x00\x09"),
        query([1, 0], [1, 0, 0, 0], &[1; 400], b""),
    ] {
        assert!(matches!(Question::parse(&bytes), Parsed::Malformed), "{bytes:?}");
    }
}

#[test]
fn the_first_cookie_counts_and_its_length_must_be_right() {
    let with = |options: &[u8]| {
        let mut rest = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00".to_vec();
        rest.extend(u16::try_from(options.len()).unwrap().to_be_bytes());
        rest.extend_from_slice(options);
        query([1, 0], [1, 0, 0, 1], WEB_A, &rest)
    };
    for server in [0usize, 8, 16, 32] {
        let mut option = vec![0, 10, 0, 8 + server as u8];
        option.extend(*b"client00");
        option.extend(vec![7; server]);
        option.extend(b"\x00\x03\x00\x00\x00\x0a\x00\x01x");
        let bytes = with(&option);
        let cookie = plain(&bytes).cookie.unwrap();
        assert_eq!((cookie.client, cookie.server), (b"client00", vec![7; server].as_slice()));
    }
    for length in [0usize, 1, 7, 9, 15, 41] {
        let mut option = vec![0, 10, 0, length as u8];
        option.extend(vec![1; length]);
        assert!(matches!(Question::parse(&with(&option)), Parsed::Malformed), "{length}");
    }
    assert_eq!(plain(&with(b"\x00\x03\x00\x00")).cookie, None);
}

#[test]
fn only_what_the_zone_may_have_is_overheard() {
    let heard = |question: &[u8], zone: &[u8]| {
        let mut heard = None;
        Question::overhear(&query([1, 0], [1, 0, 0, 0], question, b""), zone, |name, qtype| {
            heard = Some((name.to_vec(), qtype));
        });
        heard
    };
    let web = Some((b"\x03web\x03ecs\x00".to_vec(), RecordType::A));
    for zone in [&b"\x03ecs\x00"[..], b"\x03web\x03ecs\x00", b"\x00"] {
        assert_eq!(heard(WEB_A, zone), web, "{zone:?}");
    }
    for zone in [&b"\x03eks\x00"[..], b"\x03ecs\x03com\x00", b"\x01a\x03web\x03ecs\x00"] {
        assert_eq!(heard(WEB_A, zone), None, "{zone:?}");
    }
    let reverse = b"\x0210\x07in-addr\x04arpa\x00\x00\x0c\x00\x01";
    assert_eq!(heard(reverse, b"\x03ecs\x00").map(|(_, qtype)| qtype), Some(RecordType::PTR));
    assert_eq!(heard(&WEB_A[..WEB_A.len() - 3], b"\x03ecs\x00"), None, "without a type");
}
