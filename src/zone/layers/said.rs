//! What a name of a record layer says, ready to be sent.

use std::sync::Arc;

use crate::dns::{Body, DomainName, RecordType};

/// What a name says of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// These records.
    Body(Body),
    /// This CNAME, and then what its target says.
    Cname {
        /// The CNAME record alone.
        cname: Body,
        /// Where it points.
        target: DomainName,
    },
    /// Whatever the upstream says of this other name, as records of this one: an alias to a load balancer.
    Flatten(DomainName),
    /// What only Route 53 can tell, because it depends on health or location: the upstream is asked for this very name.
    Ask,
    /// One of these, the first that a number drawn evenly below the last bound is less than the bound of.
    Choice(Arc<[(u32, Said)]>),
}

impl Said {
    /// What is said this time. `spin` counts questions.
    #[must_use]
    pub fn pick(&self, spin: u32) -> &Self {
        let Self::Choice(parts) = self else { return self };
        let drawn = draw(spin, parts.last().map_or(0, |(bound, _)| *bound));
        parts.iter().find(|(bound, _)| drawn < u64::from(*bound)).map_or(self, |(_, part)| part)
    }
}

/// A number below `total`. Multiples of the golden ratio fall evenly, also where a client's questions are every second or
/// third.
pub(in crate::zone) fn draw(spin: u32, total: u32) -> u64 {
    (u64::from(spin.wrapping_mul(0x9e37_79b9)) * u64::from(total)) >> 32
}

/// The data at an owner name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordNode {
    /// What it says of each type; nothing of all others.
    Types(Vec<(RecordType, Said)>),
    /// The same for every type: a CNAME, or one that must be asked for.
    Every(Said),
    /// It is delegated: it, and all below it, is somebody else's.
    Cut,
}

/// The answer of a name to one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saying<'l> {
    /// This.
    Body(&'l Body),
    /// The name exists, the type does not.
    NoData,
    /// A CNAME, to be followed.
    Follow {
        /// The CNAME record alone.
        cname: &'l Body,
        /// Where it points.
        target: &'l DomainName,
    },
    /// See [`Said::Flatten`].
    Flatten(&'l DomainName),
    /// See [`Said::Ask`].
    Ask,
    /// The name is not ours: whatever the upstream says.
    Elsewhere,
}

impl RecordNode {
    /// What the name says of `qtype`.
    #[must_use]
    pub fn say(&self, qtype: RecordType, spin: u32) -> Saying<'_> {
        let said = match self {
            Self::Cut => return Saying::Elsewhere,
            Self::Every(said) => Some(said),
            Self::Types(sets) => sets.iter().find(|(kind, _)| *kind == qtype).map(|(_, said)| said),
        };
        match said.map(|said| said.pick(spin)) {
            None => Saying::NoData,
            Some(Said::Body(body)) => Saying::Body(body),
            Some(Said::Cname { cname, .. }) if qtype == RecordType::CNAME => Saying::Body(cname),
            Some(Said::Cname { cname, target }) => Saying::Follow { cname, target },
            Some(Said::Flatten(target)) => Saying::Flatten(target),
            Some(Said::Ask | Said::Choice(_)) => Saying::Ask,
        }
    }

    /// What is said, without regard to the type, for whoever prints a zone.
    pub fn all(&self) -> impl Iterator<Item = &Said> {
        let (sets, every) = match self {
            Self::Types(sets) => (sets.as_slice(), None),
            Self::Every(said) => (&[][..], Some(said)),
            Self::Cut => (&[][..], None),
        };
        sets.iter().map(|(_, said)| said).chain(every)
    }
}
