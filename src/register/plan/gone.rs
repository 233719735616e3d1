//! Names of ours that nobody wants: which of them may go.
//!
//! Never for want of knowledge. The name of a service goes when its cluster was read completely *and* DescribeServices
//! says that the service is DRAINING, INACTIVE or MISSING; the name of a task goes with its service, or when another
//! task has taken its place.

use super::name::{Sets, left};
use super::{Context, Group, Owned, Plan, Purpose, Refusal, Standing, delete, delete_limit};
use crate::dns::DomainName;
use crate::register::Ownership;

/// Whether a name may go.
enum Verdict {
    /// With its service.
    Gone,
    /// Its task has been replaced.
    Replaced,
    /// No, because of this.
    Stays(&'static str),
    /// It depends on what DescribeServices says.
    Ask,
}

impl Context<'_> {
    /// Adds what removes the names that nobody wants any more.
    pub(super) fn clear_away(&self, plan: &mut Plan) {
        let mut of_services = 0;
        let mut going = Vec::new();
        for (name, owned) in &self.owned {
            if self.desired.names.contains_key(name) {
                continue;
            }
            match self.judge(&owned.ownership) {
                Verdict::Gone => {
                    of_services += usize::from(owned.is_service());
                    going.push(self.removal(name, owned));
                }
                Verdict::Replaced => plan.groups.push(self.removal(name, owned)),
                Verdict::Stays(why) => plan.kept.push(left(name, &owned.ownership, why.to_owned())),
                Verdict::Ask => drop(plan.questions.insert(owned.ownership.service.clone())),
            }
        }
        let limit = delete_limit(plan.owned);
        if of_services > limit && !self.consent.mass_delete {
            plan.refused = Some(Refusal { deletes: of_services, owned: plan.owned, limit });
        } else {
            plan.groups.extend(going);
        }
    }

    fn judge(&self, ownership: &Ownership) -> Verdict {
        let Ownership { service, task, .. } = ownership;
        let reading = self.evidence.clusters.get(&service.cluster).copied().unwrap_or_default();
        if !reading.services {
            return Verdict::Stays("its cluster has not been read completely");
        }
        if self.desired.held.contains_key(service) {
            return Verdict::Stays("something that decides about its service could not be read");
        }
        let replaced = task.is_some() && reading.tasks && self.has_other_tasks(ownership);
        match self.evidence.standings.get(service) {
            Some(Standing::Draining | Standing::Inactive) => Verdict::Gone,
            Some(Standing::Missing) if reading.listed > 0 || self.consent.mass_delete => Verdict::Gone,
            Some(Standing::Missing) => Verdict::Stays(
                "its service is MISSING, but its cluster lists no service at all: --allow-mass-delete believes it",
            ),
            _ if replaced => Verdict::Replaced,
            Some(Standing::Active { desired: 0 }) if task.is_some() && reading.tasks => Verdict::Replaced,
            Some(Standing::Active { .. }) => Verdict::Stays("its service is ACTIVE"),
            None => Verdict::Ask,
        }
    }

    /// Whether the service of a task has another one that is registered.
    fn has_other_tasks(&self, ownership: &Ownership) -> bool {
        let mut wanted = self.desired.names.values().map(|wanted| &wanted.ownership);
        wanted.any(|other| other.service == ownership.service && other.task.is_some())
    }

    /// Deletes what is ours of a name, and leaves what others have there.
    fn removal(&self, name: &DomainName, owned: &Owned<'_>) -> Group {
        let sets = Sets::of(self.listing.at(name), Some(&owned.ownership));
        let changes = sets.ours.into_iter().map(delete).chain([delete(owned.record)]).collect();
        let service = owned.ownership.service.clone();
        Group { name: name.clone(), service, purpose: Purpose::Deregister, changes }
    }
}
