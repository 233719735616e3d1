//! A cached answer: the upstream's bytes, when they came, and where their TTLs are.
//!
//! Records are never decoded to be sent on. Age is a pure function of `now`, so one entry serves any number of clients
//! at any time without being written to.

mod hops;

use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

use hickory_proto::rr::Record;
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

use super::{Caps, Key, Refusal, accept};
use crate::dns::reply::{Ageing, Alias, Hop};
use crate::dns::{
    DomainName, Ede, HEADER_LEN, Question, RData, Rcode, RecordType, ReplyContext, ReplyCookie, TCP_LIMIT, Tail, Whose,
    reply,
};

/// TTL of the records of a stale answer in seconds (RFC 8767 4).
const STALE_TTL: u32 = 30;
/// Types whose answers are kept ready for names that are aliases of theirs. All others are made ready for each question.
const TAILED: [RecordType; 17] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::CAA,
    RecordType::CNAME,
    RecordType::DNSKEY,
    RecordType::DS,
    RecordType::HTTPS,
    RecordType::MX,
    RecordType::NAPTR,
    RecordType::NS,
    RecordType::PTR,
    RecordType::SOA,
    RecordType::SRV,
    RecordType::SSHFP,
    RecordType::SVCB,
    RecordType::TLSA,
    RecordType::TXT,
];
/// Largest answer, in octets, that is kept ready so: without compression of names it takes several times as much.
const MAX_TAILED: usize = 4096;
/// Memory of an entry besides its bytes: the structure, its reference counts, its share of the cache's tables.
const OVERHEAD: usize = 256;

/// Where a record's TTL is, and where the record ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) ttl_at: u16,
    pub(super) end: u16,
}

/// An answer of an upstream, positive or negative: header, question, answers, and the SOA of a negative one.
#[derive(Debug)]
pub struct Entry {
    /// A whole message but for its header, which is zero, and with the question in lower case.
    pub(super) wire: Box<[u8]>,
    /// Its records: first the answers, then AUTHORITY.
    pub(super) marks: Box<[Mark]>,
    /// How many of the records are answers.
    pub(super) answers: u16,
    pub(super) question_end: u16,
    pub(super) rcode: Rcode,
    /// Whether the answers are what was asked for, and not aliases of nothing.
    pub(super) is_positive: bool,
    /// The upstream's AD bit.
    pub(super) authentic: bool,
    /// What the upstream said of the answer.
    pub(super) ede: Option<Arc<Ede>>,
    pub(super) ttl: u32,
    pub(super) stored_at: Instant,
    /// Its records as they stand behind an alias, made when first asked for so. Not counted as memory of its own: it is of
    /// the [types](TAILED) that are in use only, and of no answer that is [large](MAX_TAILED), so that an alias of the zone
    /// has no more than 68 (types and flags).
    pub(super) tail: OnceLock<Tail>,
    /// What its CNAMEs lead to, in their order: names in wire form, one behind the other. None if CNAMEs were asked for.
    pub(super) targets: Box<[u8]>,
    /// Those CNAMEs, made when they are first found to lead into our zone; as [`Self::tail`] in all else.
    pub(super) hops: OnceLock<Box<[Hop]>>,
}

/// The records of an entry as values, their TTLs aged.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// NOERROR or NXDOMAIN.
    pub rcode: Rcode,
    /// The answer section: the CNAME chain, then what it ends in.
    pub answers: Vec<Record>,
    /// The SOA if the answer is negative, with its proofs if they were asked for.
    pub authority: Vec<Record>,
}

impl Entry {
    /// Reads a reply whose id and question are known to belong to a query for `key`.
    ///
    /// # Errors
    ///
    /// The reason why the reply is of no use.
    pub fn accept(key: &Key, reply: &[u8], caps: Caps, now: Instant) -> Result<Self, Refusal> {
        accept::accept(key, reply, caps, now)
    }

    /// NOERROR or NXDOMAIN.
    #[must_use]
    pub fn rcode(&self) -> Rcode {
        self.rcode
    }

    /// Number of answer records. A NOERROR without any is NODATA.
    #[must_use]
    pub fn answer_count(&self) -> u16 {
        self.answers
    }

    /// Whether it has records of the type that was asked for, at the end of its CNAMEs.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.is_positive
    }

    /// Seconds for which it could be used when it came. 0: for the question at hand only.
    #[must_use]
    pub fn ttl(&self) -> u32 {
        self.ttl
    }

    /// Seconds for which it can still be used.
    #[must_use]
    pub fn remaining(&self, now: Instant) -> u32 {
        self.ttl.saturating_sub(self.age(now))
    }

    /// Whether it may be used without asking again.
    #[must_use]
    pub fn is_fresh(&self, now: Instant) -> bool {
        self.remaining(now) > 0
    }

    /// Whether it is past its time, and only to be used when nobody can be asked. Never so when its time was 0.
    #[must_use]
    pub fn is_stale(&self, now: Instant) -> bool {
        self.ttl > 0 && self.age(now) >= self.ttl
    }

    /// Whether its time has been over for no longer than `longest`.
    #[must_use]
    pub fn is_usable(&self, now: Instant, longest: Duration) -> bool {
        let over = u64::from(self.age(now)).saturating_sub(u64::from(self.ttl));
        self.ttl > 0 && over < longest.as_secs()
    }

    /// Whether so little of its time is left that it should be renewed if it is much asked for: a tenth.
    #[must_use]
    pub fn is_fading(&self, now: Instant) -> bool {
        u64::from(self.remaining(now)) * 10 <= u64::from(self.ttl)
    }

    /// Why the answer is what it is: that it is stale, else what the upstream said.
    #[must_use]
    pub fn ede(&self, now: Instant) -> Option<&Arc<Ede>> {
        match (self.is_stale(now), self.rcode) {
            (true, Rcode::NxDomain) => Some(&STALE_NXDOMAIN),
            (true, _) => Some(&STALE_ANSWER),
            (false, _) => self.ede.as_ref(),
        }
    }

    /// What is to be said of its CNAMEs where they are part of another answer: that they are stale, if they are.
    #[must_use]
    pub fn stale(&self, now: Instant) -> Option<&'static Arc<Ede>> {
        self.is_stale(now).then(|| &*STALE_ANSWER)
    }

    /// Whether it holds an address of a private network, of this host, or of the local link, which a name of the
    /// public DNS has no business to have.
    #[must_use]
    pub fn has_private_address(&self, now: Instant) -> bool {
        self.decode(now).answers.iter().any(|record| match &record.data {
            RData::A(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified(),
            RData::AAAA(v6) => {
                let mapped = v6.to_ipv4_mapped().is_some();
                mapped || v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local()
            }
            _ => false,
        })
    }

    /// Bytes of memory that it holds.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.wire.len() + size_of_val(&*self.marks) + self.targets.len() + OVERHEAD
    }

    /// Writes the reply to `question` into `out`, which is cleared first: id, RD, CD and the question's own bytes
    /// from the client, AD from the upstream if the client understands it, TTLs counted down, our OPT, with `cookie`, if
    /// the client had one. Past its time the TTLs are 30, and the OPT says so. At most `limit` bytes ([`Question::limit`]); whole
    /// records are cut from the end, and TC tells of it. A question that this is not the answer to gets SERVFAIL.
    pub fn write(
        &self,
        out: &mut Vec<u8>,
        question: &Question<'_>,
        now: Instant,
        limit: usize,
        cookie: Option<&ReplyCookie>,
    ) {
        let (marks, rcode) =
            if self.is_about(question) { (&*self.marks, self.rcode) } else { (&[][..], Rcode::ServFail) };
        let end = marks.last().map_or(self.question_end, |mark| mark.end);
        let opt_len = question.edns.map_or(0, |_| reply::opt_len(reply::Remarks::default(), cookie));
        let room = limit.min(TCP_LIMIT).saturating_sub(opt_len);
        // It must never be the reason that truncates a reply.
        let ede = self.ede(now).filter(|ede| usize::from(end) + ede.option_len() <= room);
        let fitting = marks.partition_point(|mark| usize::from(mark.end) <= room);
        let (kept, cut) = marks.split_at(fitting);
        let answers = fitting.min(usize::from(self.answers));

        let flags = 0x80 | u8::from(!cut.is_empty()) << 1 | u8::from(question.recursion_desired);
        let authentic = self.authentic && question.wants_authentic() && rcode != Rcode::ServFail;
        let more = 0x80 | u8::from(authentic) << 5 | u8::from(question.checking_disabled) << 4 | rcode.code();
        out.clear();
        out.extend_from_slice(&question.id.to_be_bytes());
        out.extend_from_slice(&[flags, more, 0, 1]);
        for count in [answers, fitting - answers, usize::from(question.edns.is_some())] {
            out.extend_from_slice(&u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes());
        }
        out.extend_from_slice(question.wire());
        let end = kept.last().map_or(self.question_end, |mark| mark.end);
        out.extend_from_slice(self.wire.get(usize::from(self.question_end)..usize::from(end)).unwrap_or_default());
        self.set_ttls(out, kept, now);
        if let Some(edns) = question.edns {
            reply::write_opt(out, edns.dnssec_ok, reply::Remarks::of(ede.map(Arc::as_ref)), cookie);
        }
    }

    /// Writes the reply to a question whose name leads through `aliases` to the name that this is the answer for, or whose
    /// own records these are: those CNAMEs, then the records, which rotate. Response code, TTLs and what the OPT says as in
    /// [`Self::write`], but for what [`Whose`] says.
    pub fn write_behind(
        &self,
        out: &mut Vec<u8>,
        question: &Question<'_>,
        (aliases, whose): (&[Alias<'_>], Whose),
        now: Instant,
        context: &ReplyContext<'_>,
    ) {
        let aged = self.ageing(now);
        let ede = self.ede(now).map(Arc::as_ref).or_else(|| aliases.iter().find_map(Alias::stale));
        self.with_tail(question, |tail| {
            reply::write_tail(out, question, (aliases, tail, whose), |ttl| aged.of(ttl), ede, context);
        });
    }

    /// Hands out the tail: the one that is kept, but of types that nobody uses, and of large answers, one of its own.
    fn with_tail(&self, question: &Question<'_>, write: impl FnOnce(&Tail)) {
        if self.is_kept_ready(question.qtype) {
            write(self.tail.get_or_init(|| self.new_tail()));
        } else {
            write(&self.new_tail());
        }
    }

    /// Whether what is made of it for answers that have other records as well is kept.
    fn is_kept_ready(&self, qtype: RecordType) -> bool {
        TAILED.contains(&qtype) && self.wire.len() <= MAX_TAILED
    }

    fn new_tail(&self) -> Tail {
        let decoded = self.decode(self.stored_at);
        let owned = |record: &'_ Record| Some((DomainName::from_name(&record.name)?, record.ttl));
        let asked = self.wire.get(HEADER_LEN..usize::from(self.question_end)).unwrap_or_default();
        let (name, kind) = asked
            .split_last_chunk::<4>()
            .map_or((&[0][..], 0), |(name, [high, low, ..])| (name, u16::from_be_bytes([*high, *low])));
        let name = DomainName::from_wire(name).unwrap_or_else(DomainName::root);
        let (mut chain, mut last) = (Vec::new(), Vec::new());
        for record in &decoded.answers {
            let part = if u16::from(record.record_type()) == kind { &mut last } else { &mut chain };
            part.extend(owned(record).map(|(owner, ttl)| (owner, ttl, &record.data)));
        }
        let soa = decoded.authority.iter().find(|record| record.record_type() == RecordType::SOA);
        let soa = soa.and_then(|soa| owned(soa).map(|(owner, ttl)| (owner, ttl, &soa.data)));
        Tail::new(&name, self.rcode, [&chain, &last], soa.as_ref())
    }

    /// Its records as values, for our own clients and for what stands behind an alias. A record that hickory cannot decode is
    /// left out.
    #[must_use]
    pub fn decode(&self, now: Instant) -> Decoded {
        let mut wire = self.wire.to_vec();
        self.set_ttls(&mut wire, &self.marks, now);
        let decoder = BinDecoder::new(&wire);
        let starts = std::iter::once(self.question_end).chain(self.marks.iter().map(|mark| mark.end));
        let mut records = starts.take(self.marks.len()).map(|start| Record::read(&mut decoder.clone(start)).ok());
        let answers = records.by_ref().take(usize::from(self.answers)).flatten().collect();
        Decoded { rcode: self.rcode, answers, authority: records.flatten().collect() }
    }

    /// The reply that would bring it anew: TTLs as they were when it came, and behind an OPT record what the upstream said
    /// of it.
    pub(super) fn message(&self, key: &Key) -> Vec<u8> {
        let mut out = vec![0, 0, 0x81];
        out.push(0x80 | u8::from(self.authentic) << 5 | u8::from(key.checking_disabled) << 4 | self.rcode.code());
        let authority = self.marks.len().saturating_sub(usize::from(self.answers));
        for count in [1, usize::from(self.answers), authority, 1] {
            out.extend_from_slice(&u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes());
        }
        out.extend_from_slice(self.wire.get(HEADER_LEN..).unwrap_or_default());
        reply::write_opt(&mut out, key.dnssec_ok, reply::Remarks::of(self.ede.as_deref()), None);
        out
    }

    /// Whether this is the answer to `question`.
    fn is_about(&self, question: &Question<'_>) -> bool {
        let asked =
            self.wire.get(HEADER_LEN..usize::from(self.question_end)).and_then(|own| own.split_last_chunk::<4>());
        asked.is_some_and(|(name, rest)| name == question.name() && question.wire().ends_with(rest))
    }

    /// Takes its age off each TTL of a copy of it, down to 0; makes them all 30 once it is stale.
    fn set_ttls(&self, message: &mut [u8], marks: &[Mark], now: Instant) {
        let aged = self.ageing(now);
        for mark in marks {
            let at = usize::from(mark.ttl_at);
            if let Some(bytes) = message.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<4>()) {
                *bytes = aged.of(u32::from_be_bytes(*bytes)).to_be_bytes();
            }
        }
    }

    /// What has become of its TTLs.
    #[must_use]
    pub fn ageing(&self, now: Instant) -> Ageing {
        if self.is_stale(now) { Ageing::To(STALE_TTL) } else { Ageing::By(self.age(now)) }
    }

    /// Whole seconds since it came; 0 if `now` is before that.
    #[must_use]
    pub fn age(&self, now: Instant) -> u32 {
        u32::try_from(now.saturating_duration_since(self.stored_at).as_secs()).unwrap_or(u32::MAX)
    }
}

static STALE_ANSWER: LazyLock<Arc<Ede>> =
    LazyLock::new(|| Arc::new(Ede::new(Ede::STALE_ANSWER, "no upstream has answered; this is its last answer")));
static STALE_NXDOMAIN: LazyLock<Arc<Ede>> =
    LazyLock::new(|| Arc::new(Ede::new(Ede::STALE_NXDOMAIN, "no upstream has answered; this is its last answer")));

#[cfg(test)]
mod tests;
