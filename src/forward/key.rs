//! What one cached answer is an answer to.

use crate::dns::{DomainName, Question, RecordType};

/// Everything of a question that can change the upstream's answer. The class is always IN.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The name, lower case.
    pub name: DomainName,
    /// The record type.
    pub qtype: RecordType,
    /// Whether DNSSEC records are wanted (DO, RFC 3225).
    pub dnssec_ok: bool,
    /// Whether the upstream is not to validate (CD, RFC 4035).
    pub checking_disabled: bool,
}

impl Key {
    /// A question of our own: no DNSSEC records, validated where the upstream validates.
    #[must_use]
    pub fn new(name: DomainName, qtype: RecordType) -> Self {
        Self { name, qtype, dnssec_ok: false, checking_disabled: false }
    }

    /// The key of a client's question. `None` only if its name were not well formed, which
    /// [`Question::parse`] rules out.
    #[must_use]
    pub fn of(question: &Question<'_>) -> Option<Self> {
        Some(Self {
            name: DomainName::from_wire(question.name())?,
            qtype: question.qtype,
            dnssec_ok: question.dnssec_ok(),
            checking_disabled: question.checking_disabled,
        })
    }
}
