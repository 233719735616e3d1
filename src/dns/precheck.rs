//! The look at the 12 header bytes that comes before any decoder.
//!
//! A decoder allocates by the counts of a packet, and answers to answers are how two servers keep each other busy for
//! ever; so both are dealt with here, from the header alone.

use super::{HEADER_LEN, Rcode};

/// What to do with a datagram or a TCP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precheck {
    /// Too short for a header, or itself a response: no reply at all.
    Drop,
    /// Not readable: this header is the whole reply.
    FormErr([u8; HEADER_LEN]),
    /// Worth parsing.
    Pass,
}

/// Smallest question on the wire: root name, type, class.
const MIN_QUESTION: usize = 5;
/// Smallest record on the wire: root name, type, class, TTL, RDLENGTH.
const MIN_RECORD: usize = 11;

/// Looks at the header of `message`: QR, QDCOUNT, and whether the counts can fit the length (RFC 1035 4.1.1,
/// RFC 9619).
#[must_use]
pub fn precheck(message: &[u8]) -> Precheck {
    let Some(header) = message.first_chunk::<HEADER_LEN>() else {
        return Precheck::Drop;
    };
    if header[2] & 0x80 != 0 {
        return Precheck::Drop;
    }
    let count = |at: usize| usize::from(u16::from_be_bytes([header[at], header[at + 1]]));
    let records = count(6) + count(8) + count(10);
    if count(4) != 1 || MIN_QUESTION + records * MIN_RECORD > message.len() - HEADER_LEN {
        return Precheck::FormErr(error_header(header, Rcode::FormErr));
    }
    Precheck::Pass
}

/// A reply of a header only: id, opcode, RD and CD of the query, no sections.
#[must_use]
pub fn error_header(query: &[u8; HEADER_LEN], rcode: Rcode) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..2].copy_from_slice(&query[..2]);
    header[2] = 0x80 | (query[2] & 0x79);
    header[3] = 0x80 | (query[3] & 0x10) | rcode.code();
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(flags: u8, counts: [u16; 4], body: usize) -> Vec<u8> {
        let mut bytes = vec![0xab, 0xcd, flags, 0];
        bytes.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
        bytes.resize(HEADER_LEN + body, 0);
        bytes
    }

    #[test]
    fn responses_and_scraps_get_no_reply() {
        assert_eq!(precheck(&[0; 11]), Precheck::Drop);
        assert_eq!(precheck(&message(0x80, [1, 0, 0, 0], 5)), Precheck::Drop);
        assert_eq!(precheck(&message(0x80, [65_535, 0, 0, 0], 0)), Precheck::Drop);
    }

    #[test]
    fn impossible_counts_are_a_format_error() {
        for bad in [
            message(1, [0, 0, 0, 0], 5),
            message(1, [2, 0, 0, 0], 10),
            message(1, [65_535, 0, 0, 0], 0),
            message(1, [1, 0, 0, 1], 5),
            message(1, [1, 65_535, 65_535, 65_535], 500),
        ] {
            let Precheck::FormErr(header) = precheck(&bad) else { panic!("{bad:?} passed") };
            assert_eq!(header, [0xab, 0xcd, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0]);
        }
        assert_eq!(precheck(&message(1, [1, 0, 0, 1], 16)), Precheck::Pass);
    }
}
