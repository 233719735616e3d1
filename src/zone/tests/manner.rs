//! How a question can be asked, and what of it every reply must show.

use hickory_proto::op::Message;
use proptest::prelude::*;

use crate::dns::{DomainName, HEADER_LEN, Question, RecordType};

/// Everything that a client may choose but for name and type.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    recursion_desired: bool,
    authentic_data: bool,
    checking_disabled: bool,
    /// Payload size and DO.
    edns: Option<(u16, bool)>,
    /// A bit for each octet of the name: whether a letter there is a capital one.
    case: u64,
    pub tcp: bool,
}

/// As most ask.
pub const USUAL: Manner = Manner {
    recursion_desired: true,
    authentic_data: false,
    checking_disabled: false,
    edns: Some((1232, true)),
    case: u64::MAX,
    tcp: false,
};

pub fn manners() -> impl Strategy<Value = Manner> {
    let edns = prop::option::of((prop::sample::select(vec![0u16, 512, 700, 1232, 4096, 65_535]), any::<bool>()));
    (any::<[bool; 3]>(), edns, any::<u64>(), any::<bool>()).prop_map(|(flags, edns, case, tcp)| {
        let [recursion_desired, authentic_data, checking_disabled] = flags;
        Manner { recursion_desired, authentic_data, checking_disabled, edns, case, tcp }
    })
}

impl Manner {
    pub fn query(&self, name: &DomainName, kind: RecordType) -> Vec<u8> {
        let flags = [u8::from(self.recursion_desired), u8::from(self.authentic_data) << 5 | self.cd()];
        let mut bytes = vec![0, 7, flags[0], flags[1], 0, 1, 0, 0, 0, 0, 0, u8::from(self.edns.is_some())];
        let is_capital = |place: usize| self.case >> (place % 64) & 1 == 1;
        let cased = name.as_wire().iter().enumerate();
        bytes.extend(cased.map(|(place, octet)| if is_capital(place) { octet.to_ascii_uppercase() } else { *octet }));
        bytes.extend(u16::from(kind).to_be_bytes());
        bytes.extend([0, 1]);
        if let Some((payload, dnssec_ok)) = self.edns {
            bytes.extend([0, 0, 41]);
            bytes.extend(payload.to_be_bytes());
            bytes.extend([0, 0, u8::from(dnssec_ok) << 7, 0, 0, 0]);
        }
        bytes
    }

    fn cd(&self) -> u8 {
        u8::from(self.checking_disabled) << 4
    }

    /// What a reply has of its question, whatever it says: id, RD and CD, the question letter by letter, an OPT if there
    /// was one, with DO as it was; never AD, never more than there is room for.
    pub fn check(&self, question: &Question<'_>, reply: &[u8]) -> Result<(), TestCaseError> {
        prop_assert_eq!(&reply[..2], [0, 7]);
        prop_assert_eq!(
            (reply[2] & 0xf9, reply[3] & 0xf0),
            (0x80 | u8::from(self.recursion_desired), 0x80 | self.cd())
        );
        prop_assert_eq!(&reply[HEADER_LEN..HEADER_LEN + question.wire().len()], question.wire());
        let limit = match self.edns {
            _ if self.tcp => 65_535,
            None => 512,
            Some((payload, _)) => usize::from(payload).clamp(512, 1232),
        };
        prop_assert!(reply.len() <= limit, "{} > {limit}", reply.len());
        let message = Message::from_vec(reply);
        prop_assert!(message.is_ok(), "{message:?}");
        let opt = message.unwrap().edns.map(|edns| (edns.max_payload(), edns.flags().dnssec_ok));
        prop_assert_eq!(opt, self.edns.map(|(_, dnssec_ok)| (1232, dnssec_ok)));
        Ok(())
    }
}
