//! A question read in place from the bytes of a query.
//!
//! Only what a stub resolver sends is read here: opcode QUERY, class IN, an ordinary type, at most an OPT record of
//! version 0. Everything else is handed on unread to the handler of unusual queries.

use super::name::{MAX_LABEL, MAX_NAME};
use super::{Cookie, DomainName, HEADER_LEN, RecordType, TCP_LIMIT, UDP_EDNS_LIMIT, UDP_PLAIN_LIMIT};

/// Class IN (RFC 1035 3.2.4).
const CLASS_IN: u16 = 1;
/// Type OPT (RFC 6891).
const TYPE_OPT: u16 = 41;
/// Type AXFR (RFC 5936).
const TYPE_AXFR: u16 = 252;
/// First of the query types that are not record types: TKEY, TSIG, IXFR, AXFR, MAILB, MAILA, ANY.
const META_TYPES: std::ops::RangeInclusive<u16> = 249..=255;

/// What a client's OPT record said (RFC 6891).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edns {
    /// UDP payload size as announced, in bytes.
    pub payload: u16,
    /// The DO bit (RFC 3225), copied into the reply.
    pub dnssec_ok: bool,
}

/// A plain question: opcode QUERY, class IN, an ordinary record type.
#[derive(Debug, Clone)]
pub struct Question<'q> {
    /// Message id.
    pub id: u16,
    /// Recursion desired.
    pub recursion_desired: bool,
    /// Checking disabled (RFC 4035), copied into the reply and passed upstream.
    pub checking_disabled: bool,
    /// Whether the client understands the AD bit (RFC 6840 5.7).
    pub authentic_data: bool,
    /// Name, type and class as they stand in the query, case kept.
    wire: &'q [u8],
    /// The name in lower case.
    lower: [u8; MAX_NAME],
    /// Record type asked for.
    pub qtype: RecordType,
    /// The client's OPT record.
    pub edns: Option<Edns>,
    /// The cookies in it.
    pub cookie: Option<Cookie<'q>>,
}

/// What the bytes of a query are.
#[derive(Debug, Clone)]
pub enum Parsed<'q> {
    /// A plain question.
    Plain(Question<'q>),
    /// Another opcode, class, EDNS version, a meta type, or records where a query has none.
    Unusual,
    /// Bytes that cannot be read.
    Malformed,
}

impl<'q> Question<'q> {
    /// Reads a message that has passed [`precheck`](super::precheck()).
    #[must_use]
    pub fn parse(message: &'q [u8]) -> Parsed<'q> {
        let Some(header) = message.first_chunk::<HEADER_LEN>() else {
            return Parsed::Malformed;
        };
        let Some(end) = name_end(message) else {
            return Parsed::Malformed;
        };
        let (Some(qtype), Some(class)) = (read_u16(message, end), read_u16(message, end + 2)) else {
            return Parsed::Malformed;
        };
        let counts = (read_u16(message, 6), read_u16(message, 8), read_u16(message, 10));
        if !matches!(counts, (Some(0), Some(0), Some(0 | 1))) {
            return Parsed::Unusual;
        }
        let rest = message.get(end + 4..).unwrap_or_default();
        // Looked at before anything unusual is handed on: a decoder would complain of a broken one, aloud.
        let (edns, cookie) = match (counts.2, read_opt(rest)) {
            (Some(0), _) => (None, None),
            (_, Opt::Plain(edns, cookie)) => (Some(edns), cookie),
            (_, Opt::Unusual) => return Parsed::Unusual,
            (_, Opt::Malformed) => return Parsed::Malformed,
        };
        let is_query = header[2] & 0x78 == 0 && class == CLASS_IN;
        if !is_query || META_TYPES.contains(&qtype) || qtype == TYPE_OPT || qtype == 0 {
            return Parsed::Unusual;
        }
        Parsed::Plain(Self {
            id: u16::from_be_bytes([header[0], header[1]]),
            recursion_desired: header[2] & 1 != 0,
            checking_disabled: header[3] & 0x10 != 0,
            authentic_data: header[3] & 0x20 != 0,
            wire: message.get(HEADER_LEN..end + 4).unwrap_or_default(),
            lower: lower_case(message.get(HEADER_LEN..end).unwrap_or_default()),
            qtype: RecordType::from(qtype),
            edns,
            cookie,
        })
    }

    /// What a message asks for, if it is a question that a zone may have the answer to: calls `hear` with the name in
    /// lower-cased wire form and the type. Such are those whose name ends with the octets of `zone`, and all for PTR. For
    /// whoever prepares an answer; nothing else of the message is looked at.
    pub fn overhear(message: &[u8], zone: &[u8], hear: impl FnOnce(&[u8], RecordType)) {
        let Some((end, qtype)) = name_end(message).and_then(|end| Some((end, read_u16(message, end)?))) else { return };
        let asked = message.get(HEADER_LEN..end).unwrap_or_default();
        let qtype = RecordType::from(qtype);
        let tail = asked.len().checked_sub(zone.len()).and_then(|from| asked.get(from..)).unwrap_or_default();
        if qtype == RecordType::PTR || tail.eq_ignore_ascii_case(zone) {
            hear(lower_case(asked).get(..asked.len()).unwrap_or_default(), qtype);
        }
    }

    /// The name whose zone a message asks to be transferred (AXFR, RFC 5936), in lower-cased wire form, and the question
    /// section; `None` if it asks for something else. The message has passed [`precheck`](super::precheck()).
    #[must_use]
    pub fn transfer(message: &'q [u8]) -> Option<(DomainName, &'q [u8])> {
        let end = name_end(message)?;
        let asks = read_u16(message, end)? == TYPE_AXFR && read_u16(message, end + 2)? == CLASS_IN;
        let is_query = message.get(2)? & 0x78 == 0;
        let asked = message.get(HEADER_LEN..end)?;
        let name = DomainName::from_wire(lower_case(asked).get(..asked.len())?)?;
        (asks && is_query).then_some((name, message.get(HEADER_LEN..end + 4)?))
    }

    /// The question section as asked: name with its case, type, class.
    #[must_use]
    pub fn wire(&self) -> &'q [u8] {
        self.wire
    }

    /// The name in lower-cased wire form.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.lower.get(..self.name_len()).unwrap_or(&[0])
    }

    /// Length of the name on the wire in bytes.
    #[must_use]
    pub fn name_len(&self) -> usize {
        self.wire.len().saturating_sub(4)
    }

    /// Whether the client set the DO bit.
    #[must_use]
    pub fn dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec_ok)
    }

    /// Whether the client wants to know that an answer was validated: it set AD or DO (RFC 6840 5.8).
    #[must_use]
    pub fn wants_authentic(&self) -> bool {
        self.authentic_data || self.dnssec_ok()
    }

    /// Largest reply for this client in bytes: 512 over UDP without EDNS, its announced size clamped to 512–1232
    /// with, 65,535 over TCP.
    #[must_use]
    pub fn limit(&self, tcp: bool) -> usize {
        match self.edns {
            _ if tcp => TCP_LIMIT,
            None => UDP_PLAIN_LIMIT,
            Some(edns) => usize::from(edns.payload).clamp(UDP_PLAIN_LIMIT, UDP_EDNS_LIMIT),
        }
    }
}

fn read_u16(message: &[u8], at: usize) -> Option<u16> {
    message.get(at..)?.first_chunk::<2>().map(|bytes| u16::from_be_bytes(*bytes))
}

/// Where the name behind the header ends. Compression makes no sense in a question.
fn name_end(message: &[u8]) -> Option<usize> {
    let mut at = HEADER_LEN;
    loop {
        let size = usize::from(*message.get(at)?);
        at += size + 1;
        if size > MAX_LABEL || at > HEADER_LEN + MAX_NAME {
            return None;
        }
        if size == 0 {
            return Some(at);
        }
    }
}

/// A name in lower case. Its labels' lengths are none of letters, so all of it is done at once.
fn lower_case(name: &[u8]) -> [u8; MAX_NAME] {
    let mut lower = [0; MAX_NAME];
    if let Some(into) = lower.get_mut(..name.len()) {
        into.copy_from_slice(name);
        into.make_ascii_lowercase();
    }
    lower
}

enum Opt<'q> {
    Plain(Edns, Option<Cookie<'q>>),
    Unusual,
    Malformed,
}

/// The one additional record of a query, which must be an OPT and end the message.
fn read_opt(record: &[u8]) -> Opt<'_> {
    let Some((fixed, options)) = record.split_first_chunk::<11>() else {
        return Opt::Malformed;
    };
    let length = usize::from(u16::from_be_bytes([fixed[9], fixed[10]]));
    if fixed[..3] != [0, 0, 41] {
        return Opt::Unusual;
    }
    if options.len() != length {
        return Opt::Malformed;
    }
    if fixed[6] != 0 {
        return Opt::Unusual;
    }
    match read_options(options) {
        Some(cookie) => {
            let edns = Edns { payload: u16::from_be_bytes([fixed[3], fixed[4]]), dnssec_ok: fixed[7] & 0x80 != 0 };
            Opt::Plain(edns, cookie)
        }
        None => Opt::Malformed,
    }
}

/// Passes over the options, of which we know the cookies; `None` if they do not add up, or the first COOKIE, the only
/// one that counts, is not well formed.
fn read_options(mut options: &[u8]) -> Option<Option<Cookie<'_>>> {
    let mut cookie = None;
    while !options.is_empty() {
        let (head, rest) = options.split_first_chunk::<4>()?;
        let (data, next) = rest.split_at_checked(usize::from(u16::from_be_bytes([head[2], head[3]])))?;
        if Cookie::is([head[0], head[1]]) && cookie.is_none() {
            cookie = Some(Cookie::from_option(data)?);
        }
        options = next;
    }
    Some(cookie)
}

#[cfg(test)]
mod tests;
