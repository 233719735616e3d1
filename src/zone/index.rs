//! The index of a zone: from a name to who says what there.
//!
//! A hash leads to a number, the number to the [`Block`] of a subject or, for the few names that several subjects have,
//! to their [`Claims`]. The numbers of a shard are copied with it when it changes; neither blocks nor claims are looked
//! at then, so a change costs the same in a small fleet and in a large one. A subject keeps its number for life: while
//! its names stay, only its block is replaced.

use std::sync::Arc;

use super::block::{Block, Named};
use super::claims::{Claims, Origin};
use super::hash;
use super::naming::Form;
use super::node::Node;
use super::trie::{Descent, Trie, Walk};
use crate::dns::DomainName;

/// All names of ECS, and the zone's own.
#[derive(Debug, Clone, Default)]
pub struct Index {
    names: Trie<Word>,
    /// Found by their numbers, which take the place of hashes.
    blocks: Trie<Arc<Block>>,
    shared: Trie<Arc<Claims>>,
}

/// Who has a name: a block, or several by their claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Block(u32),
    Shared(u32),
}

/// An owner in one word: the number, and one bit for what it is of. The index of a large fleet is made of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(u32);

impl Word {
    const SHARED: u32 = 1 << 31;

    pub(super) fn owner(self) -> Owner {
        let number = self.0 & !Self::SHARED;
        if self.0 == number { Owner::Block(number) } else { Owner::Shared(number) }
    }
}

impl From<Owner> for Word {
    fn from(owner: Owner) -> Self {
        // There are fewer than two billion of either.
        match owner {
            Owner::Block(number) => Self(number),
            Owner::Shared(number) => Self(number | Self::SHARED),
        }
    }
}

/// What stands at a name.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'z> {
    /// The name in lower-cased wire form.
    pub name: &'z [u8],
    /// Who says it, and how true the name is to its own; `None` for an empty non-terminal.
    pub winner: Option<(Form, &'z Origin)>,
    shown: Option<&'z Node>,
}

impl<'z> Entry<'z> {
    /// What the name says; `None` for an empty non-terminal.
    #[must_use]
    pub fn shown(&self) -> Option<&'z Node> {
        self.shown
    }
}

impl<'z> From<Named<'z>> for Entry<'z> {
    fn from(named: Named<'z>) -> Self {
        let winner = named.said.map(|(form, _)| (form, &**named.origin));
        Self { name: named.name, winner, shown: named.said.map(|(_, node)| node) }
    }
}

impl<'z> From<&'z Claims> for Entry<'z> {
    fn from(claims: &'z Claims) -> Self {
        let winner = claims.winner().map(|claim| (claim.form, &*claim.origin));
        Self { name: claims.name.as_wire(), winner, shown: claims.shown().map(|node| &**node) }
    }
}

impl Index {
    /// What stands at a name in lower-cased wire form.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<Entry<'_>> {
        let hash = hash(name);
        let mut alone = None;
        // A block that is found for another name of this hash has no say if the name is shared.
        let shared = self.names.find(hash, |word| match word.owner() {
            Owner::Block(number) => {
                alone = alone.or_else(|| self.block(number)?.find(hash, name));
                None
            }
            Owner::Shared(number) => self.shared_by(number, name),
        });
        shared.map(|claims| Entry::from(&**claims)).or_else(|| alone.map(Entry::from))
    }

    /// Who has a name. `besides` is a block whose entries are all for other names.
    pub(super) fn owner(&self, hash: u32, name: &[u8], besides: Option<u32>) -> Option<Owner> {
        let mut alone = None;
        let shared = self.names.find(hash, |word| {
            let owner = word.owner();
            match owner {
                Owner::Block(number) if Some(number) != besides => {
                    alone = alone.or_else(|| self.block(number)?.find(hash, name).map(|_| owner));
                    None
                }
                Owner::Block(_) => None,
                Owner::Shared(number) => self.shared_by(number, name).map(|_| owner),
            }
        });
        shared.or(alone)
    }

    /// Claims with this number, if they are those of this name.
    fn shared_by(&self, number: u32, name: &[u8]) -> Option<&Arc<Claims>> {
        self.claims(number).filter(|claims| claims.name.as_wire() == name)
    }

    /// The way to the owners of a name, step by step, and from the number of a block to it.
    pub(super) fn owners(&self) -> Descent<'_, Word> {
        self.names.descent()
    }

    pub(super) fn blocks(&self) -> Descent<'_, Arc<Block>> {
        self.blocks.descent()
    }

    /// The block of a subject.
    #[must_use]
    pub fn block(&self, number: u32) -> Option<&Arc<Block>> {
        self.blocks.find(number, Some)
    }

    pub(super) fn claims(&self, number: u32) -> Option<&Arc<Claims>> {
        self.shared.find(number, Some)
    }

    /// Puts a block in the place of the one with this number, or takes that out.
    pub(super) fn set_block(&mut self, number: u32, block: Option<Block>) {
        match block {
            Some(block) => self.blocks.put(number, Arc::new(block), |_| true),
            None => self.blocks.remove(number, |_| true),
        }
    }

    /// The same for claims.
    pub(super) fn set_claims(&mut self, number: u32, claims: Option<Arc<Claims>>) {
        match claims {
            Some(claims) => self.shared.put(number, claims, |_| true),
            None => self.shared.remove(number, |_| true),
        }
    }

    /// Puts in many blocks with new numbers.
    pub(super) fn add_blocks(&mut self, blocks: Vec<(u32, Arc<Block>)>) {
        self.blocks.add_all(blocks);
    }

    /// Adds many names that nobody has: their hashes and the blocks that they are in.
    pub(super) fn add_names(&mut self, names: impl Iterator<Item = (u32, u32)>) {
        self.names.add_all(names.map(|(hash, number)| (hash, Owner::Block(number).into())).collect());
    }

    /// Whether a name with this hash is there.
    pub(super) fn has_hash(&self, hash: u32) -> bool {
        self.names.find(hash, Some).is_some()
    }

    pub(super) fn add_name(&mut self, hash: u32, owner: Owner) {
        self.names.add(hash, owner.into());
    }

    pub(super) fn remove_name(&mut self, hash: u32, owner: Owner) {
        self.names.remove(hash, |word| word.owner() == owner);
    }

    /// The name belongs to `to` from now on.
    pub(super) fn move_name(&mut self, hash: u32, from: Owner, to: Owner) {
        self.names.put(hash, to.into(), |word| word.owner() == from);
    }

    /// All names, in no order that means anything.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let names = self.blocks.iter().flat_map(|block| block.iter());
        let alone = names.filter(|named| self.is_alone(named)).map(Entry::from);
        alone.chain(self.shared.iter().map(|claims| Entry::from(&**claims)))
    }

    /// Walks over the blocks, and over the claims of names that several have.
    pub(super) fn walk(&self) -> (Walk<Arc<Block>>, Walk<Arc<Claims>>) {
        (self.blocks.walk(), self.shared.walk())
    }

    /// Whether a name of a block is that one's alone.
    pub(super) fn is_alone(&self, named: &Named<'_>) -> bool {
        matches!(self.owner(named.hash, named.name, None), Some(Owner::Block(_)))
    }

    /// Number of names, empty non-terminals included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether it has no names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Claims of a name that only the block with this number has had.
    pub(super) fn claims_of(&self, number: u32, hash: u32, name: &[u8]) -> Claims {
        let mut claims = Claims::new(DomainName::from_wire(name).unwrap_or_else(DomainName::root));
        if let Some(named) = self.block(number).and_then(|block| block.find(hash, name)) {
            claims.replace(None, Some(&named));
        }
        claims
    }
}
