//! A reply from an upstream, or from whoever plays it: the first byte says what was asked and how well the reply fits,
//! the rest is the reply. It goes the whole way: exchange, what is kept, the cache, and what the client gets.

use std::time::Duration;

use ecs_resolver::dns::{DomainName, RecordType};
use ecs_resolver::forward::{Caps, Entry, Key};

use super::reply::{self, Content};
use super::rig::{self, Fate, Upstream};

/// What is asked: a name that is not ours, an alias of our zone whose target is not, and a name of our zone that only
/// an upstream may know.
const QUESTIONS: [(&str, RecordType); 6] = [
    ("www.example.com.", RecordType::A),
    ("www.example.com.", RecordType::AAAA),
    ("www.example.com.", RecordType::CNAME),
    ("www.example.com.", RecordType::Unknown(65_280)),
    ("TwitchApp.ecs.internal.", RecordType::A),
    ("nobody.ecs.internal.", RecordType::A),
];

/// CNAME, DNAME and RRSIG: what may come besides what was asked for.
const ALONG_THE_WAY: [u16; 3] = [5, 39, 46];

/// Has a client ask, and ask again when the answer may be stale.
///
/// # Panics
/// When a reply to the client is not one to its question, or a kept entry does not keep to the limits.
pub fn run(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else { return };
    let (name, qtype) = QUESTIONS[usize::from(choice & 7) % QUESTIONS.len()];
    let (fitting, tcp, dnssec_ok) = (choice & 0x80 == 0, choice & 0x40 != 0, choice & 0x20 != 0);
    let payload = if choice & 0x10 == 0 { 1232 } else { 0 };
    let query = rig::query(name, qtype, payload, dnssec_ok);
    accept(name, qtype, bytes);
    rig::runtime().block_on(async {
        let responder = rig::responder(Upstream { reply: bytes.to_vec(), fitting });
        for _ in 0..3 {
            match rig::ask(&responder, &query, tcp).await {
                Fate::Answered(reply) | Fate::Forwarded(reply) => reply::check(&query, &reply, tcp, Content::Foreign),
                fate @ (Fate::Dropped | Fate::Unusual) => panic!("a plain question is {fate:?}"),
            }
            tokio::time::advance(Duration::from_secs(40)).await;
        }
    });
}

/// What would be kept of the reply, taken as one to this question.
fn accept(name: &str, qtype: RecordType, bytes: &[u8]) {
    let name = DomainName::from_text(name).expect("a name");
    let (question_end, now) = (12 + name.as_wire().len() + 4, tokio_now());
    let key = Key::new(name, qtype);
    if bytes.len() < question_end {
        return;
    }
    let caps = Caps::default();
    let Ok(entry) = Entry::accept(&key, bytes, caps, now) else { return };
    assert!(entry.ttl() <= caps.max_ttl, "a TTL of {}", entry.ttl());
    assert!(entry.memory() <= 4 * bytes.len() + 1024, "{} bytes for {}", entry.memory(), bytes.len());
    for later in [0, 1, 86_400, u64::from(u32::MAX)] {
        let now = now + Duration::from_secs(later);
        let decoded = entry.decode(now);
        assert!(decoded.answers.len() <= usize::from(entry.answer_count()));
        for record in &decoded.answers {
            assert!(record.ttl <= caps.max_ttl, "{record}");
            let kind = u16::from(record.record_type());
            assert!(kind == u16::from(qtype) || ALONG_THE_WAY.contains(&kind), "nobody asked for {record}");
        }
    }
}

/// The clock of a runtime that ends with this call: any time will do.
fn tokio_now() -> std::time::Instant {
    rig::runtime().block_on(async { tokio::time::Instant::now().into_std() })
}
