//! Subjects that are new, many at once: at a start, or when a cluster has been read.
//!
//! The end is that of one after the other. But a name that only one of them has, and nobody before, as nearly all names are,
//! goes into the index together with all others of its kind; and claims that many come to share are made once.

use std::sync::Arc;

use super::super::block::{Block, Named};
use super::super::index::Owner;
use super::super::trie::order;
use super::{Edit, Found, ZoneWriter};
use crate::dns::DomainName;
use crate::inventory::Subject;

/// A name of a new block.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Of its hash, in the index.
    order: u32,
    block: u32,
    name: u32,
}

impl Place {
    fn all(of: u32, block: &Block) -> impl Iterator<Item = Self> {
        (0..).zip(block.hashes()).map(move |(name, hash)| Self { order: order(hash), block: of, name })
    }

    fn hash(&self) -> u32 {
        order(self.order)
    }

    /// Names of one hash side by side, in the order of the blocks.
    fn key(&self) -> u64 {
        u64::from(self.order) << 32 | u64::from(self.block)
    }
}

impl ZoneWriter {
    /// Puts in what subjects say that have said nothing before.
    pub(super) fn add(&mut self, subjects: Vec<(Subject, Block)>, found: &mut Found) {
        let mut blocks = Vec::with_capacity(subjects.len());
        self.blocks.reserve(subjects.len());
        for (subject, block) in subjects {
            let number = self.block_numbers.take();
            self.count(None, Some(&block));
            self.blocks.insert(subject, number);
            blocks.push((number, Arc::new(block)));
        }
        self.zone.index.add_blocks(blocks.clone());
        let mut places: Vec<Place> = (0..).zip(&blocks).flat_map(|(of, (_, block))| Place::all(of, block)).collect();
        places.sort_unstable_by_key(Place::key);
        let (mut alone, mut colliding) = (Vec::with_capacity(places.len()), Vec::new());
        for of_one_hash in places.chunk_by(|one, other| one.order == other.order) {
            match of_one_hash {
                [place] if !self.zone.index.has_hash(place.hash()) => {
                    let Some((number, block)) = blocks.get(place.block as usize) else { continue };
                    alone.push((place.hash(), *number));
                    found.changed |= block.says_something(place.name as usize);
                    // The name itself is looked at only if somebody is told of it.
                    if let Some(named) = found.told.then(|| block.get(place.name as usize)).flatten() {
                        found.names.extend(named.said.and_then(|_| DomainName::from_wire(named.name)));
                    }
                }
                _ => colliding.push(of_one_hash),
            }
        }
        self.zone.index.add_names(alone.into_iter());
        for of_one_hash in colliding {
            let named = |place: &Place| {
                let (number, block) = blocks.get(place.block as usize)?;
                Some((block.get(place.name as usize)?, *number))
            };
            self.add_colliding(&of_one_hash.iter().filter_map(named).collect::<Vec<_>>(), found);
        }
    }

    /// Puts in names of one hash that come together, or to one that is there, in the order of the subjects' numbers: mostly it
    /// is one name that several have.
    fn add_colliding(&mut self, mut names: &[(Named<'_>, u32)], found: &mut Found) {
        while let [(named, number), others @ ..] = names {
            let is_one = names.iter().all(|(other, _)| other.name == named.name);
            match self.zone.index.owner(named.hash, named.name, None) {
                Some(Owner::Shared(of)) if is_one => {
                    let edits: Vec<Edit<'_>> = names.iter().map(|(named, _)| (None, Some(named))).collect();
                    if self.edit_claims(of, &edits, found) {
                        found.change(named.name);
                    }
                    return;
                }
                _ => self.edit(*number, None, Some(named), found),
            }
            names = others;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::net::Ipv4Addr;

    use super::*;
    use crate::dns::RData;
    use crate::ecs::{ClusterArn, Timestamp};
    use crate::inventory::{Inventory, ServiceKey};
    use crate::zone::Settings;
    use crate::zone::claims::Origin;
    use crate::zone::naming::Form;
    use crate::zone::render::{Fragment, bodies};

    fn origin() -> DomainName {
        DomainName::from_text("ecs.internal").unwrap()
    }

    fn writer() -> ZoneWriter {
        ZoneWriter::new(Settings::new(origin(), vec!["prod".to_owned()]), &Inventory::default(), 1)
    }

    /// Two names with one hash.
    fn twins() -> [DomainName; 2] {
        let mut known = HashMap::new();
        for number in 0.. {
            let name = DomainName::from_text(&format!("n{number}.ecs.internal")).unwrap();
            if let Some(twin) = known.insert(crate::zone::hash(name.as_wire()), name.clone()) {
                return [twin, name];
            }
        }
        unreachable!("there are more names than hashes")
    }

    fn subject(name: &str) -> Subject {
        let cluster = ClusterArn::of("us-east-1", "123456789012", "prod").unwrap();
        Subject::Service(ServiceKey::new(&cluster, name))
    }

    /// What a subject says, by its name, which decides whose word counts.
    fn said(of: &str, names: &[&DomainName]) -> (Subject, Block) {
        let subject = subject(of);
        let made = Origin { subject: Some(subject.clone()), order: 0, leaving: false, created_at: Timestamp::MIN };
        let mut fragment = Fragment::new(made);
        for name in names {
            let node = fragment.say(bodies::single(5, &RData::A(Ipv4Addr::new(10, 0, 0, 1).into())));
            fragment.add(Form::Exact, Some((*name).clone()), node);
        }
        (subject, Block::pack(fragment, &origin()))
    }

    /// Whose word counts at each name; `None` where nobody says anything.
    fn winners<'z>(writer: &'z ZoneWriter, names: [&DomainName; 2]) -> [Option<&'z Subject>; 2] {
        names.map(|name| writer.zone.index.find(name.as_wire())?.winner?.1.subject.as_ref())
    }

    #[test]
    fn two_names_with_one_hash_come_and_go_as_others_do() {
        let twins = twins();
        let [first, second] = [subject("first"), subject("second")];
        for [a, b] in [[&twins[0], &twins[1]], [&twins[1], &twins[0]]] {
            let (mut writer, mut found) = (writer(), Found::default());
            let own = writer.zone.index.len();
            writer.add(vec![said("first", &[a, b])], &mut found);
            assert_eq!(winners(&writer, [a, b]), [Some(&first), Some(&first)]);
            writer.put(&first, Some(said("first", &[b]).1), &mut found);
            assert_eq!(winners(&writer, [a, b]), [None, Some(&first)]);
            writer.put(&first, Some(said("first", &[a, b]).1), &mut found);
            writer.add(vec![said("second", &[a])], &mut found);
            assert_eq!(winners(&writer, [a, b]), [Some(&first), Some(&first)]);
            writer.put(&first, None, &mut found);
            assert_eq!(winners(&writer, [a, b]), [Some(&second), None]);
            writer.put(&second, None, &mut found);
            assert_eq!(writer.zone.index.len(), own);
        }
    }

    #[test]
    fn a_name_is_shared_though_one_of_the_same_hash_is_not() {
        let twins = twins();
        let [first, second] = [subject("first"), subject("second")];
        for [a, b] in [[&twins[0], &twins[1]], [&twins[1], &twins[0]]] {
            for says in [[said("first", &[a]), said("second", &[a, b])], [said("second", &[a, b]), said("first", &[a])]]
            {
                let (mut writer, mut found) = (writer(), Found::default());
                let own = writer.zone.index.len();
                writer.add(says.into(), &mut found);
                assert_eq!(winners(&writer, [a, b]), [Some(&first), Some(&second)]);
                assert_eq!(writer.zone.index.entries().filter(|entry| entry.name == a.as_wire()).count(), 1);
                writer.put(&first, None, &mut found);
                assert_eq!(winners(&writer, [a, b]), [Some(&second), Some(&second)]);
                writer.put(&second, None, &mut found);
                assert_eq!(writer.zone.index.len(), own);
            }
        }
    }

    /// Who goes without is told in the log, and counted.
    #[test]
    fn of_many_that_want_a_name_those_are_told_of_that_would_be_one_after_the_other() {
        let name = |text: String| DomainName::from_text(&format!("{text}.ecs.internal")).unwrap();
        let shared: Vec<_> = (0..5).map(|at| name(format!("shared{at}"))).collect();
        let all = || {
            (0..40).map(|number| {
                let own: Vec<_> = (0..3).map(|at| name(format!("own{at}-{number}"))).collect();
                said(&format!("service-{number:02}"), &own.iter().chain(&shared).collect::<Vec<_>>())
            })
        };
        let (mut together, mut found) = (writer(), Found::default());
        together.add(all().collect(), &mut found);
        let (mut apart, mut found_apart) = (writer(), Found::default());
        all().for_each(|one| apart.add(vec![one], &mut found_apart));
        assert_eq!(found.contested, [(subject("service-00"), subject("service-01"))].into());
        assert_eq!(found.contested, found_apart.contested);
    }
}
