//! The query that goes upstream, built from the key alone: no id, cookie or client subnet of a client can be in it.

use super::{Key, Random};
use crate::dns::reply;

/// Class IN (RFC 1035 3.2.4).
pub(super) const CLASS_IN: u16 = 1;

/// The question section for `key`: name in lower case, type, class IN.
#[must_use]
pub fn question(key: &Key) -> Vec<u8> {
    let name = key.name.as_wire();
    let mut bytes = Vec::with_capacity(name.len() + 4);
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(&u16::from(key.qtype).to_be_bytes());
    bytes.extend_from_slice(&CLASS_IN.to_be_bytes());
    bytes
}

/// The question section for the try with this number, some of its letters in upper case.
#[must_use]
pub fn mixed_question(key: &Key, random: &Random, attempt: usize) -> Vec<u8> {
    let mut bytes = question(key);
    let name = key.name.as_wire().len();
    random.mix_case(bytes.get_mut(..name).unwrap_or_default(), attempt);
    bytes
}

/// A whole query about `question`: RD set, CD as in the key, AD to be told of it (RFC 6840 5.7), and with `edns` a
/// payload of 1232 bytes and DO as in the key.
#[must_use]
pub fn build(key: &Key, question: &[u8], id: u16, edns: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(question.len() + 23);
    bytes.extend_from_slice(&id.to_be_bytes());
    let flags = u8::from(key.checking_disabled) << 4 | u8::from(!key.checking_disabled) << 5;
    bytes.extend_from_slice(&[0x01, flags, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)]);
    bytes.extend_from_slice(question);
    if edns {
        reply::write_opt(&mut bytes, key.dnssec_ok, reply::Remarks::default(), None);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{Message, MessageType, OpCode};

    use super::*;
    use crate::dns::{DomainName, RecordType};

    #[test]
    fn a_query_holds_the_key_and_nothing_else() {
        let name = DomainName::from_text("WWW.Example.com").unwrap();
        let mut key = Key::new(name, RecordType::AAAA);
        (key.dnssec_ok, key.checking_disabled) = (true, true);
        let query = Message::from_vec(&build(&key, &question(&key), 0xbeef, true)).unwrap();
        let metadata = &query.metadata;
        assert_eq!((metadata.id, metadata.message_type, metadata.op_code), (0xbeef, MessageType::Query, OpCode::Query));
        assert!(metadata.recursion_desired && metadata.checking_disabled && !metadata.authentic_data);
        assert_eq!(query.queries.len(), 1);
        assert_eq!(query.queries[0].to_string(), "www.example.com. IN AAAA");
        let edns = query.edns.as_ref().unwrap();
        assert_eq!((edns.max_payload(), edns.flags().dnssec_ok), (1232, true));
        assert!(edns.options().as_ref().is_empty());

        (key.dnssec_ok, key.checking_disabled) = (false, false);
        let query = Message::from_vec(&build(&key, &question(&key), 1, true)).unwrap();
        assert!(!query.metadata.checking_disabled && !query.edns.as_ref().unwrap().flags().dnssec_ok);
        assert!(query.metadata.authentic_data, "without CD the upstream is to tell whether it has validated");
        assert!(Message::from_vec(&build(&key, &question(&key), 1, false)).unwrap().edns.is_none());
    }
}
