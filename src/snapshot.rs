//! The published state: one immutable value behind one atomic pointer.
//!
//! The updater stores, everybody else loads. A query loads it once and never sees half a change.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::dns::Ede;
use crate::zone::Zone;

/// Everything that a query may need.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Counts publications; never goes back.
    pub generation: u64,
    /// The zone.
    pub zone: Zone,
    /// Said with every answer of our zone, e.g. that the inventory is older than it should be.
    pub ede: Option<Ede>,
}

/// The place where the snapshot is published. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shared(Arc<ArcSwap<Snapshot>>);

impl Shared {
    /// Publishes the first snapshot.
    #[must_use]
    pub fn new(first: Snapshot) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(first)))
    }

    /// The snapshot of this moment. Hold it only as long as one query takes.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<Snapshot>> {
        self.0.load()
    }

    /// Publishes the next snapshot and returns the one before. Only the updater calls this.
    pub(crate) fn replace(&self, next: Snapshot) -> Arc<Snapshot> {
        self.0.swap(Arc::new(next))
    }
}
