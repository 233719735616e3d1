use std::num::NonZeroU32;

use super::*;

#[tokio::test(start_paused = true)]
async fn clients_cannot_use_up_our_own_share() {
    let limits = ForwardSettings { max_in_flight: 2, own_in_flight: 1, ..settings(&[FIRST]) };
    let (forwarder, _) = play(limits, |_, _, _| Act::Silence);
    let begin = |name: &str, own: bool| {
        let (forwarder, key) = (Arc::clone(&forwarder), key(name, RecordType::A));
        let asking = tokio::spawn(async move {
            if own { forwarder.resolve_own(key).await } else { forwarder.resolve(key, CLIENT).await }
        });
        async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            asking.is_finished()
        }
    };
    assert!(!begin("a.example", false).await && !begin("b.example", false).await);
    assert!(begin("c.example", false).await);
    assert!(!begin("b.example", false).await, "an equal question costs nothing");
    assert!(!begin("d.example", true).await);
    assert!(begin("e.example", true).await);
    assert_eq!(forwarder.in_flight(), 3);
    assert_eq!((count(&forwarder.stats().over_share), count(&forwarder.stats().too_many)), (1, 1));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(forwarder.in_flight(), 0);
    assert!(!begin("c.example", false).await);
}

fn slow(rate: u32) -> ForwardSettings {
    ForwardSettings { rate: NonZeroU32::new(rate).unwrap(), ..settings(&[FIRST]) }
}

fn numbered(number: usize) -> Key {
    key(&format!("n{number}.example"), RecordType::A)
}

/// Answers NXDOMAIN at once.
fn no(_: SocketAddr, _: Transport, query: &[u8]) -> Act {
    Act::Say(vec![(0, negative(query, ResponseCode::NXDomain, [soa(".", 30, 30)]))])
}

#[tokio::test(start_paused = true)]
async fn what_is_above_the_rate_waits_and_is_then_refused() {
    let (forwarder, link) = play(slow(100), no);
    let clients: Vec<_> = (0..740).map(|number| asking(&forwarder, numbered(number))).collect();
    let (mut answered, mut refused) = (0, 0);
    for one in clients {
        match one.await.unwrap() {
            Ok(_) => answered += 1,
            Err(ForwardError::OverRate) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    // 94 a second for clients, for 4 seconds.
    assert!((350..=400).contains(&answered) && link.asked() == answered, "{answered}, {refused}");
    assert_eq!(count(&forwarder.stats().shed_refused), refused);
    assert!(count(&forwarder.stats().shed_waited) > 400);
    assert_eq!(ForwardError::OverRate.ede().code(), 23);
}

#[tokio::test(start_paused = true)]
async fn whoever_can_have_a_stale_answer_does_not_wait_for_the_rate() {
    let (forwarder, _) = play(slow(100), |to, transport, query| match query[13] {
        b'w' => says(0, 30)(to, transport, query),
        _ => no(to, transport, query),
    });
    ask(&forwarder, www()).await.unwrap();
    tokio::time::advance(Duration::from_secs(31)).await;
    let flood: Vec<_> = (0..300).map(|number| asking(&forwarder, numbered(number))).collect();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let begun = now();
    assert!(ask(&forwarder, www()).await.unwrap().is_stale(now()));
    assert_eq!((now(), count(&forwarder.stats().shed_stale)), (begun, 1));
    drop(flood);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_unknown_names_of_our_zone_starves_nobody() {
    let own_zones = vec![DomainName::from_text("ecs.internal").unwrap()];
    let (forwarder, _) = play(ForwardSettings { own_zones, ..slow(800) }, no);
    let storm: Vec<_> =
        (0..2000).map(|number| asking(&forwarder, key(&format!("n{number}.ecs.internal"), RecordType::A))).collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waiting = storm.iter().filter(|one| !one.is_finished()).count();
    assert!((150..=250).contains(&waiting), "the storm itself has to wait, and a quarter of all may: {waiting}");
    let begun = now();
    for number in 0..200 {
        ask(&forwarder, numbered(number)).await.unwrap();
    }
    assert!((now() - begun).as_millis() < 400, "{:?}", now() - begun);
    let begun = now();
    forwarder.addresses("sqs.us-east-1.amazonaws.com").await.unwrap();
    assert_eq!(now(), begun, "our AWS clients have their own rate");
}

#[tokio::test(start_paused = true)]
async fn one_client_cannot_take_all_the_room() {
    let limits = ForwardSettings { max_in_flight: 100, ..settings(&[FIRST]) };
    let (forwarder, _) = play(limits, |_, _, _| Act::Silence);
    let begin = |number: usize, client: u8| {
        let forwarder = Arc::clone(&forwarder);
        let client = IpAddr::from([192, 0, 2, client]);
        tokio::spawn(async move { forwarder.resolve(numbered(number), client).await })
    };
    let hog: Vec<_> = (0..200).map(|number| begin(number, 1)).collect();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!((forwarder.in_flight(), count(&forwarder.stats().over_share)), (75, 125));
    let others: Vec<_> = (0..20).map(|other| begin(1000 + usize::from(other), 2 + other)).collect();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(others.iter().all(|one| !one.is_finished()), "there is room for newcomers");
    assert!(begin(500, 1).await.unwrap().is_err());
    drop(hog);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_the_rate_keeps_the_place_whatever_arrives() {
    let tries = AtomicU64::new(0);
    let (forwarder, _) = play(slow(100), move |to, transport, query| match query[13] {
        b'w' if tries.fetch_add(1, Relaxed) == 0 => {
            let stranger = [&[!query[0]], &query[1..]].concat();
            Act::Say(vec![(5, stranger); 1000])
        }
        b'w' => says(0, 30)(to, transport, query),
        _ => no(to, transport, query),
    });
    let waiting = asking(&forwarder, www());
    let mut flood: Vec<_> = (0..100).map(|number| asking(&forwarder, numbered(number))).collect();
    for number in 100..500 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        flood.push(asking(&forwarder, numbered(number)));
    }
    assert!(waiting.await.unwrap().is_ok(), "those who came later do not go before it");
    drop(flood);
}
