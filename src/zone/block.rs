//! What one subject says, packed: its names and what stands at them, in a few allocations.
//!
//! A block is made once, when its subject is rendered, and never changes. The names above its own, which exist only
//! because of them (RFC 8020), are part of it and say nothing.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::hint::black_box;
use std::sync::Arc;

use foldhash::fast::FixedState;

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

    /// Whether the other is truer to the subject's own name.
    fn is_worse_than(self, other: Self) -> bool {
        match (self.get(), other.get()) {
            (Some((form, _)), Some((better, _))) => better < form,
            (own, other) => own.is_none() && other.is_some(),
        }
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
    pub fn pack(fragment: Fragment, zone: &DomainName) -> Self {
        let Fragment { origin, names, nodes, failed_open, kept_draining } = fragment;
        let mut placer = Placer::with_room_for(&names);
        let mut longest_first: Vec<_> = names.iter().collect();
        longest_first.sort_by_key(|(name, ..)| Reverse(name.as_wire().len()));
        for (name, form, node) in longest_first {
            placer.place(name.as_wire(), Said::new(*form, *node), zone.as_wire());
        }
        let Placer { octets: names, places } = placer;
        let names = names.into_boxed_slice();
        let mut places: Vec<Place> = places.into_values().collect();
        // Few have the same hash: names are looked at for those alone.
        let by_name = |one: &Place, other: &Place| wire(&names, one.name).cmp(wire(&names, other.name));
        places.sort_unstable_by(|one, other| one.hash.cmp(&other.hash).then_with(|| by_name(one, other)));
        Self {
            origin,
            failed_open,
            kept_draining: u32::try_from(kept_draining).unwrap_or(u32::MAX),
            nodes: once_each(nodes, &mut places),
            places: places.into(),
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

    /// The hashes of all names, in their order.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u32> {
        self.places.iter().map(|place| place.hash)
    }

    /// Whether the name with this number is more than an empty non-terminal.
    pub(super) fn says_something(&self, number: usize) -> bool {
        self.places.get(number).is_some_and(|place| place.said != Said::NOTHING)
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

type Map<K, V> = HashMap<K, V, FixedState>;

/// A name with its hash, which is worked out once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hashed<'f> {
    hash: u32,
    name: &'f [u8],
}

impl<'f> Hashed<'f> {
    fn of(name: &'f [u8]) -> Self {
        Self { hash: hash(name), name }
    }
}

impl Hash for Hashed<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.hash);
    }
}

/// Gives every name a place, and those above it.
struct Placer<'f> {
    octets: Vec<u8>,
    places: Map<Hashed<'f>, Place>,
}

impl<'f> Placer<'f> {
    fn with_room_for(names: &[(DomainName, Form, usize)]) -> Self {
        Self { octets: Vec::new(), places: Map::with_capacity_and_hasher(names.len() * 3 / 2, hasher()) }
    }

    /// Places a name and those above it. Longer names come first, so that a name which ends another is found in it.
    fn place(&mut self, name: &'f [u8], said: Said, zone: &[u8]) {
        let key = Hashed::of(name);
        if let Some(place) = self.places.get_mut(&key) {
            if place.said.is_worse_than(said) {
                place.said = said;
            }
            return;
        }
        let mut at = u32::try_from(self.octets.len()).unwrap_or(u32::MAX);
        self.octets.extend_from_slice(name);
        self.places.insert(key, Place { hash: key.hash, name: at, said });
        let (mut below, mut above) = (name, name::parent(name));
        while let Some(parent) = above.filter(|parent| *parent != zone && name::is_within(parent, zone)) {
            at += (below.len() - parent.len()) as u32;
            let key = Hashed::of(parent);
            if self.places.contains_key(&key) {
                return;
            }
            self.places.insert(key, Place { hash: key.hash, name: at, said: Said::NOTHING });
            (below, above) = (parent, name::parent(parent));
        }
    }
}

/// Of these nodes those that stand at a place, each once and made of bodies that are there once; the places are told of
/// their new numbers.
fn once_each(nodes: Vec<Node>, places: &mut [Place]) -> Box<[Node]> {
    let mut bodies: HashSet<Body, FixedState> = HashSet::with_capacity_and_hasher(nodes.len() * 2, hasher());
    let mut numbers: Map<Node, usize> = Map::with_capacity_and_hasher(nodes.len(), hasher());
    let mut kept: Vec<Node> = Vec::with_capacity(nodes.len());
    let mut nodes: Vec<_> = nodes.into_iter().map(Rendered::New).collect();
    for place in places {
        let Some((form, number)) = place.said.get() else { continue };
        let Some(rendered) = nodes.get_mut(number) else { continue };
        let number = match std::mem::replace(rendered, Rendered::Kept(0)) {
            Rendered::Kept(number) => number,
            Rendered::New(mut node) => {
                node.bodies_mut().for_each(|body| share(body, &mut bodies));
                *numbers.entry(node).or_insert_with_key(|node| {
                    kept.push(node.clone());
                    kept.len() - 1
                })
            }
        };
        *rendered = Rendered::Kept(number);
        place.said = Said::new(form, number);
    }
    kept.into()
}

/// A node that was rendered.
enum Rendered {
    /// As it came.
    New(Node),
    /// What became of it.
    Kept(usize),
}

/// Puts a body that is known in the place of an equal one.
fn share(body: &mut Body, known: &mut HashSet<Body, FixedState>) {
    match known.get(body) {
        Some(same) => *body = same.clone(),
        None => drop(known.insert(body.clone())),
    }
}

#[cfg(test)]
mod tests;
