//! Stories of single names, and what holds whatever the zone looks like.

mod batches;
pub mod model;
mod properties;
mod stories;

use std::collections::BTreeMap;

use super::desired::{Desired, Wanted};
use super::record::{multivalue, simple};
use super::{Consent, Evidence, Kind, Ownership, Plan, Reading, Standing, plan};
use crate::dns::{DomainName, RecordType};
use crate::ecs::ClusterArn;
use crate::inventory::ServiceKey;
use crate::route53::RecordSet;
use model::Model;

pub fn cluster(name: &str) -> ClusterArn {
    ClusterArn::parse(&format!("arn:aws:ecs:us-east-1:123456789012:cluster/{name}")).unwrap()
}

pub fn key(name: &str) -> ServiceKey {
    ServiceKey::new(&cluster("prod"), name)
}

pub fn name(label: &str) -> DomainName {
    DomainName::from_text(&format!("{label}.ecs.internal")).unwrap()
}

fn balancer(service: &str) -> String {
    format!("internal-{service}-1.us-east-1.elb.amazonaws.com")
}

fn cname(label: &str, target: &str) -> RecordSet {
    simple(&name(label), RecordType::CNAME, 60, vec![target.to_owned()])
}

fn ownership(service: &str, kind: Kind) -> Ownership {
    Ownership { service: key(service), task: None, kind }
}

fn owner(label: &str, service: &str, kind: Kind) -> RecordSet {
    ownership(service, kind).record(&name(label)).unwrap()
}

/// A load-balanced service that wants `<service>.ecs.internal`.
fn balanced(service: &str) -> (DomainName, Wanted) {
    let label = service.to_lowercase();
    let sets = vec![cname(&label, &balancer(service))];
    (name(&label), Wanted { ownership: ownership(service, Kind::Cname), sets, balancers: vec![balancer(service)] })
}

/// A service whose tasks with these ids want its name.
fn of_tasks(service: &str, tasks: &[&str]) -> (DomainName, Wanted) {
    let set = |task: &&str| {
        let address = format!("10.0.0.{}", task.bytes().map(usize::from).sum::<usize>() % 256);
        multivalue(&name(service), RecordType::A, 5, format!("ecs-resolver/{task}"), address)
    };
    let sets = tasks.iter().map(set).collect();
    (name(service), Wanted { ownership: ownership(service, Kind::A), sets, balancers: vec![] })
}

fn desired(names: impl IntoIterator<Item = (DomainName, Wanted)>) -> Desired {
    Desired { names: names.into_iter().collect(), ..Desired::default() }
}

/// The cluster `prod`, read completely; these services are as DescribeServices says.
fn evidence(standings: &[(&str, Standing)]) -> Evidence {
    let reading = Reading { services: true, tasks: true, listed: 3 };
    let standings = standings.iter().map(|(service, standing)| (key(service), *standing)).collect();
    Evidence { clusters: BTreeMap::from([(cluster("prod"), reading)]), standings }
}

/// Plans without any consent.
fn planned(zone: &Model, desired: &Desired, evidence: &Evidence) -> Plan {
    plan(&zone.listing(), desired, evidence, Consent::default())
}
