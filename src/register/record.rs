//! What registration knows of record sets: the types that it writes, and a zone that was read to its end.

use std::collections::BTreeMap;

use crate::dns::{DomainName, RecordType};
use crate::route53::{Content, RecordSet, Routing};

/// The record types that services are registered with; each name has one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The load balancer of a service.
    Cname,
    /// The addresses of its tasks, one multivalue record set each; or of one task.
    A,
    /// Tasks with a port.
    Srv,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cname, Self::A, Self::Srv];

    /// As the DNS and Route 53 write it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Cname => "CNAME",
            Self::A => "A",
            Self::Srv => "SRV",
        }
    }

    /// The kind that is written `label`.
    #[must_use]
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.label() == label)
    }

    /// The record type.
    #[must_use]
    pub fn record_type(self) -> RecordType {
        match self {
            Self::Cname => RecordType::CNAME,
            Self::A => RecordType::A,
            Self::Srv => RecordType::SRV,
        }
    }
}

/// A simple record set.
#[must_use]
pub fn simple(name: &DomainName, kind: RecordType, ttl: u32, values: Vec<String>) -> RecordSet {
    RecordSet {
        name: name.clone(),
        kind,
        content: Content::Values { ttl, values },
        routing: Routing::Simple,
        set_identifier: None,
        health_check: None,
    }
}

/// One of several record sets of a name, of which Route 53 answers with up to eight.
#[must_use]
pub fn multivalue(name: &DomainName, kind: RecordType, ttl: u32, identifier: String, value: String) -> RecordSet {
    RecordSet { routing: Routing::Multivalue, set_identifier: Some(identifier), ..simple(name, kind, ttl, vec![value]) }
}

/// TTL and values of a record set; `None` for an alias.
#[must_use]
pub fn values(set: &RecordSet) -> Option<(u32, &[String])> {
    match &set.content {
        Content::Values { ttl, values } => Some((*ttl, values)),
        Content::Alias(_) => None,
    }
}

/// Whether two record sets of one name say the same: case, final dots and the order of the values do not count.
#[must_use]
pub fn say_the_same(one: &RecordSet, other: &RecordSet) -> bool {
    let plain = |set: &RecordSet| {
        values(set).map(|(ttl, values)| {
            let mut values: Vec<_> = values.iter().map(|value| plain_value(set.kind, value)).collect();
            values.sort();
            (ttl, values)
        })
    };
    let policy = |set: &RecordSet| (set.routing.clone(), set.set_identifier.clone(), set.health_check.clone());
    one.kind == other.kind && policy(one) == policy(other) && plain(one).is_some() && plain(one) == plain(other)
}

/// A value as it is compared: text as it is, anything else as a name.
fn plain_value(kind: RecordType, value: &str) -> String {
    if kind == RecordType::TXT { value.to_owned() } else { plain_name(value) }
}

/// A name in lower case without a final dot.
pub(super) fn plain_name(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// A hosted zone that was read to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    sets: BTreeMap<DomainName, Vec<RecordSet>>,
}

impl Listing {
    /// The zone with these record sets, which must be all of them.
    #[must_use]
    pub fn complete(listed: impl IntoIterator<Item = RecordSet>) -> Self {
        let mut sets: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for set in listed {
            sets.entry(set.name.clone()).or_default().push(set);
        }
        Self { sets }
    }

    /// The record sets of a name.
    #[must_use]
    pub fn at(&self, name: &DomainName) -> &[RecordSet] {
        self.sets.get(name).map_or(&[], Vec::as_slice)
    }

    /// The names that have any.
    pub fn names(&self) -> impl Iterator<Item = &DomainName> {
        self.sets.keys()
    }
}
