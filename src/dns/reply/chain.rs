//! CNAMEs of ours, and behind them what an upstream says of the name that they lead to, in one reply.
//!
//! The upstream's records are kept as they are sent, but for their TTLs, which are counted down in the copy. Nothing is
//! allocated.

use super::{Places, Remarks, ReplyContext, begin, end, room, write_name};
use crate::dns::body::Owner;
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
        Self { body: body.build(), fixed }
    }
}

/// Writes the reply to `question`: each of `aliases` a CNAME that points to the owner of the next, then the tail, its
/// last records rotated, its TTLs as `ttl` makes them. `ede` is said besides that of the context. Limits as in
/// [`write`](super::write()).
pub fn write_chain(
    out: &mut Vec<u8>,
    question: &Question<'_>,
    (aliases, tail): (&[&Body], &Tail),
    ttl: impl Fn(u32) -> u32,
    ede: Option<&Ede>,
    context: &ReplyContext<'_>,
) {
    begin(out, question, true, tail.body.rcode());
    let remarks = Remarks { own: ede, whole: context.ede };
    let limit = room(question, context);
    let mut chain = Chain { out, limit, places: Places::default(), written: 0 };
    let complete = chain.aliases(aliases) && chain.tail(aliases, tail, context.spin, &ttl);
    let mut counts = [chain.written, 0, 0];
    if let Some((owner, record)) = tail.body.foreign_soa().filter(|_| complete)
        && out.len() + owner.as_wire().len() + record.len() <= limit
    {
        out.extend_from_slice(owner.as_wire());
        write_aged(out, record, &ttl);
        counts[1] = 1;
    }
    if !complete {
        out[2] |= 0x02;
    }
    end(out, question, counts, remarks, context);
}

/// The answer section while it is written.
struct Chain<'o> {
    out: &'o mut Vec<u8>,
    limit: usize,
    /// Of the aliases, and behind them of the tail's records as they are numbered there.
    places: Places,
    written: u16,
}

impl Chain<'_> {
    fn aliases(&mut self, aliases: &[&Body]) -> bool {
        (0..aliases.len()).all(|index| {
            let record = cname(aliases, index);
            self.push(
                index,
                record,
                |ttl| ttl,
                |out, places| match index.checked_sub(1) {
                    None => write_name(out, Some(super::ASKED), &[0]),
                    Some(above) => write_name(out, places.target(above, 0), target(cname(aliases, above))),
                },
            )
        })
    }

    fn tail(&mut self, aliases: &[&Body], tail: &Tail, spin: u32, ttl: impl Fn(u32) -> u32) -> bool {
        let base = aliases.len();
        let (answers, owners) = (tail.body.answers(), tail.body.owners());
        let (fixed, last) = answers.split(tail.fixed);
        let first = (spin as usize).checked_rem(last.len()).unwrap_or_default();
        let (behind, before) = last.split(first);
        let starts = [0, tail.fixed + first, tail.fixed];
        let parts = starts.into_iter().zip([fixed, before, behind]);
        parts.flat_map(|(start, part)| (start..).zip(part.iter())).all(|(index, record)| {
            let record = record.get(2..).unwrap_or_default();
            self.push(base + index, record, &ttl, |out, places| match owners.get(index) {
                None | Some(Owner::Asked) => {
                    let last = base.saturating_sub(1);
                    write_name(out, places.target(last, 0), target(cname(aliases, last)));
                }
                Some(Owner::TargetOf(of)) => {
                    let of = usize::from(*of);
                    write_name(out, places.target(base + of, 0), target(answers.get(of).get(2..).unwrap_or_default()));
                }
                Some(Owner::Name(name)) => out.extend_from_slice(name.as_wire()),
            })
        })
    }

    /// Writes a record, its owner first; `false` if it does not fit.
    fn push(
        &mut self,
        index: usize,
        record: &[u8],
        ttl: impl Fn(u32) -> u32,
        owner: impl FnOnce(&mut Vec<u8>, &Places),
    ) -> bool {
        let start = self.out.len();
        owner(self.out, &self.places);
        if self.out.len() + record.len() > self.limit {
            self.out.truncate(start);
            return false;
        }
        self.places.note(index, self.out.len());
        write_aged(self.out, record, ttl);
        self.written += 1;
        true
    }
}

/// An alias's record without its owner.
fn cname<'b>(aliases: &[&'b Body], index: usize) -> &'b [u8] {
    aliases.get(index).map(|alias| alias.answers().get(0)).and_then(|record| record.get(2..)).unwrap_or_default()
}

/// Where a CNAME points.
fn target(record: &[u8]) -> &[u8] {
    record.get(10..).unwrap_or(&[0])
}

/// Writes a record, its owner left out, with another TTL.
fn write_aged(out: &mut Vec<u8>, record: &[u8], ttl: impl Fn(u32) -> u32) {
    if let Some((kind, [t0, t1, t2, t3, rest @ ..])) = record.split_first_chunk::<4>() {
        out.extend_from_slice(kind);
        out.extend_from_slice(&ttl(u32::from_be_bytes([*t0, *t1, *t2, *t3])).to_be_bytes());
        out.extend_from_slice(rest);
    }
}
