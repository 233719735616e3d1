//! Hosted zones of the fake account: what is in them, and the rules by which they change. Not part of the
//! [`World`](super::World), because changes change it.

mod record_set;
mod rules;

use std::collections::BTreeMap;

pub use record_set::{Alias, Content, RecordSet, canonical, position};
pub use rules::{Action, Change};

/// A hosted zone.
#[derive(Clone, Debug)]
pub struct HostedZone {
    /// Its id, without `/hostedzone/`.
    pub id: String,
    /// Its name, with the final dot.
    pub name: String,
    /// Whether only VPCs see it.
    pub private: bool,
    /// The principal of the service that keeps it (Cloud Map).
    pub linked_service: Option<String>,
    /// What it holds.
    pub sets: Vec<RecordSet>,
}

/// All hosted zones, and the changes under way.
#[derive(Debug, Default)]
pub struct Hosting {
    /// By id.
    pub zones: BTreeMap<String, HostedZone>,
    /// Change requests that will still be told that another one is being processed.
    pub prior_requests: u32,
    /// How often GetChange still says PENDING of each new change.
    pub pending: u32,
    changes: Vec<u32>,
}

impl Hosting {
    /// Creates a private zone with its NS and SOA; returns its id.
    pub fn add_zone(&mut self, name: &str) -> String {
        let id = format!("Z{:013}ABCDEF", self.zones.len() + 1);
        let name = canonical(name);
        let ns = ["ns-0.awsdns-00.com.", "ns-512.awsdns-00.net.", "ns-1024.awsdns-00.org.", "ns-1536.awsdns-00.co.uk."];
        let soa = "ns-0.awsdns-00.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400";
        let sets = vec![RecordSet::simple(&name, "NS", 172_800, &ns), RecordSet::simple(&name, "SOA", 900, &[soa])];
        let zone = HostedZone { id: id.clone(), name, private: true, linked_service: None, sets };
        self.zones.insert(id.clone(), zone);
        id
    }

    /// A zone, to look at or to change by hand.
    ///
    /// # Panics
    /// If there is none of that id.
    pub fn zone(&mut self, id: &str) -> &mut HostedZone {
        self.zones.get_mut(id).unwrap_or_else(|| panic!("the fake has no hosted zone {id}"))
    }

    /// Puts a simple record set into a zone, without asking the rules.
    pub fn put(&mut self, id: &str, name: &str, kind: &str, ttl: u32, values: &[&str]) {
        self.zone(id).sets.push(RecordSet::simple(name, kind, ttl, values));
    }

    /// `name TTL type values` of everything in a zone but its apex and what `_ecs-resolver` stands before, sorted.
    pub fn records(&self, id: &str) -> Vec<String> {
        let zone = &self.zones[id];
        let sets = zone.sets.iter().filter(|set| set.name != zone.name && !set.name.starts_with("_ecs-resolver."));
        let mut lines: Vec<_> = sets.map(ToString::to_string).collect();
        lines.sort();
        lines
    }

    /// Names with an ownership record, sorted.
    pub fn owned(&self, id: &str) -> Vec<String> {
        let sets = self.zones[id].sets.iter().filter(|set| set.kind == "TXT");
        let mut names: Vec<_> =
            sets.filter_map(|set| set.name.strip_prefix("_ecs-resolver.").map(str::to_owned)).collect();
        names.sort();
        names
    }

    /// Notes a new change; returns its id.
    pub fn begin_change(&mut self) -> String {
        self.changes.push(self.pending);
        format!("C{:013}", self.changes.len())
    }

    /// Whether a change is still on its way, asked once more; none: there is no such change.
    pub fn ask_change(&mut self, id: &str) -> Option<bool> {
        let number: usize = id.strip_prefix('C')?.parse().ok()?;
        let left = self.changes.get_mut(number.checked_sub(1)?)?;
        let pending = *left > 0;
        *left = left.saturating_sub(1);
        Some(pending)
    }
}
