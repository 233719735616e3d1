//! The answer section while it is written: CNAMEs that lead from the name that was asked to another one, then the
//! records of that name, each behind its owner, as many as fit.
//!
//! Owners are pointers into what has been written before, so the section is written once and nothing is put together
//! for it.

use super::super::Body;
use super::super::body::Owner;
use super::super::records::{ASKED, Records};
use super::alias::Alias;

/// Largest offset that a compression pointer can hold.
const MAX_POINTER: usize = 0x3fff;

/// Where the first answers of a reply were put, behind their owners, so that others can point to their targets. More
/// than these have their target written in full.
pub(super) struct Places {
    at: [u16; Self::MAX],
}

impl Default for Places {
    fn default() -> Self {
        Self { at: [0; Self::MAX] }
    }
}

impl Places {
    const MAX: usize = 64;

    fn note(&mut self, index: usize, at: usize) {
        if let (Some(place), Ok(at)) = (self.at.get_mut(index), u16::try_from(at)) {
            *place = at;
        }
    }

    /// Pointer to the target name of an answer record, if one can reach it. In front of it are type, class, TTL,
    /// RDLENGTH, and `rdata_skip` bytes.
    fn target(&self, index: usize, rdata_skip: usize) -> Option<[u8; 2]> {
        let placed = self.at.get(index).filter(|at| **at != 0)?;
        let at = usize::from(*placed) + 10 + rdata_skip;
        (at <= MAX_POINTER).then(|| (0xc000 | at as u16).to_be_bytes())
    }
}

/// Records of the name that the aliases lead to: which they are, who owns them, and how one is written.
pub(super) struct Part<'b, W> {
    /// All records of the name, by whose numbers owners are said.
    pub(super) of: Records<'b>,
    pub(super) owners: &'b [Owner],
    /// Writes a record without its owner.
    pub(super) write: W,
}

/// The answer section of a reply.
pub(super) struct Answers<'o, 'b> {
    out: &'o mut Vec<u8>,
    /// CNAMEs, each of which points to the owner of the next.
    aliases: &'b [Alias<'b>],
    limit: usize,
    /// Of the aliases, and behind them of the records that follow, as they are numbered there.
    places: &'o mut Places,
    /// Records so far.
    pub(super) written: u16,
}

impl<'o, 'b> Answers<'o, 'b> {
    /// None yet; they are to end within `limit`.
    pub(super) fn new(out: &'o mut Vec<u8>, aliases: &'b [Alias<'b>], limit: usize, places: &'o mut Places) -> Self {
        Self { out, aliases, limit, places, written: 0 }
    }

    /// Writes the aliases; `false` if they do not fit.
    pub(super) fn aliases(&mut self) -> bool {
        (0..).zip(self.aliases).all(|(index, alias)| {
            let write = |out: &mut Vec<u8>, record: &[u8]| alias.write(out, record);
            let part = Part { of: alias.records(), owners: alias.body().owners(), write };
            self.numbered(&part, (part.of, 0), index)
        })
    }

    /// Writes the answers of `body`, from the one on that `spin` says if they rotate; `false` if they do not fit.
    pub(super) fn body(&mut self, body: &Body, spin: u32) -> bool {
        let (of, owners) = (body.answers(), body.owners());
        let first = if body.rotates() { (spin as usize).checked_rem(of.len()).unwrap_or_default() } else { 0 };
        let (head, tail) = of.split(first);
        let plain = self.aliases.is_empty() && owners.is_empty() && body.glue().len() == 0;
        if plain && self.out.len() + of.bytes().len() <= self.limit {
            self.out.extend_from_slice(tail.bytes());
            self.out.extend_from_slice(head.bytes());
            self.written = of.count();
            return true;
        }
        let part = Part { of, owners, write: Vec::extend_from_slice };
        self.records(&part, tail, first) && self.records(&part, head, 0)
    }

    /// Writes some records of a part, of which the first has the number `first`; `false` if they do not fit.
    pub(super) fn records<W>(&mut self, part: &Part<'_, W>, records: Records<'_>, first: usize) -> bool
    where
        W: Fn(&mut Vec<u8>, &[u8]),
    {
        self.numbered(part, (records, first), self.aliases.len())
    }

    /// The same of the name that so many of the aliases lead to. The places of records have numbers from `base` on; those of
    /// an alias behind its CNAME are given again to what follows it.
    fn numbered<W>(&mut self, part: &Part<'_, W>, (records, first): (Records<'_>, usize), base: usize) -> bool
    where
        W: Fn(&mut Vec<u8>, &[u8]),
    {
        (first..).zip(records.iter()).all(|(index, record)| {
            let start = self.out.len();
            match part.owners.get(index) {
                None | Some(Owner::Asked) => self.write_end(base),
                Some(Owner::TargetOf(of)) => write_target(self.out, part.of, *of, (self.places, base)),
                Some(Owner::Name(owner)) => self.out.extend_from_slice(owner.as_wire()),
            }
            self.push(start, base + index, record.get(2..).unwrap_or_default(), &part.write)
        })
    }

    /// Writes the name that so many of the aliases lead to.
    fn write_end(&mut self, aliases: usize) {
        match aliases.checked_sub(1) {
            None => self.out.extend_from_slice(&ASKED),
            Some(last) => {
                let cname = self.aliases.get(last).map(Alias::cname).unwrap_or_default();
                let target = cname.get(10..).unwrap_or(&[0]);
                write_name(self.out, self.places.target(last, 0), target);
            }
        }
    }

    /// Writes a record behind its owner, which begins at `start`; `false`, and neither of them, if it does not fit.
    fn push(&mut self, start: usize, index: usize, record: &[u8], write: &impl Fn(&mut Vec<u8>, &[u8])) -> bool {
        if self.out.len() + record.len() > self.limit {
            self.out.truncate(start);
            return false;
        }
        self.places.note(index, self.out.len());
        write(self.out, record);
        self.written += 1;
        true
    }
}

/// Writes the name that record `of` points to: a pointer where one reaches, the name itself otherwise. The numbers of
/// `places` are greater by `base`.
fn write_target(out: &mut Vec<u8>, records: Records<'_>, of: u16, (places, base): (&Places, usize)) {
    let of = usize::from(of);
    let record = records.get(of).get(2..).unwrap_or_default();
    // An SRV has priority, weight and port in front of its target.
    let skip = if record.starts_with(&[0, 33]) { 6 } else { 0 };
    write_name(out, places.target(base + of, skip), record.get(10 + skip..).unwrap_or(&[0]));
}

/// Writes a name: the pointer to it if there is one, the name itself otherwise.
fn write_name(out: &mut Vec<u8>, pointer: Option<[u8; 2]>, name: &[u8]) {
    match pointer {
        Some(pointer) => out.extend_from_slice(&pointer),
        None => out.extend_from_slice(name),
    }
}

/// Writes the addresses of what the answers of `body` point to, as many as end within `limit`; says how many. The answers
/// were put at `places`, with numbers greater by those of the aliases.
pub(super) fn write_glue(out: &mut Vec<u8>, body: &Body, limit: usize, places: (&Places, usize)) -> u16 {
    let mut written = 0;
    for record in body.glue().iter() {
        let Some(([high, low], record)) = record.split_first_chunk::<2>() else { break };
        let start = out.len();
        write_target(out, body.answers(), u16::from_be_bytes([*high, *low]), places);
        if out.len() + record.len() > limit || written == u16::MAX - 1 {
            out.truncate(start);
            break;
        }
        out.extend_from_slice(record);
        written += 1;
    }
    written
}
