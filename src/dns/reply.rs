//! The one encoder of replies from ready bodies: header, question as asked, records under a size limit, OPT.
//!
//! A compiled answer and a slow one both leave through [`write()`], so they can be compared byte for byte. Nothing is
//! allocated: the caller's buffer is reused.

mod chain;

use super::body::Owner;
use super::records::{ASKED, Records};
use super::{Body, DomainName, Ede, HEADER_LEN, Question, Rcode, ReplyCookie, TCP_LIMIT, UDP_EDNS_LIMIT};

pub use chain::{Owned, Tail, write_chain};

/// Largest offset that a compression pointer can hold.
const MAX_POINTER: usize = 0x3fff;
/// Response code of a query without a valid cookie (RFC 7873 8). Its upper part is in the OPT record.
const BADCOOKIE: u16 = 23;
/// An OPT record without options.
const OPT_LEN: usize = 11;

/// The SOA of a zone, shared by all its negative answers and written with pointers into the question
/// (RFC 1035 3.3.13, RFC 2308).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoaBlock {
    zone_len: usize,
    ttl: u32,
    serial: u32,
}

impl SoaBlock {
    /// Refresh, retry and expire are for secondaries, which we have none of; these are common values, in seconds.
    const REFRESH_RETRY_EXPIRE: [u32; 3] = [7200, 900, 86_400];
    /// Owner pointer, fixed part, MNAME `ns.dns.<zone>`, RNAME `hostmaster.<zone>`, five numbers.
    const LEN: usize = 2 + 10 + 9 + 13 + 20;

    /// The SOA of `zone` with this serial; `negative_ttl` seconds is both its TTL and its MINIMUM.
    #[must_use]
    pub fn new(zone: &DomainName, serial: u32, negative_ttl: u32) -> Self {
        Self { zone_len: zone.as_wire().len(), ttl: negative_ttl, serial }
    }

    /// Serial number of the zone.
    #[must_use]
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// Appends the record, for a question whose name is `name_len` bytes long and lies in the zone.
    fn write(&self, name_len: usize, out: &mut Vec<u8>) {
        let zone_at = HEADER_LEN + name_len.saturating_sub(self.zone_len);
        let zone = (0xc000 | u16::try_from(zone_at).unwrap_or_default()).to_be_bytes();
        out.extend_from_slice(&zone);
        out.extend_from_slice(&[0, 6, 0, 1]);
        out.extend_from_slice(&self.ttl.to_be_bytes());
        out.extend_from_slice(&[0, 42]);
        out.extend_from_slice(b"\x02ns\x03dns");
        out.extend_from_slice(&zone);
        out.extend_from_slice(b"\x0ahostmaster");
        out.extend_from_slice(&zone);
        out.extend_from_slice(&self.serial.to_be_bytes());
        for number in Self::REFRESH_RETRY_EXPIRE {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.ttl.to_be_bytes());
    }
}

/// How large a reply may be, and what it carries back: what surrounds its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// Largest reply in bytes: [`Question::limit`], or less.
    pub limit: usize,
    /// The cookies of the reply, if the query had one.
    pub cookie: Option<ReplyCookie>,
}

/// What a reply depends on besides question and body.
#[derive(Debug, Clone, Copy)]
pub struct ReplyContext<'c> {
    /// SOA of the zone in the snapshot that the body was read from.
    pub soa: &'c SoaBlock,
    /// Rotation: which of the answers comes first, modulo their number.
    pub spin: u32,
    /// Largest reply in bytes ([`Question::limit`]).
    pub limit: usize,
    /// An extended error of the whole snapshot (stale), besides that of the body.
    pub ede: Option<&'c Ede>,
    /// The cookies that the reply carries back, if the query had one.
    pub cookie: Option<ReplyCookie>,
}

/// Writes the reply to `question` into `out`, which is cleared first. As many whole records as fit are sent: if not
/// all answers do, TC is set; glue that does not fit is left out silently (RFC 2181 9). The OPT record is always
/// kept if the query had one.
pub fn write(out: &mut Vec<u8>, question: &Question<'_>, body: &Body, context: &ReplyContext<'_>) {
    begin(out, question, body.authoritative(), body.rcode());
    let remarks = Remarks { own: body.ede(), whole: context.ede };
    let limit = room(question, context);
    let mut places = Places::default();
    let (answers, complete) = write_answers(out, body, context.spin, limit, &mut places);
    let mut counts = [answers, 0, 0];
    if body.wants_soa() && complete && out.len() + SoaBlock::LEN <= limit {
        context.soa.write(question.name_len(), out);
        counts[1] = 1;
    }
    if let Some((owner, record)) = body.foreign_soa().filter(|_| complete)
        && out.len() + owner.as_wire().len() + record.len() <= limit
    {
        out.extend_from_slice(owner.as_wire());
        out.extend_from_slice(record);
        counts[1] += 1;
    }
    if complete {
        // Glue is a kindness, a remark is asked for.
        let room = limit - remarks.fitting(limit.saturating_sub(out.len())).len();
        counts[2] = write_glue(out, body, room, &places);
    } else {
        out[2] |= 0x02;
    }
    end(out, question, counts, remarks, context);
}

/// Extended errors of one reply: why it is what it is, and that of the whole snapshot (RFC 8914 2 allows several).
#[derive(Debug, Clone, Copy, Default)]
pub struct Remarks<'e> {
    /// That of the answer.
    pub own: Option<&'e Ede>,
    /// That of the whole snapshot.
    pub whole: Option<&'e Ede>,
}

impl<'e> Remarks<'e> {
    /// That of an answer alone.
    #[must_use]
    pub fn of(own: Option<&'e Ede>) -> Self {
        Self { own, whole: None }
    }

    fn iter(self) -> impl Iterator<Item = &'e Ede> {
        self.own.into_iter().chain(self.whole)
    }

    /// Length in bytes of their options.
    fn len(self) -> usize {
        self.iter().map(Ede::option_len).sum()
    }

    /// Those that have room in so many bytes.
    fn fitting(self, room: usize) -> Self {
        let whole = self.whole.filter(|ede| ede.option_len() <= room);
        let left = room - whole.map_or(0, Ede::option_len);
        Self { own: self.own.filter(|ede| ede.option_len() <= left), whole }
    }
}

/// Writes header and question. The counts and TC are yet to be known.
fn begin(out: &mut Vec<u8>, question: &Question<'_>, authoritative: bool, rcode: Rcode) {
    let id = question.id.to_be_bytes();
    let flags = 0x80 | u8::from(authoritative) << 2 | u8::from(question.recursion_desired);
    let more = 0x80 | u8::from(question.checking_disabled) << 4 | rcode.code();
    out.clear();
    out.extend_from_slice(&[id[0], id[1], flags, more, 0, 1, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(question.wire());
}

/// Where the records must end, so that the OPT has room. An extended error takes no room from them: it must not be what
/// truncates a reply (RFC 8914 3).
fn room(question: &Question<'_>, context: &ReplyContext<'_>) -> usize {
    let opt_len = question.edns.map_or(0, |_| opt_len(Remarks::default(), context.cookie.as_ref()));
    context.limit.min(TCP_LIMIT).saturating_sub(opt_len)
}

/// Writes the OPT if the query had one, with the extended errors that fit, and the numbers of answers, of records of
/// AUTHORITY and of ADDITIONAL.
fn end(out: &mut Vec<u8>, question: &Question<'_>, counts: [u16; 3], remarks: Remarks<'_>, context: &ReplyContext<'_>) {
    let [answers, authority, mut additional] = counts;
    if let Some(edns) = question.edns {
        let room = room(question, context);
        let remarks = remarks.fitting(room.saturating_sub(out.len()));
        write_opt(out, edns.dnssec_ok, remarks, context.cookie.as_ref());
        additional += 1;
    }
    for (place, count) in [6, 8, 10].into_iter().zip([answers, authority, additional]) {
        out[place..place + 2].copy_from_slice(&count.to_be_bytes());
    }
}

/// Where the first answers of a reply were put, behind their owners, so that others can point to their targets. More
/// than these have their target written in full.
struct Places {
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

fn write_answers(out: &mut Vec<u8>, body: &Body, spin: u32, limit: usize, places: &mut Places) -> (u16, bool) {
    let (answers, owners) = (body.answers(), body.owners());
    let first = if body.rotates() { (spin as usize).checked_rem(answers.len()).unwrap_or_default() } else { 0 };
    let (head, tail) = answers.split(first);
    if owners.is_empty() && body.glue().len() == 0 && out.len() + answers.bytes().len() <= limit {
        out.extend_from_slice(tail.bytes());
        out.extend_from_slice(head.bytes());
        return (answers.count(), true);
    }
    let mut written = 0;
    for (index, record) in (first..).zip(tail.iter()).chain((0..).zip(head.iter())) {
        let start = out.len();
        match owners.get(index) {
            None | Some(Owner::Asked) => out.extend_from_slice(&ASKED),
            Some(Owner::TargetOf(of)) => write_target(out, answers, *of, places),
            Some(Owner::Name(owner)) => out.extend_from_slice(owner.as_wire()),
        }
        let record = record.get(2..).unwrap_or_default();
        if out.len() + record.len() > limit {
            out.truncate(start);
            return (written, false);
        }
        places.note(index, out.len());
        out.extend_from_slice(record);
        written += 1;
    }
    (written, true)
}

/// Writes the name that answer record `of` points to: a pointer where one reaches, the name itself otherwise.
fn write_target(out: &mut Vec<u8>, answers: Records<'_>, of: u16, places: &Places) {
    let record = answers.get(usize::from(of)).get(2..).unwrap_or_default();
    // An SRV has priority, weight and port in front of its target.
    let skip = if record.starts_with(&[0, 33]) { 6 } else { 0 };
    write_name(out, places.target(usize::from(of), skip), record.get(10 + skip..).unwrap_or(&[0]));
}

/// Writes a name: the pointer to it if there is one, the name itself otherwise.
fn write_name(out: &mut Vec<u8>, pointer: Option<[u8; 2]>, name: &[u8]) {
    match pointer {
        Some(pointer) => out.extend_from_slice(&pointer),
        None => out.extend_from_slice(name),
    }
}

fn write_glue(out: &mut Vec<u8>, body: &Body, limit: usize, places: &Places) -> u16 {
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

/// Writes a reply without records into `out`, which is cleared first: an (extended) response code, or that the client
/// should ask over TCP.
pub fn write_notice(out: &mut Vec<u8>, question: &Question<'_>, notice: Notice, cookie: Option<&ReplyCookie>) {
    let (rcode, truncated, ede) = match notice {
        Notice::Truncated => (0, true, None),
        Notice::BadCookie => (BADCOOKIE, false, None),
        Notice::Prohibited => (u16::from(Rcode::Refused.code()), false, Some(Ede::PROHIBITED)),
    };
    let ede = ede.map(|code| Ede::new(code, ""));
    let [high, low] = [(rcode >> 4) as u8, (rcode & 0x0f) as u8];
    out.clear();
    out.extend_from_slice(&question.id.to_be_bytes());
    let flags = 0x80 | u8::from(truncated) << 1 | u8::from(question.recursion_desired);
    out.extend_from_slice(&[flags, 0x80 | u8::from(question.checking_disabled) << 4 | low]);
    out.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, u8::from(question.edns.is_some())]);
    out.extend_from_slice(question.wire());
    if let Some(edns) = question.edns {
        let opt = out.len();
        write_opt(out, edns.dnssec_ok, Remarks::of(ede.as_ref()), cookie);
        if let Some(extended) = out.get_mut(opt + 5) {
            *extended = high;
        }
    }
}

/// What a client is told that gets no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// TC: to be asked again over TCP.
    Truncated,
    /// BADCOOKIE (RFC 7873 8): to be asked again with the cookie that comes with it.
    BadCookie,
    /// REFUSED, and why.
    Prohibited,
}

/// Length in bytes of the OPT record with these options.
#[must_use]
pub fn opt_len(remarks: Remarks<'_>, cookie: Option<&ReplyCookie>) -> usize {
    OPT_LEN + options_len(remarks, cookie)
}

fn options_len(remarks: Remarks<'_>, cookie: Option<&ReplyCookie>) -> usize {
    remarks.len() + cookie.map_or(0, |_| ReplyCookie::OPTION_LEN)
}

/// Appends our OPT record: payload size 1232, version 0, the client's DO bit, why the answer is what it is, and the
/// cookies.
pub fn write_opt(out: &mut Vec<u8>, dnssec_ok: bool, remarks: Remarks<'_>, cookie: Option<&ReplyCookie>) {
    out.extend_from_slice(&[0, 0, 41]);
    out.extend_from_slice(&(UDP_EDNS_LIMIT as u16).to_be_bytes());
    out.extend_from_slice(&[0, 0, u8::from(dnssec_ok) << 7, 0]);
    out.extend_from_slice(&u16::try_from(options_len(remarks, cookie)).unwrap_or_default().to_be_bytes());
    remarks.iter().for_each(|ede| ede.write(out));
    if let Some(cookie) = cookie {
        cookie.write(out);
    }
}

#[cfg(test)]
mod tests;
