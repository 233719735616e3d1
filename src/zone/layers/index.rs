//! Finding a name among the records of a layer: RFC 1034 4.3.2, with the closest encloser and the wildcards of RFC 4592.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::hash;
use super::super::trie::{Trie, Walk};
use super::said::RecordNode;
use crate::dns::name::MAX_NAME;
use crate::dns::{DomainName, name};

/// The names of a layer.
#[derive(Debug, Clone)]
pub struct RecordIndex {
    origin: DomainName,
    entries: Trie<Arc<Placed>>,
    /// Whether a name that is not there may still have an answer: there are wildcards, or delegations.
    covers: bool,
}

/// A name of a layer and what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::zone) struct Placed {
    name: DomainName,
    /// `None` for an empty non-terminal.
    node: Option<RecordNode>,
}

/// What a layer knows of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'l> {
    /// It has records, its own or those of a wildcard that covers it.
    Node(&'l RecordNode),
    /// It exists without any record, because names below it do (or because the wildcard that covers it is so).
    Empty,
    /// It does not exist.
    Nothing,
}

impl RecordIndex {
    /// A layer of the zone `origin` without records.
    #[must_use]
    pub fn empty(origin: DomainName) -> Self {
        Self { origin, entries: Trie::default(), covers: false }
    }

    pub(super) fn new(origin: DomainName, nodes: BTreeMap<DomainName, RecordNode>) -> Self {
        let mut index = Self::empty(origin);
        for (name, node) in nodes {
            let is_wildcard = name.labels().next() == Some(b"*");
            index.covers |= is_wildcard || node == RecordNode::Cut;
            index.put(Placed { name: name.clone(), node: Some(node) });
            index.put_parents(&name);
        }
        index
    }

    fn put(&mut self, entry: Placed) {
        let name = entry.name.clone();
        self.entries.put(hash(name.as_wire()), Arc::new(entry), |other| other.name == name);
    }

    /// Puts the empty non-terminals above a name, up to the first that exists. A parent comes before its children in no
    /// order, so one that gets records later replaces what is put here.
    fn put_parents(&mut self, name: &DomainName) {
        let mut at = name.parent();
        while let Some(parent) = at.filter(|parent| *parent != self.origin) {
            if self.get(parent.as_wire()).is_some() {
                return;
            }
            // An empty `*` covers names too, and says nothing of them (RFC 4592 2.2.2).
            self.covers |= parent.labels().next() == Some(b"*");
            at = parent.parent();
            self.put(Placed { name: parent, node: None });
        }
    }

    fn get(&self, name: &[u8]) -> Option<&Placed> {
        self.entries.find(hash(name), |entry| (entry.name.as_wire() == name).then_some(&**entry))
    }

    /// Number of names, empty non-terminals included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no names at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What stands at exactly this name, which is in lower-cased wire form.
    #[must_use]
    pub fn at(&self, name: &[u8]) -> Found<'_> {
        if self.entries.is_empty() {
            return Found::Nothing;
        }
        self.get(name).map_or(Found::Nothing, Placed::found)
    }

    /// What the layer knows of a name below the origin, in lower-cased wire form, wildcards and delegations included.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Found<'_> {
        if let Some(entry) = self.get(name) {
            return entry.found();
        }
        if !self.covers {
            return Found::Nothing;
        }
        let mut at = name;
        while let Some(parent) = name::parent(at).filter(|parent| parent.len() > self.origin.as_wire().len()) {
            match self.get(parent) {
                Some(Placed { node: Some(RecordNode::Cut), .. }) => return Found::Node(&RecordNode::Cut),
                Some(_) => return self.wildcard(parent),
                None => at = parent,
            }
        }
        self.wildcard(self.origin.as_wire())
    }

    /// What the wildcard right below the closest encloser says.
    fn wildcard(&self, encloser: &[u8]) -> Found<'_> {
        let mut source = [0; MAX_NAME];
        source[..2].copy_from_slice(b"\x01*");
        // The encloser of a name is at least two octets shorter than the name.
        let Some(rest) = source.get_mut(2..2 + encloser.len()) else { return Found::Nothing };
        rest.copy_from_slice(encloser);
        self.get(source.get(..2 + encloser.len()).unwrap_or_default()).map_or(Found::Nothing, Placed::found)
    }

    /// Names with records and what they say, in no order that means anything.
    pub fn nodes(&self) -> impl Iterator<Item = (&DomainName, &RecordNode)> {
        self.entries.iter().filter_map(|entry| entry.said())
    }

    /// A walk over all names, in no order that means anything.
    pub(in crate::zone) fn walk(&self) -> Walk<Arc<Placed>> {
        self.entries.walk()
    }

    /// Names that say something else in `other`, are new there, or gone.
    #[must_use]
    pub fn changed(&self, other: &Self) -> BTreeSet<DomainName> {
        let gone = self.entries.iter().filter(|entry| other.get(entry.name.as_wire()).is_none());
        let new = other.entries.iter().filter(|entry| self.get(entry.name.as_wire()) != Some(&***entry));
        gone.chain(new).map(|entry| entry.name.clone()).collect()
    }
}

impl Placed {
    /// The name and what it says; `None` for an empty non-terminal.
    pub(in crate::zone) fn said(&self) -> Option<(&DomainName, &RecordNode)> {
        Some((&self.name, self.node.as_ref()?))
    }

    fn found(&self) -> Found<'_> {
        self.node.as_ref().map_or(Found::Empty, Found::Node)
    }
}
