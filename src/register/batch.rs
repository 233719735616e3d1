//! Groups of changes in requests that Route 53 takes.

use super::plan::Group;
use super::record::values;
use crate::route53::{Action, RecordChange};

/// Most values in one request. Route 53 calls them ResourceRecord elements, and counts an UPSERT twice.
pub const MAX_ELEMENTS: usize = 1_000;
/// Most characters of values in one request; an UPSERT counts twice.
pub const MAX_CHARACTERS: usize = 32_000;

/// Groups that go into one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// In the order of the plan.
    pub groups: Vec<Group>,
    elements: usize,
    characters: usize,
}

impl Batch {
    /// A batch of one group that is to be tried by itself.
    #[must_use]
    pub fn of(groups: &[Group]) -> Self {
        let mut batch = Self::default();
        groups.iter().for_each(|group| batch.add(group.clone()));
        batch
    }

    /// Its changes, in order.
    #[must_use]
    pub fn changes(&self) -> Vec<RecordChange> {
        self.groups.iter().flat_map(|group| group.changes.iter().cloned()).collect()
    }

    fn add(&mut self, group: Group) {
        let (elements, characters) = weight(&group);
        self.elements += elements;
        self.characters += characters;
        self.groups.push(group);
    }

    fn has_room_for(&self, group: &Group) -> bool {
        let (elements, characters) = weight(group);
        let fits = self.elements + elements <= MAX_ELEMENTS && self.characters + characters <= MAX_CHARACTERS;
        self.groups.is_empty() || fits
    }
}

/// Values and characters of a group, as Route 53 counts them.
#[must_use]
pub fn weight(group: &Group) -> (usize, usize) {
    group.changes.iter().fold((0, 0), |(elements, characters), change| {
        let times = if change.action == Action::Upsert { 2 } else { 1 };
        let listed = values(&change.set).map_or(&[][..], |(_, values)| values);
        let length: usize = listed.iter().map(String::len).sum();
        (elements + times * listed.len().max(1), characters + times * length)
    })
}

/// Packs groups into requests, in their order. A group that is too large by itself gets a request of its own, which
/// Route 53 will refuse by name.
#[must_use]
pub fn batches(groups: Vec<Group>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for group in groups {
        match batches.last_mut().filter(|last| last.has_room_for(&group)) {
            Some(last) => last.add(group),
            None => batches.push(Batch::of(&[group])),
        }
    }
    batches
}
