//! The one encoder of replies from ready bodies: header, question as asked, records under a size limit, OPT.
//!
//! A compiled answer and a slow one both leave through [`write()`], so they can be compared byte for byte. Nothing is
//! allocated: the caller's buffer is reused.

mod alias;
mod answers;
mod draft;
mod tail;

use super::{Body, DomainName, Ede, HEADER_LEN, Question, Rcode, ReplyCookie, UDP_EDNS_LIMIT};
use draft::Draft;

pub use alias::{Ageing, Alias, Hop};
pub use tail::{Owned, Tail, Whose, write_tail};

/// Response code of a query without a valid cookie (RFC 7873 8). Its upper part is in the OPT record.
const BADCOOKIE: u16 = 23;
/// An OPT record without options.
const OPT_LEN: usize = 11;

/// The SOA of a zone, shared by all its negative answers and written with pointers into the question, if that is of the
/// zone (RFC 1035 3.3.13, RFC 2308).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoaBlock {
    zone: DomainName,
    ttl: u32,
    serial: u32,
}

impl SoaBlock {
    /// Refresh, retry and expire are for secondaries, which we have none of; these are common values, in seconds.
    const REFRESH_RETRY_EXPIRE: [u32; 3] = [7200, 900, 86_400];
    /// Fixed part, MNAME `ns.dns.<zone>`, RNAME `hostmaster.<zone>`, five numbers; the owner comes before that.
    const LEN: usize = 10 + 9 + 13 + 20;

    /// The SOA of `zone` with this serial; `negative_ttl` seconds is both its TTL and its MINIMUM.
    #[must_use]
    pub fn new(zone: &DomainName, serial: u32, negative_ttl: u32) -> Self {
        Self { zone: zone.clone(), ttl: negative_ttl, serial }
    }

    /// Serial number of the zone.
    #[must_use]
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// Appends the record to the reply to `question` if it ends within `limit`; says whether it does.
    fn write(&self, question: &Question<'_>, limit: usize, out: &mut Vec<u8>) -> bool {
        // Outside of the zone are names of the operator's that are aliases of names in it.
        let inside = question.name().strip_suffix(self.zone.as_wire());
        let zone_at = inside.map_or(out.len(), |before| HEADER_LEN + before.len());
        let zone = (0xc000 | u16::try_from(zone_at).unwrap_or_default()).to_be_bytes();
        let owner = if inside.is_some() { &zone } else { self.zone.as_wire() };
        if out.len() + owner.len() + Self::LEN > limit {
            return false;
        }
        out.extend_from_slice(owner);
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
        true
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
/// all answers do, or not the SOA of a negative one, TC is set; glue that does not fit is left out silently (RFC 2181 9).
/// The OPT record is always kept if the query had one.
pub fn write(out: &mut Vec<u8>, question: &Question<'_>, body: &Body, context: &ReplyContext<'_>) {
    write_behind(out, question, (&[], body), None, context);
}

/// The same behind `aliases`, each a CNAME that points to the owner of the next, and the last to the name that `body` is
/// of. `ede` is said unless the body says something itself.
pub fn write_behind(
    out: &mut Vec<u8>,
    question: &Question<'_>,
    (aliases, body): (&[Alias<'_>], &Body),
    ede: Option<&Ede>,
    context: &ReplyContext<'_>,
) {
    let header = (alias::authoritative(aliases, body.authoritative()), body.rcode());
    let remarks = Remarks { own: body.ede().or(ede), whole: context.ede };
    let mut draft = Draft::begin(out, question, header, remarks, context);
    draft.answers(aliases, |answers| answers.body(body, context.spin));
    if body.wants_soa() {
        draft.soa();
    }
    if let Some(soa) = body.foreign_soa() {
        draft.foreign_soa(soa, Vec::extend_from_slice);
    }
    draft.glue(body, aliases.len());
    draft.end();
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

/// Writes a reply without records into `out`, which is cleared first: an (extended) response code, or that the client
/// should ask over TCP.
pub fn write_notice(out: &mut Vec<u8>, question: &Question<'_>, notice: Notice, cookie: Option<&ReplyCookie>) {
    let (rcode, truncated, ede) = match notice {
        Notice::Truncated => (0, true, None),
        Notice::BadCookie => (BADCOOKIE, false, None),
        Notice::Prohibited => (u16::from(Rcode::Refused.code()), false, Some(Ede::new(Ede::PROHIBITED, ""))),
        Notice::Fault => {
            (u16::from(Rcode::ServFail.code()), false, Some(Ede::new(Ede::OTHER, "a fault of this resolver")))
        }
    };
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
    /// SERVFAIL: we have come upon a fault of our own.
    Fault,
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
