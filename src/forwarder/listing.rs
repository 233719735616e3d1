//! The cache in text, for people.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use hickory_proto::rr::Record;
use serde_json::{Value, json};

use super::{Answer, Forwarder, now};
use crate::dns::{Rcode, presentation};
use crate::forward::Key;

/// Answers that are listed; a larger cache has its rest counted only.
const MAX_LISTED: usize = 100_000;

impl Forwarder {
    /// The cached answers, each as a comment that says what it is, and its records as lines of a master file with the
    /// TTLs that are left; then how many they are. At most 100,000 of them, in the order of their names.
    #[must_use]
    pub fn listing(&self) -> String {
        let (now, answers) = (now(), self.listed());
        let mut out = String::new();
        for (key, answer) in &answers {
            list(&mut out, key, answer, now);
        }
        let all = self.store.len().max(answers.len() as u64);
        let _ = match answers.len() {
            MAX_LISTED => writeln!(out, "; {MAX_LISTED} of about {all} answers"),
            1 => writeln!(out, "; 1 answer"),
            listed => writeln!(out, "; {listed} answers"),
        };
        out
    }

    /// The same for programs: an array of what was asked, what was answered, and for how many seconds it still holds.
    #[must_use]
    pub fn listing_json(&self) -> Value {
        let now = now();
        let answer = |(key, answer): &(Key, Arc<Answer>)| {
            let decoded = answer.decode(now);
            let records = decoded.answers.iter().chain(&decoded.authority).map(line);
            json!({
                "name": key.name.to_string(),
                "type": key.qtype.to_string(),
                "dnssec_ok": key.dnssec_ok,
                "checking_disabled": key.checking_disabled,
                "answer": outcome(answer),
                "stale": answer.is_stale(now),
                "seconds_left": answer.remaining(now),
                "bytes": answer.memory(),
                "records": records.collect::<Vec<_>>(),
            })
        };
        self.listed().iter().map(answer).collect()
    }

    fn listed(&self) -> Vec<(Key, Arc<Answer>)> {
        let mut answers: Vec<_> = self.store.iter().take(MAX_LISTED).collect();
        answers.sort_by_cached_key(|(key, _)| (key.name.to_string(), u16::from(key.qtype), key.dnssec_ok));
        answers
    }
}

fn outcome(answer: &Answer) -> &'static str {
    match (answer.rcode(), answer.answer_count()) {
        (Rcode::NxDomain, _) => "NXDOMAIN",
        (_, 0) => "NODATA",
        _ => "NOERROR",
    }
}

fn list(out: &mut String, key: &Key, answer: &Answer, now: Instant) {
    let flag = |set: bool, text: &'static str| if set { text } else { "" };
    let rcode = outcome(answer);
    let left = if answer.is_stale(now) { "stale".to_owned() } else { format!("{} s left", answer.remaining(now)) };
    let flags = [flag(key.dnssec_ok, ", DO"), flag(key.checking_disabled, ", CD")].concat();
    let _ = writeln!(out, "; {} {}: {rcode}, {left}, {} bytes{flags}", key.name, key.qtype, answer.memory());
    let decoded = answer.decode(now);
    for record in decoded.answers.iter().chain(&decoded.authority) {
        let _ = writeln!(out, "{}", line(record));
    }
}

/// A record as a line of a master file.
fn line(record: &Record) -> String {
    let Record { name, ttl, dns_class, data, .. } = record;
    format!("{name} {ttl} {dns_class} {} {}", record.record_type(), presentation::data(data))
}
