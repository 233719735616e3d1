use std::sync::atomic::AtomicBool;

use super::*;

/// An upstream that answers with TTL 30 until it is switched off, and does `otherwise` then.
fn switched(
    settings: ForwardSettings,
    otherwise: impl Fn(&[u8]) -> Act + Send + Sync + 'static,
) -> (Arc<Forwarder>, Arc<Scripted>, Arc<AtomicBool>) {
    let on = Arc::new(AtomicBool::new(true));
    let (answers, lives) = (Arc::clone(&on), Arc::clone(&on));
    let script = move |to, transport, query: &[u8]| match answers.load(Relaxed) {
        true => says(1, 30)(to, transport, query),
        false => otherwise(query),
    };
    let (forwarder, link) = play_with(settings, script, move |_| lives.load(Relaxed));
    (forwarder, link, on)
}

fn silence(_: &[u8]) -> Act {
    Act::Silence
}

fn millis(since: Instant) -> u128 {
    (now() - since).as_millis()
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_is_given_when_no_upstream_answers() {
    let (forwarder, _, on) = switched(settings(&[FIRST]), silence);
    ask(&forwarder, www()).await.unwrap();
    on.store(false, Relaxed);
    tokio::time::advance(Duration::from_secs(31)).await;
    let begun = now();
    assert!(forwarder.cached(www().borrow(), begun).is_none(), "the upstream may be there");
    let stale = ask(&forwarder, www()).await.unwrap();
    assert!(stale.is_stale(now()) && stale.ede(now()).unwrap().code() == 3);
    assert_eq!(millis(begun), 1800, "the longest that a client waits for a better one");
    assert_eq!((forwarder.in_flight(), count(&forwarder.stats().stale)), (1, 1), "the exchange goes on");
}

#[tokio::test(start_paused = true)]
async fn while_all_are_known_to_be_down_it_is_given_at_once() {
    let (forwarder, link, on) = switched(settings(&[FIRST, SECOND]), silence);
    ask(&forwarder, www()).await.unwrap();
    on.store(false, Relaxed);
    tokio::time::advance(Duration::from_secs(31)).await;
    while !forwarder.rules.load().upstreams.are_down(www().name.as_wire()) {
        ask(&forwarder, www()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    let (asked, begun) = (link.asked(), now());
    for _ in 0..10_000 {
        assert!(forwarder.cached(www().borrow(), now()).unwrap().is_stale(now()));
    }
    assert!(ask(&forwarder, www()).await.unwrap().is_stale(now()));
    assert_eq!((link.asked(), millis(begun)), (asked, 0), "nobody is asked in vain");

    on.store(true, Relaxed);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(!forwarder.rules.load().upstreams.are_down(www().name.as_wire()), "a probe has found them");
    assert!(forwarder.cached(www().borrow(), now()).is_none());
    assert!(ask(&forwarder, www()).await.unwrap().is_fresh(now()));
}

#[tokio::test(start_paused = true)]
async fn an_error_is_covered_at_once_and_the_question_rests() {
    let (forwarder, link, on) =
        switched(settings(&[FIRST]), |query| Act::Say(vec![(1, negative(query, ResponseCode::ServFail, []))]));
    ask(&forwarder, www()).await.unwrap();
    on.store(false, Relaxed);
    tokio::time::advance(Duration::from_secs(31)).await;
    for _ in 0..50 {
        assert!(ask(&forwarder, www()).await.unwrap().is_stale(now()));
    }
    assert_eq!((link.asked(), count(&forwarder.stats().held)), (2, 49), "RFC 9520: not asked again at once");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_no_beats_a_stale_yes() {
    for (soa_ttl, kept) in [(60, true), (0, false)] {
        let (forwarder, _, on) = switched(settings(&[FIRST]), move |query| {
            Act::Say(vec![(1, negative(query, ResponseCode::NXDomain, [soa(".", soa_ttl, soa_ttl)]))])
        });
        ask(&forwarder, www()).await.unwrap();
        on.store(false, Relaxed);
        tokio::time::advance(Duration::from_secs(31)).await;
        assert_eq!(ask(&forwarder, www()).await.unwrap().rcode(), crate::dns::Rcode::NxDomain);
        assert_eq!(forwarder.store.get(www().borrow()).is_some(), kept, "the old answer is gone in either case");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_no_says_so() {
    let (forwarder, link) = play(settings(&[FIRST]), |_, _, query| match query[13] {
        b'w' => Act::Say(vec![(1, negative(query, ResponseCode::NXDomain, [soa(".", 20, 20)]))]),
        _ => Act::Silence,
    });
    let entry = ask(&forwarder, www()).await.unwrap();
    tokio::time::advance(Duration::from_secs(21)).await;
    assert_eq!(entry.ede(now()).unwrap().code(), 19);
    assert_eq!(link.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_or_not_to_be_used_is_an_error() {
    for (stale, age) in [(Duration::from_secs(600), 631), (Duration::ZERO, 31)] {
        let (forwarder, _, on) =
            switched(ForwardSettings { serve_stale: stale, ..settings(&[FIRST]) }, |_| Act::Refuse);
        ask(&forwarder, www()).await.unwrap();
        on.store(false, Relaxed);
        tokio::time::advance(Duration::from_secs(age)).await;
        assert_eq!(ask(&forwarder, www()).await.unwrap_err(), ForwardError::Unreachable);
    }
}

#[tokio::test(start_paused = true)]
async fn our_own_questions_may_be_answered_stale_too() {
    let (forwarder, _, on) = switched(settings(&[FIRST]), |_| Act::Refuse);
    forwarder.addresses("www.example").await.unwrap();
    on.store(false, Relaxed);
    tokio::time::advance(Duration::from_secs(31)).await;
    assert_eq!(forwarder.addresses("www.example").await.unwrap().len(), 1);
}
