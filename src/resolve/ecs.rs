//! What ECS has to say of a name: whether it has it, may come to have it, or lets nobody else have it.

use smallvec::SmallVec;

use crate::dns::name::MAX_NAME;
use crate::dns::{Body, name};
use crate::zone::naming::Form;
use crate::zone::naming::grammar::{self, Reach};
use crate::zone::{Entry, Node, Zone};

/// Labels of the longest name: each has an octet at least, and one for its length.
const MAX_LABELS: usize = MAX_NAME / 2;

/// What ECS says of a name; `None` if it does not have it.
pub(super) fn node<'z>(zone: &Zone, entry: Option<Entry<'z>>) -> Option<&'z Node> {
    entry.filter(|entry| !is_shadowed(zone, entry))?.shown()
}

/// `_x._tcp.L` is a port of the service L where there is one, and the service x of the cluster L only otherwise: not
/// before all default clusters have been read, which may have the service L.
fn is_shadowed(zone: &Zone, entry: &Entry<'_>) -> bool {
    let is_short = entry.winner.is_some_and(|(form, _)| form == Form::ClusterShort);
    let owner = || name::parent(name::parent(entry.name)?);
    let is_service = |owner: &[u8]| zone.find(owner).is_some_and(|entry| entry.shown().is_some());
    is_short && (zone.sync.default_pending || owner().is_some_and(is_service))
}

/// Why `_port._tcp.…` may exist although we do not know it, if so.
pub(super) fn unread_port<'z>(zone: &'z Zone, name: &[u8]) -> Option<&'z Body> {
    let is_grammar = |name: &[u8]| name::labels(name).next().is_some_and(|label| label.starts_with(b"_"));
    let parent = name::parent(name).filter(|parent| is_grammar(name) && is_grammar(parent))?;
    match zone.find(parent)?.shown()? {
        Node::Unavailable { answer } => Some(answer),
        Node::Records { .. } | Node::Alias { .. } => None,
    }
}

/// Whether a cluster that has not been read yet could have the name.
pub(super) fn may_come(zone: &Zone, name: &[u8]) -> bool {
    let sync = &zone.sync;
    if sync.is_complete() {
        return false;
    }
    // As many as a name can have, so that a flood of questions before the first pass allocates nothing either.
    let labels: SmallVec<[&[u8]; MAX_LABELS]> = zone.labels_below(name).collect();
    let pending = |label: &[u8]| sync.incomplete || sync.pending.iter().any(|pending| pending.as_bytes() == label);
    match grammar::reach(&labels) {
        Reach::Nobody => false,
        Reach::Defaults => sync.default_pending,
        Reach::Cluster(label) => pending(label),
        Reach::DefaultsOr(label) => sync.default_pending || pending(label),
        Reach::Anybody => true,
    }
}
