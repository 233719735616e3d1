//! CNAMEs of ours, and behind them what an upstream says of the name that they lead to, in one reply; or what it says as
//! if it were said of the name itself.
//!
//! The upstream's records are kept as they are sent, but for their TTLs, which are counted down in the copy. Nothing is
//! allocated.

use super::alias::{Alias, authoritative};
use super::answers::Part;
use super::draft::Draft;
use super::{Remarks, ReplyContext};
use crate::dns::records::Records;
use crate::dns::{Body, BodyBuilder, DomainName, Ede, Question, RData, Rcode};

/// A record of somebody's: owner, TTL in seconds, data.
pub type Owned<'r> = (DomainName, u32, &'r RData);

/// What an upstream says of a name, as it stands behind an alias of that name.
#[derive(Debug, Clone)]
pub struct Tail {
    /// The name's records, its owner being the name itself.
    body: Body,
    /// How many of them, from the first on, keep their places when the others rotate.
    fixed: usize,
    /// The shortest TTL of them, in seconds; 0 without any.
    shortest: u32,
}

impl Tail {
    /// What is said of `name`: the chain of CNAMEs that begins with it, the records at its end, and without any the SOA
    /// that says for how long there are none.
    #[must_use]
    pub fn new<'r>(name: &DomainName, rcode: Rcode, [chain, last]: [&[Owned<'r>]; 2], soa: Option<&Owned<'r>>) -> Self {
        let mut body = BodyBuilder::new(false);
        body.rcode(rcode);
        let mut add = |records: &[Owned<'r>]| {
            for (owner, ttl, data) in records {
                if owner == name {
                    body.answer(*ttl, data)
                } else {
                    body.answer_of(owner.clone(), *ttl, data)
                };
            }
            body.len()
        };
        let fixed = add(chain);
        add(last);
        if let Some((owner, ttl, data)) = soa {
            body.foreign_soa(owner.clone(), *ttl, data);
        }
        let shortest = chain.iter().chain(last).map(|(_, ttl, _)| *ttl).min().unwrap_or_default();
        Self { body: body.build(), fixed, shortest }
    }

    /// The records at the end of the chain, from the one on that `spin` says, then those in front of it; and the numbers of
    /// the first of each.
    fn last(&self, spin: u32) -> [(Records<'_>, usize); 2] {
        let (_, last) = self.body.answers().split(self.fixed);
        let first = (spin as usize).checked_rem(last.len()).unwrap_or_default();
        let (behind, before) = last.split(first);
        [(before, self.fixed + first), (behind, self.fixed)]
    }
}

/// Whose records a tail says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Those of the name that the upstream was asked for, to which the aliases lead: everything that was said of it.
    Target,
    /// The name's own to which the aliases lead, although the upstream was asked for another (an alias record of Route 53):
    /// the records at the end of the tail's chain, all with the shortest TTL of it. Without any, the name exists and the
    /// type does not.
    Own,
}

/// Writes the reply to `question`: each of `aliases` a CNAME that points to the owner of the next, then the tail, its
/// last records rotated, its TTLs as `ttl` makes them. `ede` is said besides that of the context. Limits as in
/// [`write`](super::write()).
pub fn write_tail(
    out: &mut Vec<u8>,
    question: &Question<'_>,
    (aliases, tail, whose): (&[Alias<'_>], &Tail, Whose),
    ttl: impl Fn(u32) -> u32,
    ede: Option<&Ede>,
    context: &ReplyContext<'_>,
) {
    let Tail { body, fixed, shortest } = tail;
    let (rcode, owners, shortest) = match whose {
        Whose::Target => (body.rcode(), body.owners(), None),
        Whose::Own => (Rcode::NoError, &[][..], Some(ttl(*shortest))),
    };
    let of = body.answers();
    let write = |out: &mut Vec<u8>, record: &[u8]| write_aged(out, record, |old| shortest.unwrap_or_else(|| ttl(old)));
    let part = Part { of, owners, write };
    let chain = if whose == Whose::Target { *fixed } else { 0 };
    let last = tail.last(context.spin);
    let remarks = Remarks { own: ede, whole: context.ede };
    let mut draft = Draft::begin(out, question, (authoritative(aliases, true), rcode), remarks, context);
    draft.answers(aliases, |answers| {
        answers.records(&part, of.split(chain).0, 0)
            && last.into_iter().all(|(records, first)| answers.records(&part, records, first))
    });
    match (whose, body.foreign_soa()) {
        (Whose::Own, _) if of.len() == *fixed => draft.soa(),
        (Whose::Target, Some(soa)) => draft.foreign_soa(soa, |out, record| write_aged(out, record, &ttl)),
        _ => {}
    }
    draft.end();
}

/// Writes a record, its owner left out, with another TTL.
pub(super) fn write_aged(out: &mut Vec<u8>, record: &[u8], ttl: impl Fn(u32) -> u32) {
    if let Some((kind, [t0, t1, t2, t3, rest @ ..])) = record.split_first_chunk::<4>() {
        out.extend_from_slice(kind);
        out.extend_from_slice(&ttl(u32::from_be_bytes([*t0, *t1, *t2, *t3])).to_be_bytes());
        out.extend_from_slice(rest);
    }
}
