//! What one name says: its record sets as ready bodies, or that it is an alias.

use std::hint::black_box;

use smallvec::SmallVec;

use crate::dns::{Body, DomainName, RecordType};

/// Record sets by type: of most names two at most, which then lie within the node.
pub type Sets = SmallVec<[(RecordType, Body); 2]>;

/// The data at an owner name: one line of memory, of most names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[repr(align(64))]
pub enum Node {
    /// Record sets by type.
    Records {
        /// A body for each type that has one, NOERROR or SERVFAIL.
        sets: Sets,
        /// The answer for every other type.
        nodata: Body,
    },
    /// A CNAME to a load balancer.
    Alias {
        /// The CNAME record alone.
        cname: Body,
        /// Where it points.
        target: DomainName,
    },
    /// The name is declared, but what it should say is not known: ask the Route 53 side, else SERVFAIL.
    Unavailable {
        /// The SERVFAIL.
        answer: Body,
    },
}

impl Node {
    /// What it says of a type itself: of an alias, that it is one.
    #[must_use]
    pub fn body(&self, qtype: RecordType) -> &Body {
        match self {
            Self::Records { sets, nodata } => {
                sets.iter().find(|(kind, _)| *kind == qtype).map_or(nodata, |(_, body)| body)
            }
            Self::Alias { cname, .. } => cname,
            Self::Unavailable { answer } => answer,
        }
    }

    /// Reads ahead: what it is, and in most that is all of it.
    pub(super) fn read_head(&self) {
        black_box(match self {
            Self::Records { sets, .. } => sets.len(),
            Self::Alias { .. } | Self::Unavailable { .. } => 0,
        });
    }

    /// All its bodies.
    pub fn bodies_mut(&mut self) -> impl Iterator<Item = &mut Body> {
        let (sets, single) = match self {
            Self::Records { sets, nodata } => (sets.as_mut_slice(), nodata),
            Self::Alias { cname, .. } => (&mut [][..], cname),
            Self::Unavailable { answer } => (&mut [][..], answer),
        };
        sets.iter_mut().map(|(_, body)| body).chain([single])
    }

    /// The node with another body for each of its own.
    #[must_use]
    pub fn map_bodies(&self, mut map: impl FnMut(&Body) -> Body) -> Self {
        match self {
            Self::Records { sets, nodata } => Self::Records {
                sets: sets.iter().map(|(kind, body)| (*kind, map(body))).collect(),
                nodata: map(nodata),
            },
            Self::Alias { cname, target } => Self::Alias { cname: map(cname), target: target.clone() },
            Self::Unavailable { answer } => Self::Unavailable { answer: map(answer) },
        }
    }

    /// Types and bodies, for whoever prints a zone.
    pub fn bodies(&self) -> impl Iterator<Item = &Body> {
        let (sets, single) = match self {
            Self::Records { sets, .. } => (sets.as_slice(), None),
            Self::Alias { cname, .. } => (&[][..], Some(cname)),
            Self::Unavailable { answer } => (&[][..], Some(answer)),
        };
        sets.iter().map(|(_, body)| body).chain(single)
    }
}
