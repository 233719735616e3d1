//! Properties of the whole zone, over random histories of a small and quarrelsome world.

pub(crate) mod history;
pub(crate) mod manner;
mod slow;
pub(crate) mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::layers::HostedRecords;
use super::naming::Form;
use super::{Entry, Fallback, Settings, ZoneWriter, text};
use crate::dns::reply::{self, Alias};
use crate::dns::{Body, DomainName, Name, Parsed, Question, RecordType, ReplyContext};
use crate::ecs::Timestamp;
use crate::inventory::{Inventory, Outcome, Subject, reduce};
use crate::resolve::{Decision, Resolution, resolve};
use crate::route53::{Content, HostedZoneId, RecordSet, Routing};
use crate::source::synthetic::synthetic;
use crate::zone::writer::{Render, one_by_one};
use history::{Step, changes, settings};
use manner::{Manner, USUAL};
use slow::Slow;

/// Applies a history step by step, as the updater does, some steps in one batch.
pub(crate) fn incremental(steps: &[Step], settings: Settings) -> (Inventory, ZoneWriter) {
    let mut inventory = Inventory::default();
    let mut writer = ZoneWriter::new(settings, &inventory, 1);
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

/// Settings with everything else that may change while a daemon runs.
fn others(settings: Settings) -> Settings {
    let record = RecordSet {
        name: DomainName::from_text("web.ecs.internal").unwrap(),
        kind: RecordType::A,
        content: Content::Values { ttl: 7, values: vec!["10.9.9.9".to_owned()] },
        routing: Routing::Simple,
        set_identifier: None,
        health_check: None,
    };
    let fail_open = !settings.fail_open;
    Settings { ttl: 9, negative_ttl: 9, fail_open, prefer_route53: true, records: vec![record], ..settings }
}

/// Every subject of the inventory.
fn subjects(inventory: &Inventory) -> BTreeSet<Subject> {
    let services = inventory.services.keys().cloned().map(Subject::Service);
    let alone = inventory.tasks.values().filter(|record| record.task.service_name().is_none());
    let hosts = inventory.container_instances.keys().cloned().map(Subject::Host);
    services.chain(alone.map(|record| Subject::Task(record.task.arn.clone()))).chain(hosts).collect()
}

/// Types to ask for.
const KINDS: [RecordType; 6] =
    [RecordType::A, RecordType::AAAA, RecordType::SRV, RecordType::TXT, RecordType::PTR, RecordType::CNAME];

/// Names to ask for: all that are there, their parents, and some that are not.
fn questions(writer: &ZoneWriter) -> Vec<(DomainName, RecordType)> {
    let mut names: BTreeSet<DomainName> =
        writer.zone().entries().filter_map(|entry| DomainName::from_wire(entry.name)).collect();
    for name in names.clone() {
        names.extend(name.parent());
        names.extend(DomainName::join(["nosuch"], &name));
    }
    names.into_iter().flat_map(|name| KINDS.map(|kind| (name.clone(), kind))).collect()
}

/// What is sent, with what else would have to be done.
fn reply_of(
    writer: &ZoneWriter,
    (name, kind): (&DomainName, RecordType),
    manner: Manner,
    spin: u32,
) -> (String, Vec<u8>) {
    let bytes = manner.query(name, kind);
    let Parsed::Plain(question) = Question::parse(&bytes) else { panic!("{name} {kind} is not plain") };
    let Decision { chain, end, .. } = resolve(writer.zone(), &question, spin);
    let nothing = Body::empty(crate::dns::Rcode::NoError, false, None);
    let (what, body) = shown(end, &nothing);
    let aliases = if body.rcode() == crate::dns::Rcode::ServFail { &[] } else { chain.cnames() };
    (what, encode(writer, (&question, manner), (aliases, body), spin))
}

/// What is to be done for a name in words, and the answer as far as it is ours.
fn shown<'b>(end: Resolution<'b>, nothing: &'b Body) -> (String, &'b Body) {
    match end {
        Resolution::Reply(body) => (String::new(), body),
        Resolution::Flatten { target } => (format!("flatten {target}"), nothing),
        Resolution::Ask => ("ask".to_owned(), nothing),
        Resolution::Fallback { otherwise } => ("fallback".to_owned(), otherwise),
        Resolution::Prefer { .. } => ("prefer".to_owned(), nothing),
        Resolution::Forward => ("forward".to_owned(), nothing),
    }
}

fn encode(
    writer: &ZoneWriter,
    (question, manner): (&Question<'_>, Manner),
    answer: (&[Alias<'_>], &Body),
    spin: u32,
) -> Vec<u8> {
    let mut out = Vec::new();
    // One serial for all: it counts updates, and a zone that was rendered at once has had fewer.
    let soa = crate::dns::SoaBlock::new(&writer.zone().settings.origin, 1, 5);
    let context = ReplyContext { soa: &soa, spin, limit: question.limit(manner.tcp), ede: None, cookie: None };
    reply::write_behind(&mut out, question, answer, None, &context);
    out
}

fn without_soa(text: &str) -> String {
    text.lines().filter(|line| !line.contains(" IN SOA ")).collect::<Vec<_>>().join("\n")
}

pub(crate) fn hosted_records(sets: &[RecordSet]) -> HostedRecords {
    HostedRecords { zone: HostedZoneId::new("Z1"), sets: sets.to_vec(), unreadable: Vec::new() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Whatever the history, other settings on the way included, the zone is the one that rendering the final inventory
    /// anew gives.
    #[test]
    fn incremental_is_full_render(
        steps in history::histories(),
        reconfigured in any::<bool>(),
        fallback in prop::sample::select(vec![Fallback::Off, Fallback::Resolver, Fallback::Api]),
        hosted in [world::hosted(), world::hosted()],
    ) {
        let first = if reconfigured { others(settings(fallback)) } else { settings(fallback) };
        let (inventory, mut writer) = incremental(&steps, first);
        if reconfigured {
            writer.reconfigure(settings(fallback), &inventory, &BTreeSet::new(), true, one_by_one);
        }
        let mut full = ZoneWriter::new(settings(fallback), &inventory, 1);
        full.update(&inventory, &subjects(&inventory));
        if fallback == Fallback::Api {
            writer.replace_hosted(&hosted_records(&hosted[0]));
            let diff = writer.replace_hosted(&hosted_records(&hosted[1]));
            prop_assert_eq!(writer.replace_hosted(&hosted_records(&hosted[1])).changed.len(), 0);
            prop_assert!(hosted[0] != hosted[1] || diff.changed.is_empty());
            full.replace_hosted(&hosted_records(&hosted[1]));
        }
        prop_assert_eq!(without_soa(&text::master_file(writer.zone())), without_soa(&text::master_file(full.zone())));
        // Whose each name is, and which exist only because of others.
        let owners = |writer: &ZoneWriter| -> BTreeMap<Vec<u8>, Option<(Form, Option<Subject>)>> {
            let winner = |entry: Entry<'_>| entry.winner.map(|(form, origin)| (form, origin.subject.clone()));
            writer.zone().entries().map(|entry| (entry.name.to_vec(), winner(entry))).collect()
        };
        prop_assert_eq!(owners(&writer), owners(&full));
        prop_assert_eq!(owners(&writer).len(), writer.zone().len());
        prop_assert_eq!(writer.failed_open(), full.failed_open());
        prop_assert_eq!(writer.kept_draining(), full.kept_draining());
        for (name, kind) in questions(&writer) {
            if name != writer.zone().settings.origin {
                let reply = |writer| reply_of(writer, (&name, kind), USUAL, 1);
                prop_assert_eq!(reply(&writer), reply(&full), "{} {}", name, kind);
            }
        }
    }

    /// The ready answer found through the shards and layers is, byte for byte, the one found by searching plain lists.
    #[test]
    fn compiled_is_slow(
        steps in history::histories(),
        spin: u32,
        records in world::records(),
        hosted in prop::option::of(world::hosted()),
        asked in prop::collection::vec(world::names(), 20),
        prefer_route53: bool,
        manners in prop::collection::vec(manner::manners(), 7),
    ) {
        let fallback = if hosted.is_some() { Fallback::Api } else { Fallback::Off };
        let settings = Settings { records, prefer_route53, ..settings(fallback) };
        let (inventory, mut writer) = incremental(&steps, settings.clone());
        prop_assume!(writer.zone().sync.is_complete());
        if let Some(hosted) = &hosted {
            writer.replace_hosted(&hosted_records(hosted));
        }
        let mut questions = questions(&writer);
        let own: Vec<_> = settings.records.iter().chain(hosted.iter().flatten()).map(|set| set.name.clone()).collect();
        let names = asked.into_iter().chain(own.iter().flat_map(|name| DomainName::join(["x"], name))).chain(own.clone());
        questions.extend(names.flat_map(|name| KINDS.map(|kind| (name.clone(), kind))));
        let slow = Slow::of(&inventory, &settings, hosted);
        for ((name, kind), manner) in questions.into_iter().zip(manners.into_iter().cycle()) {
            let bytes = manner.query(&name, kind);
            let Parsed::Plain(question) = Question::parse(&bytes) else { panic!("not plain") };
            let Some((what, body)) = slow.answer(&question, spin) else { continue };
            let compiled = reply_of(&writer, (&name, kind), manner, spin);
            manner.check(&question, &compiled.1)?;
            let slow = (what, encode(&writer, (&question, manner), (&[], &body), spin));
            prop_assert_eq!(compiled, slow, "{} {}", name, kind);
        }
    }
}

#[test]
fn a_master_file_line_reads_back() {
    let (_, writer) = incremental(&[], settings(Fallback::Off));
    let text = text::master_file(writer.zone());
    assert!(
        text.starts_with("ecs.internal. 5 IN SOA ns.dns.ecs.internal. hostmaster.ecs.internal. 1 7200 900 86400 5\n")
    );
    assert!(text.contains("\nns.dns.ecs.internal. 3600 IN A 127.0.0.1\n"), "{text}");
    assert!(Name::from_ascii(text.split(' ').next().unwrap()).is_ok());
}

#[test]
fn something_else_can_be_done_between_the_parts_of_every_subject() {
    let changes = synthetic(5, 2).into_changes(Timestamp::MIN);
    let inventory = changes.into_iter().fold(Inventory::default(), |it, change| reduce(it, change).0);
    let mut writer = ZoneWriter::new(settings(Fallback::Off), &inventory, 1);
    let times = AtomicUsize::new(0);
    let each = |subjects: &[Subject], render: Render<'_>| -> Vec<_> {
        subjects
            .iter()
            .map(|subject| {
                render(subject, &|| {
                    times.fetch_add(1, Ordering::Relaxed);
                })
            })
            .collect()
    };
    writer.update_by(&inventory, &subjects(&inventory), &BTreeSet::new(), true, each);
    assert!(times.into_inner() >= 5, "for five services");
}
