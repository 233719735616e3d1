//! The words of the DNS: names, questions from bytes, ready answers, and the one encoder of replies.
//!
//! Pure values and bytes. Nothing here knows ECS, a socket or a clock. hickory-proto is the codec of everything that
//! is not hot and is re-exported from here, so that an upgrade of it touches one folder.

pub mod body;
pub mod cookie;
pub mod ede;
pub mod framing;
pub mod name;
pub mod precheck;
pub mod presentation;
pub mod question;
mod records;
pub mod reply;

pub use body::{Body, BodyBuilder};
pub use cookie::{Cookie, ReplyCookie};
pub use ede::Ede;
pub use hickory_proto::rr::{Name, RData, RecordType, rdata};
pub use name::DomainName;
pub use precheck::{Precheck, precheck};
pub use question::{Edns, Parsed, Question};
pub use reply::{Envelope, ReplyContext, SoaBlock, Tail, Whose};

/// Length of the header of a DNS message in bytes (RFC 1035 4.1.1); the question starts here.
pub const HEADER_LEN: usize = 12;

/// Largest UDP payload to a client without EDNS (RFC 1035 4.2.1).
pub const UDP_PLAIN_LIMIT: usize = 512;

/// Largest UDP payload that we send and announce (DNS flag day 2020; fits every path without fragments).
pub const UDP_EDNS_LIMIT: usize = 1232;

/// Largest message over TCP (RFC 1035 4.2.2: a 16-bit length).
pub const TCP_LIMIT: usize = 65_535;

/// Response codes that we send (RFC 1035 4.1.1, RFC 6895).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Rcode {
    /// No error.
    NoError = 0,
    /// The query could not be read.
    FormErr = 1,
    /// We could not answer now.
    ServFail = 2,
    /// The name does not exist.
    NxDomain = 3,
    /// The opcode is not implemented.
    NotImp = 4,
    /// Not for this client or not for this server.
    Refused = 5,
}

impl Rcode {
    /// The four bits of the header.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}
