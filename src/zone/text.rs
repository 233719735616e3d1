//! The zone in master-file form (RFC 1035 5), for people, `dump --zone` and golden files.

use std::fmt::Write;

use super::Zone;
use super::node::Node;
use crate::dns::{Body, DomainName, RData};

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
            let _ = writeln!(text, "{name} {ttl} IN {} {}", data.record_type(), present(&data));
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

/// The data of a record in presentation format. hickory writes the strings of a TXT record as one; a master file needs
/// them apart and quoted (RFC 1035 5.1).
fn present(data: &RData) -> String {
    match data {
        RData::TXT(txt) => txt.txt_data.iter().map(|string| quoted(string)).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// A character-string between quotes, with what is special in it, or not printable ASCII, escaped.
fn quoted(string: &[u8]) -> String {
    let inner = string.iter().fold(String::new(), |mut inner, &byte| {
        let _ = match byte {
            b'"' | b'\\' => write!(inner, "\\{}", char::from(byte)),
            b' '..=b'~' => write!(inner, "{}", char::from(byte)),
            _ => write!(inner, "\\{byte:03}"),
        };
        inner
    });
    format!("\"{inner}\"")
}

fn note(body: &Body) -> Option<String> {
    body.ede().map(|ede| format!("{:?}: {}", body.rcode(), ede.text()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::rdata::TXT;

    #[test]
    fn strings_of_a_txt_record_stay_apart() {
        let txt = TXT::from_bytes(vec![b"az=a b", br#"x="\"#, b"\xc3\xa4;"]);
        assert_eq!(present(&RData::TXT(txt)), r#""az=a b" "x=\"\\" "\195\164;""#);
    }
}
