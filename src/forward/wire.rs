//! A walk over the bytes of a reply. Names and records are found without decoding RDATA, so that a type which is
//! newer than this program passes untouched. Nothing is allocated by a count that stands in the packet.

use std::ops::Range;

use crate::dns::name::{MAX_LABEL, MAX_NAME};
use crate::dns::{DomainName, HEADER_LEN};

/// Pointers followed in one name. Real messages need one or two.
const MAX_HOPS: usize = 32;

/// Where a record stands in a message.
#[derive(Debug, Clone)]
pub(super) struct RecordAt {
    /// First byte of its owner name.
    pub(super) start: usize,
    /// Record type.
    pub(super) kind: u16,
    /// Class.
    pub(super) class: u16,
    /// First byte of its TTL.
    pub(super) ttl_at: usize,
    /// TTL as it stands in the message.
    pub(super) ttl: u32,
    /// Its RDATA, which ends the record.
    pub(super) rdata: Range<usize>,
}

/// The sections behind the question.
#[derive(Debug, Default)]
pub(super) struct Sections {
    pub(super) answers: Vec<RecordAt>,
    pub(super) authority: Vec<RecordAt>,
    pub(super) additional: Vec<RecordAt>,
}

pub(super) fn read_u16(message: &[u8], at: usize) -> Option<u16> {
    message.get(at..)?.first_chunk::<2>().map(|bytes| u16::from_be_bytes(*bytes))
}

pub(super) fn read_u32(message: &[u8], at: usize) -> Option<u32> {
    message.get(at..)?.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes))
}

/// All records behind the question, which ends at `at`. `None` if a record is cut or its name cannot be skipped.
pub(super) fn sections(message: &[u8], mut at: usize) -> Option<Sections> {
    let mut section = |count_at: usize| {
        let count = read_u16(message, count_at)?;
        let mut records = Vec::new();
        for _ in 0..count {
            let record = record_at(message, at)?;
            at = record.rdata.end;
            records.push(record);
        }
        Some(records)
    };
    Some(Sections { answers: section(6)?, authority: section(8)?, additional: section(10)? })
}

fn record_at(message: &[u8], start: usize) -> Option<RecordAt> {
    let fixed = skip_name(message, start)?;
    let rdata = fixed + 10;
    let end = rdata + usize::from(read_u16(message, fixed + 8)?);
    (end <= message.len()).then_some(RecordAt {
        start,
        kind: read_u16(message, fixed)?,
        class: read_u16(message, fixed + 2)?,
        ttl_at: fixed + 4,
        ttl: read_u32(message, fixed + 4)?,
        rdata: rdata..end,
    })
}

/// Where the name at `at` ends, without following its pointer.
fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match usize::from(*message.get(at)?) {
            0 => return Some(at + 1),
            size @ 1..=MAX_LABEL => at += size + 1,
            0xc0.. => return Some(at + 2),
            _ => return None,
        }
    }
}

/// The name at `at`, pointers followed, and where it ends in place. A pointer must go backwards, each further than
/// the one before it, and never into the header, which is not the same in the reply that we send.
pub(super) fn name_at(message: &[u8], mut at: usize) -> Option<(DomainName, usize)> {
    let mut wire = Vec::with_capacity(64);
    let (mut end, mut floor, mut hops) = (None, at, 0);
    loop {
        match usize::from(*message.get(at)?) {
            0 => {
                wire.push(0);
                return Some((DomainName::from_wire(&wire)?, end.unwrap_or(at + 1)));
            }
            size @ 1..=MAX_LABEL => {
                wire.extend_from_slice(message.get(at..=at + size)?);
                at += size + 1;
            }
            0xc0.. => {
                let target = usize::from(read_u16(message, at)? & 0x3fff);
                end.get_or_insert(at + 2);
                if target >= floor {
                    return None;
                }
                (floor, at, hops) = (target, target, hops + 1);
            }
            _ => return None,
        }
        if wire.len() > MAX_NAME || hops > MAX_HOPS || at < HEADER_LEN {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tail: &[u8], at: usize, expect: Option<(&str, usize)>) {
        let message = [&[0; HEADER_LEN], tail].concat();
        let found = name_at(&message, HEADER_LEN + at).map(|(name, end)| (name.to_string(), end - HEADER_LEN));
        assert_eq!(found, expect.map(|(name, end)| (name.to_string(), end)));
    }

    #[test]
    fn names_are_read_through_their_pointers() {
        check(b"\x03WwW\x02eu\x00", 0, Some(("www.eu.", 8)));
        check(b"\x02eu\x00\x03www\xc0\x0c", 4, Some(("www.eu.", 10)));
        check(b"\x02eu\x00\x03www\xc0\x0c\x01a\xc0\x10", 10, Some(("a.www.eu.", 14)));
        check(b"\x00", 0, Some((".", 1)));
    }

    #[test]
    fn pointers_that_do_not_go_backwards_are_refused() {
        check(b"\xc0\x0c", 0, None);
        check(b"\x01a\xc0\x0c", 2, None);
        check(b"\x01a\xc0\x0e\x00", 0, None);
        check(b"\xc0\x0e\x00", 0, None);
        check(b"\xc0\x02", 0, None);
        check(b"\x40a\x00", 0, None);
        check(b"\x05ab", 0, None);
        check(&[&[63; 64][..], &[63; 64], &[63; 64], &[63; 64], &[0]].concat(), 0, None);
    }

    #[test]
    fn endless_chains_of_pointers_are_refused() {
        let mut tail = b"\x01a\x00".to_vec();
        for hop in 0..MAX_HOPS as u8 + 2 {
            let target = if hop == 0 { 12 } else { 13 + 2 * hop };
            tail.extend_from_slice(&[0xc0, target]);
        }
        let at = tail.len() - 2;
        check(&tail, at, None);
        check(&tail, at - 4, Some(("a.", at - 2)));
    }

    #[test]
    fn a_cut_record_is_found_out() {
        let mut message = vec![0; HEADER_LEN];
        message[7] = 2;
        for _ in 0..2 {
            message.extend_from_slice(b"\x00\xff\x00\x00\x01\x00\x00\x00\x07\x00\x03abc");
        }
        let records = sections(&message, HEADER_LEN).unwrap().answers;
        assert_eq!(records.len(), 2);
        assert_eq!((records[1].kind, records[1].class, records[1].ttl), (0xff00, 1, 7));
        assert_eq!(records[1].rdata, message.len() - 3..message.len());
        assert!(sections(&message[..message.len() - 1], HEADER_LEN).is_none());
        message[9] = 1;
        assert!(sections(&message, HEADER_LEN).is_none());
    }
}
