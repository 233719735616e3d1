use std::net::SocketAddr;

use super::*;
use crate::forward::testing::{a, answer, key};
use crate::forward::{Caps, Entry, Key, query};
use crate::forwarder::ForwardSettings;
use crate::link::UpstreamLink;

const NOW: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn settings(upstream: &str) -> ForwardSettings {
    let settings = ForwardSettings::with_upstreams([upstream.parse::<SocketAddr>().unwrap()]);
    ForwardSettings { serve_stale: Duration::from_secs(3600), ..settings }
}

fn forwarder(settings: ForwardSettings) -> Arc<Forwarder> {
    Forwarder::new(settings, Arc::new(UpstreamLink::default()))
}

/// What a cache with one answer, for `www.example`, TTL 60, is saved as at [`NOW`].
fn content(upstream: &str) -> Vec<u8> {
    let www = www();
    let query = query::build(&www, &query::question(&www), 7, true);
    let reply = answer(&query, [a("www.example", 60, 1)]);
    let now = tokio::time::Instant::now().into_std();
    let entry = Entry::accept(&www, &reply, Caps::default(), now).unwrap();
    let mut out = Vec::new();
    saved::write_head(&mut out, &saved::Head { at: at(NOW), terms: forwarder(settings(upstream)).terms() }).unwrap();
    saved::write_answer(&mut out, &www, &entry, 3, now).unwrap();
    out
}

fn www() -> Key {
    key("www.example", crate::dns::RecordType::A)
}

const UPSTREAM: &str = "10.0.0.2:53";

#[tokio::test(start_paused = true)]
async fn lives_are_counted_down_by_the_wall_clock() {
    let now = tokio::time::Instant::now().into_std();
    let left = |elapsed| {
        let forwarder = forwarder(settings(UPSTREAM));
        let restored = restore(&content(UPSTREAM), &forwarder, at(NOW + elapsed)).unwrap();
        assert_eq!(restored, Restored { taken: 1, all: 1, at: at(NOW) });
        forwarder.cached(www().borrow(), now).map(|answer| answer.remaining(now))
    };
    assert_eq!([left(0), left(20), left(59), left(60)], [Some(60), Some(40), Some(1), None]);
    let stale = forwarder(settings(UPSTREAM));
    restore(&content(UPSTREAM), &stale, at(NOW + 3659)).unwrap();
    assert!(stale.kept(www().borrow(), now).is_some(), "for when no upstream answers");
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_used_is_refused_with_a_reason() {
    let content = content(UPSTREAM);
    let refused = |settings: ForwardSettings, content: &[u8], now| {
        let forwarder = forwarder(settings);
        let refusal = restore(content, &forwarder, at(now)).unwrap_err();
        assert_eq!(forwarder.entries(), 0);
        (refusal.label(), refusal.to_string())
    };
    let (label, text) = refused(settings(UPSTREAM), &content, NOW + 3660);
    assert!(label == "too_old" && text.contains("none of its 1 answers is of use 3660 s after"), "{text}");
    let (label, text) = refused(settings(UPSTREAM), &content, NOW - 1);
    assert!(label == "ahead" && text.contains("which has gone back"), "{text}");
    let (label, text) = refused(settings("10.0.0.3:53"), &content, NOW);
    assert!(label == "foreign" && text.contains("are of 10.0.0.2:53, and now 10.0.0.3:53 are asked"), "{text}");
    let guarded = ForwardSettings { rebind: Some(vec![]), ..settings(UPSTREAM) };
    let (label, text) = refused(guarded, &content, NOW);
    assert!(label == "foreign" && text.contains("rebind_protection"), "{text}");
    let (label, _) = refused(settings(UPSTREAM), b"{}\n", NOW);
    assert_eq!(label, "strange");
}

#[tokio::test(start_paused = true)]
async fn a_restored_answer_is_subject_to_the_limits_of_a_fresh_one() {
    let now = tokio::time::Instant::now().into_std();
    let short = ForwardSettings { caps: Caps { max_ttl: 30, ..Caps::default() }, ..settings(UPSTREAM) };
    let forwarder = forwarder(short);
    restore(&content(UPSTREAM), &forwarder, at(NOW + 10)).unwrap();
    assert_eq!(forwarder.cached(www().borrow(), now).unwrap().remaining(now), 20);
}
