//! One question → who answers it: our zone, our zone and the upstream together, or the upstream alone.

use crate::dns::{Body, DomainName, Question, RecordType, name};
use crate::zone::naming::Form;
use crate::zone::naming::grammar::{self, Reach};
use crate::zone::naming::is_reserved;
use crate::zone::{Entry, Node, Zone};

/// What is to be done for a question.
#[derive(Debug)]
pub enum Resolution<'z> {
    /// The zone has the answer, negative ones and SERVFAIL included.
    Reply(&'z Body),
    /// The name is an alias: the CNAME record in `alias`, then whatever the upstream says of `target` for the type
    /// that was asked.
    Chase {
        /// The CNAME alone.
        alias: &'z Body,
        /// Where it points.
        target: &'z DomainName,
    },
    /// ECS does not have the name: the Route 53 side is asked (through the upstream). If that has no positive answer,
    /// or cannot be reached and the name is not known to exist there, `otherwise` is the answer.
    Fallback {
        /// NXDOMAIN, NODATA of an empty non-terminal, or SERVFAIL while not synced.
        otherwise: &'z Body,
    },
    /// Outside our zones.
    Forward,
}

/// Finds out what to do for `question`.
#[must_use]
pub fn resolve<'z>(zone: &'z Zone, question: &Question<'_>) -> Resolution<'z> {
    let name = question.name();
    if !name::is_within(name, zone.settings.origin.as_wire()) {
        return reverse(zone, question);
    }
    if name == zone.settings.origin.as_wire() {
        return answer(&zone.apex, question.qtype);
    }
    match zone.find(name) {
        Some(entry) if !is_shadowed(zone, entry) => match entry.shown() {
            Some(node) => match &**node {
                Node::Unavailable { answer } if zone.settings.fallback && !is_reserved(last_label(zone, name)) => {
                    Resolution::Fallback { otherwise: answer }
                }
                node => answer(node, question.qtype),
            },
            None => miss(zone, name, true),
        },
        Some(_) | None => miss(zone, name, false),
    }
}

/// What a node says of a type.
fn answer(node: &Node, qtype: RecordType) -> Resolution<'_> {
    match node {
        Node::Records { sets, nodata } => {
            let set = sets.iter().find(|(kind, _)| *kind == qtype);
            Resolution::Reply(set.map_or(nodata, |(_, body)| body))
        }
        Node::Alias { cname, .. } if qtype == RecordType::CNAME => Resolution::Reply(cname),
        Node::Alias { cname, target } => Resolution::Chase { alias: cname, target },
        Node::Unavailable { answer } => Resolution::Reply(answer),
    }
}

/// PTR records of addresses that we know. Everything else of the reverse zones belongs to somebody else.
fn reverse<'z>(zone: &'z Zone, question: &Question<'_>) -> Resolution<'z> {
    let known = || zone.find(question.name())?.shown();
    match known() {
        Some(node) if question.qtype == RecordType::PTR => answer(node, question.qtype),
        Some(_) | None => Resolution::Forward,
    }
}

/// `_x._tcp.L` is a port of the service L where there is one, and the service x of the cluster L only otherwise: not
/// before all default clusters have been read, which may have the service L.
fn is_shadowed(zone: &Zone, entry: &Entry) -> bool {
    let is_short = entry.winner().is_some_and(|claim| claim.form == Form::ClusterShort);
    let owner = || entry.name.parent()?.parent();
    let is_service = |owner: DomainName| zone.find(owner.as_wire()).is_some_and(|entry| entry.shown().is_some());
    is_short && (zone.sync.default_pending || owner().is_some_and(is_service))
}

/// A name that says nothing; `empty` if names below it exist.
fn miss<'z>(zone: &'z Zone, name: &[u8], empty: bool) -> Resolution<'z> {
    if let Some(answer) = unread_port(zone, name) {
        return Resolution::Reply(answer);
    }
    let otherwise = if may_come(zone, name) {
        &zone.fixed.not_synced
    } else if empty {
        &zone.fixed.nodata
    } else {
        &zone.fixed.nxdomain
    };
    if zone.settings.fallback && !is_ours_alone(zone, name) {
        Resolution::Fallback { otherwise }
    } else {
        Resolution::Reply(otherwise)
    }
}

/// Why `_port._tcp.…` may exist although we do not know it, if so.
fn unread_port<'z>(zone: &'z Zone, name: &[u8]) -> Option<&'z Body> {
    let is_grammar = |name: &[u8]| name::labels(name).next().is_some_and(|label| label.starts_with(b"_"));
    let parent = name::parent(name).filter(|parent| is_grammar(name) && is_grammar(parent))?;
    match &**zone.find(parent)?.shown()? {
        Node::Unavailable { answer } => Some(answer),
        Node::Records { .. } | Node::Alias { .. } => None,
    }
}

/// Whether a cluster that has not been read yet could have the name.
fn may_come(zone: &Zone, name: &[u8]) -> bool {
    let sync = &zone.sync;
    if sync.is_complete() {
        return false;
    }
    let mut labels = Vec::new();
    with_labels(zone, name, |label| labels.push(label));
    let pending = |label: &[u8]| sync.incomplete || sync.pending.iter().any(|pending| pending.as_bytes() == label);
    match grammar::reach(&labels) {
        Reach::Nobody => false,
        Reach::Defaults => sync.default_pending,
        Reach::Cluster(label) => pending(label),
        Reach::DefaultsOr(label) => sync.default_pending || pending(label),
        Reach::Anybody => true,
    }
}

/// Whether the Route 53 side has no say: below a reserved label, or below a name that ECS has. A wildcard there must
/// not answer for a task that is gone.
fn is_ours_alone(zone: &Zone, name: &[u8]) -> bool {
    if is_reserved(last_label(zone, name)) {
        return true;
    }
    let mut at = name::parent(name);
    while let Some(here) = at.filter(|here| here.len() > zone.settings.origin.as_wire().len()) {
        if zone.find(here).is_some_and(|entry| entry.shown().is_some()) {
            return true;
        }
        at = name::parent(here);
    }
    false
}

/// The label next to the zone: what decides whether a name is grammar.
fn last_label<'n>(zone: &Zone, name: &'n [u8]) -> &'n [u8] {
    let mut last: &[u8] = &[];
    with_labels(zone, name, |label| last = label);
    last
}

/// Calls `each` with every label in front of the zone, from the left.
fn with_labels<'n>(zone: &Zone, name: &'n [u8], mut each: impl FnMut(&'n [u8])) {
    let mut left = name.len().saturating_sub(zone.settings.origin.as_wire().len());
    for label in name::labels(name) {
        if left == 0 {
            return;
        }
        left = left.saturating_sub(label.len() + 1);
        each(label);
    }
}
