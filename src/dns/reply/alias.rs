//! What leads from one name to another in front of an answer: a CNAME of ours, or one of an upstream.

use std::sync::Arc;

use super::tail::write_aged;
use crate::dns::records::Records;
use crate::dns::{Body, DomainName, Ede};

/// What has become of the TTLs of an answer that has been kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ageing {
    /// It is of so many seconds ago.
    By(u32),
    /// It is past its time, and all its TTLs are so many seconds.
    To(u32),
}

impl Ageing {
    /// What has become of this TTL, in seconds.
    #[must_use]
    pub fn of(self, ttl: u32) -> u32 {
        match self {
            Self::By(age) => ttl.saturating_sub(age),
            Self::To(ttl) => ttl,
        }
    }
}

/// A CNAME in front of an answer. Its owner is what the one before it points to, or the name that was asked.
#[derive(Debug, Clone)]
pub enum Alias<'b> {
    /// One of ours: a body that has no other record.
    Ours(&'b Body),
    /// One that an upstream has said.
    Theirs {
        /// As in a [`Hop`].
        records: Body,
        /// What has become of their TTLs.
        ageing: Ageing,
        /// Why it is said all the same, if its time is over.
        stale: Option<Arc<Ede>>,
    },
}

/// A CNAME of an upstream's, as it is kept.
#[derive(Debug, Clone)]
pub struct Hop {
    /// The CNAME, and behind it what goes with it: its signatures, the DNAME that it is made of.
    pub records: Body,
    /// What it points to.
    pub target: DomainName,
}

impl Alias<'_> {
    /// The CNAME, and what goes with it.
    pub(crate) fn body(&self) -> &Body {
        match self {
            Self::Ours(cname) => cname,
            Self::Theirs { records, .. } => records,
        }
    }

    /// The CNAME without its owner.
    pub(super) fn cname(&self) -> &[u8] {
        self.records().get(0).get(2..).unwrap_or_default()
    }

    pub(super) fn records(&self) -> Records<'_> {
        self.body().answers()
    }

    /// Writes one of its records, which has no owner.
    pub(super) fn write(&self, out: &mut Vec<u8>, record: &[u8]) {
        match self {
            Self::Ours(_) => out.extend_from_slice(record),
            Self::Theirs { ageing, .. } => write_aged(out, record, |ttl| ageing.of(ttl)),
        }
    }

    /// Why it is said although its time is over, if it is.
    #[must_use]
    pub fn stale(&self) -> Option<&Ede> {
        match self {
            Self::Ours(_) => None,
            Self::Theirs { stale, .. } => stale.as_deref(),
        }
    }
}

/// Whether an answer is of our own authority (AA), which goes by who has its first record (RFC 1035 4.1.1): `end` is whether
/// that behind the aliases is.
pub(super) fn authoritative(aliases: &[Alias<'_>], end: bool) -> bool {
    aliases.first().map_or(end, |alias| matches!(alias, Alias::Ours(_)))
}
