//! The same zone here, through the API of Route 53, and in nsd and knot, from a zone file: response code, AA, answer
//! and authority of every reply are the same.
//!
//! What is different on purpose, and how it is kept out of the comparison:
//! * SOA and NS of the zone are ours, not those that Route 53 lists: the zone file gets ours.
//! * The zone has two names of its own (`ns.dns`, `dns-version`), which the zone file gets as well, and reserved labels,
//!   which no name has here.
//! * Delegations are forwarded: none is here.
//! * A chain of CNAMEs that comes back to itself is answered up to where it closes. nsd and knot do not agree with each
//!   other on where that is, so only the first record of such an answer is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use hickory_proto::op::Message;
use hickory_proto::rr::{RData, Record, RecordType};

use super::peers::{Peer, ask};
use super::{NOBODY, copy_of};
use crate::fake_aws::FakeAws;

const ZONE: &str = "ecs.internal.";
const LABELS: [&str; 7] = ["a", "b", "c", "d", "web", "_x", "*"];
const KINDS: [RecordType; 5] = [RecordType::A, RecordType::AAAA, RecordType::CNAME, RecordType::MX, RecordType::TXT];

/// A generator of numbers that are the same on every run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % most
    }

    /// A name below the zone, of one to four labels.
    fn name(&mut self) -> String {
        let labels: Vec<_> = (0..=self.below(4)).map(|_| LABELS[self.below(LABELS.len())]).collect();
        format!("{}.{ZONE}", labels.join("."))
    }
}

/// Values by name and type.
type Sets = BTreeMap<(String, &'static str), Vec<String>>;

/// A zone: names that meet, wildcards on several levels, chains, and what stands beside nothing.
fn zone(dice: &mut Dice) -> Sets {
    let mut sets = Sets::new();
    for at in 0..40 {
        let name = dice.name();
        let taken = |kind: &str| sets.contains_key(&(name.clone(), if kind == "CNAME" { "CNAME" } else { "A" }));
        let has = sets.keys().any(|(other, _)| *other == name);
        match dice.below(8) {
            0..=2 if !taken("CNAME") => {
                sets.insert((name, "A"), vec![format!("10.0.{at}.1"), format!("10.0.{at}.2")]);
            }
            3 if !taken("CNAME") => {
                sets.insert((name, "TXT"), vec![format!("\"t {at}\"")]);
            }
            4 if !taken("CNAME") => {
                sets.insert((name, "MX"), vec![format!("10 {}", dice.name())]);
            }
            5 | 6 if !has => {
                sets.insert((name, "CNAME"), vec![dice.name()]);
            }
            7 if !has => {
                sets.insert((name, "CNAME"), vec!["elsewhere.example.com.".to_owned()]);
            }
            _ => {}
        }
    }
    sets
}

fn zone_file(sets: &Sets, soa: &str, ns: &[String]) -> String {
    let mut text = format!("{soa}\n");
    for line in ns {
        let _ = writeln!(text, "{line}");
    }
    for ((name, kind), values) in sets {
        for value in values {
            let _ = writeln!(text, "{name} 60 IN {kind} {value}");
        }
    }
    text
}

/// Names to ask for: those of the zone, what is above and below them, and others.
fn questions(sets: &Sets, dice: &mut Dice) -> Vec<String> {
    let mut names: BTreeSet<String> = sets.keys().map(|(name, _)| name.clone()).collect();
    for name in names.clone() {
        let parent = name.split_once('.').expect("a name has labels").1;
        if parent.len() > ZONE.len() {
            names.insert(parent.to_owned());
        }
        for label in ["*", "x", "a.x"] {
            names.insert(format!("{label}.{name}"));
        }
    }
    names.extend((0..60).map(|_| dice.name()));
    names.into_iter().collect()
}

fn lines(records: &[Record]) -> Vec<String> {
    let mut lines: Vec<String> = records
        .iter()
        .map(|record| format!("{} {} {} {}", record.name.to_lowercase(), record.ttl, record.record_type(), record.data))
        .collect();
    lines.sort();
    lines
}

/// What is compared of a reply.
fn essence(reply: &Message) -> (String, bool, Vec<String>, Vec<String>) {
    let rcode = format!("{:?}", reply.metadata.response_code);
    (rcode, reply.metadata.authoritative, lines(&reply.answers), lines(&reply.authorities))
}

/// Whether the CNAMEs of an answer come back to a name that they began or passed at.
fn is_circle(reply: &Message) -> bool {
    let cnames: BTreeMap<_, _> = reply
        .answers
        .iter()
        .filter_map(|record| match &record.data {
            RData::CNAME(target) => Some((record.name.to_lowercase(), target.0.to_lowercase())),
            _ => None,
        })
        .collect();
    let mut at = reply.queries[0].name().to_lowercase();
    let mut passed = BTreeSet::new();
    while let Some(next) = cnames.get(&at) {
        if !passed.insert(at) {
            return true;
        }
        at = next.clone();
    }
    passed.contains(&at)
}

fn compare(seed: u64) -> (usize, usize) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let sets = zone(&mut dice);
    let fake = FakeAws::start();
    {
        let mut hosting = fake.hosting();
        let id = hosting.add_zone(ZONE);
        for ((name, kind), values) in &sets {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            hosting.put(&id, name, kind, 60, &values);
        }
    }
    let daemon = copy_of(&fake, NOBODY);
    let own = |name: &str, kind| lines(&ask(daemon.dns, name, kind).answers);
    let soa = own(ZONE, RecordType::SOA).remove(0);
    let server = format!("ns.dns.{ZONE}");
    let version = format!("dns-version.{ZONE} 3600 TXT \"1.0.0\"");
    let ns = [own(ZONE, RecordType::NS), own(&server, RecordType::A), vec![version]].concat();
    let file = zone_file(&sets, &soa, &ns);
    let peers = [Peer::nsd(ZONE, &file), Peer::knot(ZONE, &file)];
    let (mut compared, mut circles) = (0, 0);
    for name in questions(&sets, &mut dice) {
        for kind in KINDS {
            let ours = ask(daemon.dns, &name, kind);
            let theirs = peers.each_ref().map(|peer| (peer.name, peer.ask(&name, kind)));
            if is_circle(&ours) && theirs.iter().all(|(_, reply)| is_circle(reply)) {
                circles += 1;
                let first = |reply: &Message| (reply.metadata.response_code, lines(&reply.answers[..1]));
                for (peer, reply) in &theirs {
                    assert_eq!(first(&ours), first(reply), "{name} {kind}: we and {peer}, seed {seed}\n{file}");
                }
                continue;
            }
            compared += 1;
            for (peer, reply) in &theirs {
                assert_eq!(essence(&ours), essence(reply), "{name} {kind}: we and {peer}, seed {seed}\n{file}");
            }
        }
    }
    (compared, circles)
}

#[test]
fn every_reply_is_that_of_nsd_and_knot() {
    let (mut compared, mut circles) = (0, 0);
    for seed in 1..=6 {
        let (more, round) = compare(seed);
        compared += more;
        circles += round;
    }
    assert!(compared > 4000, "only {compared} replies were compared");
    assert!(circles < compared / 10, "{circles} of {compared} went round");
    println!("{compared} replies compared, {circles} of circles");
}
