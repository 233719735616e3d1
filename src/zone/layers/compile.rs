//! Listed record sets → an index of ready answers, and what had to be left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::index::RecordIndex;
use super::said::{RecordNode, Said};
use crate::dns::presentation::{self, Escapes};
use crate::dns::{BodyBuilder, DomainName, RecordType, name};
use crate::route53::{AliasTarget, Content, HostedZoneId, RecordSet, Routing};

/// Records that one answer of a multivalue set has at most.
const MULTIVALUE: usize = 8;
/// Aliases in a row, from name to name of one zone, that are followed.
const MAX_ALIASES: usize = 16;

/// A record that is not answered, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// Its owner.
    pub name: DomainName,
    /// Its type, as it is written.
    pub kind: String,
    /// What is wrong with it, as the end of a sentence.
    pub why: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, why } = self;
        write!(f, "{name} {kind}: {why}")
    }
}

/// What a name says of a type, while aliases within the zone are still open.
enum Draft {
    Said(Said),
    SameZone(DomainName),
    Weighted(Vec<(u32, Draft)>),
}

type Drafts = BTreeMap<DomainName, Vec<(RecordType, Draft)>>;

/// Compiles record sets of the zone `origin`. `zone` is the id by which aliases to the same zone are known, `escapes` how
/// values are written. SOA and NS of the apex, and whatever else is there, are left out without a word: the apex is ours.
#[must_use]
pub fn compile(
    origin: &DomainName,
    zone: Option<&HostedZoneId>,
    sets: &[RecordSet],
    escapes: Escapes,
) -> (RecordIndex, Vec<Skipped>) {
    let mut compiler = Compiler { origin, zone, escapes, skipped: Vec::new() };
    let drafts = compiler.drafts(sets);
    let mut nodes: BTreeMap<DomainName, RecordNode> = BTreeMap::new();
    for (name, types) in &drafts {
        nodes.insert(name.clone(), compiler.node(&drafts, name, types));
    }
    cut(origin, &mut nodes);
    (RecordIndex::new(origin.clone(), nodes), compiler.skipped)
}

/// Drops what is below a delegation: it is never answered from here (RFC 1034 4.3.2, step 3b).
fn cut(origin: &DomainName, nodes: &mut BTreeMap<DomainName, RecordNode>) {
    let cuts: BTreeSet<_> =
        nodes.iter().filter(|(_, node)| **node == RecordNode::Cut).map(|(name, _)| name.clone()).collect();
    nodes.retain(|name, _| {
        let above = std::iter::successors(name.parent(), DomainName::parent);
        let mut above = above.take_while(|above| above != origin);
        cuts.is_empty() || !above.any(|above| cuts.contains(&above))
    });
}

struct Compiler<'c> {
    origin: &'c DomainName,
    zone: Option<&'c HostedZoneId>,
    escapes: Escapes,
    skipped: Vec<Skipped>,
}

impl Compiler<'_> {
    fn skip(&mut self, set: &RecordSet, why: impl Into<String>) {
        let kind = presentation::type_name(set.kind);
        self.skipped.push(Skipped { name: set.name.clone(), kind, why: why.into() });
    }

    /// Groups the sets by name and type.
    fn drafts(&mut self, sets: &[RecordSet]) -> Drafts {
        let mut groups: BTreeMap<&DomainName, BTreeMap<u16, Vec<&RecordSet>>> = BTreeMap::new();
        for set in sets.iter().filter(|set| set.name != *self.origin) {
            if name::is_within(set.name.as_wire(), self.origin.as_wire()) {
                groups.entry(&set.name).or_default().entry(set.kind.into()).or_default().push(set);
            } else {
                self.skip(set, format!("it is not below {}", self.origin));
            }
        }
        let mut drafts = Drafts::new();
        for (name, mut types) in groups {
            if types.len() > 1 {
                // RFC 1034 3.6.2.
                for cname in types.remove(&RecordType::CNAME.into()).into_iter().flatten() {
                    self.skip(cname, "a CNAME cannot stand beside other records");
                }
            }
            let said: Vec<_> =
                types.into_values().filter_map(|group| Some((group.first()?.kind, self.group(&group)?))).collect();
            if !said.is_empty() {
                drafts.insert(name.clone(), said);
            }
        }
        drafts
    }

    /// What the sets of one name and type say together; `None` if there is nothing sound in them.
    fn group(&mut self, group: &[&RecordSet]) -> Option<Draft> {
        if group.iter().any(|set| is_beyond_us(set)) {
            return Some(Draft::Said(Said::Ask));
        }
        let (first, rest) = group.split_first()?;
        match first.routing {
            Routing::Multivalue if group.iter().all(|set| set.routing == Routing::Multivalue) => self.multivalue(group),
            Routing::Weighted(_) => self.weighted(group),
            Routing::Simple if rest.is_empty() => self.single(first),
            _ => Some(Draft::Said(Said::Ask)),
        }
    }

    /// What one set says by itself.
    fn single(&mut self, set: &RecordSet) -> Option<Draft> {
        match &set.content {
            Content::Alias(AliasTarget { zone, name, .. }) => {
                let same = Some(zone) == self.zone && name::is_within(name.as_wire(), self.origin.as_wire());
                Some(if same { Draft::SameZone(name.clone()) } else { Draft::Said(Said::Flatten(name.clone())) })
            }
            Content::Values { ttl, values } => {
                let records = self.records(set, *ttl, values);
                self.said(set, &records).map(Draft::Said)
            }
        }
    }

    /// The records of a set in wire form, without those that are none.
    fn records(&mut self, set: &RecordSet, ttl: u32, values: &[String]) -> Vec<(u32, Vec<u8>)> {
        let mut records: Vec<(u32, Vec<u8>)> = Vec::new();
        for value in values {
            match presentation::rdata(set.kind, value, self.escapes) {
                Ok(wire) if records.iter().all(|(_, other)| *other != wire) => records.push((ttl, wire)),
                // A record set holds no record twice (RFC 2181 5).
                Ok(_) => {}
                Err(why) => self.skip(set, why),
            }
        }
        records
    }

    fn said(&mut self, set: &RecordSet, records: &[(u32, Vec<u8>)]) -> Option<Said> {
        let (first, rest) = records.split_first()?;
        if set.kind != RecordType::CNAME {
            return Some(Said::Body(body(set.kind, records)));
        }
        if !rest.is_empty() {
            self.skip(set, "a name can have one CNAME only: the first is taken");
        }
        let target = DomainName::from_wire(&first.1)?;
        Some(Said::Cname { cname: body(set.kind, std::slice::from_ref(first)), target })
    }

    /// All records together, or any eight of them if they are more.
    fn multivalue(&mut self, group: &[&RecordSet]) -> Option<Draft> {
        let mut records: Vec<(u32, Vec<u8>)> = Vec::new();
        for set in group {
            match &set.content {
                Content::Values { ttl, values } => {
                    for record in self.records(set, *ttl, values) {
                        if records.iter().all(|(_, other)| *other != record.1) {
                            records.push(record);
                        }
                    }
                }
                Content::Alias(_) => self.skip(set, "an alias cannot be one of several values"),
            }
        }
        // The records of one answer have one TTL (RFC 2181 5.2).
        let ttl = records.iter().map(|(ttl, _)| *ttl).min()?;
        records.iter_mut().for_each(|record| record.0 = ttl);
        let first = group.first()?;
        if records.len() <= MULTIVALUE {
            return self.said(first, &records).map(Draft::Said);
        }
        let windows = (0..records.len()).filter_map(|start| {
            let window: Vec<_> = records.iter().cycle().skip(start).take(MULTIVALUE).cloned().collect();
            let bound = u32::try_from(start + 1).ok()?;
            Some((bound, Said::Body(body(first.kind, &window))))
        });
        Some(Draft::Said(Said::Choice(windows.collect())))
    }

    /// One of the sets, as often as its weight says; all alike if all weights are 0.
    fn weighted(&mut self, group: &[&RecordSet]) -> Option<Draft> {
        let weight = |set: &RecordSet| if let Routing::Weighted(weight) = set.routing { u32::from(weight) } else { 0 };
        let idle = group.iter().all(|set| weight(set) == 0);
        let mut bound = 0;
        let mut parts = Vec::new();
        for set in group {
            let weight = if idle { 1 } else { weight(set) };
            let Some(draft) = self.single(set).filter(|_| weight > 0) else { continue };
            bound += weight;
            parts.push((bound, draft));
        }
        (!parts.is_empty()).then_some(Draft::Weighted(parts))
    }

    fn node(&mut self, drafts: &Drafts, name: &DomainName, types: &[(RecordType, Draft)]) -> RecordNode {
        if types.iter().any(|(kind, _)| *kind == RecordType::NS) {
            return RecordNode::Cut;
        }
        if let [(RecordType::CNAME, draft)] = types
            && let Some(said) = self.close(drafts, (name, RecordType::CNAME), draft, 0)
        {
            return RecordNode::Every(said);
        }
        let said = types.iter().filter_map(|(kind, draft)| Some((*kind, self.close(drafts, (name, *kind), draft, 0)?)));
        RecordNode::Types(said.collect())
    }

    /// A draft with its aliases followed; `None` if they lead nowhere.
    fn close(
        &mut self,
        drafts: &Drafts,
        owner: (&DomainName, RecordType),
        draft: &Draft,
        depth: usize,
    ) -> Option<Said> {
        match draft {
            Draft::Said(said) => Some(said.clone()),
            Draft::SameZone(_) if depth >= MAX_ALIASES => {
                let (name, kind) = (owner.0.clone(), presentation::type_name(owner.1));
                self.skipped.push(Skipped { name, kind, why: "its aliases go in a circle, or too far".to_owned() });
                None
            }
            Draft::SameZone(target) => {
                let (_, next) = drafts.get(target)?.iter().find(|(kind, _)| *kind == owner.1)?;
                // What the target must be asked for must be asked of the target; under this name it is Route 53's.
                self.close(drafts, owner, next, depth + 1)
            }
            Draft::Weighted(parts) => {
                let mut closed: Vec<(u32, Said)> = Vec::new();
                for (bound, draft) in parts {
                    match self.close(drafts, owner, draft, depth + 1) {
                        // An alias that leads nowhere, or a choice within a choice: let Route 53 choose.
                        None | Some(Said::Ask | Said::Choice(_)) => return Some(Said::Ask),
                        Some(said) => closed.push((*bound, said)),
                    }
                }
                Some(Said::Choice(closed.into()))
            }
        }
    }
}

/// Whether what Route 53 answers depends on what is not in the listing: health, or where the question comes from.
fn is_beyond_us(set: &RecordSet) -> bool {
    let of_health = match &set.content {
        // A lone alias is answered whatever the health of its target.
        Content::Alias(target) => target.evaluates_health && set.routing != Routing::Simple,
        Content::Values { .. } => false,
    };
    let of_routing = !matches!(set.routing, Routing::Simple | Routing::Weighted(_) | Routing::Multivalue);
    of_health || of_routing || set.health_check.is_some()
}

fn body(kind: RecordType, records: &[(u32, Vec<u8>)]) -> crate::dns::Body {
    let mut body = BodyBuilder::new(records.len() > 1);
    for (ttl, wire) in records {
        body.answer_wire(*ttl, kind, wire);
    }
    body.build()
}
