//! Records in wire form, one after the other, as they lie in a ready answer.
//!
//! In front of each are two octets for its owner, then come type, class, TTL, RDLENGTH and RDATA. The records tell their
//! length themselves, so there is no table of where they begin.

use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};

use super::{HEADER_LEN, RData, RecordType};

/// A pointer to the name of the question (RFC 1035 4.1.4), which is right behind the header.
pub(super) const ASKED: [u8; 2] = [0xc0, HEADER_LEN as u8];

/// Octets in front of the RDATA: owner, type, class, TTL, RDLENGTH.
const FIXED: usize = 12;

/// Records that are read where they lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Records<'b> {
    bytes: &'b [u8],
    count: u16,
    /// Length of each record if they all have one, else 0.
    stride: u16,
}

impl<'b> Records<'b> {
    /// `count` records. `stride` is their length in octets if they all have one, else 0.
    pub(super) fn new(bytes: &'b [u8], count: u16, stride: u16) -> Self {
        Self { bytes, count, stride }
    }

    /// All octets of all records.
    pub(super) fn bytes(self) -> &'b [u8] {
        self.bytes
    }

    pub(super) fn count(self) -> u16 {
        self.count
    }

    pub(super) fn len(self) -> usize {
        usize::from(self.count)
    }

    /// The records in their order.
    pub(super) fn iter(self) -> impl Iterator<Item = &'b [u8]> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (record, behind) = rest.split_at_checked(length(rest)?)?;
            rest = behind;
            Some(record)
        })
    }

    /// The record at `index`; no octets if there is none.
    pub(super) fn get(self, index: usize) -> &'b [u8] {
        let rest = self.bytes.get(self.offset(index)..).unwrap_or_default();
        length(rest).and_then(|length| rest.get(..length)).unwrap_or_default()
    }

    /// The records before `first`, and those from it on.
    pub(super) fn split(self, first: usize) -> (Self, Self) {
        let first = first.min(self.len());
        let (head, tail) = self.bytes.split_at(self.offset(first).min(self.bytes.len()));
        let before = u16::try_from(first).unwrap_or(self.count);
        (Self::new(head, before, self.stride), Self::new(tail, self.count - before, self.stride))
    }

    fn offset(self, index: usize) -> usize {
        match usize::from(self.stride) {
            0 => self.iter().take(index).map(<[u8]>::len).sum(),
            stride => index * stride,
        }
    }
}

/// Length of the record that begins here.
fn length(records: &[u8]) -> Option<usize> {
    let fixed = records.first_chunk::<FIXED>()?;
    Some(FIXED + usize::from(u16::from_be_bytes([fixed[10], fixed[11]])))
}

/// Gathers records. More than 65,535, which no message has room for, are left out.
#[derive(Debug, Clone, Default)]
pub(super) struct RecordsBuilder {
    bytes: Vec<u8>,
    count: u16,
    stride: u16,
}

impl RecordsBuilder {
    /// Adds a record with these two octets for its owner; nothing if `record` is empty.
    pub(super) fn push(&mut self, owner: [u8; 2], record: &[u8]) {
        if !record.is_empty() && self.reserve(2 + record.len()) {
            self.bytes.extend_from_slice(&owner);
            self.bytes.extend_from_slice(record);
        }
    }

    /// Adds a record of RDATA in wire form, uncompressed. TTL in seconds.
    pub(super) fn push_wire(&mut self, owner: [u8; 2], ttl: u32, kind: RecordType, rdata: &[u8]) {
        let Ok(length) = u16::try_from(rdata.len()) else { return };
        if self.reserve(FIXED + rdata.len()) {
            self.bytes.extend_from_slice(&owner);
            self.bytes.extend_from_slice(&fixed(ttl, kind, length));
            self.bytes.extend_from_slice(rdata);
        }
    }

    /// Adds a record of other records as it is.
    pub(super) fn push_raw(&mut self, record: &[u8]) {
        if !record.is_empty() && self.reserve(record.len()) {
            self.bytes.extend_from_slice(record);
        }
    }

    fn reserve(&mut self, length: usize) -> bool {
        let Some(count) = self.count.checked_add(1) else { return false };
        self.bytes.reserve(length);
        let length = u16::try_from(length).unwrap_or(0);
        self.stride = if self.count == 0 || self.stride == length { length } else { 0 };
        self.count = count;
        true
    }

    pub(super) fn count(&self) -> u16 {
        self.count
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Length of each record if they all have one, else 0.
    pub(super) fn stride(&self) -> u16 {
        self.stride
    }

    /// The octets of all records, one after the other.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn records(&self) -> Records<'_> {
        Records::new(&self.bytes, self.count, self.stride)
    }
}

impl From<Records<'_>> for RecordsBuilder {
    fn from(records: Records<'_>) -> Self {
        let mut builder = Self::default();
        records.iter().for_each(|record| builder.push_raw(record));
        builder
    }
}

/// Wire form of a record without its owner; empty if it cannot be encoded. TTL in seconds.
pub(super) fn record(ttl: u32, data: &RData) -> Vec<u8> {
    let mut rdata = Vec::with_capacity(64);
    let mut encoder = BinEncoder::new(&mut rdata);
    // Offsets within the RDATA are not offsets within the message: nothing may be compressed.
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    match data.emit(&mut encoder) {
        Ok(()) => record_wire(ttl, data.record_type(), &rdata),
        Err(_) => Vec::new(),
    }
}

/// The same of RDATA in wire form, uncompressed.
fn record_wire(ttl: u32, kind: RecordType, rdata: &[u8]) -> Vec<u8> {
    let Ok(length) = u16::try_from(rdata.len()) else { return Vec::new() };
    [&fixed(ttl, kind, length), rdata].concat()
}

/// What stands between owner and RDATA.
fn fixed(ttl: u32, kind: RecordType, length: u16) -> [u8; FIXED - 2] {
    let ([k0, k1], [t0, t1, t2, t3], [l0, l1]) =
        (u16::from(kind).to_be_bytes(), ttl.to_be_bytes(), length.to_be_bytes());
    [k0, k1, 0, 1, t0, t1, t2, t3, l0, l1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn txt(lengths: &[usize]) -> RecordsBuilder {
        let mut records = RecordsBuilder::default();
        for length in lengths {
            records.push(ASKED, &record_wire(5, RecordType::TXT, &vec![*length as u8; *length]));
        }
        records
    }

    #[test]
    fn records_are_found_and_split_whatever_their_lengths() {
        for lengths in [&[4, 4, 4, 4][..], &[1, 7, 0, 200], &[3], &[]] {
            let builder = txt(lengths);
            let records = builder.records();
            let all: Vec<&[u8]> = records.iter().collect();
            assert_eq!(all.iter().map(|record| record.len() - 12).collect::<Vec<_>>(), lengths);
            for first in 0..=lengths.len() {
                let (head, tail) = records.split(first);
                assert_eq!([head.bytes(), tail.bytes()].concat(), records.bytes());
                assert_eq!((head.len(), tail.len()), (first, lengths.len() - first));
                assert_eq!(tail.iter().next().unwrap_or_default(), records.get(first));
            }
            assert_eq!(records.get(lengths.len()), b"");
        }
    }

    #[test]
    fn a_stride_is_that_of_all_records() {
        let strides = [&[4, 4, 4][..], &[4, 5, 4], &[9], &[4, 4, 5], &[]].map(|lengths| txt(lengths).stride());
        assert_eq!(strides, [16, 0, 21, 0, 0]);
    }
}
