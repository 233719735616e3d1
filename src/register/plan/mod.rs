//! Desired against listed: the changes that make a hosted zone say what ECS wants, and what is left alone, and why.
//!
//! Changes come in *groups*: everything of one name, its ownership record included. A group is never divided, and a
//! request is all or nothing, so whoever stops between two requests leaves no name half registered. Applying a plan
//! and planning again gives no changes; nor does it matter how many controllers do so at once, since a CREATE or a
//! DELETE that finds another state than the listed one fails and changes nothing.

mod gone;
mod name;

use std::collections::{BTreeMap, BTreeSet};

use super::desired::Desired;
use super::ownership::Ownership;
use super::record::Listing;
use crate::dns::DomainName;
use crate::ecs::ClusterArn;
use crate::inventory::ServiceKey;
use crate::route53::{Action, RecordChange, RecordSet};

/// How well a cluster has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// Services: the list and the description of each of them.
    pub services: bool,
    /// Tasks, too.
    pub tasks: bool,
    /// Services that the list held, whatever else is known. A list of none proves little: it is also what a confused API gives.
    pub listed: usize,
}

/// What DescribeServices says of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// In use, with this many tasks wanted.
    Active {
        /// `desiredCount`.
        desired: u32,
    },
    /// Deleted, tasks still stopping.
    Draining,
    /// Deleted.
    Inactive,
    /// Not there.
    Missing,
}

/// What is known for sure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The clusters that the controller follows. Records of others are not its business.
    pub clusters: BTreeMap<ClusterArn, Reading>,
    /// What DescribeServices said of single services, asked after the zone was listed.
    pub standings: BTreeMap<ServiceKey, Standing>,
}

/// What the operator allows beyond the usual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Consent {
    /// Take over CNAMEs, TTL 60, that point to the service's own load balancer: those of the Lambda of 2016.
    pub adopt: bool,
    /// Delete more names in one plan than [`delete_limit`] says, and believe an empty cluster.
    pub mass_delete: bool,
}

/// Why a group changes what it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// The name is new.
    Register,
    /// The record was there before us; we take it over.
    Adopt,
    /// It says something else than it should.
    Update,
    /// The service, or the task, is gone.
    Deregister,
}

impl Purpose {
    /// For tables and metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Adopt => "adopt",
            Self::Update => "update",
            Self::Deregister => "deregister",
        }
    }
}

/// Changes of one name, done together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The name.
    pub name: DomainName,
    /// The service that it is about.
    pub service: ServiceKey,
    /// Why.
    pub purpose: Purpose,
    /// What; never empty.
    pub changes: Vec<RecordChange>,
}

/// A name that is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    /// The name.
    pub name: DomainName,
    /// The service that it is about.
    pub service: ServiceKey,
    /// Why, as a clause.
    pub why: String,
}

/// Deletes that are not done because they are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Names that would go.
    pub deletes: usize,
    /// Names that we own.
    pub owned: usize,
    /// Names that may go in one plan.
    pub limit: usize,
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In this order: what is new or different, then what goes.
    pub groups: Vec<Group>,
    /// Names that a service wants and somebody else has.
    pub conflicts: Vec<Left>,
    /// Names of ours that stay although nobody wants them, because it is not sure that they may go.
    pub kept: Vec<Left>,
    /// Services whose standing would decide about names of ours that nobody wants.
    pub questions: BTreeSet<ServiceKey>,
    /// Deletes that were refused; they are not among the groups.
    pub refused: Option<Refusal>,
    /// Names that we own, those of single tasks left out.
    pub owned: usize,
}

/// How many of `owned` names may go in one plan without further consent: a fifth, but five always.
#[must_use]
pub fn delete_limit(owned: usize) -> usize {
    (owned / 5).max(5)
}

/// Works out the changes. `listing` and `desired` are complete; where `evidence` is not, less is done.
#[must_use]
pub fn plan(listing: &Listing, desired: &Desired, evidence: &Evidence, consent: Consent) -> Plan {
    let context = Context { listing, desired, evidence, consent, owned: owned_names(listing, evidence) };
    let mut plan = Plan { owned: context.owned.values().filter(|owned| owned.is_service()).count(), ..Plan::default() };
    // The names of tasks first: what leads to them should find them there.
    let (tasks, services): (Vec<_>, Vec<_>) =
        desired.names.iter().partition(|(_, wanted)| wanted.ownership.task.is_some());
    for (name, wanted) in tasks.into_iter().chain(services) {
        context.bring_about(name, wanted, &mut plan);
    }
    context.clear_away(&mut plan);
    plan
}

/// A name that carries our ownership record.
struct Owned<'z> {
    ownership: Ownership,
    /// The ownership record as it is listed.
    record: &'z RecordSet,
}

impl Owned<'_> {
    fn is_service(&self) -> bool {
        self.ownership.task.is_none()
    }
}

/// What a plan is made from.
struct Context<'z> {
    listing: &'z Listing,
    desired: &'z Desired,
    evidence: &'z Evidence,
    consent: Consent,
    /// Names with an ownership record of one of our clusters.
    owned: BTreeMap<DomainName, Owned<'z>>,
}

fn owned_names<'z>(listing: &'z Listing, evidence: &Evidence) -> BTreeMap<DomainName, Owned<'z>> {
    let read = |at: &DomainName| {
        let name = Ownership::subject_of(at)?;
        let (ownership, record) = Ownership::read(listing.at(at))?;
        let ours = evidence.clusters.contains_key(&ownership.service.cluster);
        ours.then_some((name, Owned { ownership, record }))
    };
    listing.names().filter_map(read).collect()
}

fn create(set: RecordSet) -> RecordChange {
    RecordChange { action: Action::Create, set }
}

/// A change that removes a set as it is listed.
fn delete(set: &RecordSet) -> RecordChange {
    RecordChange { action: Action::Delete, set: set.clone() }
}
