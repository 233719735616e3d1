//! The zone: what names say, rendered from the inventory.

use crate::dns::SoaBlock;

/// A zone as it is published: immutable, shared by all workers.
#[derive(Debug, Clone)]
pub struct Zone {
    /// SOA of this version of the zone.
    pub soa: SoaBlock,
}
