//! A ready answer: the sections of a reply as wire bytes, but for what depends on the query.
//!
//! Owner names are not part of it. Every answer record belongs to the name that was asked and is written with a
//! pointer to it, so one body serves every name that says the same, and rotating the records keeps it valid.

use std::net::IpAddr;
use std::sync::Arc;

use hickory_proto::serialize::binary::{BinDecoder, BinEncodable, BinEncoder, NameEncoding, Restrict};

use super::{DomainName, Ede, RData, Rcode, RecordType};

/// Wire form of records without their owner names: type, class, TTL, RDLENGTH and RDATA, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) bytes: Vec<u8>,
    /// Where each record ends in `bytes`.
    pub(super) ends: Vec<u32>,
}

impl Records {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize);
        let end = self.ends.get(index).map_or(start, |end| *end as usize);
        self.bytes.get(start..end).unwrap_or_default()
    }

    fn push(&mut self, ttl: u32, data: &RData) {
        let mut rdata = Vec::with_capacity(64);
        let mut encoder = BinEncoder::new(&mut rdata);
        // Offsets within the RDATA are not offsets within the message: nothing may be compressed.
        encoder.set_name_encoding(NameEncoding::Uncompressed);
        if data.emit(&mut encoder).is_ok() {
            self.push_wire(ttl, data.record_type(), &rdata);
        }
    }

    fn push_wire(&mut self, ttl: u32, kind: RecordType, rdata: &[u8]) {
        let ends = (u16::try_from(rdata.len()), u32::try_from(self.bytes.len() + 10 + rdata.len()));
        if let (Ok(length), Ok(end)) = ends {
            self.bytes.extend_from_slice(&u16::from(kind).to_be_bytes());
            self.bytes.extend_from_slice(&1u16.to_be_bytes());
            self.bytes.extend_from_slice(&ttl.to_be_bytes());
            self.bytes.extend_from_slice(&length.to_be_bytes());
            self.bytes.extend_from_slice(rdata);
            self.ends.push(end);
        }
    }

    /// Appends a record of other records as it is.
    fn push_raw(&mut self, record: &[u8]) {
        if let Ok(end) = u32::try_from(self.bytes.len() + record.len()) {
            self.bytes.extend_from_slice(record);
            self.ends.push(end);
        }
    }

    fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

/// Who owns an answer record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// The name that was asked.
    Asked,
    /// The target of the answer record with this index (a CNAME or SRV).
    TargetOf(u16),
    /// Another name, written in full.
    Name(DomainName),
}

/// The sections of a reply. Built by [`BodyBuilder`], written by [`reply::write`](super::reply::write).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    pub(super) rcode: Rcode,
    pub(super) authoritative: bool,
    /// Answer records, all owned by the name that was asked unless `owners` says otherwise.
    pub(super) answers: Records,
    /// Owners of the answers where they differ from the name asked (chased CNAMEs); empty otherwise.
    pub(super) owners: Vec<Owner>,
    /// Whether the answers may be sent in any order.
    pub(super) rotates: bool,
    /// Additional address records.
    pub(super) glue: Records,
    /// For each of them, the answer record that it belongs to.
    pub(super) glue_of: Vec<u16>,
    /// Whether the SOA of the snapshot is appended (negative answers, RFC 2308).
    pub(super) soa: bool,
    /// The SOA of somebody else's zone, where a chase ended in a negative answer.
    pub(super) foreign_soa: Option<Box<(DomainName, Records)>>,
    pub(super) ede: Option<Arc<Ede>>,
}

impl Body {
    /// A reply without records: an error, or a name or type that is not there. `soa` asks for the SOA of the zone in
    /// AUTHORITY, which makes it a negative answer that can be cached.
    #[must_use]
    pub fn empty(rcode: Rcode, soa: bool, ede: Option<Arc<Ede>>) -> Self {
        let mut body = BodyBuilder::new(false).build();
        (body.rcode, body.soa, body.authoritative, body.ede) = (rcode, soa, soa, ede);
        body
    }

    /// Response code.
    #[must_use]
    pub fn rcode(&self) -> Rcode {
        self.rcode
    }

    /// Number of answer records.
    #[must_use]
    pub fn answer_count(&self) -> usize {
        self.answers.len()
    }

    /// The extended error that goes with it.
    #[must_use]
    pub fn ede(&self) -> Option<&Ede> {
        self.ede.as_deref()
    }

    /// The same body with an extended error, unless it has one of its own.
    #[must_use]
    pub fn with_ede(&self, ede: &Arc<Ede>) -> Self {
        let mut body = self.clone();
        body.ede.get_or_insert_with(|| Arc::clone(ede));
        body
    }

    /// These CNAMEs in a row, then `end`, which is what the last of them points to, its answers rotated by `spin`.
    #[must_use]
    pub fn behind(cnames: &[&Self], end: &Self, spin: u32) -> Self {
        let mut body = Self::empty(end.rcode, end.soa, end.ede.clone());
        body.authoritative = true;
        body.foreign_soa.clone_from(&end.foreign_soa);
        let owner_of = |index: usize| index.checked_sub(1).and_then(|of| u16::try_from(of).ok());
        for (index, cname) in cnames.iter().enumerate() {
            body.answers.push_raw(cname.answers.get(0));
            body.owners.push(owner_of(index).map_or(Owner::Asked, Owner::TargetOf));
        }
        let (base, total) = (body.answers.len(), end.answers.len());
        let first = if end.rotates { (spin as usize).checked_rem(total).unwrap_or_default() } else { 0 };
        let shifted = |index: u16| u16::try_from((usize::from(index) + total - first) % total.max(1) + base);
        for index in (first..total).chain(0..first) {
            body.answers.push_raw(end.answers.get(index));
            body.owners.push(match end.owners.get(index) {
                None | Some(Owner::Asked) => owner_of(base).map_or(Owner::Asked, Owner::TargetOf),
                Some(Owner::TargetOf(of)) => Owner::TargetOf(shifted(*of).unwrap_or_default()),
                Some(Owner::Name(name)) => Owner::Name(name.clone()),
            });
        }
        body.glue = end.glue.clone();
        body.glue_of = end.glue_of.iter().map(|of| shifted(*of).unwrap_or_default()).collect();
        body
    }

    /// TTL in seconds, type and data in wire form of each answer record, for whoever prints a zone.
    pub fn answer_wires(&self) -> impl Iterator<Item = (u32, RecordType, &[u8])> {
        (0..self.answers.len()).filter_map(|index| {
            let (head, rdata) = self.answers.get(index).split_first_chunk::<10>()?;
            let kind = RecordType::from(u16::from_be_bytes([head[0], head[1]]));
            Some((u32::from_be_bytes([head[4], head[5], head[6], head[7]]), kind, rdata))
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
    body: Body,
}

impl BodyBuilder {
    /// A NOERROR, authoritative body; `rotates` if the order of its answers does not matter.
    #[must_use]
    pub fn new(rotates: bool) -> Self {
        Self {
            body: Body {
                rcode: Rcode::NoError,
                authoritative: true,
                answers: Records::default(),
                owners: Vec::new(),
                rotates,
                glue: Records::default(),
                glue_of: Vec::new(),
                soa: false,
                foreign_soa: None,
                ede: None,
            },
        }
    }

    /// Adds an answer record of the name that was asked. TTL in seconds.
    pub fn answer(&mut self, ttl: u32, data: &RData) -> &mut Self {
        self.body.answers.push(ttl, data);
        self
    }

    /// Adds an answer record of the name that was asked, its data in wire form without compression. TTL in seconds.
    pub fn answer_wire(&mut self, ttl: u32, kind: RecordType, rdata: &[u8]) -> &mut Self {
        self.body.answers.push_wire(ttl, kind, rdata);
        self
    }

    /// Adds an answer record of another name: of the target of an earlier CNAME, or of any name at all.
    pub fn answer_of(&mut self, owner: DomainName, ttl: u32, data: &RData) -> &mut Self {
        let records = &self.body.answers;
        let points_here = |index: &usize| {
            let rdata = records
                .get(*index)
                .strip_prefix(&u16::from(RecordType::CNAME).to_be_bytes())
                .and_then(|rest| rest.get(8..));
            rdata.is_some_and(|rdata| rdata.eq_ignore_ascii_case(owner.as_wire()))
        };
        let cname = (0..records.len()).find(points_here).and_then(|index| u16::try_from(index).ok());
        self.owned(cname.map_or(Owner::Name(owner), Owner::TargetOf), ttl, data)
    }

    fn owned(&mut self, owner: Owner, ttl: u32, data: &RData) -> &mut Self {
        let before = self.body.answers.len();
        self.body.answers.push(ttl, data);
        if self.body.answers.len() > before {
            self.body.owners.resize(before, Owner::Asked);
            self.body.owners.push(owner);
        }
        self
    }

    /// Adds an address of the target of the answer record added last, for ADDITIONAL.
    pub fn glue(&mut self, ttl: u32, address: IpAddr) -> &mut Self {
        let Some(of) = self.body.answers.len().checked_sub(1).and_then(|last| u16::try_from(last).ok()) else {
            return self;
        };
        let before = self.body.glue.len();
        self.body.glue.push(ttl, &address_record(address));
        if self.body.glue.len() > before {
            self.body.glue_of.push(of);
        }
        self
    }

    /// Sets the response code (a chain of CNAMEs that ends in NXDOMAIN has both answers and a code).
    pub fn rcode(&mut self, rcode: Rcode) -> &mut Self {
        self.body.rcode = rcode;
        self
    }

    /// Asks for the SOA of the zone in AUTHORITY.
    pub fn soa(&mut self) -> &mut Self {
        self.body.soa = true;
        self
    }

    /// Puts the SOA of another zone into AUTHORITY: what makes the negative end of a chain of CNAMEs last.
    pub fn foreign_soa(&mut self, owner: DomainName, ttl: u32, data: &RData) -> &mut Self {
        let mut records = Records::default();
        records.push(ttl, data);
        self.body.foreign_soa = Some(Box::new((owner, records)));
        self
    }

    /// Attaches an extended error.
    pub fn ede(&mut self, ede: Option<Arc<Ede>>) -> &mut Self {
        self.body.ede = ede;
        self
    }

    /// The finished body, without spare capacity.
    #[must_use]
    pub fn build(mut self) -> Body {
        self.body.answers.shrink();
        self.body.glue.shrink();
        self.body.glue_of.shrink_to_fit();
        if !self.body.owners.is_empty() {
            self.body.owners.resize(self.body.answers.len(), Owner::Asked);
            self.body.rotates = false;
        }
        self.body
    }
}

impl From<Body> for BodyBuilder {
    /// Goes on with a finished body, e.g. the alias in front of what it points to.
    fn from(body: Body) -> Self {
        Self { body }
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
