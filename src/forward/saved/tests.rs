use std::sync::Arc;

use hickory_proto::op::ResponseCode;
use proptest::prelude::*;

use super::super::testing::{a, answer, cname, key, moment, negative, soa};
use super::*;
use crate::dns::Ede;

const CAPS: Caps = Caps { min_ttl: 0, max_ttl: 86_400, negative_ttl: 300 };

/// The entry of `key` that this reply to our query brings.
fn entry(key: &Key, reply: impl FnOnce(&[u8]) -> Vec<u8>) -> Entry {
    let query = query::build(key, &query::question(key), 7, true);
    Entry::accept(key, &reply(&query), CAPS, moment()).unwrap()
}

fn head() -> Head {
    let upstreams = [(".".to_owned(), vec!["10.0.0.2:53".to_owned()])].into();
    Head { at: Timestamp::from_second(1_800_000_000).unwrap(), terms: Terms { upstreams, private: None } }
}

fn file(answers: &[(&Key, &Entry)], now: Instant) -> Vec<u8> {
    let mut out = Vec::new();
    write_head(&mut out, &head()).unwrap();
    for (key, entry) in answers {
        let before = out.len();
        write_answer(&mut out, key, entry, 3, now).unwrap();
        assert!(out.len() - before <= answer_len(entry));
    }
    out
}

/// Everything of an entry but its time.
fn content(entry: &Entry) -> impl PartialEq + std::fmt::Debug + use<> {
    let marks: Vec<_> = entry.marks.iter().map(|mark| (mark.ttl_at, mark.end)).collect();
    (entry.wire.clone(), marks, entry.answers, entry.rcode, entry.authentic, entry.ede.clone(), entry.ttl)
}

/// Answers of all sorts.
fn sorts() -> Vec<(Key, Entry)> {
    let www = key("www.example", RecordType::A);
    let signed = Key { dnssec_ok: true, checking_disabled: true, ..key("signed.example", RecordType::AAAA) };
    let positive = entry(&www, |query| {
        let mut reply = answer(query, [cname("www.example", 60, "lb.example."), a("lb.example", 30, 1)]);
        reply[3] |= 0x20;
        reply
    });
    let nxdomain = entry(&signed, |query| negative(query, ResponseCode::NXDomain, [soa("example", 900, 60)]));
    let mut nodata = entry(&www, |query| negative(query, ResponseCode::NoError, [soa("example", 900, 60)]));
    nodata.ede = Some(Arc::new(Ede::new(Ede::FILTERED, "because")));
    vec![(www.clone(), positive), (signed, nxdomain), (www, nodata)]
}

#[test]
fn what_is_saved_is_restored_and_has_aged() {
    let sorts = sorts();
    let now = moment() + Duration::from_secs(10);
    let answers: Vec<_> = sorts.iter().map(|(key, entry)| (key, entry)).collect();
    let file = file(&answers, now);
    let (read_head, saved) = read(&file).unwrap();
    assert_eq!(read_head, head());
    let later = moment() + Duration::from_secs(1000);
    let restored: Vec<_> = saved.map(|saved| saved.restore(Duration::from_secs(7), CAPS, later).unwrap()).collect();
    assert_eq!(restored.len(), sorts.len());
    for ((key, entry), (restored_key, restored)) in sorts.iter().zip(&restored) {
        assert_eq!((key, content(entry)), (restored_key, content(restored)));
        assert_eq!(restored.remaining(later), entry.remaining(now).saturating_sub(7));
    }
    assert!(restored[0].1.remaining(later) == 13 && restored[0].1.is_stale(later + Duration::from_secs(13)));
}

#[test]
fn limits_on_time_hold_for_what_is_restored() {
    let (key, entry) = &sorts()[0];
    let file = file(&[(key, entry)], moment());
    let (_, mut saved) = read(&file).unwrap();
    let saved = saved.next().unwrap();
    let (_, short) = saved.restore(Duration::ZERO, Caps { max_ttl: 5, ..CAPS }, moment()).unwrap();
    assert_eq!(short.ttl(), 5);
    assert!(saved.restore(Duration::MAX, CAPS, moment()).is_none(), "nobody was there then");
}

#[test]
fn what_nobody_would_have_taken_from_an_upstream_is_not_restored() {
    let www = key("www.example", RecordType::A);
    let (_, entry) = &sorts()[0];
    let good = entry.message(&www);
    let restored =
        |message: &[u8]| SavedAnswer { age: 0, warmth: 0, message }.restore(Duration::ZERO, CAPS, moment()).is_some();
    assert!(restored(&good));
    let changed = |at: usize, by: u8| {
        let mut message = good.clone();
        message[at] ^= by;
        message
    };
    assert!(!restored(&changed(2, 0x80)), "a query");
    assert!(!restored(&changed(2, 0x02)), "truncated");
    assert!(!restored(&changed(3, 0x05)), "REFUSED");
    assert!(!restored(&changed(5, 0x03)), "two questions");
    assert!(!restored(&changed(13, 0x20)), "a question in upper case, which ours never are");
    assert!(!restored(&changed(26, 0x1d)), "an answer to another question");
    assert!(!restored(&good[..good.len() - 1]) && !restored(&[]));
}

#[test]
fn other_terms_are_told_in_words() {
    let with = |domain: &str, servers: &[&str]| {
        let mut terms = head().terms;
        terms.upstreams.insert(domain.to_owned(), servers.iter().map(|text| (*text).to_owned()).collect());
        terms
    };
    let plain = head().terms;
    assert_eq!(plain.difference(&plain), None);
    for (old, new, words) in [
        (&plain, &with(".", &["10.0.0.3:53"]), "are of 10.0.0.2:53, and now 10.0.0.3:53 are asked"),
        (&plain, &with("corp.example.", &["10.0.0.3:53"]), "for corp.example. are of others, and now 10.0.0.3:53"),
        (&with("corp.example.", &["10.0.0.3:53"]), &plain, "for corp.example. of 10.0.0.3:53, who are not asked"),
        (&plain, &Terms { private: Some(vec![]), ..plain.clone() }, "forward.rebind_protection"),
    ] {
        let told = old.difference(new).unwrap();
        assert!(told.contains(words), "{told}");
    }
}

proptest! {
    #[test]
    fn a_file_that_was_changed_anywhere_does_no_harm(
        at in any::<prop::sample::Index>(),
        by in any::<Vec<u8>>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let sorts = sorts();
        let answers: Vec<_> = sorts.iter().map(|(key, entry)| (key, entry)).collect();
        let mut file = file(&answers, moment());
        let at = at.index(file.len());
        for (byte, by) in file[at..].iter_mut().zip(by) {
            *byte ^= by;
        }
        file.truncate(cut.index(file.len() + 1));
        if let Ok((_, saved)) = read(&file) {
            for saved in saved {
                if let Some((key, entry)) = saved.restore(Duration::from_secs(5), CAPS, moment()) {
                    // What is taken can be saved and restored again.
                    let message = entry.message(&key);
                    let again = SavedAnswer { message: &message, ..saved };
                    let (again_key, again) = again.restore(Duration::from_secs(5), CAPS, moment()).unwrap();
                    prop_assert_eq!((key, content(&entry)), (again_key, content(&again)));
                }
            }
        }
    }
}
