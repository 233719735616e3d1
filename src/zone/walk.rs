//! A walk over all names of one version of the zone that can be interrupted: it holds where it stands, and no list.

use std::sync::Arc;

use super::block::Block;
use super::claims::Claims;
use super::layers::index::Placed;
use super::text::{self, Owned};
use super::{Entry, RecordIndex, Zone, trie};
use crate::dns::DomainName;

/// The walk. It begins in front of the first name.
#[derive(Debug)]
pub(super) struct Walk {
    zone: Zone,
    blocks: trie::Walk<Arc<Block>>,
    shared: trie::Walk<Arc<Claims>>,
    records: trie::Walk<Arc<Placed>>,
    hosted: Option<trie::Walk<Arc<Placed>>>,
    place: Option<Place>,
}

/// Where it stands.
#[derive(Debug)]
enum Place {
    /// At the name with this number in a block.
    Block(Arc<Block>, usize),
    Shared(Arc<Claims>),
    Record(Arc<Placed>),
    Hosted(Arc<Placed>),
}

impl Walk {
    pub(super) fn new(zone: Zone) -> Self {
        let (blocks, shared) = zone.index.walk();
        let (records, hosted) = (zone.records.walk(), zone.hosted.as_ref().map(RecordIndex::walk));
        Self { zone, blocks, shared, records, hosted, place: None }
    }

    /// The zone.
    pub(super) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Goes to the next name; `false` if there is none any more.
    pub(super) fn advance(&mut self) -> bool {
        if let Some(Place::Block(block, number)) = &mut self.place
            && *number + 1 < block.len()
        {
            *number += 1;
            return true;
        }
        let block = self.blocks.next().map(|block| Place::Block(block, 0));
        let ecs = block.or_else(|| self.shared.next().map(Place::Shared));
        let own = ecs.or_else(|| self.records.next().map(Place::Record));
        self.place = own.or_else(|| self.hosted.as_mut()?.next().map(Place::Hosted));
        self.place.is_some()
    }

    /// The name where it stands, and what the layer says that owns it; `None` if that is said elsewhere, or nothing is.
    pub(super) fn here(&self) -> Option<(DomainName, Owned<'_>)> {
        let zone = &self.zone;
        match self.place.as_ref()? {
            Place::Block(block, number) => {
                let named = block.get(*number).filter(|named| zone.index.is_alone(named))?;
                text::owned_by_ecs(zone, Entry::from(named))
            }
            Place::Shared(claims) => text::owned_by_ecs(zone, Entry::from(&**claims)),
            Place::Record(placed) => placed.said().map(|(name, node)| (name.clone(), Owned::Layer(node))),
            Place::Hosted(placed) => {
                let (name, node) = placed.said().filter(|(name, _)| text::is_hosted(zone, name))?;
                Some((name.clone(), Owned::Layer(node)))
            }
        }
    }
}
