//! The zone in master-file form (RFC 1035 5), for people, `dump --zone` and golden files.

use std::fmt::Write;

use super::Zone;
use super::node::Node;
use crate::dns::{Body, DomainName};

/// The whole zone, apex first, names in canonical order (RFC 4034 6.1), one record a line. What is an error or NODATA
/// with a reason stands in a comment.
#[must_use]
pub fn master_file(zone: &Zone) -> String {
    let mut text = String::new();
    write_node(&mut text, &zone.settings.origin, &zone.apex);
    let mut entries: Vec<_> = zone.entries().filter_map(|entry| Some((entry, entry.shown()?))).collect();
    entries.sort_by_cached_key(|(entry, _)| canonical(&entry.name));
    for (entry, node) in entries {
        write_node(&mut text, &entry.name, node);
    }
    text
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
            let _ = writeln!(text, "{name} {ttl} IN {} {data}", data.record_type());
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
