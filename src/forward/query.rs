//! The query that goes upstream, built from the key alone: no id, cookie or client subnet of a client can be in it.

use super::Key;
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

/// A whole query: RD set, CD as in the key, EDNS with a payload of 1232 bytes and DO as in the key.
#[must_use]
pub fn build(key: &Key, id: u16) -> Vec<u8> {
    let question = question(key);
    let mut bytes = Vec::with_capacity(question.len() + 23);
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(&[0x01, u8::from(key.checking_disabled) << 4, 0, 1, 0, 0, 0, 0, 0, 1]);
    bytes.extend_from_slice(&question);
    reply::write_opt(&mut bytes, key.dnssec_ok, None);
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
        let query = Message::from_vec(&build(&key, 0xbeef)).unwrap();
        let metadata = &query.metadata;
        assert_eq!((metadata.id, metadata.message_type, metadata.op_code), (0xbeef, MessageType::Query, OpCode::Query));
        assert!(metadata.recursion_desired && metadata.checking_disabled && !metadata.authentic_data);
        assert_eq!(query.queries.len(), 1);
        assert_eq!(query.queries[0].to_string(), "www.example.com. IN AAAA");
        let edns = query.edns.as_ref().unwrap();
        assert_eq!((edns.max_payload(), edns.flags().dnssec_ok), (1232, true));
        assert!(edns.options().as_ref().is_empty());

        (key.dnssec_ok, key.checking_disabled) = (false, false);
        let query = Message::from_vec(&build(&key, 1)).unwrap();
        assert!(!query.metadata.checking_disabled && !query.edns.as_ref().unwrap().flags().dnssec_ok);
    }
}
