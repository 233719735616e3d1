use hickory_proto::op::ResponseCode;
use hickory_proto::rr::Record;

use super::*;
use crate::dns::{BodyBuilder, DomainName, RData, ReplyContext, SoaBlock, reply};
use crate::forward::testing::{a, client_query, cname, key, moment, plain, response, soa};
use crate::forward::{Caps, Entry, query};

/// What an upstream may say of `t.example`: CNAMEs, addresses at their end, and a code.
#[derive(Debug, Clone)]
struct Said {
    chain: u8,
    addresses: u8,
    gone: bool,
    reversed: bool,
    ttl: u32,
}

fn said() -> impl Strategy<Value = Said> {
    (0u8..5, 0u8..100, any::<bool>(), any::<bool>(), 1u32..100).prop_map(|(chain, addresses, gone, reversed, ttl)| {
        let gone = gone && addresses == 0;
        Said { chain, addresses, gone, reversed, ttl }
    })
}

fn name(number: u8) -> String {
    if number == 0 { "t.example".to_owned() } else { format!("t{number}.example") }
}

impl Said {
    fn entry(&self, now: Instant) -> Option<Entry> {
        let key = key("t.example", RecordType::A);
        let asked = query::build(&key, &query::question(&key), 7, true);
        let mut message = response(&asked);
        let mut records: Vec<Record> =
            (0..self.chain).map(|number| cname(&name(number), self.ttl + 7, &name(number + 1))).collect();
        records.extend((0..self.addresses).map(|host| a(&name(self.chain), self.ttl, host)));
        if self.reversed {
            records.reverse();
        }
        message.add_answers(records);
        if self.gone {
            message.metadata.response_code = ResponseCode::NXDomain;
        }
        if self.addresses == 0 {
            message.add_authority(soa("example", 30, 30));
        }
        Entry::accept(&key, &message.to_vec().unwrap(), Caps::default(), now).ok()
    }
}

/// The same reply from values instead of ready bytes.
fn slow(
    entry: &Entry,
    aliases: &[&Body],
    question: &Question<'_>,
    now: Instant,
    context: &ReplyContext<'_>,
) -> Vec<u8> {
    let decoded = entry.decode(now);
    let mut body = BodyBuilder::from(Body::behind(aliases, &Body::empty(decoded.rcode, false, None), 0));
    let (mut last, chain): (Vec<_>, Vec<_>) =
        decoded.answers.into_iter().partition(|record| record.record_type() == question.qtype);
    let first = (context.spin as usize).checked_rem(last.len()).unwrap_or_default();
    last.rotate_left(first);
    for record in chain.iter().chain(&last) {
        body.answer_of(DomainName::from_name(&record.name).unwrap(), record.ttl, &record.data);
    }
    if let Some(soa) = decoded.authority.first() {
        body.foreign_soa(DomainName::from_name(&soa.name).unwrap(), soa.ttl, &soa.data);
    }
    body.ede(entry.ede(now).cloned());
    let mut out = Vec::new();
    reply::write(&mut out, question, &body.build(), context);
    out
}

fn alias(target: &str) -> Body {
    let target = DomainName::from_text(target).unwrap().to_name();
    let mut body = BodyBuilder::new(false);
    body.answer(60, &RData::CNAME(crate::dns::rdata::CNAME(target)));
    body.build()
}

proptest! {
    /// An alias with what its target says, from the ready bytes of the cache, is byte for byte what is made of values.
    #[test]
    fn a_ready_chase_is_the_slow_one(
        said in said(),
        hops in 0usize..3,
        spin: u32,
        payload in prop::option::of(prop::sample::select(vec![512u16, 700, 1232])),
        tcp: bool,
        age in 0u64..150,
        stale_zone: bool,
    ) {
        let now = moment();
        let Some(entry) = said.entry(now) else { return Ok(()) };
        let later = now + std::time::Duration::from_secs(age);
        let asked = client_query("aPP.ecs.internal", RecordType::A, payload);
        let question = plain(&asked);
        let zone = DomainName::from_text("ecs.internal").unwrap();
        let ede = stale_zone.then(|| Ede::new(Ede::STALE_ANSWER, "the inventory is old"));
        let soa = SoaBlock::new(&zone, 1, 5);
        let context = ReplyContext { soa: &soa, spin, limit: question.limit(tcp), ede: ede.as_ref(), cookie: None };
        let bodies: Vec<Body> =
            (0..hops).map(|hop| alias(&format!("hop{hop}.ecs.internal"))).chain([alias("t.example")]).collect();
        let aliases: Vec<&Body> = bodies.iter().collect();
        let mut fast = Vec::new();
        entry.write_behind(&mut fast, &question, &aliases, later, &context);
        prop_assert_eq!(&fast, &slow(&entry, &aliases, &question, later, &context));
        prop_assert!(fast.len() <= context.limit);
        prop_assert!(Message::from_vec(&fast).is_ok());
    }
}
