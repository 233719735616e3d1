//! The SRV records of a service: one for each port of each task, and the names that have them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use smallvec::smallvec;

use super::{Room, is_host_unknown};
use crate::dns::{Body, BodyBuilder, DomainName, Ede, RecordType};
use crate::ecs::{Protocol, Service, TaskDefinition};
use crate::inventory::Inventory;
use crate::zone::naming::labels::underscored;
use crate::zone::naming::{self, Form, Kind};
use crate::zone::node::{Node, Sets};
use crate::zone::ports::{self, Port};
use crate::zone::readiness::TaskView;
use crate::zone::render::{Fragment, bodies};

/// Priority and weight of every SRV record.
const PRIORITY_WEIGHT: (u16, u16) = (10, 100);

/// Port label and protocol → its records.
type SrvSets<'r> = BTreeMap<(&'r str, &'static str), Vec<&'r Endpoint>>;

/// The ports of a task, and the record of each as far as it is known.
pub(super) type Endpoints<'i> = (Rc<[Port<'i>]>, Vec<Option<Endpoint>>);

/// Record sets that have been made, by tasks and numbers, and the nodes of SRV owners that have them: what is said under
/// several names is made once.
pub(super) type Made = BTreeMap<Vec<(usize, u16)>, (Body, Option<usize>)>;

/// One SRV record.
pub(super) struct Endpoint {
    /// Which of the service's tasks.
    task: usize,
    number: u16,
    /// RDATA.
    wire: Vec<u8>,
}

impl<'i> Room<'i> {
    /// Adds the SRV set of every port of these tasks to the node of a `task` or `all` name.
    pub(super) fn with_srv(&self, node: Node, tasks: &[usize], made: &mut Made) -> Node {
        let Node::Records { mut sets, nodata } = node else { return node };
        let of_tasks = tasks.iter().filter_map(|task| self.endpoints.get(*task));
        let endpoints: Vec<&Endpoint> = of_tasks.flat_map(|(_, endpoints)| endpoints).flatten().collect();
        if !endpoints.is_empty() {
            sets.push((RecordType::SRV, self.srv_set(&endpoints, made).0.clone()));
        } else if is_host_unknown(&self.views(tasks)) {
            sets.push((RecordType::SRV, bodies::host_unknown()));
        } else if let Some(unread) = self.unread.as_ref().filter(|_| !tasks.is_empty()) {
            sets.push((RecordType::SRV, unread.clone()));
        }
        Node::Records { sets, nodata }
    }

    /// Ports that the service has by its definitions, whether a task listens on them now or not.
    pub(super) fn definition_ports<'p>(&self, inventory: &'p Inventory, service: &Service) -> Vec<Port<'p>> {
        let mut definitions: Vec<_> = service.task_definition.iter().collect();
        definitions.extend(self.views.iter().map(|view| &view.task.task_definition));
        let mut seen = BTreeSet::new();
        definitions.retain(|arn| seen.insert(*arn));
        let known = definitions.into_iter().filter_map(|arn| inventory.task_definitions.get(arn));
        known.flat_map(|definition| ports::of_definition(&definition.containers)).collect()
    }

    /// The SRV owners below every name of the service, and the short forms of RFC 2782.
    pub(super) fn add_srv(&self, fragment: &mut Fragment, ports: &[Port<'_>], made: &mut Made) {
        let (chosen, staying) = (&self.selection.chosen, self.staying());
        let (ready, all) = (self.srv_sets(ports, chosen), self.srv_sets(ports, &staying));
        for (tasks, sets, kinds) in [(chosen, &ready, &[Kind::Svc, Kind::Task][..]), (&staying, &all, &[Kind::All])] {
            for ((label, protocol), endpoints) in sets {
                let node = self.srv_node(fragment, endpoints, tasks, made);
                let label = underscored(label);
                for (form, owner) in kinds.iter().flat_map(|kind| &self.owners[*kind as usize]) {
                    fragment.add(*form, naming::srv_of(&label, protocol, owner), node);
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
        let node = fragment.say(Node::Unavailable { answer: answer.clone() });
        for protocol in [Protocol::Tcp, Protocol::Udp].map(Protocol::label) {
            for (form, owner) in [Kind::Svc, Kind::Task, Kind::All].iter().flat_map(|kind| &self.owners[*kind as usize])
            {
                fragment.add(*form, DomainName::join([protocol], owner), node);
            }
            for (form, service) in self.service.iter().filter(|_| self.flat) {
                fragment.add(form, self.names.srv_short(service, protocol, None), node);
            }
            for (service, cluster) in self
                .service
                .iter()
                .flat_map(|(_, service)| self.cluster.iter().map(move |(_, cluster)| (service, cluster)))
            {
                fragment.add(Form::ClusterShort, self.names.srv_short(service, protocol, Some(cluster)), node);
            }
        }
    }

    fn add_short_forms(&self, fragment: &mut Fragment, ports: &[Port<'_>], ready: &SrvSets<'_>, made: &mut Made) {
        let mut node_of = |fragment: &mut Fragment, port: &Port<'_>| {
            let label = port.labels.first();
            let endpoints = label.and_then(|label| ready.get(&(label.as_str(), port.protocol.label())));
            self.srv_node(fragment, endpoints.map_or(&[], Vec::as_slice), &self.selection.chosen, made)
        };
        for port in ports {
            let Some((alias, protocol)) = port.alias.filter(|_| self.flat) else { continue };
            let node = node_of(fragment, port);
            fragment.add(Form::Twin, self.names.srv_short(alias, protocol.label(), None), node);
        }
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let Some(first) = ports.iter().find(|port| port.protocol == protocol) else { continue };
            let node = node_of(fragment, first);
            for (form, service) in self.service.iter() {
                let protocol = protocol.label();
                if self.flat {
                    fragment.add(form, self.names.srv_short(service, protocol, None), node);
                }
                for (_, cluster) in self.cluster.iter() {
                    let name = self.names.srv_short(service, protocol, Some(cluster));
                    fragment.add(Form::ClusterShort, name, node);
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
        let of_tasks = tasks.iter().filter_map(|task| self.endpoints.get(*task));
        for (port, endpoint) in of_tasks.flat_map(|(ports, endpoints)| ports.iter().zip(endpoints)) {
            for label in &port.labels {
                sets.entry((label.as_str(), port.protocol.label())).or_default().extend(endpoint);
            }
        }
        sets
    }

    /// The ports of each task by its definition, which most share with the task before, with their records.
    pub(super) fn all_endpoints(&self) -> Vec<Endpoints<'i>> {
        let mut last: (Option<&TaskDefinition>, Rc<[Port<'i>]>) = (None, Rc::new([]));
        let of_view = |(task, view): (usize, &TaskView<'i>)| {
            if !last.0.is_some_and(|known| view.definition.is_some_and(|definition| std::ptr::eq(known, definition))) {
                let ports = view.definition.map(|definition| ports::of_definition(&definition.containers));
                last = (view.definition, ports.unwrap_or_default().into());
            }
            let ports = Rc::clone(&last.1);
            let endpoints = ports.iter().map(|port| self.endpoint(task, port)).collect();
            (ports, endpoints)
        };
        self.views.iter().enumerate().map(of_view).collect()
    }

    /// The SRV record of one port of one task; `None` while its number or address is not known.
    fn endpoint(&self, task: usize, port: &Port<'_>) -> Option<Endpoint> {
        let view = self.views.get(task).filter(|view| !view.addresses().is_empty())?;
        let target = self.names.task_of(view.task.arn.id(), self.service.best(), self.cluster.best())?;
        let (priority, weight) = PRIORITY_WEIGHT;
        let number = port.number(view)?;
        let [priority, weight, port] = [priority, weight, number].map(u16::to_be_bytes);
        Some(Endpoint { task, number, wire: [&priority, &weight, &port, target.as_wire()].concat() })
    }

    /// The SRV set of these, and the node of owners that have it and nothing else, if one is made.
    fn srv_set<'m>(&self, endpoints: &[&Endpoint], made: &'m mut Made) -> &'m mut (Body, Option<usize>) {
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
            (body.build(), None)
        };
        made.entry(key).or_insert_with(make)
    }

    /// The number of the node of an SRV owner; `tasks` are those that could have the port.
    fn srv_node(&self, fragment: &mut Fragment, endpoints: &[&Endpoint], tasks: &[usize], made: &mut Made) -> usize {
        let mut sets: Sets = smallvec![(RecordType::TXT, self.facts.clone())];
        if endpoints.is_empty() {
            if is_host_unknown(&self.views(tasks)) {
                sets.push((RecordType::SRV, bodies::host_unknown()));
            }
            let why = Arc::new(Ede::new(Ede::OTHER, "no ready task has this port"));
            return fragment.say(Node::Records { sets, nodata: bodies::nodata_because(why) });
        }
        let (body, node) = self.srv_set(endpoints, made);
        *node.get_or_insert_with(|| {
            sets.push((RecordType::SRV, body.clone()));
            fragment.say(Node::Records { sets, nodata: bodies::nodata() })
        })
    }
}
