//! What ECS wants: the names that its services should have in the hosted zone.
//!
//! Who gets which label is the rendered zone's decision, so that Route 53 never says of a name what the resolvers do
//! not: a service is registered under its best label, `<service>.<zone>`, if that name is its own there. Only services
//! of default clusters have such names. A service is *held* when something that decides its records is not known (a
//! load balancer that could not be read, a host without an address): what is registered for it stays as it is.

pub mod tasks;

use std::collections::{BTreeMap, BTreeSet};

use super::ownership::Ownership;
use super::record::{Kind, simple};
use crate::dns::{DomainName, RecordType};
use crate::ecs::{ClusterArn, LoadBalancer, LoadBalancerRef, Service, ServiceStatus};
use crate::inventory::{Inventory, ServiceKey, Subject};
use crate::route53::RecordSet;
use crate::zone::balancing::{self, Balancing};
use crate::zone::layers::Found;
use crate::zone::naming::{Forms, Names};
use crate::zone::{Settings, Zone};

/// What is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Record types that are written.
    pub kinds: BTreeSet<Kind>,
}

/// What one name should say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Whose it is.
    pub ownership: Ownership,
    /// Its record sets, all of the type that the ownership names. None: the service has no task that could answer.
    pub sets: Vec<RecordSet>,
    /// DNS names of the service's own load balancers: a CNAME to one of them may be adopted.
    pub balancers: Vec<String>,
}

/// What all services want.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// By name.
    pub names: BTreeMap<DomainName, Wanted>,
    /// Services whose records stay as they are, and why.
    pub held: BTreeMap<ServiceKey, String>,
    /// Services that get no name, or not all of their tasks, and why.
    pub unregistered: BTreeMap<ServiceKey, String>,
}

impl Desired {
    /// What the services of `clusters` want, which must have been read completely. `zone` is rendered from
    /// `inventory`.
    #[must_use]
    pub fn of(inventory: &Inventory, zone: &Zone, clusters: &BTreeSet<ClusterArn>, options: &Options) -> Self {
        let mut desired = Self::default();
        for (key, service) in &inventory.services {
            // One that is being deleted wants nothing any more: the seed of 2016 dropped its record at once, too.
            let in_use = matches!(service.value.status, ServiceStatus::Active | ServiceStatus::Unknown);
            if clusters.contains(&key.cluster) && in_use {
                Request { inventory, zone, options, key, service: &service.value }.add_to(&mut desired);
            }
        }
        desired
    }

    fn hold(&mut self, key: &ServiceKey, why: impl Into<String>) {
        self.held.insert(key.clone(), why.into());
    }

    /// Notes what of a service is not registered, besides what has been noted.
    fn leave_out(&mut self, key: &ServiceKey, why: &str) {
        let noted = self.unregistered.entry(key.clone()).or_default();
        noted.push_str(if noted.is_empty() { "" } else { "; " });
        noted.push_str(why);
    }

    fn want(&mut self, name: DomainName, ownership: Ownership, sets: Vec<RecordSet>, balancers: Vec<String>) {
        self.names.insert(name, Wanted { ownership, sets, balancers });
    }
}

/// One service that asks for its names.
struct Request<'i> {
    inventory: &'i Inventory,
    zone: &'i Zone,
    options: &'i Options,
    key: &'i ServiceKey,
    service: &'i Service,
}

impl Request<'_> {
    fn add_to(&self, desired: &mut Desired) {
        let Some(name) = self.own_name(desired) else { return };
        let balancers = match self.balancers() {
            Ok(balancers) => balancers,
            Err(unknown) => {
                desired.hold(self.key, format!("load balancer {unknown} could not be read"));
                return;
            }
        };
        match balancing::of_service(self.inventory, self.service) {
            Balancing::Behind(balancer) if self.writes(Kind::Cname) => {
                let value = balancer.dns_name.clone();
                let set = simple(&name, RecordType::CNAME, Settings::ALIAS_TTL, vec![value]);
                let balancers = balancers.iter().map(|balancer| balancer.dns_name.clone()).collect();
                desired.want(name, self.ownership(Kind::Cname), vec![set], balancers);
            }
            // One of those just read; were it unknown, the service would be held.
            Balancing::Behind(_) | Balancing::Unknown(_) => {}
            Balancing::None => self.add_tasks(&name, desired),
        }
    }

    /// `<service>.<zone>`, if it is this service's.
    fn own_name(&self, desired: &mut Desired) -> Option<DomainName> {
        let label = Forms::of(&self.service.name);
        let name = Names::new(&self.zone.settings.origin).flat(label.best());
        let Some(name) = name.filter(|name| Ownership::name_of(name).is_some()) else {
            let why = format!("`{}` is reserved or too long for a name of its own", label.best());
            desired.unregistered.insert(self.key.clone(), why);
            return None;
        };
        if self.is_configured(&name) {
            desired.unregistered.insert(self.key.clone(), format!("{name} is in [records] of the configuration"));
            return None;
        }
        let entry = self.zone.find(name.as_wire());
        let winner = entry.and_then(|entry| entry.winner).map(|(_, origin)| origin.subject.clone());
        match winner {
            Some(Some(Subject::Service(winner))) if winner == *self.key => Some(name),
            Some(Some(winner)) => {
                desired.unregistered.insert(self.key.clone(), format!("{name} is the name of {winner}: rename one"));
                None
            }
            Some(None) => {
                desired.unregistered.insert(self.key.clone(), format!("{name} is a record of the zone itself"));
                None
            }
            None => {
                desired.hold(self.key, "its cluster, or a default cluster before it, has not been read completely");
                None
            }
        }
    }

    /// Whether the configuration answers this name, whatever ECS says.
    fn is_configured(&self, name: &DomainName) -> bool {
        matches!(self.zone.records.at(name.as_wire()), Found::Node(_))
    }

    /// Every load balancer that it declares; an error if one of them is not known, since it might be the one to prefer.
    fn balancers(&self) -> Result<Vec<&LoadBalancer>, &str> {
        let mut found = Vec::new();
        for declared in self.service.declared_load_balancers() {
            let ids = match declared {
                LoadBalancerRef::LoadBalancerName(id) => std::slice::from_ref(id),
                LoadBalancerRef::TargetGroup(arn) => {
                    let group = self.inventory.target_groups.get(arn);
                    group.ok_or(arn.as_str())?.value.load_balancers.as_slice()
                }
            };
            for id in ids {
                found.push(&self.inventory.load_balancers.get(id).ok_or(id.as_str())?.value);
            }
        }
        Ok(found)
    }

    fn writes(&self, kind: Kind) -> bool {
        self.options.kinds.contains(&kind)
    }

    fn ownership(&self, kind: Kind) -> Ownership {
        Ownership { service: self.key.clone(), task: None, kind }
    }
}

#[cfg(test)]
mod tests;
