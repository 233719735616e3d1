//! A "no" behind aliases: its SOA, or TC.

use super::*;
use crate::dns::rdata::{CNAME, SOA};

/// An alias of a name of 202 octets.
fn alias(first: &str) -> Body {
    let target = [&first.repeat(63), &"t".repeat(63), &"u".repeat(59), "ecs.internal."].map(String::from).join(".");
    let mut body = BodyBuilder::new(false);
    body.answer(60, &RData::CNAME(CNAME(Name::from_ascii(target).unwrap())));
    body.build()
}

fn foreign() -> (DomainName, RData) {
    let name = |text| Name::from_ascii(text).unwrap();
    let soa = SOA::new(name("ns.example."), name("hostmaster.example."), 1, 2, 3, 4, 30);
    (DomainName::from_text("example").unwrap(), RData::SOA(soa))
}

/// Whether the reply that `write` writes behind so many aliases, within the limit, is whole; checks that it says so.
fn is_whole(
    aliases: usize,
    limit: usize,
    write: impl Fn(&mut Vec<u8>, &Question<'_>, &[Alias<'_>], &ReplyContext<'_>),
) -> bool {
    let bytes = query("missing.ecs.internal.", false);
    let Parsed::Plain(question) = Question::parse(&bytes) else { panic!("not plain") };
    let all: Vec<_> = ["a", "b", "c", "d", "e"].into_iter().take(aliases).map(alias).collect();
    let all: Vec<_> = all.iter().map(Alias::Ours).collect();
    let (soa, mut out) = (SoaBlock::new(&zone(), 42, 5), Vec::new());
    write(&mut out, &question, &all, &ReplyContext { soa: &soa, spin: 0, limit, ede: None, cookie: None });
    let message = Message::from_vec(&out).unwrap();
    assert!(out.len() <= limit);
    assert_eq!(message.authorities.len(), usize::from(!message.metadata.truncation), "{aliases} within {limit}");
    assert!(message.metadata.truncation || message.answers.len() == aliases, "{aliases} within {limit}");
    !message.metadata.truncation
}

#[test]
fn a_negative_answer_behind_aliases_has_its_soa_or_tc() {
    let (owner, data) = foreign();
    let ours = Body::empty(Rcode::NxDomain, true, None);
    let mut theirs = BodyBuilder::new(false);
    theirs.foreign_soa(owner.clone(), 30, &data).rcode(Rcode::NxDomain);
    let theirs = theirs.build();
    let name = DomainName::from_text("end.example").unwrap();
    let tail = Tail::new(&name, Rcode::NxDomain, [&[], &[]], Some(&(owner, 30, &data)));
    let mut whole = [0; 4];
    for (limit, aliases) in (512..=1232).flat_map(|limit| (0..=5).map(move |aliases| (limit, aliases))) {
        let behind = |body: &Body| {
            is_whole(aliases, limit, |out, question, aliases, context| {
                write_behind(out, question, (aliases, body), None, context);
            })
        };
        let tail = |whose| {
            is_whole(aliases, limit, |out, question, aliases, context| {
                write_tail(out, question, (aliases, &tail, whose), |ttl| ttl, None, context);
            })
        };
        let of = [behind(&ours), behind(&theirs), tail(Whose::Target), tail(Whose::Own)];
        whole.iter_mut().zip(of).for_each(|(count, whole)| *count += usize::from(whole));
    }
    // All are whole behind one alias at most; behind more, from some limit on.
    for count in whole {
        assert!((721 * 2..721 * 6).contains(&count), "{whole:?}");
    }
}
