//! Ready bodies for the record sets of a name.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use smallvec::smallvec;

use super::super::facts;
use super::super::node::{Node, Sets};
use super::super::readiness::{Address, TaskView};
use super::super::settings::Settings;
use crate::dns::{Body, BodyBuilder, DomainName, Ede, RData, Rcode, RecordType};
use crate::ecs::TaskDefinitionArn;

static NODATA: LazyLock<Body> = LazyLock::new(|| Body::empty(Rcode::NoError, true, None));
static NO_LOAD_BALANCER: LazyLock<Body> =
    LazyLock::new(|| nodata_because(Arc::new(Ede::new(Ede::OTHER, "the service has no load balancer"))));

/// NODATA with the SOA of the zone: the name exists, the type does not.
#[must_use]
pub fn nodata() -> Body {
    NODATA.clone()
}

/// NODATA that says why.
#[must_use]
pub fn nodata_because(ede: Arc<Ede>) -> Body {
    Body::empty(Rcode::NoError, true, Some(ede))
}

/// NODATA of the `lb` name of a service without load balancer, which most are: one for all of them.
#[must_use]
pub fn no_load_balancer() -> Body {
    NO_LOAD_BALANCER.clone()
}

/// SERVFAIL that says why.
#[must_use]
pub fn servfail(code: u16, why: &str) -> Body {
    Body::empty(Rcode::ServFail, false, Some(Arc::new(Ede::new(code, why))))
}

/// A node with a single record.
#[must_use]
pub fn single(ttl: u32, data: &RData) -> Node {
    Node::Records { sets: smallvec![(data.record_type(), set(ttl, [data], None))], nodata: nodata() }
}

/// A node with a PTR record.
#[must_use]
pub fn pointer(ttl: u32, target: &DomainName) -> Node {
    let mut body = BodyBuilder::new(true);
    body.answer_wire(ttl, RecordType::PTR, target.as_wire());
    Node::Records { sets: smallvec![(RecordType::PTR, body.build())], nodata: nodata() }
}

/// One record set, its records in any order.
#[must_use]
pub fn set<'d>(ttl: u32, data: impl IntoIterator<Item = &'d RData>, ede: Option<&Arc<Ede>>) -> Body {
    let mut body = BodyBuilder::new(true);
    for data in data {
        body.answer(ttl, data);
    }
    body.ede(ede.cloned());
    body.build()
}

/// The A and AAAA sets of these addresses, without the empty ones. Tasks on one host share its address, and a record
/// set holds no record twice (RFC 2181 5).
#[must_use]
pub fn address_sets(ttl: u32, addresses: &[IpAddr], ede: Option<&Arc<Ede>>) -> Sets {
    let mut seen = BTreeSet::new();
    let (mut v4, mut v6) = (BodyBuilder::new(true), BodyBuilder::new(true));
    for address in addresses.iter().filter(|address| addresses.len() == 1 || seen.insert(**address)) {
        match address {
            IpAddr::V4(address) => v4.answer_wire(ttl, RecordType::A, &address.octets()),
            IpAddr::V6(address) => v6.answer_wire(ttl, RecordType::AAAA, &address.octets()),
        };
    }
    let sets = [(RecordType::A, v4), (RecordType::AAAA, v6)].into_iter().filter(|(_, set)| !set.is_empty());
    let with_note = |(kind, mut set): (RecordType, BodyBuilder)| {
        set.ede(ede.cloned());
        (kind, set.build())
    };
    sets.map(with_note).collect()
}

/// The TXT set of these facts, which are RDATA in wire form.
#[must_use]
pub fn text(ttl: u32, facts: &[u8]) -> Body {
    let mut body = BodyBuilder::new(true);
    body.answer_wire(ttl, RecordType::TXT, facts);
    body.build()
}

/// A node of addresses and facts.
#[must_use]
pub fn records(ttl: u32, addresses: &[IpAddr], facts: Option<&[u8]>) -> Node {
    let mut sets = address_sets(ttl, addresses, None);
    sets.extend(facts.map(|facts| (RecordType::TXT, text(ttl, facts))));
    Node::Records { sets, nodata: nodata() }
}

/// The node of one task's own name.
#[must_use]
pub fn task(view: &TaskView<'_>, ttl: u32, settings: &Settings) -> Node {
    let facts = facts::of_task(view, settings);
    match &view.address {
        Address::At(addresses) => records(ttl, addresses, Some(&facts)),
        Address::HostUnknown => of_unknown_host(ttl, &facts),
        Address::None => records(ttl, &[], Some(&facts)),
    }
}

/// A node with facts and no address yet, since the host's is not known.
#[must_use]
pub fn of_unknown_host(ttl: u32, facts: &[u8]) -> Node {
    let unknown = host_unknown();
    let sets =
        smallvec![(RecordType::A, unknown.clone()), (RecordType::AAAA, unknown), (RecordType::TXT, text(ttl, facts))];
    Node::Records { sets, nodata: nodata() }
}

/// The answer for tasks in bridge or host mode whose host we know nothing of: never NODATA.
#[must_use]
pub fn host_unknown() -> Body {
    servfail(Ede::OTHER, "address of the container instance is not known (ec2:DescribeInstances)")
}

/// The answer for ports of a task definition that has not been read: never that there is no such port.
#[must_use]
pub fn ports_unknown(definition: &TaskDefinitionArn) -> Body {
    let (family, revision) = definition.family_and_revision();
    let why = format!("ports of task definition {family}:{revision} are not known (ecs:DescribeTaskDefinition)");
    servfail(Ede::OTHER, &why)
}
