//! One name that a service wants: new, ours already, adopted, or somebody else's.

use super::super::desired::{Wanted, tasks::SET_PREFIX};
use super::super::ownership::Ownership;
use super::super::record::{Kind, plain_name, say_the_same, values};
use super::{Context, Group, Left, Owned, Plan, Purpose, Standing, create, delete};
use crate::dns::{DomainName, RecordType};
use crate::route53::{RecordChange, RecordSet, Routing};
use crate::zone::Settings;

/// The record sets of a name, told apart.
pub(super) struct Sets<'z> {
    /// Those that are ours by the name's ownership record.
    pub(super) ours: Vec<&'z RecordSet>,
    /// All others.
    pub(super) others: Vec<&'z RecordSet>,
}

impl<'z> Sets<'z> {
    /// Tells them apart; without an ownership record all are somebody else's.
    pub(super) fn of(listed: &'z [RecordSet], ownership: Option<&Ownership>) -> Self {
        let (ours, others) = listed.iter().partition(|set| ownership.is_some_and(|own| is_ours(set, own)));
        Self { ours, others }
    }

    /// Whether a set of this kind can stand beside those of others.
    fn blocking(&self, kind: Kind) -> Option<&'z RecordSet> {
        let blocks =
            |set: &&&RecordSet| kind == Kind::Cname || set.kind == RecordType::CNAME || set.kind == kind.record_type();
        self.others.iter().find(blocks).copied()
    }
}

/// Whether a set has the form in which we write the sets of this ownership. One that somebody has given another
/// routing policy is theirs.
fn is_ours(set: &RecordSet, ownership: &Ownership) -> bool {
    let many = ownership.kind == Kind::A && ownership.task.is_none();
    let prefixed = set.set_identifier.as_deref().is_some_and(|identifier| identifier.starts_with(SET_PREFIX));
    let form = if many { set.routing == Routing::Multivalue && prefixed } else { set.routing == Routing::Simple };
    set.kind == ownership.kind.record_type() && form && values(set).is_some()
}

impl Context<'_> {
    /// Adds what makes `name` say what is `wanted`.
    pub(super) fn bring_about(&self, name: &DomainName, wanted: &Wanted, plan: &mut Plan) {
        let result = match self.owned.get(name) {
            Some(owned) => self.update(name, owned, wanted, plan),
            None => self.register(name, wanted),
        };
        match result {
            Ok(Some((purpose, changes))) if !changes.is_empty() => {
                let service = wanted.ownership.service.clone();
                plan.groups.push(Group { name: name.clone(), service, purpose, changes });
            }
            Ok(_) => {}
            Err(why) => plan.conflicts.push(left(name, &wanted.ownership, why)),
        }
    }

    /// A name without an ownership record of ours.
    fn register(&self, name: &DomainName, wanted: &Wanted) -> Result<Option<(Purpose, Vec<RecordChange>)>, String> {
        let Some(record) = wanted.ownership.record(name) else { return Ok(None) };
        match self.listing.at(&record.name) {
            [] => {}
            listed => return Err(whose(listed)),
        }
        if wanted.sets.is_empty() {
            return Ok(None);
        }
        let sets = Sets::of(self.listing.at(name), None);
        let new = wanted.sets.iter().cloned().chain([record]).map(create);
        let Some(blocking) = sets.blocking(wanted.ownership.kind) else {
            return Ok(Some((Purpose::Register, new.collect())));
        };
        match adoptable(&sets, wanted) {
            None => Err(format!("somebody else's {} record is there", blocking.kind)),
            Some(_) if !self.consent.adopt => {
                Err("a CNAME to its own load balancer is there that we have not made: --adopt takes it over".to_owned())
            }
            // One that says what it should is only given its ownership record.
            Some(old) if wanted.sets.iter().all(|set| say_the_same(set, old)) => {
                Ok(Some((Purpose::Adopt, new.skip(wanted.sets.len()).collect())))
            }
            Some(old) => Ok(Some((Purpose::Adopt, std::iter::once(delete(old)).chain(new).collect()))),
        }
    }

    /// A name with an ownership record of one of our clusters.
    fn update(
        &self,
        name: &DomainName,
        owned: &Owned<'_>,
        wanted: &Wanted,
        plan: &mut Plan,
    ) -> Result<Option<(Purpose, Vec<RecordChange>)>, String> {
        let sets = Sets::of(self.listing.at(name), Some(&owned.ownership));
        if let Some(blocking) = sets.blocking(wanted.ownership.kind) {
            return Err(format!("a {} record that is not ours is there", blocking.kind));
        }
        let is_wanted = |set: &&RecordSet| wanted.sets.iter().any(|want| say_the_same(want, set));
        let (stay, go): (Vec<&RecordSet>, Vec<_>) = sets.ours.iter().copied().partition(is_wanted);
        let is_there = |want: &&RecordSet| stay.iter().any(|set| say_the_same(want, set));
        let come: Vec<_> = wanted.sets.iter().filter(|want| !is_there(want)).cloned().collect();
        if !go.is_empty() && !self.may_shrink(name, owned, wanted, plan) {
            return Ok(None);
        }
        let mut changes: Vec<_> = go.into_iter().map(delete).chain(come.into_iter().map(create)).collect();
        if owned.ownership != wanted.ownership {
            let Some(record) = wanted.ownership.record(name) else { return Ok(None) };
            changes.extend([delete(owned.record), create(record)]);
        }
        Ok(Some((Purpose::Update, changes)))
    }

    /// Whether sets of an own name may go while its service stays: there are others to take their place, or ECS wants
    /// no task of it. What stays against our wish is noted.
    fn may_shrink(&self, name: &DomainName, owned: &Owned<'_>, wanted: &Wanted, plan: &mut Plan) -> bool {
        let service = &wanted.ownership.service;
        let reading = self.evidence.clusters.get(&service.cluster).copied().unwrap_or_default();
        if wanted.ownership.kind == Kind::Cname {
            return true;
        }
        if !reading.tasks {
            plan.kept.push(left(
                name,
                &owned.ownership,
                "the tasks of its cluster have not been read completely".into(),
            ));
            return false;
        }
        if !wanted.sets.is_empty() {
            return true;
        }
        match self.evidence.standings.get(service) {
            Some(Standing::Active { desired: 0 }) => true,
            Some(_) => {
                plan.kept.push(left(name, &owned.ownership, "no task of its service is ready".into()));
                false
            }
            None => {
                plan.questions.insert(service.clone());
                false
            }
        }
    }
}

/// The one CNAME, TTL 60, to a load balancer of the service itself that stands alone where the service wants its own.
fn adoptable<'z>(sets: &Sets<'z>, wanted: &Wanted) -> Option<&'z RecordSet> {
    let [set] = sets.others.as_slice() else { return None };
    let (ttl, [value]) = values(set)? else { return None };
    let simple = set.kind == RecordType::CNAME && set.routing == Routing::Simple && set.health_check.is_none();
    let own = wanted.balancers.iter().any(|balancer| plain_name(balancer) == plain_name(value));
    (wanted.ownership.kind == Kind::Cname && simple && ttl == Settings::ALIAS_TTL && own).then_some(*set)
}

fn whose(listed: &[RecordSet]) -> String {
    match Ownership::read(listed) {
        Some((other, _)) => format!("it is registered for service {} of {}", other.service.name, other.service.cluster),
        None => "a record that is not ours is where our ownership record would be".to_owned(),
    }
}

pub(super) fn left(name: &DomainName, ownership: &Ownership, why: String) -> Left {
    Left { name: name.clone(), service: ownership.service.clone(), why }
}
