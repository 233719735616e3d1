//! The writer of the zone: changed subjects in, the next version of the zone out.
//!
//! Held by the updater alone. Keeps what every subject contributed, so that a change takes out exactly what it put in;
//! the result is the same as rendering everything anew, whatever the history (property test).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::claims::{Claim, Entry};
use super::layers::{self, HostedRecords, RecordIndex, Skipped};
use super::naming::Forms;
use super::render::{self, Fragment};
use super::settings::Settings;
use super::trie::Trie;
use super::{Sync, Zone, fixed, hash};
use crate::dns::presentation::Escapes;
use crate::dns::{DomainName, SoaBlock, name};
use crate::ecs::ClusterArn;
use crate::inventory::{Inventory, Subject};

/// What an update changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// Names that say something else now, or are new or gone.
    pub changed: BTreeSet<DomainName>,
    /// Services that are equally entitled to a name that changed: who has it, and who goes without.
    pub contested: BTreeSet<(Subject, Subject)>,
    /// Records of the hosted zone that cannot be answered.
    pub skipped: Vec<Skipped>,
}

/// The zone in the making.
#[derive(Debug)]
pub struct ZoneWriter {
    zone: Zone,
    fragments: BTreeMap<Subject, Fragment>,
    failed_open: usize,
    kept_draining: usize,
}

impl ZoneWriter {
    /// A zone with nothing but its own records. `serial` is where the SOA serial starts.
    #[must_use]
    pub fn new(settings: Settings, inventory: &Inventory, serial: u32) -> Self {
        let sync = sync_state(inventory, &settings);
        // What the configuration says was judged when it was read.
        let (records, _) = layers::compile(&settings.origin, None, &settings.records, Escapes::Decimal);
        let zone = Zone {
            soa: SoaBlock::new(&settings.origin, serial, settings.negative_ttl),
            apex: Arc::new(fixed::apex(&settings, serial)),
            fixed: Arc::new(fixed::bodies(&sync)),
            sync: Arc::new(sync),
            entries: Trie::default(),
            records,
            hosted: None,
            settings: Arc::new(settings),
        };
        let mut writer = Self { zone, fragments: BTreeMap::new(), failed_open: 0, kept_draining: 0 };
        let own = fixed::fragment(&writer.zone.settings);
        writer.replace(None, Some(&own), &mut Diff::default());
        writer
    }

    /// The zone under other settings, rendered anew, with the next serial. What was read of Route 53 stays.
    #[must_use]
    pub fn reconfigured(&self, settings: Settings, inventory: &Inventory) -> Self {
        let mut writer = Self::new(settings, inventory, self.zone.soa.serial().wrapping_add(1));
        writer.zone.hosted.clone_from(&self.zone.hosted);
        // All names are new to it, which advances the serial once more.
        writer.update(inventory, &inventory.clusters.keys().cloned().map(Subject::Cluster).collect());
        writer
    }

    /// The zone as it is now.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Services that answer with UNHEALTHY tasks at the moment.
    #[must_use]
    pub fn failed_open(&self) -> usize {
        self.failed_open
    }

    /// Tasks that answer although their host is being drained.
    #[must_use]
    pub fn kept_draining(&self) -> usize {
        self.kept_draining
    }

    /// Renders the subjects anew and puts what they say into the zone. The serial goes up if a name changed.
    pub fn update(&mut self, inventory: &Inventory, subjects: &BTreeSet<Subject>) -> Diff {
        let mut diff = Diff::default();
        let settings = Arc::clone(&self.zone.settings);
        for subject in &self.affected(inventory, subjects) {
            let new = render::render(inventory, &settings, subject);
            let old = self.fragments.remove(subject);
            self.count(old.as_ref(), new.as_ref());
            self.replace(old.as_ref(), new.as_ref(), &mut diff);
            if let Some(new) = new {
                self.fragments.insert(subject.clone(), new);
            }
        }
        let sync = sync_state(inventory, &settings);
        if sync != *self.zone.sync {
            self.zone.fixed = Arc::new(fixed::bodies(&sync));
            self.zone.sync = Arc::new(sync);
        }
        if !diff.changed.is_empty() {
            self.advance();
        }
        diff
    }

    /// Puts a hosted zone in the place of what was read of it before. The serial goes up if a name changed.
    pub fn replace_hosted(&mut self, hosted: &HostedRecords) -> Diff {
        let origin = &self.zone.settings.origin;
        let (index, skipped) = layers::compile(origin, Some(&hosted.zone), &hosted.sets, Escapes::Octal);
        let empty = RecordIndex::empty(origin.clone());
        let changed = self.zone.hosted.as_ref().unwrap_or(&empty).changed(&index);
        if !changed.is_empty() {
            self.advance();
        }
        self.zone.hosted = Some(index);
        Diff { changed, skipped, ..Diff::default() }
    }

    /// The next serial.
    fn advance(&mut self) {
        let settings = &self.zone.settings;
        let serial = self.zone.soa.serial().wrapping_add(1);
        self.zone.soa = SoaBlock::new(&settings.origin, serial, settings.negative_ttl);
        self.zone.apex = Arc::new(fixed::apex(settings, serial));
    }

    /// The subjects to render: a cluster stands for all of it, and a default cluster also for those behind it, whose
    /// flat names wait for it.
    fn affected(&self, inventory: &Inventory, subjects: &BTreeSet<Subject>) -> BTreeSet<Subject> {
        let settings = &self.zone.settings;
        let mut affected = BTreeSet::new();
        for subject in subjects {
            let Subject::Cluster(arn) = subject else {
                affected.insert(subject.clone());
                continue;
            };
            let is_default = |arn: &ClusterArn| settings.default_order(arn.id(), arn.as_str()).is_some();
            let spreads = is_default(arn) || !inventory.clusters.contains_key(arn);
            let within = |other: &ClusterArn| other == arn || (spreads && is_default(other));
            affected.extend(of_inventory(inventory, &within));
            affected.extend(self.fragments.keys().filter(|subject| touches(subject, &within)).cloned());
        }
        affected
    }

    fn count(&mut self, old: Option<&Fragment>, new: Option<&Fragment>) {
        let open = |fragment: Option<&Fragment>| usize::from(fragment.is_some_and(|fragment| fragment.failed_open));
        let kept = |fragment: Option<&Fragment>| fragment.map_or(0, |fragment| fragment.kept_draining);
        self.failed_open = self.failed_open + open(new) - open(old);
        self.kept_draining = self.kept_draining + kept(new) - kept(old);
    }

    /// Takes out what a subject said and puts in what it says.
    fn replace(&mut self, old: Option<&Fragment>, new: Option<&Fragment>, diff: &mut Diff) {
        if let Some(old) = old {
            let stays = |name: &DomainName| new.is_some_and(|new| new.nodes.contains_key(name));
            for name in old.nodes.keys().filter(|name| !stays(name)) {
                self.edit(name, diff, |entry| entry.drop_claim(old.origin.subject.as_ref()));
            }
        }
        let Some(new) = new else { return };
        for (name, (form, node)) in &new.nodes {
            let same = old
                .is_some_and(|old| old.origin == new.origin && old.nodes.get(name) == Some(&(*form, Arc::clone(node))));
            if !same {
                let claim = Claim { form: *form, origin: Arc::clone(&new.origin), node: Arc::clone(node) };
                self.edit(name, diff, |entry| entry.claim(claim));
            }
        }
    }

    /// Changes one entry, and the counts above it if the name has begun or ceased to exist.
    fn edit(&mut self, name: &DomainName, diff: &mut Diff, change: impl FnOnce(&mut Entry) -> bool) {
        let key = hash(name.as_wire());
        let found = self.zone.entries.get(key, |entry| entry.name == *name).cloned();
        let mut entry = found.map_or_else(|| Entry::new(name.clone()), Arc::unwrap_or_clone);
        let existed = entry.exists();
        if change(&mut entry) {
            diff.changed.insert(name.clone());
            let subject = |claim: &Claim| claim.origin.subject.clone();
            diff.contested.extend(entry.winner().and_then(subject).zip(entry.loser().and_then(subject)));
        }
        let exists = entry.exists();
        self.put(key, entry);
        if exists != existed {
            self.count_child(name, exists);
        }
    }

    fn put(&mut self, key: u64, entry: Entry) {
        let name = entry.name.clone();
        if entry.exists() || entry.winner().is_some() {
            self.zone.entries.insert(key, Arc::new(entry), |other| other.name == name);
        } else {
            self.zone.entries.remove(key, |other| other.name == name);
        }
    }

    /// Tells the ancestors of a name that it has begun or ceased to exist, as far up as that makes a difference.
    fn count_child(&mut self, name: &DomainName, exists: bool) {
        let origin = self.zone.settings.origin.clone();
        let mut at = name.clone();
        while let Some(parent) = at.parent() {
            if parent == origin || !name::is_within(parent.as_wire(), origin.as_wire()) {
                return;
            }
            let key = hash(parent.as_wire());
            let found = self.zone.entries.get(key, |entry| entry.name == parent).cloned();
            let mut entry = found.map_or_else(|| Entry::new(parent.clone()), Arc::unwrap_or_clone);
            let existed = entry.exists();
            entry.children = if exists { entry.children + 1 } else { entry.children.saturating_sub(1) };
            let flipped = entry.exists() != existed;
            self.put(key, entry);
            if !flipped {
                return;
            }
            at = parent;
        }
    }
}

/// The clusters that are followed but not read yet.
fn sync_state(inventory: &Inventory, settings: &Settings) -> Sync {
    let known = |wanted: &str| {
        let mut records = inventory.clusters.values();
        records.find(|record| record.cluster.name == wanted || record.cluster.arn.as_str() == wanted)
    };
    let labels = |name: &str| -> Vec<String> {
        let forms = Forms::of(name.rsplit('/').next().unwrap_or(name));
        forms.iter().map(|(_, label)| label.to_owned()).collect()
    };
    let unread = settings.default_clusters.iter().filter(|wanted| known(wanted).is_none_or(|record| !record.synced));
    let mut pending: Vec<String> = unread.flat_map(|wanted| labels(wanted)).collect();
    let incomplete = settings.all_clusters && inventory.clusters.is_empty();
    let default_pending = !pending.is_empty() || incomplete;
    let others = inventory.clusters.values().filter(|record| !record.synced);
    pending.extend(others.flat_map(|record| labels(&record.cluster.name)));
    pending.sort();
    pending.dedup();
    Sync { pending, default_pending, incomplete }
}

fn touches(subject: &Subject, within: &dyn Fn(&ClusterArn) -> bool) -> bool {
    match subject {
        Subject::Service(key) => within(&key.cluster),
        // A fragment does not say which cluster its task or host is in; to look at a few too many costs little.
        Subject::Task(_) | Subject::Host(_) => true,
        Subject::Cluster(_) => false,
    }
}

fn of_inventory(inventory: &Inventory, within: &dyn Fn(&ClusterArn) -> bool) -> BTreeSet<Subject> {
    let services = inventory.services.keys().filter(|key| within(&key.cluster)).cloned().map(Subject::Service);
    let tasks =
        inventory.tasks.values().filter(|record| record.task.service_name().is_none() && within(&record.task.cluster));
    let hosts = inventory.container_instances.values().filter(|host| within(&host.value.cluster));
    let tasks = tasks.map(|record| Subject::Task(record.task.arn.clone()));
    services.chain(tasks).chain(hosts.map(|host| Subject::Host(host.value.arn.clone()))).collect()
}
