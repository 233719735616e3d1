//! A ready answer: the sections of a reply as wire bytes, but for what depends on the query.
//!
//! Owner names are not part of it. Every answer record belongs to the name that was asked and is written with a
//! pointer to it, so one body serves every name that says the same, and rotating the records keeps it valid.

use std::hash::{Hash, Hasher};
use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;

use hickory_proto::serialize::binary::{BinDecoder, Restrict};
use triomphe::ThinArc;

use super::records::{ASKED, Records, RecordsBuilder, record};
use super::{DomainName, Ede, RData, Rcode, RecordType, UDP_EDNS_LIMIT};

/// Octets that memory is read in.
const LINE: usize = 64;

/// Who owns an answer record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// The name that was asked.
    Asked,
    /// The target of the answer record with this index (a CNAME or SRV).
    TargetOf(u16),
    /// Another name, written in full.
    Name(DomainName),
}

/// What is true of the whole reply, in front of its records.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Head {
    rcode: Rcode,
    authoritative: bool,
    rotates: bool,
    soa: bool,
    /// Length of each answer record if they all have one, else 0.
    stride: u16,
    answers: u16,
    glue: u16,
    /// Octets of the answers; those of the glue are behind them.
    answers_len: u32,
    rare: Option<Box<Rare>>,
}

/// What few replies have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Rare {
    /// Owners of the answers where they differ from the name asked (chased CNAMEs); empty otherwise.
    owners: Vec<Owner>,
    /// The SOA of somebody else's zone, where a chase ended in a negative answer, without its owner.
    foreign_soa: Option<(DomainName, Box<[u8]>)>,
    ede: Option<Arc<Ede>>,
}

/// The sections of a reply: one allocation, cheap to clone. Built by [`BodyBuilder`], written by
/// [`reply::write`](super::reply::write).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(ThinArc<Head, u8>);

impl Hash for Body {
    /// Of the records alone: bodies that differ in nothing else are few.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0.slice);
    }
}

impl Body {
    /// A reply without records: an error, or a name or type that is not there. `soa` asks for the SOA of the zone in
    /// AUTHORITY, which makes it a negative answer that can be cached.
    #[must_use]
    pub fn empty(rcode: Rcode, soa: bool, ede: Option<Arc<Ede>>) -> Self {
        let mut body = BodyBuilder::new(false);
        (body.rcode, body.soa, body.authoritative, body.rare.ede) = (rcode, soa, soa, ede);
        body.build()
    }

    fn head(&self) -> &Head {
        &self.0.header.header
    }

    /// Response code.
    #[must_use]
    pub fn rcode(&self) -> Rcode {
        self.head().rcode
    }

    pub(super) fn authoritative(&self) -> bool {
        self.head().authoritative
    }

    /// Whether the answers may be sent in any order.
    pub(super) fn rotates(&self) -> bool {
        self.head().rotates
    }

    /// Whether the SOA of the snapshot is appended (negative answers, RFC 2308).
    pub(super) fn wants_soa(&self) -> bool {
        self.head().soa
    }

    /// Answer records, each with a pointer to the name that was asked in front, whoever owns it.
    pub(super) fn answers(&self) -> Records<'_> {
        let Head { answers, stride, answers_len, .. } = *self.head();
        Records::new(self.0.slice.get(..answers_len as usize).unwrap_or_default(), answers, stride)
    }

    /// Owners of the answers, if not all are the name that was asked; empty otherwise.
    pub(super) fn owners(&self) -> &[Owner] {
        self.head().rare.as_ref().map_or(&[], |rare| &rare.owners)
    }

    /// Additional address records, each with the index of the answer record that it belongs to in front.
    pub(super) fn glue(&self) -> Records<'_> {
        let Head { glue, answers_len, .. } = *self.head();
        Records::new(self.0.slice.get(answers_len as usize..).unwrap_or_default(), glue, 0)
    }

    /// The SOA of somebody else's zone: its owner, and the rest of the record.
    pub(super) fn foreign_soa(&self) -> Option<(&DomainName, &[u8])> {
        self.head().rare.as_ref()?.foreign_soa.as_ref().map(|(owner, record)| (owner, &**record))
    }

    /// Reads ahead: how long it is, and then all of it, or as much as a reply over UDP may need.
    pub(crate) fn read_head(&self) {
        black_box(self.head().answers);
    }

    pub(crate) fn read(&self) {
        for octet in self.0.slice.iter().step_by(LINE).take(UDP_EDNS_LIMIT / LINE) {
            black_box(*octet);
        }
    }

    /// Number of answer records.
    #[must_use]
    pub fn answer_count(&self) -> usize {
        self.answers().len()
    }

    /// The extended error that goes with it.
    #[must_use]
    pub fn ede(&self) -> Option<&Ede> {
        self.head().rare.as_ref()?.ede.as_deref()
    }

    /// The same body with an extended error, unless it has one of its own.
    #[must_use]
    pub fn with_ede(&self, ede: &Arc<Ede>) -> Self {
        let mut body = BodyBuilder::from(self.clone());
        body.rare.ede.get_or_insert_with(|| Arc::clone(ede));
        body.build()
    }

    /// TTL in seconds, type and data in wire form of each answer record, for whoever prints a zone.
    pub fn answer_wires(&self) -> impl Iterator<Item = (u32, RecordType, &[u8])> {
        self.answers().iter().filter_map(|record| {
            let (head, rdata) = record.split_first_chunk::<12>()?;
            let kind = RecordType::from(u16::from_be_bytes([head[2], head[3]]));
            Some((u32::from_be_bytes([head[6], head[7], head[8], head[9]]), kind, rdata))
        })
    }

    /// [`Self::answer_wires`] as hickory reads them, without those that it cannot.
    pub fn answer_records(&self) -> impl Iterator<Item = (u32, RData)> {
        self.answer_wires().filter_map(|(ttl, kind, rdata)| {
            let length = Restrict::new(u16::try_from(rdata.len()).ok()?);
            Some((ttl, RData::read(&mut BinDecoder::new(rdata), kind, length).ok()?))
        })
    }
}

/// Builds a [`Body`] from records.
#[derive(Debug)]
pub struct BodyBuilder {
    rcode: Rcode,
    authoritative: bool,
    rotates: bool,
    soa: bool,
    answers: RecordsBuilder,
    glue: RecordsBuilder,
    rare: Rare,
}

impl BodyBuilder {
    /// A NOERROR, authoritative body; `rotates` if the order of its answers does not matter.
    #[must_use]
    pub fn new(rotates: bool) -> Self {
        Self {
            rcode: Rcode::NoError,
            authoritative: true,
            rotates,
            soa: false,
            answers: RecordsBuilder::default(),
            glue: RecordsBuilder::default(),
            rare: Rare::default(),
        }
    }

    /// Number of answer records so far.
    pub(super) fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether there is no answer record so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an answer record of the name that was asked. TTL in seconds.
    pub fn answer(&mut self, ttl: u32, data: &RData) -> &mut Self {
        self.answers.push(ASKED, &record(ttl, data));
        self
    }

    /// Adds an answer record of the name that was asked, its data in wire form without compression. TTL in seconds.
    pub fn answer_wire(&mut self, ttl: u32, kind: RecordType, rdata: &[u8]) -> &mut Self {
        self.answers.push_wire(ASKED, ttl, kind, rdata);
        self
    }

    /// Adds an answer record of another name: of the target of an earlier CNAME, or of any name at all.
    pub fn answer_of(&mut self, owner: DomainName, ttl: u32, data: &RData) -> &mut Self {
        let records = self.answers.records();
        let points_here = |record: &[u8]| {
            let rdata =
                record.get(2..).and_then(|record| record.strip_prefix(&u16::from(RecordType::CNAME).to_be_bytes()));
            rdata.and_then(|rest| rest.get(8..)).is_some_and(|rdata| rdata.eq_ignore_ascii_case(owner.as_wire()))
        };
        let cname = records.iter().position(points_here).and_then(|index| u16::try_from(index).ok());
        self.owned(cname.map_or(Owner::Name(owner), Owner::TargetOf), ttl, data)
    }

    fn owned(&mut self, owner: Owner, ttl: u32, data: &RData) -> &mut Self {
        let before = self.answers.len();
        self.answer(ttl, data);
        if self.answers.len() > before {
            self.rare.owners.resize(before, Owner::Asked);
            self.rare.owners.push(owner);
        }
        self
    }

    /// Adds an address of the target of the answer record added last, for ADDITIONAL.
    pub fn glue(&mut self, ttl: u32, address: IpAddr) -> &mut Self {
        if let Some(of) = self.answers.len().checked_sub(1).and_then(|last| u16::try_from(last).ok()) {
            match address {
                IpAddr::V4(v4) => self.glue.push_wire(of.to_be_bytes(), ttl, RecordType::A, &v4.octets()),
                IpAddr::V6(v6) => self.glue.push_wire(of.to_be_bytes(), ttl, RecordType::AAAA, &v6.octets()),
            }
        }
        self
    }

    /// Sets the response code (a chain of CNAMEs that ends in NXDOMAIN has both answers and a code).
    pub fn rcode(&mut self, rcode: Rcode) -> &mut Self {
        self.rcode = rcode;
        self
    }

    /// Asks for the SOA of the zone in AUTHORITY.
    pub fn soa(&mut self) -> &mut Self {
        self.soa = true;
        self
    }

    /// Puts the SOA of another zone into AUTHORITY: what makes the negative end of a chain of CNAMEs last.
    pub fn foreign_soa(&mut self, owner: DomainName, ttl: u32, data: &RData) -> &mut Self {
        self.rare.foreign_soa = Some((owner, record(ttl, data).into()));
        self
    }

    /// Attaches an extended error.
    pub fn ede(&mut self, ede: Option<Arc<Ede>>) -> &mut Self {
        self.rare.ede = ede;
        self
    }

    /// The finished body.
    #[must_use]
    pub fn build(mut self) -> Body {
        if !self.rare.owners.is_empty() {
            self.rare.owners.resize(self.answers.len(), Owner::Asked);
            self.rotates = false;
        }
        let (stride, answers, glue) = (self.answers.stride(), self.answers.count(), self.glue.count());
        let mut bytes = self.answers.into_bytes();
        let head = Head {
            rcode: self.rcode,
            authoritative: self.authoritative,
            rotates: self.rotates,
            soa: self.soa,
            stride,
            answers,
            glue,
            answers_len: u32::try_from(bytes.len()).unwrap_or_default(),
            rare: (self.rare != Rare::default()).then(|| Box::new(self.rare)),
        };
        bytes.append(&mut self.glue.into_bytes());
        Body(ThinArc::from_header_and_slice(head, &bytes))
    }
}

impl From<Body> for BodyBuilder {
    /// Goes on with a finished body, e.g. the alias in front of what it points to.
    fn from(body: Body) -> Self {
        let head = body.head();
        Self {
            rcode: head.rcode,
            authoritative: head.authoritative,
            rotates: head.rotates,
            soa: head.soa,
            answers: body.answers().into(),
            glue: body.glue().into(),
            rare: head.rare.as_deref().cloned().unwrap_or_default(),
        }
    }
}

/// An A or AAAA record.
#[must_use]
pub fn address_record(address: IpAddr) -> RData {
    match address {
        IpAddr::V4(v4) => RData::A(v4.into()),
        IpAddr::V6(v6) => RData::AAAA(v6.into()),
    }
}

#[cfg(test)]
mod composed;
