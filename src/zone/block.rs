//! What one subject says, packed: its names and what stands at them, in a few allocations.
//!
//! A block is made once, when its subject is rendered, and never changes. The names above its own, which exist only
//! because of them (RFC 8020), are part of it and say nothing.

use std::collections::{HashMap, HashSet};
use std::hint::black_box;
use std::sync::Arc;

use super::claims::Origin;
use super::naming::Form;
use super::node::Node;
use super::render::Fragment;
use super::{hash, hasher, sorted};
use crate::dns::{Body, DomainName, name};

/// The names of one subject. One line of memory tells where all of it is.
#[derive(Debug)]
#[repr(align(64))]
pub struct Block {
    /// Whose names.
    pub origin: Arc<Origin>,
    /// Whether it answers with UNHEALTHY tasks.
    pub failed_open: bool,
    /// Tasks kept although their host is being drained.
    pub kept_draining: u32,
    /// In the order of hashes, then of names.
    places: Box<[Place]>,
    /// Names in wire form. One that ends another has no octets of its own.
    names: Box<[u8]>,
    /// What the names say, each once.
    nodes: Box<[Node]>,
}

// What the hot path reads of a block, and of most nodes, is one line of memory each.
const _: () = assert!(size_of::<Block>() == 64 && size_of::<Node>() == 64);

/// Where a name and what it says lie.
#[derive(Debug, Clone, Copy)]
struct Place {
    hash: u32,
    name: u32,
    said: Said,
}

/// Form and number of a node in one word; 0 for a name that says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Said(u32);

impl Said {
    const NOTHING: Self = Self(0);

    fn new(form: Form, node: usize) -> Self {
        // A subject has fewer than half a billion names.
        Self((node as u32 + 1) << 3 | form as u32)
    }

    fn get(self) -> Option<(Form, usize)> {
        let form = Form::ALL.get(self.0 as usize & 7)?;
        Some((*form, (self.0 >> 3).checked_sub(1)? as usize))
    }
}

/// A name of a block.
#[derive(Debug, Clone, Copy)]
pub struct Named<'b> {
    /// Hash of the name.
    pub hash: u32,
    /// The name in wire form.
    pub name: &'b [u8],
    /// What it says and how true the name is to the subject's own; `None` for an empty non-terminal.
    pub said: Option<(Form, &'b Node)>,
    /// Whose it is.
    pub origin: &'b Arc<Origin>,
}

impl Named<'_> {
    /// Whether both say the same, with the same right.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.said == other.said && self.origin == other.origin
    }
}

impl Block {
    /// Packs what was rendered of a zone `zone`.
    #[must_use]
    pub fn pack(fragment: &Fragment, zone: &DomainName) -> Self {
        let mut packer = Packer::default();
        let mut longest_first: Vec<_> = fragment.nodes.iter().collect();
        longest_first.sort_unstable_by_key(|(name, _)| std::cmp::Reverse(name.as_wire().len()));
        for (name, (form, node)) in longest_first {
            let said = Said::new(*form, packer.node(node));
            packer.name(name.as_wire(), said, zone.as_wire());
        }
        let mut places: Vec<Place> = packer.places.into_values().collect();
        let names = packer.octets.into_boxed_slice();
        places.sort_unstable_by_key(|place| (place.hash, wire(&names, place.name)));
        Self {
            origin: Arc::clone(&fragment.origin),
            failed_open: fragment.failed_open,
            kept_draining: u32::try_from(fragment.kept_draining).unwrap_or(u32::MAX),
            places: places.into(),
            nodes: packer.nodes.into(),
            names,
        }
    }

    /// What stands at a name.
    #[must_use]
    pub fn find(&self, hash: u32, name: &[u8]) -> Option<Named<'_>> {
        let same_hash = sorted::having(&self.places, hash, |place| place.hash);
        // A name that begins with another is that one: both end with the root.
        same_hash
            .map(|place| (place, self.names.get(place.name as usize..).and_then(|octets| octets.get(..name.len()))))
            .find(|(_, octets)| *octets == Some(name))
            .and_then(|(place, octets)| Some(self.named(place, octets?)))
    }

    /// Reads ahead: where its parts are, then the place of a name with this hash, and in the end the name itself, with
    /// what is said there.
    pub(super) fn read_head(&self) {
        black_box((self.places.len(), self.names.len(), self.nodes.len()));
    }

    pub(super) fn read_place(&self, hash: u32) {
        black_box(self.places.get(sorted::guess(&self.places, hash)).map(|place| place.hash));
    }

    pub(super) fn read_name(&self, hash: u32) -> Option<&Node> {
        let place = sorted::having(&self.places, hash, |place| place.hash).next()?;
        black_box(self.names.get(place.name as usize).copied());
        let (_, node) = place.said.get()?;
        let node = self.nodes.get(node)?;
        node.read_head();
        Some(node)
    }

    /// Number of names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether it has no names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The name with this number, in the order of [`iter`](Self::iter).
    #[must_use]
    pub fn get(&self, number: usize) -> Option<Named<'_>> {
        let place = self.places.get(number)?;
        Some(self.named(place, wire(&self.names, place.name)))
    }

    /// All names, in the order of hashes, then of names.
    pub fn iter(&self) -> impl Iterator<Item = Named<'_>> {
        self.places.iter().map(|place| self.named(place, wire(&self.names, place.name)))
    }

    fn named<'b>(&'b self, place: &Place, name: &'b [u8]) -> Named<'b> {
        let said = place.said.get().and_then(|(form, node)| Some((form, self.nodes.get(node)?)));
        Named { hash: place.hash, name, said, origin: &self.origin }
    }
}

/// The name that begins here.
fn wire(names: &[u8], from: u32) -> &[u8] {
    let octets = names.get(from as usize..).unwrap_or_default();
    let length = name::labels(octets).map(|label| label.len() + 1).sum::<usize>() + 1;
    octets.get(..length).unwrap_or_default()
}

type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// Says everything once.
struct Packer<'f> {
    octets: Vec<u8>,
    places: Map<&'f [u8], Place>,
    nodes: Vec<Node>,
    /// Numbers of nodes, by what they are made of and where that was.
    numbers: Map<Node, usize>,
    rendered: Map<*const Node, usize>,
    bodies: HashSet<Body, foldhash::fast::FixedState>,
}

impl Default for Packer<'_> {
    fn default() -> Self {
        Self {
            octets: Vec::new(),
            places: Map::with_hasher(hasher()),
            nodes: Vec::new(),
            numbers: Map::with_hasher(hasher()),
            rendered: Map::with_hasher(hasher()),
            bodies: HashSet::with_hasher(hasher()),
        }
    }
}

impl<'f> Packer<'f> {
    /// The number of a node.
    fn node(&mut self, node: &Arc<Node>) -> usize {
        if let Some(number) = self.rendered.get(&Arc::as_ptr(node)) {
            return *number;
        }
        let (bodies, nodes) = (&mut self.bodies, &mut self.nodes);
        let number = *self.numbers.entry((**node).clone()).or_insert_with(|| {
            let once = node.map_bodies(|body| match bodies.get(body) {
                Some(known) => known.clone(),
                None => {
                    bodies.insert(body.clone());
                    body.clone()
                }
            });
            nodes.push(once);
            nodes.len() - 1
        });
        self.rendered.insert(Arc::as_ptr(node), number);
        number
    }

    /// Places a name and those above it. Longer names come first, so that a name which ends another is found in it.
    fn name(&mut self, name: &'f [u8], said: Said, zone: &[u8]) {
        if let Some(place) = self.places.get_mut(name) {
            place.said = said;
            return;
        }
        let mut at = u32::try_from(self.octets.len()).unwrap_or(u32::MAX);
        self.octets.extend_from_slice(name);
        self.places.insert(name, Place { hash: hash(name), name: at, said });
        let (mut below, mut above) = (name, name::parent(name));
        while let Some(parent) = above.filter(|parent| *parent != zone && name::is_within(parent, zone)) {
            at += (below.len() - parent.len()) as u32;
            if self.places.contains_key(parent) {
                return;
            }
            self.places.insert(parent, Place { hash: hash(parent), name: at, said: Said::NOTHING });
            (below, above) = (parent, name::parent(parent));
        }
    }
}

#[cfg(test)]
mod tests;
