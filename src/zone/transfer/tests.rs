use std::collections::BTreeSet;
use std::time::Duration;

use hickory_proto::op::Message;

use super::*;
use crate::inventory::{Inventory, Subject, reduce};
use crate::route53::{Content, RecordSet, Routing};
use crate::source::synthetic::synthetic;
use crate::zone::text::master_file;
use crate::zone::{Settings, ZoneWriter};

/// A zone with so many names, two records each, and one that no record says.
fn zone(names: usize) -> Zone {
    let origin = DomainName::from_text("ecs.internal").unwrap();
    let records = (0..names).map(|number| RecordSet {
        name: DomainName::from_text(&format!("name-{number}.ecs.internal")).unwrap(),
        kind: RecordType::A,
        content: Content::Values { ttl: 7, values: vec!["10.0.0.1".to_owned(), "10.0.0.2".to_owned()] },
        routing: Routing::Simple,
        set_identifier: None,
        health_check: None,
    });
    let settings = Settings { records: records.collect(), ..Settings::new(origin, Vec::new()) };
    ZoneWriter::new(settings, &Inventory::default(), 42).zone().clone()
}

const QUESTION: &[u8] = b"\x03ECS\x08internal\x00\x00\xfc\x00\x01";

/// The messages of a transfer.
fn messages(zone: &Zone) -> Vec<Message> {
    let mut transfer = Transfer::new(zone.clone(), [0x12, 0x34], QUESTION);
    let (mut out, mut messages) = (Vec::new(), Vec::new());
    while transfer.next(&mut out) {
        assert!(out.len() < 17 * 1024, "{}", out.len());
        messages.push(Message::from_vec(&out).unwrap());
    }
    assert!(!transfer.next(&mut out), "and no more");
    messages
}

#[test]
fn all_records_are_sent_once_between_two_soas() {
    for names in [0, 1, 2000] {
        let zone = zone(names);
        let messages = messages(&zone);
        assert_eq!(messages.len() > 2, names == 2000);
        for message in &messages {
            assert_eq!((message.metadata.id, message.metadata.authoritative), (0x1234, true));
            assert_eq!(message.queries[0].name().to_ascii(), "ECS.internal.");
        }
        let sent: Vec<String> = messages
            .iter()
            .flat_map(|message| &message.answers)
            .map(|record| format!("{} {} IN {} {}", record.name, record.ttl, record.record_type(), record.data))
            .collect();
        let (first, last) = (sent.first().unwrap(), sent.last().unwrap());
        assert!(first == last && first.contains(" IN SOA "), "{first} … {last}");
        let once: BTreeSet<&str> = sent.iter().map(String::as_str).collect();
        assert_eq!(once.len() + 1, sent.len(), "nothing twice but the SOA");
        let file = master_file(&zone);
        let lines = file.lines().filter(|line| !line.starts_with(';'));
        assert_eq!(lines.count(), once.len(), "what the master file says");
    }
}

/// A zone of ECS with so many services of three tasks each.
fn fleet(services: usize) -> Zone {
    let at = crate::ecs::Timestamp::UNIX_EPOCH;
    let changes = synthetic(services, 3).into_changes(at).into_iter();
    let inventory = changes.fold(Inventory::default(), |known, change| reduce(known, change).0);
    let origin = DomainName::from_text("ecs.internal").unwrap();
    let mut writer = ZoneWriter::new(Settings::new(origin, vec!["prod".to_owned()]), &inventory, 1);
    writer.update(&inventory, &inventory.clusters.keys().cloned().map(Subject::Cluster).collect());
    writer.zone().clone()
}

/// CPU time that this thread needs to send a zone, at best.
fn cost(zone: &Zone) -> Duration {
    let now = || {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        Duration::from_nanos(told.split(' ').next().unwrap().parse().unwrap())
    };
    let sent = (0..3).map(|_| {
        let (began, mut out) = (now(), Vec::new());
        let mut transfer = Transfer::new(zone.clone(), [0, 0], QUESTION);
        while transfer.next(&mut out) {}
        now() - began
    });
    sent.min().unwrap()
}

#[test]
fn four_times_the_zone_costs_four_times_as_much_and_not_sixteen_times() {
    let (small, large) = (fleet(50), fleet(200));
    assert!(messages(&large).len() > 100);
    let (small, large) = (cost(&small), cost(&large));
    assert!(large < small * 9, "{small:?}, {large:?}");
}
