//! Route 53's rules for changes, as far as plans meet them.

use crate::dns::{DomainName, RecordType};
use crate::register::record::{Listing, values};
use crate::register::{Group, Ownership};
use crate::route53::{Action, RecordChange, RecordSet, Routing};

/// A hosted zone that takes changes as Route 53 does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model(pub Vec<RecordSet>);

impl Model {
    pub fn listing(&self) -> Listing {
        Listing::complete(self.0.iter().cloned())
    }

    /// Applies a request: all of it or nothing.
    pub fn request(&mut self, changes: &[RecordChange]) -> Result<(), String> {
        let mut next = self.clone();
        for change in changes {
            next.apply(change)?;
        }
        *self = next;
        Ok(())
    }

    /// Applies groups, each in a request of its own; returns those that Route 53 refused.
    pub fn all(&mut self, groups: &[Group]) -> Vec<String> {
        groups.iter().filter_map(|group| self.request(&group.changes).err()).collect()
    }

    fn apply(&mut self, change: &RecordChange) -> Result<(), String> {
        let set = &change.set;
        let place = |other: &RecordSet| {
            (&other.name, other.kind, &other.set_identifier) == (&set.name, set.kind, &set.set_identifier)
        };
        match change.action {
            Action::Delete => {
                let at = self.0.iter().position(|other| other == set);
                self.0.remove(at.ok_or_else(|| format!("not found as given: {set:?}"))?);
                Ok(())
            }
            Action::Upsert => Err("UPSERT would overwrite what it does not know".to_owned()),
            Action::Create if self.0.iter().any(place) => Err(format!("it exists: {set:?}")),
            Action::Create => {
                let same_name = || self.0.iter().filter(|other| other.name == set.name);
                let alias = |kind| kind == RecordType::CNAME;
                if same_name().any(|other| alias(other.kind) != alias(set.kind)) {
                    return Err(format!("a CNAME stands alone: {set:?}"));
                }
                let simple = |set: &RecordSet| set.routing == Routing::Simple;
                if same_name().any(|other| other.kind == set.kind && simple(other) != simple(set)) {
                    return Err(format!("one routing policy for a name and type: {set:?}"));
                }
                if values(set).is_some_and(|(_, values)| values.is_empty()) {
                    return Err(format!("no values: {set:?}"));
                }
                self.0.push(set.clone());
                Ok(())
            }
        }
    }

    /// The record sets that are nobody's by any ownership record.
    pub fn foreign(&self) -> Vec<RecordSet> {
        let owned: Vec<_> = self.owned();
        let ours = |set: &&RecordSet| {
            Ownership::read(std::slice::from_ref(*set)).is_some() && Ownership::subject_of(&set.name).is_some()
                || owned.iter().any(|(name, own)| {
                    *name == set.name
                        && own.kind.record_type() == set.kind
                        && (set.routing == Routing::Simple || is_one_of_ours(set))
                })
        };
        self.0.iter().filter(|set| !ours(set)).cloned().collect()
    }

    /// Registered names and whose they are.
    pub fn owned(&self) -> Vec<(DomainName, Ownership)> {
        let read =
            |set: &RecordSet| Some((Ownership::subject_of(&set.name)?, Ownership::read(std::slice::from_ref(set))?.0));
        self.0.iter().filter_map(read).collect()
    }
}

/// Whether it is one of several sets of a name that we have made.
fn is_one_of_ours(set: &RecordSet) -> bool {
    set.set_identifier.as_deref().is_some_and(|identifier| identifier.starts_with("ecs-resolver/"))
}
