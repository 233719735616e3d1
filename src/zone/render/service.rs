//! The names of a service: flat, full and short ones, its SRV owners, its tasks, its load balancer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use smallvec::smallvec;

use super::super::balancing::{self, Balancing};
use super::super::facts;
use super::super::naming::{self, Form, Forms, Kind, Names};
use super::super::node::{Node, Sets};
use super::super::ports::{self, Port};
use super::super::readiness::{self, Address, Selection, Standing, TaskView};
use super::super::settings::Settings;
use super::{Fragment, bodies, order};
use crate::dns::rdata::CNAME;
use crate::dns::{Body, BodyBuilder, DomainName, Ede, RData, RecordType};
use crate::ecs::{Protocol, Service, ServiceStatus};
use crate::inventory::{Inventory, ServiceKey, Subject};

/// Priority and weight of every SRV record.
const PRIORITY_WEIGHT: (u16, u16) = (10, 100);

/// Port label and protocol → its records.
type SrvSets<'r> = BTreeMap<(&'r str, &'static str), Vec<&'r Endpoint>>;

/// Record sets that have been made, by tasks and numbers: what is said under several names is made once.
type SrvBodies = BTreeMap<Vec<(usize, u16)>, Body>;

/// One SRV record.
struct Endpoint {
    /// Which of the service's tasks.
    task: usize,
    number: u16,
    /// RDATA.
    wire: Vec<u8>,
}

/// Renders the service `key`.
#[must_use]
pub fn render(inventory: &Inventory, settings: &Settings, key: &ServiceKey) -> Option<Fragment> {
    let service = &inventory.services.get(key).filter(|service| service.value.status != ServiceStatus::Inactive)?.value;
    let order = order(inventory, settings, &key.cluster)?;
    let views: Vec<TaskView<'_>> = inventory.tasks_of(key).map(|record| TaskView::of(inventory, record)).collect();
    let selection = readiness::select(&views, settings.fail_open);
    let leaving = service.status == ServiceStatus::Draining;
    let mut fragment = Fragment::new(Some(Subject::Service(key.clone())), order, leaving, service.created_at);
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
        facts: bodies::set(ttl, [&facts], None),
        unread: unread.map(bodies::ports_unknown),
        views,
        selection,
        ttl,
        settings,
    };
    room.endpoints = (0..room.views.len()).map(|task| room.endpoints_of(task)).collect();
    let mut made = SrvBodies::new();
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
    facts: Body,
    /// The answer for ports that we cannot know of: those of a task definition that has not been read.
    unread: Option<Body>,
    views: Vec<TaskView<'i>>,
    /// For each of them its ports, with their records as far as they are known.
    endpoints: Vec<Vec<(Port<'i>, Option<Endpoint>)>>,
    selection: Selection,
    ttl: u32,
    settings: &'i Settings,
}

impl<'i> Room<'i> {
    /// Its names of one kind, in all forms.
    fn owners(&self, kind: Kind) -> Vec<(Form, DomainName)> {
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

    fn add_all(&self, fragment: &mut Fragment, kind: Kind, node: &Arc<Node>) {
        for (form, name) in self.owners(kind) {
            fragment.add(form, Some(name), node);
        }
    }

    fn add_services(&self, fragment: &mut Fragment, balancing: &Balancing<'_>, made: &mut SrvBodies) {
        let (chosen, staying) = (&self.selection.chosen, self.staying());
        let ready = self.addresses(&self.views(chosen), &self.why_not_ready());
        let alias = alias(balancing);
        let shown = alias.clone().unwrap_or_else(|| ready.clone());
        let balancer = alias.unwrap_or_else(|| Node::Records {
            sets: smallvec![(RecordType::TXT, self.facts.clone())],
            nodata: bodies::no_load_balancer(),
        });
        let all = self.addresses(&self.views(&staying), "no task is running");
        self.add_all(fragment, Kind::Svc, &Arc::new(shown));
        self.add_all(fragment, Kind::Task, &Arc::new(self.with_srv(ready, chosen, made)));
        self.add_all(fragment, Kind::All, &Arc::new(self.with_srv(all, &staying, made)));
        self.add_all(fragment, Kind::Lb, &Arc::new(balancer));
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
    fn addresses(&self, tasks: &[&TaskView<'_>], why: &str) -> Node {
        // Tasks on one host share its address, and a record set has no record twice (RFC 2181 5).
        let mut seen = BTreeSet::new();
        let addresses = tasks.iter().flat_map(|view| view.addresses()).copied();
        let addresses: Vec<IpAddr> = addresses.filter(|address| seen.insert(*address)).collect();
        let mut sets = if addresses.is_empty() && is_host_unknown(tasks) {
            let unknown = bodies::host_unknown();
            smallvec![(RecordType::A, unknown.clone()), (RecordType::AAAA, unknown)]
        } else {
            bodies::address_sets(self.ttl, &addresses, self.fail_open_note().as_ref())
        };
        sets.push((RecordType::TXT, self.facts.clone()));
        let nodata = if tasks.is_empty() {
            bodies::nodata_because(Arc::new(Ede::new(Ede::OTHER, why)))
        } else {
            bodies::nodata()
        };
        Node::Records { sets, nodata }
    }

    fn fail_open_note(&self) -> Option<Arc<Ede>> {
        self.selection.failed_open.then(|| Arc::new(Ede::new(Ede::OTHER, "all tasks are UNHEALTHY: failing open")))
    }

    /// Adds the SRV set of every port of these tasks to the node of a `task` or `all` name.
    fn with_srv(&self, node: Node, tasks: &[usize], made: &mut SrvBodies) -> Node {
        let Node::Records { mut sets, nodata } = node else { return node };
        let of_tasks = tasks.iter().filter_map(|task| self.endpoints.get(*task)).flatten();
        let endpoints: Vec<&Endpoint> = of_tasks.filter_map(|(_, endpoint)| endpoint.as_ref()).collect();
        if !endpoints.is_empty() {
            sets.push((RecordType::SRV, self.srv_set(&endpoints, made)));
        } else if is_host_unknown(&self.views(tasks)) {
            sets.push((RecordType::SRV, bodies::host_unknown()));
        } else if let Some(unread) = self.unread.as_ref().filter(|_| !tasks.is_empty()) {
            sets.push((RecordType::SRV, unread.clone()));
        }
        Node::Records { sets, nodata }
    }

    /// Ports that the service has by its definitions, whether a task listens on them now or not.
    fn definition_ports<'p>(&self, inventory: &'p Inventory, service: &Service) -> Vec<Port<'p>> {
        let mut definitions: Vec<_> = service.task_definition.iter().collect();
        definitions.extend(self.views.iter().map(|view| &view.task.task_definition));
        let mut seen = BTreeSet::new();
        definitions.retain(|arn| seen.insert(*arn));
        let known = definitions.into_iter().filter_map(|arn| inventory.task_definitions.get(arn));
        known.flat_map(|definition| ports::of_definition(&definition.containers)).collect()
    }

    /// The SRV owners below every name of the service, and the short forms of RFC 2782.
    fn add_srv(&self, fragment: &mut Fragment, ports: &[Port<'_>], made: &mut SrvBodies) {
        let (chosen, staying) = (&self.selection.chosen, self.staying());
        let (ready, all) = (self.srv_sets(ports, chosen), self.srv_sets(ports, &staying));
        let owners = |kind| self.owners(kind).into_iter();
        let of_ready: Vec<_> = owners(Kind::Svc).chain(owners(Kind::Task)).collect();
        for (tasks, sets, owners) in [(chosen, &ready, of_ready), (&staying, &all, owners(Kind::All).collect())] {
            for ((label, protocol), endpoints) in sets {
                let node = Arc::new(self.srv_node(endpoints, tasks, made));
                for (form, owner) in &owners {
                    fragment.add(*form, naming::srv(label, protocol, owner), &node);
                }
            }
        }
        self.add_short_forms(fragment, ports, &ready, made);
        self.add_unread(fragment);
    }

    /// While a task definition is unread, any port may be one of its: `_tcp` and `_udp` below every name, which have
    /// no records otherwise, say so for all that is not known below them.
    fn add_unread(&self, fragment: &mut Fragment) {
        let Some(answer) = &self.unread else { return };
        let node = Arc::new(Node::Unavailable { answer: answer.clone() });
        for protocol in [Protocol::Tcp, Protocol::Udp].map(Protocol::label) {
            for (form, owner) in [Kind::Svc, Kind::Task, Kind::All].into_iter().flat_map(|kind| self.owners(kind)) {
                fragment.add(form, DomainName::join(&[protocol], &owner), &node);
            }
            for (form, service) in self.service.iter().filter(|_| self.flat) {
                fragment.add(form, self.names.srv_short(service, protocol, None), &node);
            }
            for (service, cluster) in self
                .service
                .iter()
                .flat_map(|(_, service)| self.cluster.iter().map(move |(_, cluster)| (service, cluster)))
            {
                fragment.add(Form::ClusterShort, self.names.srv_short(service, protocol, Some(cluster)), &node);
            }
        }
    }

    fn add_short_forms(&self, fragment: &mut Fragment, ports: &[Port<'_>], ready: &SrvSets<'_>, made: &mut SrvBodies) {
        let mut node_of = |port: &Port<'_>| {
            let label = port.labels.first();
            let endpoints = label.and_then(|label| ready.get(&(label.as_str(), port.protocol.label())));
            Arc::new(self.srv_node(endpoints.map_or(&[], Vec::as_slice), &self.selection.chosen, made))
        };
        for port in ports {
            let Some((alias, protocol)) = port.alias.filter(|_| self.flat) else { continue };
            let node = node_of(port);
            fragment.add(Form::Twin, self.names.srv_short(alias, protocol.label(), None), &node);
        }
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let Some(first) = ports.iter().find(|port| port.protocol == protocol) else { continue };
            let node = node_of(first);
            for (form, service) in self.service.iter() {
                let protocol = protocol.label();
                if self.flat {
                    fragment.add(form, self.names.srv_short(service, protocol, None), &node);
                }
                for (_, cluster) in self.cluster.iter() {
                    let name = self.names.srv_short(service, protocol, Some(cluster));
                    fragment.add(Form::ClusterShort, name, &node);
                }
            }
        }
    }

    fn srv_sets<'r>(&'r self, ports: &'r [Port<'_>], tasks: &[usize]) -> SrvSets<'r> {
        let mut sets = SrvSets::new();
        for port in ports {
            for label in &port.labels {
                sets.entry((label.as_str(), port.protocol.label())).or_default();
            }
        }
        for (port, endpoint) in tasks.iter().filter_map(|task| self.endpoints.get(*task)).flatten() {
            for label in &port.labels {
                sets.entry((label.as_str(), port.protocol.label())).or_default().extend(endpoint);
            }
        }
        sets
    }

    /// The ports of a task by its definition, with their records.
    fn endpoints_of(&self, task: usize) -> Vec<(Port<'i>, Option<Endpoint>)> {
        let definition = self.views.get(task).and_then(|view| view.definition);
        let ports = definition.map(|definition| ports::of_definition(&definition.containers)).unwrap_or_default();
        let with_record = |port: Port<'i>| {
            let endpoint = self.endpoint(task, &port);
            (port, endpoint)
        };
        ports.into_iter().map(with_record).collect()
    }

    /// The SRV record of one port of one task; `None` while its number or address is not known.
    fn endpoint(&self, task: usize, port: &Port<'_>) -> Option<Endpoint> {
        let view = self.views.get(task).filter(|view| !view.addresses().is_empty())?;
        let target = self.names.task_of(view.task.arn.id(), self.service.best(), self.cluster.best())?;
        let (priority, weight) = PRIORITY_WEIGHT;
        let number = port.number(view)?;
        let fixed = [priority, weight, number].map(u16::to_be_bytes).concat();
        Some(Endpoint { task, number, wire: [&fixed, target.as_wire()].concat() })
    }

    fn srv_set(&self, endpoints: &[&Endpoint], made: &mut SrvBodies) -> Body {
        let key = endpoints.iter().map(|endpoint| (endpoint.task, endpoint.number)).collect();
        let make = || {
            let mut body = BodyBuilder::new(true);
            let (mut targets, mut seen) = (BTreeSet::new(), BTreeSet::new());
            // A port that is open over TCP and UDP, or has its number for a name, is one record.
            for endpoint in endpoints.iter().filter(|endpoint| seen.insert((endpoint.task, endpoint.number))) {
                body.answer_wire(self.ttl, RecordType::SRV, &endpoint.wire);
                // A task with several ports is one target: its addresses are sent once.
                let view = self.views.get(endpoint.task).filter(|_| targets.insert(endpoint.task));
                for address in view.into_iter().flat_map(TaskView::addresses) {
                    body.glue(self.ttl, *address);
                }
            }
            body.ede(self.fail_open_note());
            body.build()
        };
        made.entry(key).or_insert_with(make).clone()
    }

    /// The node of an SRV owner; `tasks` are those that could have the port.
    fn srv_node(&self, endpoints: &[&Endpoint], tasks: &[usize], made: &mut SrvBodies) -> Node {
        let mut sets: Sets = smallvec![(RecordType::TXT, self.facts.clone())];
        if endpoints.is_empty() {
            if is_host_unknown(&self.views(tasks)) {
                sets.push((RecordType::SRV, bodies::host_unknown()));
            }
            let why = Arc::new(Ede::new(Ede::OTHER, "no ready task has this port"));
            return Node::Records { sets, nodata: bodies::nodata_because(why) };
        }
        sets.push((RecordType::SRV, self.srv_set(endpoints, made)));
        Node::Records { sets, nodata: bodies::nodata() }
    }

    /// Names of the single tasks, and of their addresses.
    fn add_tasks(&self, fragment: &mut Fragment) {
        for view in self.views(&self.staying()).into_iter().filter(|view| view.address != Address::None) {
            let id = view.task.arn.id();
            let node = Arc::new(bodies::task(view, self.ttl, self.settings));
            fragment.add(Form::TaskId, self.names.task(id), &node);
            for (form, service) in self.service.iter() {
                for (cluster_form, cluster) in self.cluster.iter() {
                    fragment.add(form.max(cluster_form), self.names.task_of(id, service, cluster), &node);
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
