//! An alias of our zone together with what an upstream says of its target, in one reply; or that alone.

use std::time::Instant;

use crate::dns::{Body, BodyBuilder, DomainName, Rcode, RecordType};
use crate::forward::Entry;

/// The CNAME of `alias`, then the upstream's chain, then the records of type `qtype` that it ends in, rotated by
/// `spin`; with the upstream's response code, its SOA if it has no such record, and what is to be said of the answer.
pub(super) fn body(alias: &Body, entry: &Entry, qtype: RecordType, spin: u32, now: Instant) -> Body {
    let decoded = entry.decode(now);
    let mut body = BodyBuilder::from(alias.clone());
    body.rcode(decoded.rcode);
    let (mut last, chain): (Vec<_>, Vec<_>) =
        decoded.answers.into_iter().partition(|record| record.record_type() == qtype);
    let first = (spin as usize).checked_rem(last.len()).unwrap_or_default();
    last.rotate_left(first);
    for record in chain.iter().chain(&last) {
        if let Some(owner) = DomainName::from_name(&record.name) {
            body.answer_of(owner, record.ttl, &record.data);
        }
    }
    if let Some(soa) = decoded.authority.iter().find(|record| record.record_type() == RecordType::SOA)
        && let Some(owner) = DomainName::from_name(&soa.name)
    {
        body.foreign_soa(owner, soa.ttl, &soa.data);
    }
    body.ede(entry.ede(now).cloned());
    body.build()
}

/// The records of type `qtype` that the upstream's chain ends in, as records of the name that was asked: what an alias
/// record of Route 53 says; with what is to be said of the answer. They live as long as the shortest of the chain does.
/// Without any: the name exists, the type does not.
pub(super) fn flat(entry: &Entry, qtype: RecordType, now: Instant) -> Body {
    let decoded = entry.decode(now);
    let ttl = decoded.answers.iter().map(|record| record.ttl).min().unwrap_or_default();
    let mut body = BodyBuilder::new(true);
    for record in decoded.answers.iter().filter(|record| record.record_type() == qtype) {
        body.answer(ttl, &record.data);
    }
    body.ede(entry.ede(now).cloned());
    let body = body.build();
    if body.answer_count() == 0 { Body::empty(Rcode::NoError, true, entry.ede(now).cloned()) } else { body }
}
