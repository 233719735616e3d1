//! The writer of the zone: changed subjects in, the next version of the zone out.
//!
//! Held by the updater alone. The block of each subject is what it contributed, so that a change takes out exactly what it
//! put in; the result is the same as rendering everything anew, whatever the history (property test).

mod clusters;
mod many;
mod numbers;

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;

use self::clusters::{of_inventory, sync_state, touches};
use self::numbers::Numbers;
use super::block::{Block, Named};
use super::claims::{Claim, Claims};
use super::index::{Index, Owner};
use super::layers::{self, HostedRecords, RecordIndex, Skipped};
use super::render;
use super::settings::Settings;
use super::{Zone, fixed, hash, hasher};
use crate::dns::presentation::Escapes;
use crate::dns::{DomainName, SoaBlock};
use crate::ecs::ClusterArn;
use crate::inventory::{Inventory, Subject};

/// Number of the block of the zone's own names, which belong to no subject.
const OWN: u32 = 0;

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

/// What an update has found so far.
#[derive(Debug, Default)]
struct Found {
    changed: bool,
    /// Whether somebody is told of the names.
    told: bool,
    /// In no order, and some of them twice.
    names: Vec<DomainName>,
    contested: BTreeSet<(Subject, Subject)>,
}

impl Found {
    fn change(&mut self, name: &[u8]) {
        self.changed = true;
        self.names.extend(self.told.then(|| DomainName::from_wire(name)).flatten());
    }
}

impl From<Found> for Diff {
    fn from(found: Found) -> Self {
        Self { changed: found.names.into_iter().collect(), contested: found.contested, ..Self::default() }
    }
}

/// What a subject says; `None` if it has no names. The second is called between the parts of the work, for whoever has
/// something else to do now and then.
pub type Render<'r> = &'r (dyn Fn(&Subject, &dyn Fn()) -> Option<Block> + Sync);

/// What a subject had at a name, and what it has.
type Edit<'b> = (Option<&'b Named<'b>>, Option<&'b Named<'b>>);

/// The zone in the making.
#[derive(Debug)]
pub struct ZoneWriter {
    zone: Zone,
    /// Numbers of the blocks of subjects.
    blocks: HashMap<Subject, u32, FixedState>,
    block_numbers: Numbers,
    claims_numbers: Numbers,
    /// How many names with each hash are shared: all others that a block has are its alone, which need not be looked up.
    shared: HashMap<u32, u32, FixedState>,
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
            index: Index::default(),
            records,
            hosted: None,
            settings: Arc::new(settings),
        };
        let mut writer = Self {
            zone,
            blocks: HashMap::with_hasher(hasher()),
            block_numbers: Numbers::default(),
            claims_numbers: Numbers::default(),
            shared: HashMap::with_hasher(hasher()),
            failed_open: 0,
            kept_draining: 0,
        };
        // The first number, so it is `OWN`.
        writer.block_numbers.take();
        writer.replace_own(&mut Found::default());
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

    /// Puts other settings of the same zone in the place of these. All but `held` is rendered anew, as by
    /// [`Self::update_by`]; what was read of Route 53 stays. The serial goes up.
    pub fn reconfigure(
        &mut self,
        settings: Settings,
        inventory: &Inventory,
        held: &BTreeSet<Subject>,
        told: bool,
        each: impl FnOnce(&[Subject], Render<'_>) -> Vec<Option<Block>>,
    ) -> Diff {
        let (records, _) = layers::compile(&settings.origin, None, &settings.records, Escapes::Decimal);
        let names = self.zone.records.changed(&records).into_iter().collect();
        let mut found = Found { told, names, ..Found::default() };
        self.zone.records = records;
        self.zone.settings = Arc::new(settings);
        self.replace_own(&mut found);
        let rendered = self.blocks.keys().filter(|subject| !held.contains(subject)).cloned();
        let all = inventory.clusters.keys().cloned().map(Subject::Cluster).chain(rendered).collect();
        self.render(inventory, self.affected(inventory, &all, held), each, &mut found);
        // The SOA has some of them.
        self.advance();
        found.into()
    }

    /// Renders the subjects anew and puts what they say into the zone. The serial goes up if a name changed.
    pub fn update(&mut self, inventory: &Inventory, subjects: &BTreeSet<Subject>) -> Diff {
        self.update_by(inventory, subjects, &BTreeSet::new(), true, one_by_one)
    }

    /// [`Self::update`], but a cluster does not stand for those that are `held`: they say what they said. What renders is
    /// given: it calls the function for each subject and returns the results in their order. No subject depends on another,
    /// so it may call it for several at a time. Unless somebody is `told` of them, the names that have changed are not
    /// gathered.
    pub fn update_by(
        &mut self,
        inventory: &Inventory,
        subjects: &BTreeSet<Subject>,
        held: &BTreeSet<Subject>,
        told: bool,
        each: impl FnOnce(&[Subject], Render<'_>) -> Vec<Option<Block>>,
    ) -> Diff {
        let mut found = Found { told, ..Found::default() };
        self.render(inventory, self.affected(inventory, subjects, held), each, &mut found);
        if found.changed {
            self.advance();
        }
        found.into()
    }

    /// Renders these subjects, and what is known of the clusters.
    fn render(
        &mut self,
        inventory: &Inventory,
        subjects: BTreeSet<Subject>,
        each: impl FnOnce(&[Subject], Render<'_>) -> Vec<Option<Block>>,
        found: &mut Found,
    ) {
        let settings = Arc::clone(&self.zone.settings);
        let subjects = Vec::from_iter(subjects);
        let blocks = each(&subjects, &|subject, between| {
            let fragment = render::render(inventory, &settings, subject)?;
            between();
            Some(Block::pack(fragment, &settings.origin))
        });
        let mut new = Vec::new();
        for (subject, block) in subjects.into_iter().zip(blocks) {
            match block {
                Some(block) if !self.blocks.contains_key(&subject) => new.push((subject, block)),
                block => self.put(&subject, block, found),
            }
        }
        self.add(new, found);
        let sync = sync_state(inventory, &settings);
        if sync != *self.zone.sync {
            self.zone.fixed = Arc::new(fixed::bodies(&sync));
            self.zone.sync = Arc::new(sync);
        }
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

    /// The subjects to render: a cluster stands for all of it that is not `held`, and a default cluster also for those
    /// behind it, whose flat names wait for it.
    fn affected(
        &self,
        inventory: &Inventory,
        subjects: &BTreeSet<Subject>,
        held: &BTreeSet<Subject>,
    ) -> BTreeSet<Subject> {
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
            let open = |subject: &Subject| !held.contains(subject);
            affected.extend(of_inventory(inventory, &within).into_iter().filter(open));
            affected.extend(self.blocks.keys().filter(|subject| touches(subject, &within) && open(subject)).cloned());
        }
        affected
    }

    /// Puts in what the zone says by itself.
    fn replace_own(&mut self, found: &mut Found) {
        let settings = &self.zone.settings;
        let own = Block::pack(fixed::fragment(settings), &settings.origin);
        self.replace(OWN, Some(own), found);
    }

    fn count(&mut self, old: Option<&Block>, new: Option<&Block>) {
        let open = |block: Option<&Block>| usize::from(block.is_some_and(|block| block.failed_open));
        let kept = |block: Option<&Block>| block.map_or(0, |block| block.kept_draining as usize);
        self.failed_open = self.failed_open + open(new) - open(old);
        self.kept_draining = self.kept_draining + kept(new) - kept(old);
    }

    /// Puts what a subject says in the place of what it said, if it said anything.
    fn put(&mut self, subject: &Subject, new: Option<Block>, found: &mut Found) {
        let Some(number) = self.blocks.get(subject).copied() else { return };
        let is_gone = new.is_none();
        self.replace(number, new, found);
        if is_gone {
            self.blocks.remove(subject);
            self.block_numbers.give_back(number);
        }
    }

    /// Takes out what the subject with this number said and puts in what it says.
    fn replace(&mut self, number: u32, new: Option<Block>, found: &mut Found) {
        let old = self.zone.index.block(number).cloned();
        self.count(old.as_deref(), new.as_ref());
        let mut befores = old.iter().flat_map(|block| block.iter()).peekable();
        let mut afters = new.iter().flat_map(Block::iter).peekable();
        // Both are in one order.
        loop {
            let order = match (befores.peek(), afters.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(before), Some(after)) => (before.hash, before.name).cmp(&(after.hash, after.name)),
            };
            let before = befores.next_if(|_| order.is_le());
            let after = afters.next_if(|_| order.is_ge());
            if before.zip(after).is_none_or(|(before, after)| !before.is_same(&after)) {
                self.edit(number, before.as_ref(), after.as_ref(), found);
            }
        }
        drop(afters);
        self.zone.index.set_block(number, new);
    }

    /// A subject has `after` at a name and no longer `before`; one of them is there.
    fn edit(&mut self, number: u32, before: Option<&Named<'_>>, after: Option<&Named<'_>>, found: &mut Found) {
        let Some(Named { hash, name, .. }) = after.or(before).copied() else { return };
        let index = &mut self.zone.index;
        let own = Owner::Block(number);
        let says = |named: Option<&Named<'_>>| named.and_then(|named| named.said).map(|(_, node)| node.clone());
        // Where it had something and no name of this hash is shared, the entry is its own, and need not be looked for.
        let is_alone = before.is_some() && !self.shared.contains_key(&hash);
        // Where it had nothing, an entry of its own is for another name of the same hash. Its block must not be asked: of many
        // that come together the new blocks are in the index before their names are, and this one has the name.
        let besides = before.is_none().then_some(number);
        let changed = match if is_alone { Some(own) } else { index.owner(hash, name, besides) } {
            Some(Owner::Shared(of)) => self.edit_claims(of, &[(before, after)], found),
            Some(other) if other != own => {
                let Owner::Block(of) = other else { return };
                let claims = index.claims_of(of, hash, name);
                let shared = self.claims_numbers.take();
                index.move_name(hash, other, Owner::Shared(shared));
                index.set_claims(shared, Some(Arc::new(claims)));
                *self.shared.entry(hash).or_default() += 1;
                self.edit_claims(shared, &[(before, after)], found)
            }
            owner => {
                match (owner, after) {
                    (None, Some(_)) => index.add_name(hash, own),
                    (Some(_), None) => index.remove_name(hash, own),
                    _ => {}
                }
                says(before) != says(after)
            }
        };
        if changed {
            found.change(name);
        }
    }

    /// The same where several subjects have the name, and for several of them. Returns whether what it says has changed.
    fn edit_claims(&mut self, number: u32, edits: &[Edit<'_>], found: &mut Found) -> bool {
        let Some(claims) = self.zone.index.claims(number) else { return false };
        let mut claims = Claims::clone(claims);
        let mut changed = false;
        for (before, after) in edits {
            if claims.replace(*before, *after) {
                changed = true;
                let subject = |claim: &Claim| claim.origin.subject.clone();
                found.contested.extend(claims.winner().and_then(subject).zip(claims.loser().and_then(subject)));
            }
        }
        if claims.exists() {
            self.zone.index.set_claims(number, Some(Arc::new(claims)));
        } else {
            let hash = hash(claims.name.as_wire());
            self.zone.index.remove_name(hash, Owner::Shared(number));
            self.zone.index.set_claims(number, None);
            self.claims_numbers.give_back(number);
            if let Some(count) = self.shared.get_mut(&hash) {
                *count -= 1;
                if *count == 0 {
                    self.shared.remove(&hash);
                }
            }
        }
        changed
    }
}

/// Renders one after the other.
pub(super) fn one_by_one(subjects: &[Subject], render: Render<'_>) -> Vec<Option<Block>> {
    subjects.iter().map(|subject| render(subject, &|| ())).collect()
}
