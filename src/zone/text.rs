//! The zone in master-file form (RFC 1035 5), for people, `dump --zone` and golden files.

use std::fmt::Write;

use hickory_proto::serialize::binary::{BinDecoder, Restrict};

use super::layers::said::RecordNode;
use super::layers::{Found, Said};
use super::node::Node;
use super::{Entry, RecordIndex, Zone};
use crate::dns::{Body, DomainName, RData, RecordType, presentation};

/// The whole zone, apex first, names in canonical order (RFC 4034 6.1), one record a line: of each name what the layer
/// says that owns it. What is an error, NODATA with a reason, or not said by records stands in a comment.
#[must_use]
pub fn master_file(zone: &Zone) -> String {
    let mut text = String::new();
    write_node(&mut text, &zone.settings.origin, &zone.apex);
    let mut owned: Vec<(DomainName, Owned<'_>)> = owned(zone).collect();
    owned.sort_by_cached_key(|(name, _)| canonical(name));
    for (name, owned) in &owned {
        match owned {
            Owned::Ecs(node) => write_node(&mut text, name, node),
            Owned::Layer(node) => write_layer(&mut text, name, node),
        }
    }
    text
}

/// All names but the apex, each with what the layer says that owns it, in no order that means anything.
fn owned(zone: &Zone) -> impl Iterator<Item = (DomainName, Owned<'_>)> {
    let records = zone.records.nodes();
    let hosted = zone.hosted.iter().flat_map(RecordIndex::nodes).filter(|(name, _)| is_hosted(zone, name));
    let ecs = zone.entries().filter_map(|entry| owned_by_ecs(zone, entry));
    ecs.chain(records.chain(hosted).map(|(name, node)| (name.clone(), Owned::Layer(node))))
}

/// What a name says, in the words of the layer that owns it.
pub(super) enum Owned<'z> {
    Ecs(&'z Node),
    Layer(&'z RecordNode),
}

/// A name that ECS owns.
pub(super) fn owned_by_ecs<'z>(zone: &'z Zone, entry: Entry<'z>) -> Option<(DomainName, Owned<'z>)> {
    let wire = entry.name;
    let hosted = || zone.hosted.as_ref().is_some_and(|hosted| matches!(hosted.find(wire), Found::Node(_)));
    let preferred = zone.settings.prefer_route53 && !zone.is_ours_alone(wire) && hosted();
    let taken = preferred || matches!(zone.records.at(wire), Found::Node(_));
    let node = entry.shown().filter(|_| !taken)?;
    Some((DomainName::from_wire(wire)?, Owned::Ecs(node)))
}

/// Whether a name that Route 53 has is its own in the end.
pub(super) fn is_hosted(zone: &Zone, name: &DomainName) -> bool {
    let wire = name.as_wire();
    let ecs_goes_first =
        || !zone.settings.prefer_route53 && zone.find(wire).is_some_and(|entry| entry.shown().is_some());
    !matches!(zone.records.at(wire), Found::Node(_)) && !zone.is_ours_alone(wire) && !ecs_goes_first()
}

fn write_layer(text: &mut String, name: &DomainName, node: &RecordNode) {
    if *node == RecordNode::Cut {
        let _ = writeln!(text, "; {name} is delegated: the upstream is asked");
    }
    for said in node.all() {
        // Writing into a String does not fail.
        let _ = match said {
            Said::Body(body) | Said::Cname { cname: body, .. } => body
                .answer_wires()
                .try_for_each(|(ttl, kind, wire)| writeln!(text, "{name} {ttl} IN {}", present_wire(kind, wire))),
            Said::Flatten(target) => writeln!(text, "; {name} says what {target} does"),
            Said::Ask => writeln!(text, "; {name} depends on health or location: the upstream is asked"),
            Said::Choice(parts) => writeln!(text, "; {name} says one of {}", parts.len()),
        };
    }
}

/// Type and data of a record; of types that hickory may write in its own way, in the form for unknown ones (RFC 3597 5).
fn present_wire(kind: RecordType, wire: &[u8]) -> String {
    use RecordType::{A, AAAA, CNAME, MX, PTR, SRV, TXT};
    let length = u16::try_from(wire.len()).unwrap_or_default();
    let known = matches!(kind, A | AAAA | CNAME | MX | PTR | SRV | TXT);
    match RData::read(&mut BinDecoder::new(wire), kind, Restrict::new(length)) {
        Ok(data) if known => format!("{kind} {}", presentation::data(&data)),
        _ => {
            let hex: String = wire.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("TYPE{} \\# {length} {hex}", u16::from(kind))
        }
    }
}

/// Labels from the root: what names are sorted by.
fn canonical(name: &DomainName) -> Vec<Vec<u8>> {
    let mut labels: Vec<Vec<u8>> = name.labels().map(<[u8]>::to_vec).collect();
    labels.reverse();
    labels
}

fn write_node(text: &mut String, name: &DomainName, node: &Node) {
    for body in node.bodies() {
        for (ttl, data) in body.answer_records() {
            // Writing into a String does not fail.
            let _ = writeln!(text, "{name} {ttl} IN {} {}", data.record_type(), presentation::data(&data));
        }
    }
    let nodata = match node {
        Node::Records { sets, nodata } => sets.iter().map(|(_, body)| body).chain([nodata]).collect::<Vec<_>>(),
        Node::Alias { .. } => Vec::new(),
        Node::Unavailable { answer } => vec![answer],
    };
    let mut notes: Vec<String> = nodata.iter().filter_map(|body| note(body)).collect();
    notes.dedup();
    for note in notes {
        let _ = writeln!(text, "; {name} {note}");
    }
}

fn note(body: &Body) -> Option<String> {
    body.ede().map(|ede| format!("{:?}: {}", body.rcode(), ede.text()))
}
