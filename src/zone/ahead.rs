//! Reading ahead: what the look-ups of several names will read is read before they begin.
//!
//! A look-up is a chain of places in memory, each known only through the one before it, and in a zone of a thousand
//! services few of them are in the CPU's cache. So the chains of all names are followed side by side, a place of each in
//! turn: while that of one name is on its way, those of the others are asked for. Nothing is decided here; a name that is
//! found in another way, or not at all, is only looked up more slowly.

use std::hint::black_box;
use std::sync::Arc;

use smallvec::SmallVec;

use super::block::Block;
use super::index::{Owner, Word};
use super::node::Node;
use super::trie::Descent;
use super::{Zone, hash, sorted};
use crate::dns::{Body, RecordType};

/// Names that are looked up side by side.
const MOST: usize = 16;

/// Names whose look-ups lie ahead.
#[derive(Debug)]
pub struct Ahead<'z> {
    zone: &'z Zone,
    chains: SmallVec<[Chain<'z>; MOST]>,
}

/// How far a name has come.
#[derive(Debug, Clone, Copy)]
struct Chain<'z> {
    hash: u32,
    qtype: RecordType,
    at: At<'z>,
}

/// What was asked for last.
#[derive(Debug, Clone, Copy)]
enum At<'z> {
    /// The way to the owner of the name, and in the end those among which it is.
    Owners(Descent<'z, Word>),
    Owner(&'z [(u32, Word)]),
    /// The same from a number to its block.
    Blocks(u32, Descent<'z, Arc<Block>>),
    Numbered(u32, &'z [(u32, Arc<Block>)]),
    Block(&'z Block),
    Place(&'z Block),
    Node(&'z Node),
    Body(&'z Body),
}

impl<'z> Ahead<'z> {
    /// None yet.
    #[must_use]
    pub fn new(zone: &'z Zone) -> Self {
        Self { zone, chains: SmallVec::new() }
    }

    /// This name, in lower-cased wire form, will be asked for this type. More than 16 are let go.
    pub fn add(&mut self, name: &[u8], qtype: RecordType) {
        if self.chains.len() < MOST {
            self.chains.push(Chain { hash: hash(name), qtype, at: At::Owners(self.zone.index.owners()) });
        }
    }

    /// Reads what will be read of all of them.
    pub fn read(mut self) {
        while !self.chains.is_empty() {
            self.chains.retain(|chain| {
                let next = chain.next(self.zone);
                next.map(|at| chain.at = at).is_some()
            });
        }
    }
}

impl<'z> Chain<'z> {
    /// Takes what was asked for last, which should have come by now, and asks for what it leads to.
    fn next(self, zone: &'z Zone) -> Option<At<'z>> {
        Some(match self.at {
            At::Owners(walk) => match walk.next(self.hash) {
                Ok(walk) => {
                    walk.read();
                    At::Owners(walk)
                }
                Err(owners) => {
                    black_box(owners.get(sorted::guess(owners, self.hash)).map(|(hash, _)| *hash));
                    At::Owner(owners)
                }
            },
            At::Owner(owners) => {
                let (_, word) = sorted::having(owners, self.hash, |(hash, _)| *hash).next()?;
                let Owner::Block(number) = word.owner() else { return None };
                At::Blocks(number, zone.index.blocks())
            }
            At::Blocks(number, walk) => match walk.next(number) {
                Ok(walk) => {
                    walk.read();
                    At::Blocks(number, walk)
                }
                Err(blocks) => {
                    black_box(blocks.first().map(|(number, _)| *number));
                    At::Numbered(number, blocks)
                }
            },
            At::Numbered(number, blocks) => {
                let (_, block) = blocks.iter().find(|(of, _)| *of == number)?;
                block.read_head();
                At::Block(block)
            }
            At::Block(block) => {
                block.read_place(self.hash);
                At::Place(block)
            }
            At::Place(block) => At::Node(block.read_name(self.hash)?),
            At::Node(node) => {
                let body = node.body(self.qtype);
                body.read_head();
                At::Body(body)
            }
            At::Body(body) => {
                body.read();
                return None;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::dns::DomainName;
    use crate::ecs::Timestamp;
    use crate::inventory::{Inventory, Outcome, reduce};
    use crate::source::synthetic::synthetic;
    use crate::zone::{Settings, ZoneWriter};

    fn zone() -> Zone {
        let (mut inventory, mut touched) = (Inventory::default(), BTreeSet::new());
        for change in synthetic(40, 3).into_changes(Timestamp::MIN) {
            let (next, outcome) = reduce(inventory, change);
            inventory = next;
            if let Outcome::Changed(subjects) = outcome {
                touched.extend(subjects);
            }
        }
        let origin = DomainName::from_text("ecs.internal").unwrap();
        let mut writer = ZoneWriter::new(Settings::new(origin, vec!["prod".to_owned()]), &inventory, 1);
        writer.update(&inventory, &touched);
        writer.zone().clone()
    }

    /// The body that a chain ends with.
    fn end<'z>(zone: &'z Zone, name: &[u8], qtype: RecordType) -> Option<&'z Body> {
        let mut ahead = Ahead::new(zone);
        ahead.add(name, qtype);
        let mut chain = ahead.chains.pop()?;
        while let Some(next) = chain.next(zone) {
            chain.at = next;
        }
        if let At::Body(body) = chain.at { Some(body) } else { None }
    }

    #[test]
    fn what_is_read_is_what_is_looked_up() {
        let zone = zone();
        let mut read = 0;
        for entry in zone.entries() {
            for kind in [RecordType::A, RecordType::AAAA, RecordType::SRV, RecordType::TXT, RecordType::PTR] {
                let body = entry.shown().map(|node| std::ptr::from_ref(node.body(kind)));
                // Only what several subjects have is found in another way.
                if let Some(end) = end(&zone, entry.name, kind) {
                    assert_eq!(Some(std::ptr::from_ref(end)), body);
                    read += 1;
                }
            }
        }
        assert!(read > zone.len() * 4, "{read} of {} names", zone.len());
        assert!(end(&zone, b"\x06nosuch\x03ecs\x08internal\0", RecordType::A).is_none());
    }
}
