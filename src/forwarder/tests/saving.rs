use super::*;
use crate::forward::saved;

/// The names of what is collected, in its order.
fn names(collected: &Collected) -> Vec<String> {
    let mut content = Vec::new();
    collected.write(&mut content, crate::ecs::Timestamp::UNIX_EPOCH).unwrap();
    let (_, answers) = saved::read(&content).unwrap();
    let restored = answers.map(|answer| answer.restore(Duration::ZERO, Default::default(), now()).unwrap());
    restored.map(|(key, _)| key.name.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_hottest_come_first_up_to_a_bound() {
    let own_zones = vec![DomainName::from_text("ecs.internal").unwrap()];
    let settings = ForwardSettings { own_zones, ..settings(&[FIRST]) };
    let (forwarder, _) =
        play(settings, |_, _, query| Act::Say(vec![(0, negative(query, ResponseCode::NXDomain, [soa(".", 30, 30)]))]));
    let of = |name: &str| key(name, RecordType::A);
    for name in ["cold.example", "warm.example", "hot.example", "no.ecs.internal", "last.example"] {
        tokio::time::advance(Duration::from_secs(1)).await;
        ask(&forwarder, of(name)).await.unwrap();
    }
    (0..2).for_each(|_| assert!(forwarder.cached(of("warm.example").borrow(), now()).is_some()));
    (0..3).for_each(|_| assert!(forwarder.cached(of("hot.example").borrow(), now()).is_some()));
    let all = ["hot.example.", "warm.example.", "last.example.", "cold.example."];
    assert_eq!(names(&forwarder.collect(10_000)), all, "no names of our own zone");
    let size = saved::answer_len(&forwarder.cached(of("warm.example").borrow(), now()).unwrap());
    assert_eq!(names(&forwarder.collect(2 * size)), ["hot.example.", "warm.example."]);
    assert_eq!(forwarder.collect(3 * size).len(), 3);
    assert!(forwarder.collect(size / 2).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_much_asked_for_stays_warm_when_it_is_renewed() {
    let (forwarder, _) = play(settings(&[FIRST]), says(0, 30));
    let warmth = || forwarder.store.get(www().borrow()).unwrap().warmth();
    let mut seen = Vec::new();
    for _ in 0..12 {
        ask(&forwarder, www()).await.unwrap();
        (0..5).for_each(|_| assert!(forwarder.cached(www().borrow(), now()).is_some()));
        seen.push(warmth());
        tokio::time::advance(Duration::from_secs(31)).await;
    }
    assert!(seen.is_sorted() && seen[0] == 3 && seen[11] > 5, "{seen:?}");
    for _ in 0..12 {
        ask(&forwarder, www()).await.unwrap();
        tokio::time::advance(Duration::from_secs(31)).await;
    }
    assert!(warmth() < 3, "nobody asks any more but now and then");
}

#[tokio::test(start_paused = true)]
async fn a_restart_with_dead_upstreams_answers_what_was_saved() {
    let (forwarder, _) = play(settings(&[FIRST]), says(0, 30));
    ask(&forwarder, www()).await.unwrap();
    let mut content = Vec::new();
    forwarder.collect(10_000).write(&mut content, crate::ecs::Timestamp::UNIX_EPOCH).unwrap();
    let (_, mut answers) = saved::read(&content).unwrap();
    let saved = answers.next().unwrap();
    let after = |elapsed: u64, settings: ForwardSettings| {
        let (forwarder, link) = play_with(settings, |_, _, _| Act::Silence, |_| false);
        (forwarder.restore(&saved, Duration::from_secs(elapsed)), forwarder, link)
    };
    let (taken, fresh, link) = after(10, settings(&[FIRST]));
    assert_eq!(ask(&fresh, www()).await.unwrap().remaining(now()), 20);
    assert!(taken && link.asked() == 0);
    let (taken, stale, _) = after(40, settings(&[FIRST]));
    assert!(taken && ask(&stale, www()).await.unwrap().is_stale(now()));
    let (taken, ..) = after(40, ForwardSettings { serve_stale: Duration::ZERO, ..settings(&[FIRST]) });
    assert!(!taken, "stale answers are not wanted");
    let (taken, ..) = after(40, ForwardSettings { own_zones: vec![www().name], ..settings(&[FIRST]) });
    assert!(!taken, "the name is ours now");
    // An answer that has come meanwhile is newer.
    let (_, newer, _) = after(10, settings(&[FIRST]));
    newer.restore(&saved, Duration::from_secs(25));
    assert_eq!(newer.cached(www().borrow(), now()).unwrap().remaining(now()), 20);
}
