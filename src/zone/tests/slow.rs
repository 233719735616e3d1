//! The zone as plain lists, searched from one end to the other: what the shards and ready answers are compared with.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dns::presentation::{self, Escapes};
use crate::dns::{Body, BodyBuilder, DomainName, Question, Rcode, RecordType, name};
use crate::inventory::Inventory;
use crate::route53::{Content, RecordSet, Routing};
use crate::zone::claims::{Claim, Claims};
use crate::zone::layers::said::draw;
use crate::zone::naming::{Form, is_reserved};
use crate::zone::render::{bodies, render};
use crate::zone::{Node, Settings, fixed};

/// What is done for a question, in words, and the answer as far as it is ours.
pub type Answer = (String, Body);

/// The lists.
pub struct Slow {
    settings: Settings,
    names: Vec<Claims>,
    hosted: Option<Vec<RecordSet>>,
}

/// What a list of record sets says of a name.
enum Listed<'l> {
    Nothing,
    Empty,
    Cut,
    Sets(Vec<&'l RecordSet>),
}

/// One name's part of an answer.
enum Part {
    End(Answer),
    Cname(Body, DomainName),
}

fn empty(rcode: Rcode) -> Body {
    Body::empty(rcode, true, None)
}

fn reply(body: Body) -> Part {
    Part::End((String::new(), body))
}

fn upstream(what: &str) -> Part {
    Part::End((what.to_owned(), Body::empty(Rcode::NoError, false, None)))
}

fn below(name: &DomainName, of: &DomainName) -> bool {
    name != of && name::is_within(name.as_wire(), of.as_wire())
}

fn ancestors<'n>(name: &'n DomainName, origin: &'n DomainName) -> impl Iterator<Item = DomainName> + 'n {
    std::iter::successors(name.parent(), DomainName::parent).take_while(move |above| above != origin)
}

impl Slow {
    pub fn of(inventory: &Inventory, settings: &Settings, hosted: Option<Vec<RecordSet>>) -> Self {
        let subjects = super::subjects(inventory);
        let rendered = subjects.into_iter().filter_map(|subject| render(inventory, settings, &subject));
        let mut names: Vec<Claims> = Vec::new();
        for fragment in rendered.chain([fixed::fragment(settings)]) {
            let mut best: BTreeMap<&DomainName, (Form, usize)> = BTreeMap::new();
            for (name, form, node) in &fragment.names {
                let before = best.entry(name).or_insert((*form, *node));
                if *form < before.0 {
                    *before = (*form, *node);
                }
            }
            for (name, (form, node)) in best {
                let index = names.iter().position(|entry| entry.name == *name).unwrap_or_else(|| {
                    names.push(Claims::new(name.clone()));
                    names.len() - 1
                });
                let node = Arc::new(fragment.nodes[node].clone());
                names[index].claim(Claim { form, origin: Arc::clone(&fragment.origin), node });
            }
        }
        let sound = |sets: Vec<RecordSet>| sets.iter().filter(|set| is_sound(&sets, set)).cloned().collect();
        Self { settings: settings.clone(), names, hosted: hosted.map(sound) }
    }

    /// The answer to a question in our zone; `None` for the apex, the reverse zones and what others are asked.
    pub fn answer(&self, question: &Question<'_>, spin: u32) -> Option<Answer> {
        let (origin, qtype) = (&self.settings.origin, question.qtype);
        let mut name = DomainName::from_wire(question.name()).filter(|name| below(name, origin))?;
        let mut cnames: Vec<Body> = Vec::new();
        let mut passed = vec![name.clone()];
        let unfinished = || (String::new(), Body::empty(Rcode::NoError, false, None));
        let mut end = loop {
            match self.part(&name, qtype, spin) {
                Part::End(end) => break end,
                Part::Cname(..) if cnames.len() == 16 => break unfinished(),
                Part::Cname(cname, target) => {
                    cnames.push(cname);
                    if passed.contains(&target) {
                        break unfinished();
                    }
                    if !name::is_within(target.as_wire(), origin.as_wire()) {
                        break ("forward".to_owned(), unfinished().1);
                    }
                    passed.push(target.clone());
                    name = target;
                }
            }
        };
        if !cnames.is_empty() {
            if name == *origin {
                // The apex is not in these lists.
                return None;
            }
            let cnames: Vec<&Body> = cnames.iter().collect();
            if end.1.rcode() != Rcode::ServFail {
                end.1 = Body::behind(&cnames, &end.1, spin);
            }
        }
        Some(end)
    }

    fn part(&self, name: &DomainName, qtype: RecordType, spin: u32) -> Part {
        if *name == self.settings.origin {
            return reply(empty(Rcode::NoError));
        }
        let records = self.listed(&self.settings.records, name, false);
        if let Listed::Sets(sets) = &records {
            return say(sets, qtype, Escapes::Decimal, spin);
        }
        let alone = self.is_ours_alone(name);
        let hosted = self.hosted.as_ref().filter(|_| !alone).map(|sets| self.listed(sets, name, true));
        let from_hosted = || match hosted.as_ref()? {
            Listed::Sets(sets) => Some(say(sets, qtype, Escapes::Octal, spin)),
            Listed::Cut => Some(upstream("forward")),
            Listed::Nothing | Listed::Empty => None,
        };
        if self.settings.prefer_route53
            && let Some(part) = from_hosted()
        {
            return part;
        }
        let found = self.entry(name).filter(|entry| !self.is_taken(entry));
        match found.and_then(Claims::shown).map(|node| &**node) {
            Some(Node::Records { sets, nodata }) => {
                return reply(sets.iter().find(|(kind, _)| *kind == qtype).map_or(nodata, |(_, body)| body).clone());
            }
            Some(Node::Alias { cname, .. }) if qtype == RecordType::CNAME => return reply(cname.clone()),
            Some(Node::Alias { cname, target }) => return Part::Cname(cname.clone(), target.clone()),
            Some(Node::Unavailable { answer }) => {
                let reserved = self.below_reserved(name);
                let hosted =
                    if reserved { None } else { self.hosted.as_ref().map(|sets| self.listed(sets, name, true)) };
                return match hosted {
                    Some(Listed::Sets(sets)) => say(&sets, qtype, Escapes::Octal, spin),
                    Some(Listed::Cut) => upstream("forward"),
                    _ => reply(answer.clone()),
                };
            }
            None => {}
        }
        if let Some(unread) = self.unread(name) {
            return reply(unread);
        }
        if let Some(part) = from_hosted() {
            return part;
        }
        let exists = self.names.iter().any(|entry| below(&entry.name, name))
            || matches!(records, Listed::Empty)
            || matches!(hosted, Some(Listed::Empty));
        reply(if exists { bodies::nodata() } else { empty(Rcode::NxDomain) })
    }

    /// RFC 1034 4.3.2 and RFC 4592, word by word.
    fn listed<'l>(&self, sets: &'l [RecordSet], asked: &DomainName, wildcards: bool) -> Listed<'l> {
        let origin = &self.settings.origin;
        let at = |name: &DomainName| sets.iter().filter(|set| set.name == *name).collect::<Vec<_>>();
        let is_cut = |name: &DomainName| at(name).iter().any(|set| set.kind == RecordType::NS);
        let exists_below = |name: &DomainName| sets.iter().any(|set| below(&set.name, name));
        let own = |name: &DomainName| match at(name) {
            found if !found.is_empty() => Some(Listed::Sets(found)),
            _ if exists_below(name) => Some(Listed::Empty),
            _ => None,
        };
        if is_cut(asked) || ancestors(asked, origin).any(|above| is_cut(&above)) {
            return Listed::Cut;
        }
        if let Some(listed) = own(asked) {
            return listed;
        }
        if !wildcards {
            return Listed::Nothing;
        }
        let encloser = ancestors(asked, origin).find(|above| own(above).is_some()).unwrap_or_else(|| origin.clone());
        let source = DomainName::join(["*"], &encloser).unwrap();
        if is_cut(&source) { Listed::Cut } else { own(&source).unwrap_or(Listed::Nothing) }
    }

    fn entry(&self, name: &DomainName) -> Option<&Claims> {
        self.names.iter().find(|entry| entry.name == *name)
    }

    fn below_reserved(&self, name: &DomainName) -> bool {
        let depth = self.settings.origin.labels().count();
        let labels: Vec<_> = name.labels().collect();
        labels.len().checked_sub(depth + 1).is_some_and(|at| is_reserved(labels[at]))
    }

    fn is_ours_alone(&self, name: &DomainName) -> bool {
        let shown = |above: DomainName| self.entry(&above).is_some_and(|entry| entry.shown().is_some());
        self.below_reserved(name) || ancestors(name, &self.settings.origin).any(shown)
    }

    /// What `_tcp` and `_udp` names say of the ports below them that are not known.
    fn unread(&self, name: &DomainName) -> Option<Body> {
        let grammar = name.labels().take(2).all(|label| label.starts_with(b"_"));
        let entry = self.entry(&name.parent()?).filter(|_| grammar)?;
        match &**entry.shown()? {
            Node::Unavailable { answer } => Some(answer.clone()),
            _ => None,
        }
    }

    fn is_taken(&self, entry: &Claims) -> bool {
        let owner = entry.name.parent().and_then(|proto| proto.parent());
        let is_short = entry.winner().is_some_and(|claim| claim.form == Form::ClusterShort);
        is_short && owner.is_some_and(|owner| self.entry(&owner).is_some())
    }
}

/// What the sets of a name say of a type.
fn say(sets: &[&RecordSet], qtype: RecordType, escapes: Escapes, spin: u32) -> Part {
    let every = sets.iter().find(|set| set.kind == RecordType::CNAME);
    let Some(first) = every.or_else(|| sets.iter().find(|set| set.kind == qtype)) else {
        return reply(empty(Rcode::NoError));
    };
    let group: Vec<&RecordSet> = sets.iter().copied().filter(|set| set.kind == first.kind).collect();
    match first.routing {
        Routing::Simple => say_one(first, qtype, escapes),
        Routing::Weighted(_) => say_one(weighted(&group, spin), qtype, escapes),
        Routing::Multivalue => reply(body(first.kind, &multivalue(&group, escapes, spin))),
        _ => upstream("ask"),
    }
}

fn say_one(set: &RecordSet, qtype: RecordType, escapes: Escapes) -> Part {
    if let Content::Alias(alias) = &set.content {
        return upstream(&format!("flatten {}", alias.name));
    }
    let records = records(set, escapes);
    let body = body(set.kind, &records);
    if set.kind == RecordType::CNAME && qtype != RecordType::CNAME {
        return Part::Cname(body, DomainName::from_wire(&records[0].1).unwrap());
    }
    reply(body)
}

/// A lot for each unit of weight, one for each set if none has any; and one of them is drawn.
fn weighted<'s>(group: &[&'s RecordSet], spin: u32) -> &'s RecordSet {
    let weight = |set: &RecordSet| if let Routing::Weighted(weight) = set.routing { usize::from(weight) } else { 0 };
    let mut lots: Vec<&RecordSet> = group.iter().flat_map(|set| vec![*set; weight(set)]).collect();
    if lots.is_empty() {
        lots = group.to_vec();
    }
    lots[draw(spin, lots.len() as u32) as usize]
}

/// All different values of the sets with the shortest TTL, or eight of them in a row, one of which is drawn as the first.
fn multivalue(group: &[&RecordSet], escapes: Escapes, spin: u32) -> Vec<(u32, Vec<u8>)> {
    let mut all: Vec<(u32, Vec<u8>)> = Vec::new();
    for (ttl, wire) in group.iter().flat_map(|set| records(set, escapes)) {
        if !all.iter().any(|(_, other)| *other == wire) {
            all.push((ttl, wire));
        }
    }
    let shortest = all.iter().map(|(ttl, _)| *ttl).min().unwrap();
    all.iter_mut().for_each(|(ttl, _)| *ttl = shortest);
    if all.len() > 8 {
        let first = draw(spin, all.len() as u32) as usize;
        all.rotate_left(first);
        all.truncate(8);
    }
    all
}

fn records(set: &RecordSet, escapes: Escapes) -> Vec<(u32, Vec<u8>)> {
    let Content::Values { ttl, values } = &set.content else { panic!("an alias has no records of its own") };
    values.iter().map(|value| (*ttl, presentation::rdata(set.kind, value, escapes).unwrap())).collect()
}

fn body(kind: RecordType, records: &[(u32, Vec<u8>)]) -> Body {
    let mut body = BodyBuilder::new(records.len() > 1);
    for (ttl, wire) in records {
        body.answer_wire(*ttl, kind, wire);
    }
    body.build()
}

/// Whether a set counts: not at the apex, not a CNAME beside others.
fn is_sound(sets: &[RecordSet], set: &RecordSet) -> bool {
    let beside = |other: &RecordSet| other.name == set.name && other.kind != set.kind;
    set.kind != RecordType::CNAME || !sets.iter().any(beside)
}
