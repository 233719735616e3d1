//! Properties of the whole zone, over random histories of a small and quarrelsome world.

mod history;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::claims::Claim;
use super::naming::Form;
use super::render::{bodies, render};
use super::{Entry, Node, ZoneWriter, fixed, text};
use crate::dns::{Body, DomainName, Name, Parsed, Question, Rcode, RecordType, ReplyContext, name, reply};
use crate::inventory::{Inventory, Outcome, Subject, reduce};
use crate::resolve::{Resolution, resolve};
use history::{Step, changes, settings};

/// Applies a history step by step, as the updater does, some steps in one batch.
fn incremental(steps: &[Step], fallback: bool) -> (Inventory, ZoneWriter) {
    let mut inventory = Inventory::default();
    let mut writer = ZoneWriter::new(settings(fallback), &inventory, 1);
    let mut touched = BTreeSet::new();
    for (index, change) in changes(steps).into_iter().enumerate() {
        let (next, outcome) = reduce(inventory, change);
        inventory = next;
        if let Outcome::Changed(mut subjects) = outcome {
            touched.append(&mut subjects);
        }
        if index % 3 != 1 {
            writer.update(&inventory, &std::mem::take(&mut touched));
        }
    }
    writer.update(&inventory, &touched);
    (inventory, writer)
}

/// Every subject of the inventory.
fn subjects(inventory: &Inventory) -> BTreeSet<Subject> {
    let services = inventory.services.keys().cloned().map(Subject::Service);
    let alone = inventory.tasks.values().filter(|record| record.task.service_name().is_none());
    let hosts = inventory.container_instances.keys().cloned().map(Subject::Host);
    services.chain(alone.map(|record| Subject::Task(record.task.arn.clone()))).chain(hosts).collect()
}

/// Names to ask for: all that are there, their parents, and some that are not.
fn questions(writer: &ZoneWriter) -> Vec<(DomainName, RecordType)> {
    let mut names: BTreeSet<DomainName> = writer.zone().entries().map(|entry| entry.name.clone()).collect();
    for name in names.clone() {
        names.extend(name.parent());
        names.extend(DomainName::join(&["nosuch"], &name));
    }
    let kinds = [RecordType::A, RecordType::AAAA, RecordType::SRV, RecordType::TXT, RecordType::PTR, RecordType::CNAME];
    names.into_iter().flat_map(|name| kinds.map(|kind| (name.clone(), kind))).collect()
}

fn query(name: &DomainName, kind: RecordType) -> Vec<u8> {
    let mut bytes = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    // Upper case: the reply must echo it.
    bytes.extend(name.as_wire().to_ascii_uppercase());
    bytes.extend(u16::from(kind).to_be_bytes());
    bytes.extend([0, 1, 0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0]);
    bytes
}

/// What is sent, with what else would have to be done.
fn reply_of(writer: &ZoneWriter, name: &DomainName, kind: RecordType, spin: u32) -> (String, Vec<u8>) {
    let bytes = query(name, kind);
    let Parsed::Plain(question) = Question::parse(&bytes) else { panic!("{name} {kind} is not plain") };
    let zone = writer.zone();
    let (what, body) = match resolve(zone, &question) {
        Resolution::Reply(body) => (String::new(), body),
        Resolution::Chase { alias, target } => (format!("chase {target}"), alias),
        Resolution::Fallback { otherwise } => ("fallback".to_owned(), otherwise),
        Resolution::Forward => return ("forward".to_owned(), Vec::new()),
    };
    (what, encode(writer, &question, body, spin))
}

fn encode(writer: &ZoneWriter, question: &Question<'_>, body: &Body, spin: u32) -> Vec<u8> {
    let mut out = Vec::new();
    // One serial for all: it counts updates, and a zone that was rendered at once has had fewer.
    let soa = crate::dns::SoaBlock::new(&writer.zone().settings.origin, 1, 5);
    let context = ReplyContext { soa: &soa, spin, limit: question.limit(false), ede: None };
    reply::write(&mut out, question, body, &context);
    out
}

fn without_soa(text: &str) -> String {
    text.lines().filter(|line| !line.contains(" IN SOA ")).collect::<Vec<_>>().join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Whatever the history, the zone is the one that rendering the final inventory anew gives.
    #[test]
    fn incremental_is_full_render(steps in history::histories(), fallback: bool) {
        let (inventory, writer) = incremental(&steps, fallback);
        let mut full = ZoneWriter::new(settings(fallback), &inventory, 1);
        full.update(&inventory, &subjects(&inventory));
        prop_assert_eq!(without_soa(&text::master_file(writer.zone())), without_soa(&text::master_file(full.zone())));
        let children = |writer: &ZoneWriter| -> BTreeMap<DomainName, u32> {
            writer.zone().entries().map(|entry| (entry.name.clone(), entry.children)).collect()
        };
        prop_assert_eq!(children(&writer), children(&full));
        prop_assert_eq!(writer.failed_open(), full.failed_open());
        prop_assert_eq!(writer.kept_draining(), full.kept_draining());
        for (name, kind) in questions(&writer) {
            if name != writer.zone().settings.origin {
                prop_assert_eq!(reply_of(&writer, &name, kind, 1), reply_of(&full, &name, kind, 1), "{} {}", name, kind);
            }
        }
    }

    /// The ready answer found through the shards is, byte for byte, the one found by searching all names.
    #[test]
    fn compiled_is_slow(steps in history::histories(), spin: u32) {
        let (inventory, writer) = incremental(&steps, false);
        prop_assume!(writer.zone().sync.is_complete());
        let slow = Slow::of(&inventory, &writer);
        for (name, kind) in questions(&writer) {
            let bytes = query(&name, kind);
            let Parsed::Plain(question) = Question::parse(&bytes) else { panic!("not plain") };
            let Some(body) = slow.answer(&question) else { continue };
            let (_, compiled) = reply_of(&writer, &name, kind, spin);
            prop_assert_eq!(compiled, encode(&writer, &question, &body, spin), "{} {}", name, kind);
        }
    }
}

/// The zone as a plain list of names, searched from one end to the other.
struct Slow {
    origin: DomainName,
    names: Vec<Entry>,
}

impl Slow {
    fn of(inventory: &Inventory, writer: &ZoneWriter) -> Self {
        let settings = &writer.zone().settings;
        let rendered = subjects(inventory).into_iter().filter_map(|subject| render(inventory, settings, &subject));
        let mut names: Vec<Entry> = Vec::new();
        for fragment in rendered.chain([fixed::fragment(settings)]) {
            for (name, (form, node)) in &fragment.nodes {
                let index = names.iter().position(|entry| entry.name == *name).unwrap_or_else(|| {
                    names.push(Entry::new(name.clone()));
                    names.len() - 1
                });
                names[index].claim(Claim { form: *form, origin: Arc::clone(&fragment.origin), node: Arc::clone(node) });
            }
        }
        Self { origin: settings.origin.clone(), names }
    }

    fn entry(&self, wire: &[u8]) -> Option<&Entry> {
        self.names.iter().find(|entry| entry.name.as_wire() == wire)
    }

    /// The body for a question in our zone; `None` for the apex, the reverse zones and what others are asked.
    fn answer(&self, question: &Question<'_>) -> Option<Arc<Body>> {
        let asked = question.name();
        if asked == self.origin.as_wire() || !name::is_within(asked, self.origin.as_wire()) {
            return None;
        }
        let found = self.entry(asked).filter(|entry| !self.is_taken(entry));
        match found.and_then(Entry::shown).map(|node| &**node) {
            Some(Node::Records { sets, nodata }) => {
                Some(sets.iter().find(|(kind, _)| *kind == question.qtype).map_or(nodata, |(_, body)| body).clone())
            }
            Some(Node::Alias { cname, .. }) => Some(Arc::clone(cname)),
            Some(Node::Unavailable { answer }) => Some(Arc::clone(answer)),
            None if self.unread(asked).is_some() => self.unread(asked),
            None => {
                let below =
                    |entry: &Entry| entry.name.as_wire() != asked && name::is_within(entry.name.as_wire(), asked);
                let exists = self.names.iter().any(below);
                Some(if exists { bodies::nodata() } else { Arc::new(Body::empty(Rcode::NxDomain, true, None)) })
            }
        }
    }

    /// What `_tcp` and `_udp` names say of the ports below them that are not known.
    fn unread(&self, asked: &[u8]) -> Option<Arc<Body>> {
        let labels: Vec<&[u8]> = name::labels(asked).take(2).collect();
        let entry = self.entry(name::parent(asked)?).filter(|_| labels.iter().all(|label| label.starts_with(b"_")))?;
        match &**entry.shown()? {
            Node::Unavailable { answer } => Some(Arc::clone(answer)),
            _ => None,
        }
    }

    fn is_taken(&self, entry: &Entry) -> bool {
        let owner = entry.name.parent().and_then(|proto| proto.parent());
        let is_short = entry.winner().is_some_and(|claim| claim.form == Form::ClusterShort);
        is_short && owner.is_some_and(|owner| self.entry(owner.as_wire()).is_some())
    }
}

#[test]
fn a_master_file_line_reads_back() {
    let (_, writer) = incremental(&[], false);
    let text = text::master_file(writer.zone());
    assert!(
        text.starts_with("ecs.internal. 5 IN SOA ns.dns.ecs.internal. hostmaster.ecs.internal. 1 7200 900 86400 5\n")
    );
    assert!(text.contains("\nns.dns.ecs.internal. 3600 IN A 127.0.0.1\n"), "{text}");
    assert!(Name::from_ascii(text.split(' ').next().unwrap()).is_ok());
}
