//! Why there is no answer, in words for logs and for clients.

use std::sync::Arc;

use crate::dns::Ede;
use crate::forward::Failure;

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ForwardError {
    /// None is configured.
    #[error("no upstream is configured: set upstreams in [forward]")]
    NoUpstream,
    /// What we ask them comes back to us.
    #[error("every upstream leads back to this resolver: change upstreams in [forward]")]
    Loop,
    /// None answered within the budget.
    #[error("no upstream answered in time")]
    Timeout,
    /// None could be reached.
    #[error("no upstream could be reached")]
    Unreachable,
    /// They answered with errors, or with what cannot be used; one of them may have said why.
    #[error("the upstream answered with an error")]
    ServFail(Option<Arc<Ede>>),
    /// As many exchanges as allowed are under way.
    #[error("too many questions are waiting for an upstream")]
    TooMany,
    /// As many exchanges as this client may have when there are many are under way.
    #[error("too many questions of this client are waiting for an upstream")]
    OverShare,
    /// The rate of queries to upstreams was used up all the time.
    #[error("too many questions for the upstreams' rate limit")]
    OverRate,
    /// The answer has addresses that a name of the public DNS has no business to have.
    #[error("the answer has a private address (rebind protection)")]
    Rebind,
    /// What should be resolved is no domain name.
    #[error("this is not a domain name")]
    NotAName,
}

impl ForwardError {
    /// What happened in an exchange; `ede` is what an upstream said of an error.
    pub(super) fn of(failure: Failure, ede: Option<&Arc<Ede>>) -> Self {
        match failure {
            Failure::Unreachable => Self::Unreachable,
            Failure::NotSent => Self::OverRate,
            Failure::Timeout => Self::Timeout,
            Failure::Malformed | Failure::ServFail => Self::ServFail(ede.cloned()),
        }
    }

    /// Whether the question itself has failed (RFC 9520), and not we, for lack of room.
    pub(super) fn is_resolution_failure(&self) -> bool {
        matches!(self, Self::Timeout | Self::Unreachable | Self::ServFail(_) | Self::Rebind)
    }

    /// The extended error for the client (RFC 8914): the upstream's own, if it gave one.
    #[must_use]
    pub fn ede(&self) -> Arc<Ede> {
        let code = match self {
            Self::ServFail(Some(ede)) => return Arc::clone(ede),
            Self::TooMany | Self::OverShare | Self::OverRate => Ede::NETWORK_ERROR,
            Self::Rebind => Ede::FILTERED,
            _ => Ede::NO_REACHABLE_AUTHORITY,
        };
        Arc::new(Ede::new(code, &self.to_string()))
    }
}
