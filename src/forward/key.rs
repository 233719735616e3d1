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
        KeyRef::of(question).to_key()
    }

    /// The same, borrowed.
    #[must_use]
    pub fn borrow(&self) -> KeyRef<'_> {
        let Self { ref name, qtype, dnssec_ok, checking_disabled } = *self;
        KeyRef { name: name.as_wire(), qtype, dnssec_ok, checking_disabled }
    }
}

/// A [`Key`] that owns nothing, to look up with: equal if it is, with the same hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyRef<'k> {
    /// The name in lower-case wire form.
    pub name: &'k [u8],
    /// The record type.
    pub qtype: RecordType,
    /// Whether DNSSEC records are wanted.
    pub dnssec_ok: bool,
    /// Whether the upstream is not to validate.
    pub checking_disabled: bool,
}

impl<'k> KeyRef<'k> {
    /// What a client asks.
    #[must_use]
    pub fn of(question: &'k Question<'_>) -> Self {
        Self::of_name(question.name(), question)
    }

    /// What a client asks, of another name, in lower-case wire form.
    #[must_use]
    pub fn of_name(name: &'k [u8], question: &Question<'_>) -> Self {
        let (dnssec_ok, checking_disabled) = (question.dnssec_ok(), question.checking_disabled);
        Self { name, qtype: question.qtype, dnssec_ok, checking_disabled }
    }

    /// A key of its own; `None` if the name is not well formed.
    #[must_use]
    pub fn to_key(self) -> Option<Key> {
        let Self { name, qtype, dnssec_ok, checking_disabled } = self;
        Some(Key { name: DomainName::from_wire(name)?, qtype, dnssec_ok, checking_disabled })
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn a_borrowed_key_is_found_by_its_hash() {
        let hasher = foldhash::fast::FixedState::default();
        let name = DomainName::from_text("www.example").unwrap();
        let plain = Key::new(name, RecordType::A);
        let others = [
            Key { name: DomainName::root(), ..plain.clone() },
            Key { qtype: RecordType::AAAA, ..plain.clone() },
            Key { dnssec_ok: true, ..plain.clone() },
            Key { checking_disabled: true, ..plain.clone() },
        ];
        for key in others.iter().chain([&plain]) {
            assert_eq!(hasher.hash_one(key.borrow()), hasher.hash_one(key));
            assert_eq!(key.borrow().to_key().as_ref(), Some(key));
            assert_eq!(key.borrow() == plain.borrow(), *key == plain);
        }
    }
}
