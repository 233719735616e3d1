//! What of an upstream's reply is kept: the answer to what was asked, of a negative answer its SOA, and for who wants DNSSEC
//! records the proofs of what is not there. Nothing else reaches the cache (CVE-2025-40778 and its kin: records that nobody asked for).

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::entry::{Entry, Mark};
use super::wire::{self, RecordAt};
use super::{Key, query};
use crate::dns::{DomainName, Ede, HEADER_LEN, Rcode, RecordType, TCP_LIMIT, name};

/// CNAMEs in a row that we believe.
const MAX_CHAIN: usize = 16;
/// TTLs from here on count as 0 (RFC 2181 8).
const TTL_SIGN: u32 = 1 << 31;

const TYPE_NS: u16 = 2;
const TYPE_CNAME: u16 = 5;
const TYPE_SOA: u16 = 6;
const TYPE_DNAME: u16 = 39;
const TYPE_OPT: u16 = 41;
const TYPE_RRSIG: u16 = 46;
const TYPE_NSEC: u16 = 47;
const TYPE_NSEC3: u16 = 50;
/// Octets of an RRSIG in front of its signer's name (RFC 4034 3.1).
const BEFORE_SIGNER: usize = 18;
/// Records that prove what is not there, at most, and octets of them. A name that is not there takes eight, a wildcard two
/// (RFC 5155 7.2), and a chain of CNAMEs may pass several.
const MAX_PROOFS: usize = 32;
const MAX_PROOFS_LEN: usize = 16 << 10;
/// EDNS option of extended errors (RFC 8914).
const OPTION_EDE: [u8; 2] = [0, 15];

/// Limits on what an upstream may say of time, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Shortest TTL of a record of an answer, at most `max_ttl`.
    pub min_ttl: u32,
    /// Longest TTL of a record.
    pub max_ttl: u32,
    /// Longest life of a negative answer.
    pub negative_ttl: u32,
}

impl Default for Caps {
    /// None, a day, as most resolvers have it, and 30 seconds: the VPC resolver's own negative answers live up to 900 s.
    fn default() -> Self {
        Self { min_ttl: 0, max_ttl: 86_400, negative_ttl: 30 }
    }
}

/// Why a reply to our question is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Its records cannot be walked.
    Unreadable,
    /// Its CNAME chain loops or does not end.
    CnameLoop,
    /// Its answer has records that were not asked for.
    Unrelated,
    /// It refers to other servers: the upstream does not recurse.
    Referral,
    /// The response code is neither NOERROR nor NXDOMAIN.
    Rcode {
        /// The code, extended bits included (RFC 6891 6.1.3).
        code: u16,
        /// What the upstream says of the reason.
        ede: Option<Arc<Ede>>,
    },
}

/// Reads a reply whose header and question are known to belong to `key`.
pub(super) fn accept(key: &Key, reply: &[u8], caps: Caps, now: Instant) -> Result<Entry, Refusal> {
    let question = query::question(key);
    let question_end = HEADER_LEN + question.len();
    // Offsets are kept as 16 bits, which is what a DNS message has room for.
    let whole = Some(reply).filter(|reply| reply.len() <= TCP_LIMIT);
    let sections = whole.and_then(|reply| wire::sections(reply, question_end)).ok_or(Refusal::Unreadable)?;
    let rcode = match response_code(reply, &sections.additional) {
        0 => Rcode::NoError,
        3 => Rcode::NxDomain,
        code => return Err(Refusal::Rcode { code, ede: extended_error(reply, &sections.additional) }),
    };
    let owners = owners(reply, &sections.answers).ok_or(Refusal::Unreadable)?;
    let chain = chain(key, reply, &sections.answers, &owners).ok_or(Refusal::CnameLoop)?;
    let asked = |(record, owner)| belongs(key, reply, record, owner, &chain);
    if !sections.answers.iter().zip(&owners).all(asked) {
        return Err(Refusal::Unrelated);
    }
    let tail = chain.last().unwrap_or(&key.name);
    let answered = |(record, owner): (&RecordAt, &DomainName)| {
        record.kind == u16::from(key.qtype) && (owner == tail || key.qtype == RecordType::CNAME)
    };
    let positive = rcode == Rcode::NoError && sections.answers.iter().zip(&owners).any(answered);

    let mut kept = Kept::new(reply, &question, &sections.answers, caps);
    let mut soa = None;
    if !positive {
        soa = sections.authority.iter().find_map(|record| Soa::read(reply, record, tail, caps));
        let refers = rcode == Rcode::NoError && sections.answers.is_empty();
        match &soa {
            None if refers && sections.authority.iter().any(|record| record.kind == TYPE_NS) => {
                return Err(Refusal::Referral);
            }
            None => kept.ttl = 0,
            Some(soa) => kept.append(&soa.zone, TYPE_SOA, soa.ttl, &soa.rdata),
        }
    }
    if key.dnssec_ok && (positive || soa.is_some()) {
        let longest = soa.as_ref().map_or(caps.max_ttl, |soa| soa.ttl);
        let proofs = proofs(reply, &sections.authority, &chain, soa.as_ref());
        kept.add_proofs(reply, &proofs, longest);
    }
    let followed = chain.get(1..).filter(|_| key.qtype != RecordType::CNAME).unwrap_or_default();
    let targets = followed.iter().map(DomainName::as_wire).collect::<Vec<_>>().concat();
    Ok(Entry {
        wire: kept.wire.into(),
        marks: kept.marks.into(),
        answers: sections.answers.len() as u16,
        question_end: question_end as u16,
        rcode,
        is_positive: positive,
        authentic: reply.get(3).is_some_and(|flags| flags & 0x20 != 0),
        ede: extended_error(reply, &sections.additional),
        ttl: kept.ttl,
        stored_at: now,
        tail: OnceLock::new(),
        targets: targets.into(),
        hops: OnceLock::new(),
    })
}

/// RCODE of the header and, in front of it, the upper bits of the OPT record.
fn response_code(reply: &[u8], additional: &[RecordAt]) -> u16 {
    let low = reply.get(3).map_or(0, |flags| u16::from(flags & 0x0f));
    let extended = additional.iter().find(|record| record.kind == TYPE_OPT).map_or(0, |opt| opt.ttl >> 24);
    low | (extended as u16) << 4
}

/// The first extended error (RFC 8914) of the OPT record.
fn extended_error(reply: &[u8], additional: &[RecordAt]) -> Option<Arc<Ede>> {
    let opt = additional.iter().find(|record| record.kind == TYPE_OPT)?;
    let mut options = reply.get(opt.rdata.clone())?;
    while let Some((head, rest)) = options.split_first_chunk::<4>() {
        let data = rest.get(..usize::from(u16::from_be_bytes([head[2], head[3]])))?;
        if head[..2] == OPTION_EDE {
            return Ede::from_option(data).map(Arc::new);
        }
        options = rest.get(data.len()..)?;
    }
    None
}

fn owners(reply: &[u8], answers: &[RecordAt]) -> Option<Vec<DomainName>> {
    answers.iter().map(|record| Some(wire::name_at(reply, record.start)?.0)).collect()
}

/// The name asked and the CNAME targets behind it, in the order of the chain, whatever the order of the records.
/// `None` if it loops or is too long.
fn chain(key: &Key, reply: &[u8], answers: &[RecordAt], owners: &[DomainName]) -> Option<Vec<DomainName>> {
    let mut chain = vec![key.name.clone()];
    let cname_of = |name: Option<&DomainName>| {
        let (record, _) =
            answers.iter().zip(owners).find(|(record, owner)| record.kind == TYPE_CNAME && Some(*owner) == name)?;
        Some(record.rdata.clone())
    };
    while let Some(rdata) = cname_of(chain.last()) {
        let (target, end) = wire::name_at(reply, rdata.start)?;
        if end != rdata.end || chain.contains(&target) || chain.len() > MAX_CHAIN {
            return None;
        }
        chain.push(target);
    }
    Some(chain)
}

/// Whether a record of the answer section was asked for: the type or a CNAME at a name of the chain, a DNAME above
/// it (RFC 6672, its CNAME comes along), or a signature of one of them.
fn belongs(key: &Key, reply: &[u8], record: &RecordAt, owner: &DomainName, chain: &[DomainName]) -> bool {
    if record.class != query::CLASS_IN {
        return false;
    }
    let covered = covered(reply, record);
    if covered == TYPE_DNAME {
        return chain.iter().any(|name| name::is_within(name.as_wire(), owner.as_wire()));
    }
    let wanted = covered == u16::from(key.qtype) || covered == TYPE_CNAME || record.kind == u16::from(key.qtype);
    wanted && chain.contains(owner)
}

/// The SOA of a negative answer, RDATA decompressed.
struct Soa {
    zone: DomainName,
    ttl: u32,
    rdata: Vec<u8>,
}

impl Soa {
    /// Reads `record` if it is the SOA of a zone that `tail`, the name found missing, lies in. Its TTL is how long
    /// the answer may be believed (RFC 2308 5).
    fn read(reply: &[u8], record: &RecordAt, tail: &DomainName, caps: Caps) -> Option<Self> {
        if record.kind != TYPE_SOA || record.class != query::CLASS_IN {
            return None;
        }
        let (zone, _) = wire::name_at(reply, record.start)?;
        let (primary, end) = wire::name_at(reply, record.rdata.start)?;
        let (mailbox, numbers) = wire::name_at(reply, end)?;
        if numbers + 20 != record.rdata.end || !name::is_within(tail.as_wire(), zone.as_wire()) {
            return None;
        }
        let minimum = wire::read_u32(reply, numbers + 16)?;
        let ttl = bounded(record.ttl, caps.max_ttl).min(bounded(minimum, caps.negative_ttl));
        let rdata = [primary.as_wire(), mailbox.as_wire(), reply.get(numbers..record.rdata.end)?].concat();
        Some(Self { zone, ttl, rdata })
    }
}

/// The records of AUTHORITY that prove, with their signatures, that there is nothing: those of the zone of the SOA, and those
/// signed by a zone that a name of the chain lies in, which say that a wildcard was right to answer for it (RFC 4035
/// 3.1.3.3). Each with its owner.
fn proofs<'r>(
    reply: &[u8],
    authority: &'r [RecordAt],
    chain: &[DomainName],
    soa: Option<&Soa>,
) -> Vec<(DomainName, &'r RecordAt)> {
    let of_kind = |record: &&RecordAt| matches!(record.kind, TYPE_RRSIG | TYPE_NSEC | TYPE_NSEC3);
    let candidates = authority.iter().filter(of_kind).filter(|record| record.class == query::CLASS_IN);
    let owned = |record: &'r RecordAt| Some((wire::name_at(reply, record.start)?.0, record));
    let proofs: Vec<_> = candidates.filter_map(owned).collect();
    let signed: Vec<_> = proofs
        .iter()
        .filter(|(owner, record)| {
            let signer = signer(reply, record);
            signer.is_some_and(|zone| {
                let is_of = |name: &DomainName| name::is_within(name.as_wire(), zone.as_wire());
                is_of(owner) && chain.iter().any(is_of)
            })
        })
        .map(|(owner, record)| (owner.clone(), covered(reply, record)))
        .take(MAX_PROOFS)
        .collect();
    let is_kept = |(owner, record): &(DomainName, &RecordAt)| {
        let of_soa = soa.is_some_and(|soa| name::is_within(owner.as_wire(), soa.zone.as_wire()));
        of_soa || signed.iter().any(|(of, kind)| of == owner && *kind == covered(reply, record))
    };
    proofs.into_iter().filter(is_kept).take(MAX_PROOFS).collect()
}

/// The type that a signature is of; of any other record its own.
fn covered(reply: &[u8], record: &RecordAt) -> u16 {
    match record.kind {
        TYPE_RRSIG => wire::read_u16(reply, record.rdata.start).unwrap_or_default(),
        kind => kind,
    }
}

/// The zone that has signed a proof; `None` if this is no signature of one. Its name is never compressed.
fn signer(reply: &[u8], record: &RecordAt) -> Option<DomainName> {
    let is_of_proof = record.kind == TYPE_RRSIG && matches!(covered(reply, record), TYPE_NSEC | TYPE_NSEC3);
    let at = record.rdata.start + BEFORE_SIGNER;
    let (name, end) = wire::name_at(reply, at).filter(|_| is_of_proof)?;
    (end == at + name.as_wire().len() && end <= record.rdata.end).then_some(name)
}

/// A TTL as it may be used: 0 when the top bit is set (RFC 2181 8), `cap` at most.
fn bounded(ttl: u32, cap: u32) -> u32 {
    if ttl >= TTL_SIGN { 0 } else { ttl.min(cap) }
}

/// The bytes of an entry while they are put together.
struct Kept {
    wire: Vec<u8>,
    marks: Vec<Mark>,
    ttl: u32,
}

impl Kept {
    /// The reply up to the end of its answers, with our own question bytes and TTLs within bounds. Nothing moves, so
    /// pointers in RDATA that nobody has decoded still hold.
    fn new(reply: &[u8], question: &[u8], answers: &[RecordAt], caps: Caps) -> Self {
        let start = HEADER_LEN + question.len();
        let end = answers.last().map_or(start, |last| last.rdata.end);
        let mut kept = Self { wire: vec![0; HEADER_LEN], marks: Vec::with_capacity(answers.len()), ttl: u32::MAX };
        kept.wire.extend_from_slice(question);
        kept.wire.extend_from_slice(reply.get(start..end).unwrap_or_default());
        for record in answers {
            let ttl = bounded(record.ttl, caps.max_ttl).max(caps.min_ttl);
            kept.mark(record.ttl_at, record.rdata.end, ttl);
        }
        kept
    }

    fn mark(&mut self, ttl_at: usize, end: usize, ttl: u32) {
        if let Some(bytes) = self.wire.get_mut(ttl_at..ttl_at + 4) {
            bytes.copy_from_slice(&ttl.to_be_bytes());
        }
        self.marks.push(Mark { ttl_at: ttl_at as u16, end: end as u16 });
        self.ttl = self.ttl.min(ttl);
    }

    /// Adds what proves that there is nothing, or no more, TTLs no longer than `longest`. Written anew without compression,
    /// because records in between them may have been left out.
    fn add_proofs(&mut self, reply: &[u8], proofs: &[(DomainName, &RecordAt)], longest: u32) {
        let room = self.wire.len() + MAX_PROOFS_LEN;
        for (owner, record) in proofs {
            let rdata = reply.get(record.rdata.clone()).unwrap_or_default();
            if self.wire.len() + rdata.len() <= room {
                self.append(owner, record.kind, bounded(record.ttl, longest), rdata);
            }
        }
    }

    /// Appends a record to the authority section, unless the message would become too long for the DNS.
    fn append(&mut self, owner: &DomainName, kind: u16, ttl: u32, rdata: &[u8]) {
        let ttl_at = self.wire.len() + owner.as_wire().len() + 4;
        let end = ttl_at + 6 + rdata.len();
        if end > TCP_LIMIT {
            self.ttl = 0;
            return;
        }
        self.wire.extend_from_slice(owner.as_wire());
        self.wire.extend_from_slice(&kind.to_be_bytes());
        self.wire.extend_from_slice(&query::CLASS_IN.to_be_bytes());
        self.wire.extend_from_slice(&ttl.to_be_bytes());
        self.wire.extend_from_slice(&u16::try_from(rdata.len()).unwrap_or_default().to_be_bytes());
        self.wire.extend_from_slice(rdata);
        self.mark(ttl_at, end, ttl);
    }
}

#[cfg(test)]
mod tests;
