//! Records of the zone itself: apex, name server, schema version.

use smallvec::smallvec;

use super::claims::Origin;
use super::naming::{Form, Names};
use super::node::Node;
use super::render::{Fragment, bodies};
use super::settings::Settings;
use super::{FixedBodies, Sync};
use crate::dns::rdata::{NS, SOA, TXT};
use crate::dns::{Body, DomainName, Ede, RData, Rcode, RecordType};
use crate::ecs::Timestamp;

/// Version of the schema of names, published at `dns-version.<zone>`.
pub const SCHEMA_VERSION: &str = "1.0.0";

/// The zone's own names below the apex.
#[must_use]
pub fn fragment(settings: &Settings) -> Fragment {
    let names = Names::new(&settings.origin);
    let version = RData::TXT(TXT::new(vec![SCHEMA_VERSION.to_owned()]));
    let nodes = [
        (names.version(), bodies::single(Settings::FIXED_TTL, &version)),
        (names.name_server(), bodies::records(Settings::FIXED_TTL, &settings.name_servers, None)),
    ];
    let mut fragment = Fragment::new(Origin { subject: None, order: 0, leaving: false, created_at: Timestamp::MIN });
    for (name, node) in nodes {
        let node = fragment.say(node);
        fragment.add(Form::Fixed, name, node);
    }
    fragment
}

/// SOA and NS of the zone.
#[must_use]
pub fn apex(settings: &Settings, serial: u32) -> Node {
    let server = Names::new(&settings.origin).name_server().unwrap_or_else(|| settings.origin.clone());
    let contact = DomainName::join(["hostmaster"], &settings.origin).unwrap_or_else(|| settings.origin.clone());
    let ttl = settings.negative_ttl;
    let soa = RData::SOA(SOA::new(server.to_name(), contact.to_name(), serial, 7200, 900, 86_400, ttl));
    let ns = RData::NS(NS(server.to_name()));
    let sets = smallvec![
        (RecordType::SOA, bodies::set(ttl, [&soa], None)),
        (RecordType::NS, bodies::set(Settings::FIXED_TTL, [&ns], None)),
    ];
    Node::Records { sets, nodata: bodies::nodata() }
}

/// Answers that do not depend on the name.
#[must_use]
pub fn bodies(sync: &Sync) -> FixedBodies {
    let waiting = if sync.pending.is_empty() { "the cluster list".to_owned() } else { sync.pending.join(", ") };
    FixedBodies {
        nxdomain: Body::empty(Rcode::NxDomain, true, None),
        nodata: bodies::nodata(),
        unfinished: Body::empty(Rcode::NoError, false, None),
        not_synced: bodies::servfail(Ede::NOT_READY, &format!("not read from ECS yet: {waiting}")),
        not_read: bodies::servfail(Ede::NOT_READY, "the hosted zone has not been read from Route 53 yet"),
    }
}
