//! The whole zone as the messages of a transfer (AXFR, RFC 5936), one at a time.
//!
//! What no record can say is left out: names that depend on health or location, aliases to what an upstream says, and
//! names whose answer is an error.

use std::sync::Arc;

use super::Zone;
use super::layers::Said;
use super::text::{Owned, owned};
use crate::dns::{Body, DomainName, Rcode, RecordType};

/// A message is ended when it has become so long, in bytes. No record makes it longer than a message may be.
const ENOUGH: usize = 16 * 1024;

/// A transfer under way: one version of the zone, and how far it has been sent. Holds no list of its records.
#[derive(Debug)]
pub struct Transfer {
    zone: Zone,
    sent: usize,
    /// Id and question of the query.
    id: [u8; 2],
    question: Vec<u8>,
}

/// A record: owner in wire form, TTL, type and data.
type Record<'z> = (Arc<[u8]>, u32, RecordType, &'z [u8]);

impl Transfer {
    /// Begins to send `zone` to whoever asked this question with this id.
    #[must_use]
    pub fn new(zone: Zone, id: [u8; 2], question: &[u8]) -> Self {
        Self { zone, sent: 0, id, question: question.to_vec() }
    }

    /// Writes the next message into `out`, which is cleared first; `false` if there is none any more.
    pub fn next(&mut self, out: &mut Vec<u8>) -> bool {
        out.clear();
        out.extend_from_slice(&self.id);
        out.extend_from_slice(&[0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(&self.question);
        let mut count: u16 = 0;
        for record in records(&self.zone).skip(self.sent) {
            write(out, &record);
            count += 1;
            if out.len() >= ENOUGH {
                break;
            }
        }
        self.sent += usize::from(count);
        if let Some(place) = out.get_mut(6..8) {
            place.copy_from_slice(&count.to_be_bytes());
        }
        count > 0
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

/// All records, the SOA first and last.
fn records(zone: &Zone) -> impl Iterator<Item = Record<'_>> {
    let apex = || zone.apex.bodies().flat_map(|body| of(&zone.settings.origin, body));
    let soa = move || apex().filter(|(_, _, kind, _)| *kind == RecordType::SOA);
    let rest = apex().filter(|(_, _, kind, _)| *kind != RecordType::SOA);
    soa().chain(rest).chain(owned(zone).flat_map(|(name, owned)| of_name(&name, &owned))).chain(soa())
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
