//! Route 53's rules for a batch of changes: all of it or nothing, and why not.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Content, HostedZone, RecordSet};

/// Most values in a batch, UPSERTs twice.
const MAX_ELEMENTS: usize = 1_000;
/// Most characters of values in a batch, UPSERTs twice.
const MAX_CHARACTERS: usize = 32_000;
/// Most sets of a name and type.
const MAX_SETS: usize = 100;

/// What is to be done with a record set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Create,
    Delete,
    Upsert,
}

/// One change of a batch.
#[derive(Clone, Debug)]
pub struct Change {
    pub action: Action,
    pub set: RecordSet,
}

impl HostedZone {
    /// Applies a batch.
    ///
    /// # Errors
    /// What is wrong with it; then nothing of it was done.
    pub fn change(&mut self, batch: &[Change]) -> Result<(), Vec<String>> {
        let mut next = self.clone();
        let mut wrong: Vec<String> = limits(batch).into_iter().collect();
        for change in batch {
            wrong.extend(next.apply(change).err());
        }
        if wrong.is_empty() {
            self.sets = next.sets;
            return Ok(());
        }
        Err(wrong)
    }

    fn apply(&mut self, change: &Change) -> Result<(), String> {
        let set = &change.set;
        let place = format!("[name='{}', type='{}'{}]", set.name, set.kind, identifier(set));
        let found = self.sets.iter().position(|other| other.same_place(set));
        match (change.action, found) {
            (Action::Delete, None) => {
                return Err(format!("Tried to delete resource record set {place} but it was not found"));
            }
            (Action::Delete, Some(at)) => {
                if !same_content(&self.sets[at], set) {
                    return Err(format!(
                        "Tried to delete resource record set {place} but the values provided do not match the current values"
                    ));
                }
                self.sets.remove(at);
                return Ok(());
            }
            (Action::Create, Some(_)) => {
                return Err(format!("Tried to create resource record set {place} but it already exists"));
            }
            (Action::Create, None) => {}
            (Action::Upsert, found) => {
                found.map(|at| self.sets.remove(at));
            }
        }
        self.fits(set)?;
        self.sets.push(set.clone());
        Ok(())
    }

    /// Whether a new set may be there.
    fn fits(&self, set: &RecordSet) -> Result<(), String> {
        let RecordSet { name, kind, .. } = set;
        if *name != self.name && !name.ends_with(&format!(".{}", self.name)) {
            return Err(format!("RRSet with DNS name {name} is not permitted in zone {}", self.name));
        }
        let same_name: Vec<_> = self.sets.iter().filter(|other| other.name == *name).collect();
        let is_alias = |kind: &str| kind == "CNAME";
        if same_name.iter().any(|other| is_alias(&other.kind) != is_alias(kind)) {
            return Err(format!(
                "RRSet of type {kind} with DNS name {name} is not permitted as it conflicts with other records with the \
                 same DNS name in zone {}",
                self.name
            ));
        }
        let same_type: Vec<_> = same_name.into_iter().filter(|other| other.kind == *kind).collect();
        let policy = |set: &RecordSet| set.policy.iter().map(|(name, _)| *name).find(|name| *name != "HealthCheckId");
        if same_type.iter().any(|other| policy(other) != policy(set)) {
            return Err(format!(
                "RRSet with DNS name {name}, type {kind} cannot be created as other RRSets exist with the \
                 same name and type but another routing policy"
            ));
        }
        if same_type.len() >= MAX_SETS {
            return Err(format!("RRSet with DNS name {name}, type {kind}: more than {MAX_SETS} of them"));
        }
        match &set.content {
            Content::Values(_, values) if values.is_empty() => Err(format!("Invalid request: {name} has no values")),
            Content::Values(_, values) => values.iter().try_for_each(|value| valid(kind, value)),
            Content::Alias(_) => Ok(()),
        }
    }
}

fn identifier(set: &RecordSet) -> String {
    set.set_identifier.as_ref().map(|id| format!(", set-identifier='{id}'")).unwrap_or_default()
}

fn same_content(one: &RecordSet, other: &RecordSet) -> bool {
    let sorted = |content: &Content| match content {
        Content::Values(ttl, values) => {
            let mut values = values.clone();
            values.sort();
            Content::Values(*ttl, values)
        }
        alias @ Content::Alias(_) => alias.clone(),
    };
    sorted(&one.content) == sorted(&other.content) && one.policy == other.policy
}

fn valid(kind: &str, value: &str) -> Result<(), String> {
    let fatal =
        |problem: &str| Err(format!("Invalid Resource Record: 'FATAL problem: {problem} encountered with '{value}''"));
    match kind {
        "A" if value.parse::<Ipv4Addr>().is_err() => {
            fatal("ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)")
        }
        "AAAA" if value.parse::<Ipv6Addr>().is_err() => {
            fatal("AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)")
        }
        "TXT" if !value.starts_with('"') => {
            fatal("InvalidCharacterString (Value should be enclosed in quotation marks)")
        }
        "SRV" if value.split(' ').count() != 4 => fatal("SRVRRDATAIncorrect (Value is not four fields)"),
        _ => Ok(()),
    }
}

fn limits(batch: &[Change]) -> Option<String> {
    let (mut elements, mut characters) = (0, 0);
    for change in batch {
        let times = if change.action == Action::Upsert { 2 } else { 1 };
        if let Content::Values(_, values) = &change.set.content {
            elements += times * values.len();
            characters += times * values.iter().map(String::len).sum::<usize>();
        }
    }
    if elements > MAX_ELEMENTS {
        return Some(format!("Number of records limit of {MAX_ELEMENTS} exceeded."));
    }
    (characters > MAX_CHARACTERS).then(|| format!("Number of characters limit of {MAX_CHARACTERS} exceeded."))
}
