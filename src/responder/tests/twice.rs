//! Over any zone: what has to wait for an upstream is answered as it is the next time, when the cache has what it needs.

use super::super::stub::responder_over;
use super::*;
use crate::dns::DomainName;
use crate::forward::testing::plain;
use crate::zone::tests::manner::{Manner, manners};
use crate::zone::tests::{history, hosted_records, incremental, world};
use crate::zone::{Fallback, Settings, ZoneWriter};

/// Names of others: of the operator's, of an upstream's, of nobody's, and of an upstream's that lead into the zone.
const OUTSIDE: [&str; 9] = [
    "alias.corp.example",
    "home.corp.example",
    "circle.corp.example",
    "lb.example",
    "x.invalid",
    "into-web.ecs.internal",
    "into-web.example",
    "both-api.example",
    "into-gone.example",
];
const KINDS: [RecordType; 4] = [RecordType::A, RecordType::AAAA, RecordType::CNAME, RecordType::Unknown(65_280)];

/// Asks for each of `names` twice, where the first has to wait.
async fn ask_twice(
    writer: &ZoneWriter,
    names: impl Iterator<Item = DomainName>,
    manners: &[Manner],
    spin: u32,
) -> Result<(), TestCaseError> {
    let responder = responder_over(writer.zone());
    let counters = Metrics::new("test").shared();
    let questions = names.flat_map(|name| KINDS.map(|kind| (name.clone(), kind)));
    for ((name, kind), manner) in questions.zip(manners.iter().cycle()) {
        let query = manner.query(&name, kind);
        let ask = |out: &mut Vec<u8>| responder.respond(&query, circumstances(spin, manner.tcp), &counters, out);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        match ask(&mut first) {
            Verdict::Reply(_) => {}
            Verdict::Await(pending) => {
                responder.finish(&pending, &mut first).await;
                let verdict = ask(&mut second);
                prop_assert!(matches!(verdict, Verdict::Reply(_)), "{} {} waits again: {:?}", name, kind, verdict);
                prop_assert_eq!(&first, &second, "{} {}", name, kind);
            }
            other => prop_assert!(false, "{} {}: {:?}", name, kind, other),
        }
        manner.check(&plain(&query), &first)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn who_waits_hears_what_others_hear_at_once(
        steps in history::histories(),
        records in world::records(),
        hosted in world::hosted(),
        fallback in prop::sample::select(vec![Fallback::Off, Fallback::Resolver, Fallback::Api]),
        prefer_route53: bool,
        asked in prop::collection::vec(world::names(), 20),
        manners in prop::collection::vec(manners(), 7),
        spin: u32,
    ) {
        let settings = Settings { records: records.clone(), prefer_route53, ..history::settings(fallback) };
        let (_, mut writer) = incremental(&steps, settings);
        if fallback == Fallback::Api {
            writer.replace_hosted(&hosted_records(&hosted));
        }
        let own = records.iter().chain(&hosted).map(|set| set.name.clone());
        let outside = OUTSIDE.iter().filter_map(|text| DomainName::from_text(text));
        let names = own.chain(asked).chain(outside);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(ask_twice(&writer, names, &manners, spin))?;
    }
}
