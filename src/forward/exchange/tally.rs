//! How an exchange ended, and what it cost.

use crate::forward::Rejects;

/// Why a question got no answer. A greater one tells more, and is told when upstreams failed in different ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// Nobody listens at the upstream's address, or there is no way to it.
    Unreachable,
    /// It could not be sent in time: the rate of queries is used up.
    NotSent,
    /// No reply in time.
    Timeout,
    /// The reply could not be used.
    Malformed,
    /// The upstream said SERVFAIL, REFUSED or another error.
    ServFail,
}

/// What happened in an exchange, for the counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Queries sent over UDP.
    pub udp: u32,
    /// Queries sent over TCP.
    pub tcp: u32,
    /// Queries sent over TLS.
    pub tls: u32,
    /// Queries sent while an earlier one was still awaited.
    pub hedged: u32,
    /// Queries sent again without EDNS.
    pub without_edns: u32,
    /// Tries that were given up waiting for.
    pub timeouts: u32,
    /// Tries that could not be sent or were refused by the upstream's host.
    pub unreachable: u32,
    /// Replies with an error code.
    pub errors: u32,
    /// What came and was not taken, by reason.
    pub rejects: Rejects,
}
