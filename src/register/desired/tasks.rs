//! Services without a load balancer: the addresses and ports of their ready tasks.
//!
//! `<service>.<zone>` is one multivalue A set for each task; `_<port>._<protocol>.<service>.<zone>` is an SRV set whose
//! targets are names of single tasks, `<task>.<service>.<cluster>.task.<zone>`, as the resolvers have them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::super::ownership::Ownership;
use super::super::record::{Kind, multivalue, simple};
use super::{Desired, Request};
use crate::dns::{DomainName, RecordType};
use crate::route53::RecordSet;
use crate::zone::naming::{self, Forms, Names};
use crate::zone::ports;
use crate::zone::readiness::{self, Address, TaskView};

/// Most tasks of a service that are registered: Route 53 takes 100 record sets of one name and type.
pub const MAX_TASKS: usize = 100;
/// Most characters of an SRV set, so that the old and the new one fit into one request.
pub const MAX_SRV_CHARACTERS: usize = 15_000;
/// What the identifiers of our multivalue sets begin with; the task's id follows.
pub const SET_PREFIX: &str = "ecs-resolver/";

/// Priority and weight of SRV records, as the resolvers have them.
const PRIORITY_WEIGHT: &str = "10 100";

impl Request<'_> {
    /// Adds what is registered for the tasks of this service.
    pub(super) fn add_tasks(&self, name: &DomainName, desired: &mut Desired) {
        if !self.writes(Kind::A) && !self.writes(Kind::Srv) {
            return;
        }
        let views: Vec<_> = self.inventory.tasks_of(self.key).map(|task| TaskView::of(self.inventory, task)).collect();
        let selection = readiness::select(&views, self.zone.settings.fail_open);
        let mut ready: Vec<_> = selection.chosen.iter().filter_map(|index| views.get(*index)).collect();
        if ready.iter().any(|view| view.address == Address::HostUnknown) {
            desired.hold(self.key, "the address of a container instance is not known");
            return;
        }
        if self.writes(Kind::Srv) && ready.iter().any(|view| view.definition.is_none()) {
            desired.hold(self.key, "a task definition could not be read");
            return;
        }
        ready.sort_by(|a, b| a.task.arn.cmp(&b.task.arn));
        if ready.len() > MAX_TASKS {
            let why = format!("only {MAX_TASKS} of its {} tasks are registered", ready.len());
            desired.leave_out(self.key, &why);
            ready.truncate(MAX_TASKS);
        }
        if self.writes(Kind::A) {
            let sets = self.address_sets(name, &ready);
            desired.want(name.clone(), self.ownership(Kind::A), sets, Vec::new());
        }
        if self.writes(Kind::Srv) {
            self.add_ports(name, &ready, desired);
        }
    }

    fn ttl(&self) -> u32 {
        self.zone.settings.ttl
    }

    /// One set for each task; tasks on one host share its address, which is registered once.
    fn address_sets(&self, name: &DomainName, ready: &[&TaskView<'_>]) -> Vec<RecordSet> {
        let mut seen = BTreeSet::new();
        let first =
            |view: &&TaskView<'_>| addresses(view).into_iter().next().map(|it| (view.task.arn.id().to_owned(), it));
        let sets = ready.iter().filter_map(first).filter(|(_, address)| seen.insert(address.clone()));
        let identifier = |task| format!("{SET_PREFIX}{task}");
        sets.map(|(task, address)| multivalue(name, RecordType::A, self.ttl(), identifier(task), address)).collect()
    }

    /// An SRV set for each port, and the names of the tasks that it leads to.
    fn add_ports(&self, name: &DomainName, ready: &[&TaskView<'_>], desired: &mut Desired) {
        let names = Names::new(&self.zone.settings.origin);
        let (service, cluster) = (Forms::of(&self.service.name), Forms::of(self.service.cluster.id()));
        let mut targets: BTreeMap<DomainName, &TaskView<'_>> = BTreeMap::new();
        let mut values: BTreeMap<DomainName, BTreeSet<String>> = BTreeMap::new();
        let mut left_out = 0;
        for owner in self.port_names(name) {
            values.entry(owner).or_default();
        }
        for view in ready.iter().filter(|view| !addresses(view).is_empty()) {
            let target = names.task_of(view.task.arn.id(), service.best(), cluster.best());
            let Some(target) = target.filter(|target| Ownership::name_of(target).is_some()) else { continue };
            for port in
                view.definition.map(|definition| ports::of_definition(&definition.containers)).unwrap_or_default()
            {
                let label = port.labels.first().map_or("", String::as_str);
                let (Some(owner), Some(number)) = (naming::srv(label, port.protocol.label(), name), port.number(view))
                else {
                    continue;
                };
                let value = format!("{PRIORITY_WEIGHT} {number} {target}");
                let set = values.entry(owner).or_default();
                if set.iter().map(String::len).sum::<usize>() + value.len() <= MAX_SRV_CHARACTERS {
                    set.insert(value);
                    targets.insert(target.clone(), view);
                } else {
                    left_out += 1;
                }
            }
        }
        if left_out > 0 {
            let why = format!("{left_out} SRV records are left out: a name can have {MAX_SRV_CHARACTERS} characters");
            desired.leave_out(self.key, &why);
        }
        for (owner, values) in values.into_iter().filter(|(owner, _)| Ownership::name_of(owner).is_some()) {
            if self.is_configured(&owner) {
                desired.leave_out(self.key, &format!("{owner} is in [records] of the configuration"));
                continue;
            }
            let values: Vec<_> = values.into_iter().collect();
            let any = !values.is_empty();
            let sets = any.then(|| simple(&owner, RecordType::SRV, self.ttl(), values)).into_iter().collect();
            desired.want(owner, self.ownership(Kind::Srv), sets, Vec::new());
        }
        for (target, view) in targets {
            let ownership = Ownership { task: Some(view.task.arn.id().into()), ..self.ownership(Kind::A) };
            let set = simple(&target, RecordType::A, self.ttl(), addresses(view));
            desired.want(target, ownership, vec![set], Vec::new());
        }
    }

    /// The owners of SRV sets by the current task definition, whether or not a task listens now.
    fn port_names(&self, name: &DomainName) -> Vec<DomainName> {
        let definition = self.service.task_definition.as_ref();
        let known = definition.and_then(|arn| self.inventory.task_definitions.get(arn));
        let ports = known.map(|definition| ports::of_definition(&definition.containers)).unwrap_or_default();
        let owner = |port: &ports::Port<'_>| naming::srv(port.labels.first()?, port.protocol.label(), name);
        ports.iter().filter_map(owner).collect()
    }
}

/// The IPv4 addresses of a task, in order.
fn addresses(view: &TaskView<'_>) -> Vec<String> {
    let v4 = view.addresses().iter().filter(|address| matches!(address, IpAddr::V4(_)));
    v4.map(ToString::to_string).collect::<BTreeSet<_>>().into_iter().collect()
}
