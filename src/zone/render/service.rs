//! The names of a service: flat, full and short ones, its SRV owners, its tasks, its load balancer.

mod srv;

use std::net::IpAddr;
use std::sync::Arc;

use smallvec::smallvec;

use self::srv::{Endpoints, Made};
use super::super::balancing::{self, Balancing};
use super::super::facts;
use super::super::naming::{Form, Forms, Kind, Names};
use super::super::node::Node;
use super::super::readiness::{self, Address, Selection, Standing, TaskView};
use super::super::settings::Settings;
use super::{Fragment, bodies, order};
use crate::dns::rdata::CNAME;
use crate::dns::{Body, BodyBuilder, DomainName, Ede, RData, RecordType};
use crate::ecs::ServiceStatus;
use crate::inventory::{Inventory, ServiceKey, Subject};

/// Names of one kind, and how true each is.
type Owners = Vec<(Form, DomainName)>;

/// Renders the service `key`.
#[must_use]
pub fn render(inventory: &Inventory, settings: &Settings, key: &ServiceKey) -> Option<Fragment> {
    let service = &inventory.services.get(key).filter(|service| service.value.status != ServiceStatus::Inactive)?.value;
    let order = order(inventory, settings, &key.cluster)?;
    let views: Vec<TaskView<'_>> = inventory.tasks_of(key).map(|record| TaskView::of(inventory, record)).collect();
    let selection = readiness::select(&views, settings.fail_open);
    let leaving = service.status == ServiceStatus::Draining;
    let mut fragment = Fragment::of(Subject::Service(key.clone()), order, leaving, service.created_at);
    fragment.failed_open = selection.failed_open;
    fragment.kept_draining = selection.kept_draining;
    let ttl = if selection.changing { settings.changing_ttl() } else { settings.ttl };
    let facts = facts::of_service(service, &views, &selection, settings);
    let used = service.task_definition.iter().chain(views.iter().map(|view| &view.task.task_definition));
    let unread = used.into_iter().find(|arn| !inventory.task_definitions.contains_key(*arn));
    let mut room = Room {
        names: Names::new(&settings.origin),
        service: Forms::of(&service.name),
        cluster: Forms::of(service.cluster.id()),
        endpoints: Vec::new(),
        flat: has_flat_names(inventory, settings, order),
        owners: Default::default(),
        facts: bodies::text(ttl, &facts),
        unread: unread.map(bodies::ports_unknown),
        views,
        selection,
        ttl,
        settings,
    };
    room.endpoints = room.all_endpoints();
    room.owners = Kind::ALL.map(|kind| room.owners(kind));
    let mut made = Made::new();
    room.add_services(&mut fragment, &balancing::of_service(inventory, service), &mut made);
    room.add_srv(&mut fragment, &room.definition_ports(inventory, service), &mut made);
    room.add_tasks(&mut fragment);
    Some(fragment)
}

/// A cluster's services have flat names if it is a default one and every default cluster before it has been read:
/// until then we cannot know that an earlier one does not have the name.
fn has_flat_names(inventory: &Inventory, settings: &Settings, order: usize) -> bool {
    let synced = |wanted: &String| {
        let mut clusters = inventory.clusters.values();
        clusters
            .any(|record| record.synced && (record.cluster.name == *wanted || record.cluster.arn.as_str() == wanted))
    };
    order < settings.default_clusters.len() && settings.default_clusters.iter().take(order).all(synced)
}

/// Everything that the names of one service are made of.
struct Room<'i> {
    names: Names<'i>,
    service: Forms,
    cluster: Forms,
    flat: bool,
    /// Its names of each kind, in all forms.
    owners: [Owners; Kind::ALL.len()],
    facts: Body,
    /// The answer for ports that we cannot know of: those of a task definition that has not been read.
    unread: Option<Body>,
    views: Vec<TaskView<'i>>,
    /// For each of them.
    endpoints: Vec<Endpoints<'i>>,
    selection: Selection,
    ttl: u32,
    settings: &'i Settings,
}

impl<'i> Room<'i> {
    /// Its names of one kind, in all forms.
    fn owners(&self, kind: Kind) -> Owners {
        let mut owners = Vec::new();
        for (form, service) in self.service.iter() {
            let plain = kind == Kind::Svc;
            let flat = [self.names.flat(service).filter(|_| plain), self.names.short(service, kind)];
            owners.extend(flat.into_iter().flatten().filter(|_| self.flat).map(|name| (form, name)));
            for (cluster_form, cluster) in self.cluster.iter() {
                let of_cluster = self.names.in_cluster(service, cluster).filter(|_| plain);
                let names = [of_cluster, self.names.full(service, cluster, kind)];
                owners.extend(names.into_iter().flatten().map(|name| (form.max(cluster_form), name)));
            }
        }
        owners
    }

    fn add_all(&self, fragment: &mut Fragment, kind: Kind, node: usize) {
        for (form, name) in &self.owners[kind as usize] {
            fragment.add(*form, Some(name.clone()), node);
        }
    }

    fn add_services(&self, fragment: &mut Fragment, balancing: &Balancing<'_>, made: &mut Made) {
        let (chosen, staying) = (&self.selection.chosen, self.staying());
        let ready = self.addresses(&self.views(chosen), || self.why_not_ready());
        let alias = alias(balancing);
        let shown = alias.clone().unwrap_or_else(|| ready.clone());
        let balancer = alias.unwrap_or_else(|| Node::Records {
            sets: smallvec![(RecordType::TXT, self.facts.clone())],
            nodata: bodies::no_load_balancer(),
        });
        let shown = fragment.say(shown);
        let tasks = fragment.say(self.with_srv(ready, chosen, made));
        let all = if staying == *chosen && !staying.is_empty() {
            tasks
        } else {
            let all = self.addresses(&self.views(&staying), || "no task is running".to_owned());
            fragment.say(self.with_srv(all, &staying, made))
        };
        let balancer = fragment.say(balancer);
        for (kind, node) in [(Kind::Svc, shown), (Kind::Task, tasks), (Kind::All, all), (Kind::Lb, balancer)] {
            self.add_all(fragment, kind, node);
        }
    }

    /// The tasks with these indices.
    fn views(&self, tasks: &[usize]) -> Vec<&TaskView<'i>> {
        tasks.iter().filter_map(|task| self.views.get(*task)).collect()
    }

    /// Indices of the tasks that are not on their way out.
    fn staying(&self) -> Vec<usize> {
        (0..self.views.len()).filter(|task| self.views[*task].standing != Standing::Leaving).collect()
    }

    fn why_not_ready(&self) -> String {
        if self.views.is_empty() {
            return "the service has no tasks".to_owned();
        }
        let count = |standing: Standing| self.views.iter().filter(|view| view.standing == standing).count();
        let (unhealthy, unproven) = (count(Standing::Unhealthy), count(Standing::Unproven));
        format!(
            "no task is ready: {unhealthy} unhealthy, {unproven} not yet healthy, {} starting",
            count(Standing::Starting)
        )
    }

    /// Addresses of these tasks and the facts of the service; `why` goes with NODATA when there are no tasks.
    fn addresses(&self, tasks: &[&TaskView<'_>], why: impl FnOnce() -> String) -> Node {
        let addresses: Vec<IpAddr> = tasks.iter().flat_map(|view| view.addresses()).copied().collect();
        let mut sets = if addresses.is_empty() && is_host_unknown(tasks) {
            let unknown = bodies::host_unknown();
            smallvec![(RecordType::A, unknown.clone()), (RecordType::AAAA, unknown)]
        } else {
            bodies::address_sets(self.ttl, &addresses, self.fail_open_note().as_ref())
        };
        sets.push((RecordType::TXT, self.facts.clone()));
        let nodata = if tasks.is_empty() {
            bodies::nodata_because(Arc::new(Ede::new(Ede::OTHER, &why())))
        } else {
            bodies::nodata()
        };
        Node::Records { sets, nodata }
    }

    fn fail_open_note(&self) -> Option<Arc<Ede>> {
        self.selection.failed_open.then(|| Arc::new(Ede::new(Ede::OTHER, "all tasks are UNHEALTHY: failing open")))
    }

    /// Names of the single tasks, and of their addresses.
    fn add_tasks(&self, fragment: &mut Fragment) {
        for view in self.views(&self.staying()).into_iter().filter(|view| view.address != Address::None) {
            let id = view.task.arn.id();
            let node = fragment.say(bodies::task(view, self.ttl, self.settings));
            fragment.add(Form::TaskId, self.names.task(id), node);
            for (form, service) in self.service.iter() {
                for (cluster_form, cluster) in self.cluster.iter() {
                    fragment.add(form.max(cluster_form), self.names.task_of(id, service, cluster), node);
                }
            }
            if !view.task.ipv4.is_empty() || !view.task.ipv6.is_empty() {
                let target = self.names.task_of(id, self.service.best(), self.cluster.best());
                fragment.add_reverse(view.addresses(), target.as_ref(), self.ttl);
            }
        }
    }
}

/// Whether one of these tasks would have an address if its host had.
fn is_host_unknown(tasks: &[&TaskView<'_>]) -> bool {
    tasks.iter().any(|view| view.address == Address::HostUnknown)
}

/// The CNAME to the load balancer, or that it is not known; `None` if the service has none.
fn alias(balancing: &Balancing<'_>) -> Option<Node> {
    let unknown = |what: &str| {
        let why = format!("DNS name of load balancer {what} is not known");
        Node::Unavailable { answer: bodies::servfail(Ede::OTHER, &why) }
    };
    match balancing {
        Balancing::None => None,
        Balancing::Unknown(what) => Some(unknown(what)),
        Balancing::Behind(balancer) => Some(match DomainName::from_text(&balancer.dns_name) {
            None => unknown(balancer.id.as_str()),
            Some(target) => {
                let mut cname = BodyBuilder::new(false);
                cname.answer(Settings::ALIAS_TTL, &RData::CNAME(CNAME(target.to_name())));
                Node::Alias { cname: cname.build(), target }
            }
        }),
    }
}
