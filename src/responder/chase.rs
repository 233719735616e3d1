//! What an upstream says of the target of an alias record, said of the name itself.

use std::time::Instant;

use crate::dns::{Body, BodyBuilder, Rcode, RecordType};
use crate::forward::Entry;

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
