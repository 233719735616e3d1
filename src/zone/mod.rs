//! The zone: what names say, rendered from the inventory.
//!
//! Read in this order: `settings`, `naming` (the only place that joins labels), `readiness`, `ports`, `balancing` and
//! `facts` (what a service's names are made of), `render` (one subject → its names), `block` (these, packed), `claims` (who
//! may say what a name says), `index`, `trie` and `sorted` (finding a name, and the shards that are published), `ahead`
//! (finding several at once), `layers` (records that are not from ECS), `writer` (subjects in, a new version of the zone
//! out), `text`, `walk`, `transfer`.
//!
//! Pure: nothing here waits, reads a clock, or fails. A change costs what the change is, not what the fleet is.

pub mod ahead;
pub mod balancing;
pub mod block;
pub mod claims;
pub mod facts;
pub mod fixed;
pub mod index;
pub mod layers;
pub mod naming;
pub mod node;
pub mod ports;
pub mod readiness;
pub mod render;
pub mod settings;
mod sorted;
pub mod text;
pub mod transfer;
pub mod trie;
mod walk;
pub mod writer;

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::dns::{Body, SoaBlock, name};
pub use index::Entry;
use index::Index;
pub use layers::RecordIndex;
pub use node::Node;
pub use settings::{Fallback, Settings};
pub use writer::{Diff, ZoneWriter};

/// A zone as it is published: immutable, cheap to copy, shared by all workers.
#[derive(Debug, Clone)]
pub struct Zone {
    /// What the operator decided.
    pub settings: Arc<Settings>,
    /// SOA of this version of the zone.
    pub soa: SoaBlock,
    /// The apex: SOA and NS.
    pub apex: Arc<Node>,
    /// Which clusters have been read.
    pub sync: Arc<Sync>,
    /// Answers that are the same for every name.
    pub fixed: Arc<FixedBodies>,
    index: Index,
    /// Records of the configuration: the layer above ECS.
    pub records: RecordIndex,
    /// The copy of the Route 53 zone, once it has been read.
    pub hosted: Option<RecordIndex>,
}

/// Answers that do not depend on the name.
#[derive(Debug)]
pub struct FixedBodies {
    /// The name does not exist.
    pub nxdomain: Body,
    /// The name exists, the type does not.
    pub nodata: Body,
    /// Nothing, behind CNAMEs that have been followed far enough.
    pub unfinished: Body,
    /// We have not read the cluster that could have the name (EDE 14).
    pub not_synced: Body,
    /// We have not read the hosted zone that could have the name (EDE 14).
    pub not_read: Body,
}

/// Which clusters have been read, as labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sync {
    /// Labels, in every form, of clusters that are followed but not read yet.
    pub pending: Vec<String>,
    /// Whether one of the default clusters is among them.
    pub default_pending: bool,
    /// Whether there may be clusters that we have not heard of yet.
    pub incomplete: bool,
}

impl Sync {
    /// Whether everything has been read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.pending.is_empty() && !self.incomplete
    }
}

impl Zone {
    /// The entry of a name in lower-cased wire form. The apex has none.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<Entry<'_>> {
        self.index.find(name)
    }

    /// Whether the Route 53 side has no say: below a reserved label, or below a name that ECS has. A wildcard there must
    /// not answer for a task that is gone.
    #[must_use]
    pub fn is_ours_alone(&self, name: &[u8]) -> bool {
        let above = std::iter::successors(name::parent(name), |above| name::parent(above));
        let mut above = above.take_while(|above| above.len() > self.settings.origin.as_wire().len());
        self.is_below_reserved(name) || above.any(|above| self.find(above).is_some_and(|entry| entry.shown().is_some()))
    }

    /// Whether the label next to the zone, which decides whether a name is grammar, is a reserved one.
    #[must_use]
    pub fn is_below_reserved(&self, name: &[u8]) -> bool {
        self.labels_below(name).last().is_some_and(naming::is_reserved)
    }

    /// The labels of a name in front of the zone, from the left.
    pub fn labels_below<'n>(&self, name: &'n [u8]) -> impl Iterator<Item = &'n [u8]> {
        let mut left = name.len().saturating_sub(self.settings.origin.as_wire().len());
        name::labels(name).take_while(move |label| {
            let is_below = left > 0;
            left = left.saturating_sub(label.len() + 1);
            is_below
        })
    }

    /// All names of ECS, in no order that means anything.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.index.entries()
    }

    /// Number of names, empty non-terminals included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether it has no names but the apex.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }
}

/// Hash of a name.
fn hash(name: &[u8]) -> u32 {
    // The low half of a good hash is a good hash.
    hasher().hash_one(name) as u32
}

/// Clients choose only what is looked up, never what is stored, so a fixed seed does no harm.
fn hasher() -> FixedState {
    FixedState::with_seed(0x6563_735f_646e_7321)
}

#[cfg(test)]
pub(crate) mod tests;
