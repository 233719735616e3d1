//! The whole zone as the messages of a transfer (AXFR, RFC 5936), one at a time.
//!
//! What no record can say is left out: names that depend on health or location, aliases to what an upstream says, and
//! names whose answer is an error.

use std::sync::Arc;

use super::Zone;
use super::layers::Said;
use super::text::Owned;
use super::walk::Walk;
use crate::dns::{Body, DomainName, Rcode, RecordType};

/// A message is ended when it has become so long, in bytes. No record makes it longer than a message may be.
const ENOUGH: usize = 16 * 1024;

/// A transfer under way: one version of the zone, and how far it has been sent. Holds no list of its records.
#[derive(Debug)]
pub struct Transfer {
    walk: Walk,
    part: Part,
    /// Records that have been sent of the name where it stands.
    sent: usize,
    /// Id and question of the query.
    id: [u8; 2],
    question: Vec<u8>,
}

/// What is being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The apex, with the SOA first.
    Apex,
    /// The name where the walk stands.
    Name,
    /// The SOA again, which ends a transfer.
    Soa,
    /// Nothing any more.
    End,
}

/// A record: owner in wire form, TTL, type and data.
type Record<'z> = (Arc<[u8]>, u32, RecordType, &'z [u8]);

impl Transfer {
    /// Begins to send `zone` to whoever asked this question with this id.
    #[must_use]
    pub fn new(zone: Zone, id: [u8; 2], question: &[u8]) -> Self {
        Self { walk: Walk::new(zone), part: Part::Apex, sent: 0, id, question: question.to_vec() }
    }

    /// Writes the next message into `out`, which is cleared first; `false` if there is none any more.
    pub fn next(&mut self, out: &mut Vec<u8>) -> bool {
        out.clear();
        out.extend_from_slice(&self.id);
        out.extend_from_slice(&[0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(&self.question);
        let mut count: u16 = 0;
        while self.part != Part::End && out.len() < ENOUGH {
            let (written, is_all) = self.write_part(out);
            count += written;
            self.sent += usize::from(written);
            if is_all {
                self.advance();
            }
        }
        if let Some(place) = out.get_mut(6..8) {
            place.copy_from_slice(&count.to_be_bytes());
        }
        count > 0
    }

    /// Writes of the part under way what has room and has not been sent. Returns how many records that is, and whether
    /// they are the last.
    fn write_part(&self, out: &mut Vec<u8>) -> (u16, bool) {
        let records = self.records();
        let mut left = records.iter().skip(self.sent);
        let mut written = 0;
        while out.len() < ENOUGH {
            let Some(record) = left.next() else { return (written, true) };
            write(out, record);
            written += 1;
        }
        (written, left.next().is_none())
    }

    /// What is to be sent of the part that is being sent.
    fn records(&self) -> Vec<Record<'_>> {
        let zone = self.walk.zone();
        let apex = zone.apex.bodies().flat_map(|body| of(&zone.settings.origin, body));
        let (soa, rest): (Vec<_>, Vec<_>) = match self.part {
            Part::Apex | Part::Soa => apex.partition(|(_, _, kind, _)| *kind == RecordType::SOA),
            Part::Name => return self.walk.here().map(|(name, owned)| of_name(&name, &owned)).unwrap_or_default(),
            Part::End => return Vec::new(),
        };
        if self.part == Part::Soa { soa } else { [soa, rest].concat() }
    }

    fn advance(&mut self) {
        self.sent = 0;
        self.part = match self.part {
            Part::Apex | Part::Name if self.walk.advance() => Part::Name,
            Part::Apex | Part::Name => Part::Soa,
            Part::Soa | Part::End => Part::End,
        };
    }
}

fn write(out: &mut Vec<u8>, (owner, ttl, kind, data): &Record<'_>) {
    out.extend_from_slice(owner);
    out.extend_from_slice(&u16::from(*kind).to_be_bytes());
    out.extend_from_slice(&1u16.to_be_bytes());
    out.extend_from_slice(&ttl.to_be_bytes());
    out.extend_from_slice(&u16::try_from(data.len()).unwrap_or_default().to_be_bytes());
    out.extend_from_slice(data);
}

/// What a name says by records.
fn of_name<'z>(name: &DomainName, owned: &Owned<'z>) -> Vec<Record<'z>> {
    match owned {
        Owned::Ecs(node) => node.bodies().flat_map(|body| of(name, body)).collect(),
        Owned::Layer(node) => {
            let said = node.all().filter_map(|said| match said {
                Said::Body(body) | Said::Cname { cname: body, .. } => Some(body),
                Said::Flatten(_) | Said::Ask | Said::Choice(_) => None,
            });
            said.flat_map(|body| of(name, body)).collect()
        }
    }
}

/// The records of a body, all of which belong to the name.
fn of<'z>(name: &DomainName, body: &'z Body) -> impl Iterator<Item = Record<'z>> + use<'z> {
    let owner: Arc<[u8]> = name.as_wire().into();
    let wires = (body.rcode() == Rcode::NoError).then(|| body.answer_wires()).into_iter().flatten();
    wires.map(move |(ttl, kind, data)| (Arc::clone(&owner), ttl, kind, data))
}

#[cfg(test)]
mod tests;
