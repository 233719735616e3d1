use super::*;
use crate::forward::Caps;

/// A forwarder with the answer to `www.example`, of [`FIRST`].
async fn kept() -> (Arc<Forwarder>, Arc<Scripted>) {
    let (forwarder, link) = play(settings(&[FIRST]), says(0, 30));
    ask(&forwarder, www()).await.unwrap();
    (forwarder, link)
}

fn change(forwarder: &Arc<Forwarder>, link: &Arc<Scripted>, settings: ForwardSettings) -> usize {
    forwarder.reconfigure(settings, Arc::clone(link) as Arc<dyn Link>)
}

fn is_cached(forwarder: &Arc<Forwarder>) -> bool {
    forwarder.cached(www().borrow(), now()).is_some()
}

#[tokio::test(start_paused = true)]
async fn another_configuration_keeps_the_cache_but_for_what_it_makes_wrong() {
    let (forwarder, link) = kept().await;
    assert_eq!(change(&forwarder, &link, settings(&[SECOND, FIRST])), 0, "one of them is asked as before");
    assert!(is_cached(&forwarder));
    let third = SocketAddr::from((Ipv4Addr::LOCALHOST, 5303));
    let of_corp = Route {
        zone: DomainName::from_text("example").unwrap(),
        servers: vec![third.into()],
        policy: Policy::default(),
    };
    let mut with_corp = settings(&[FIRST]);
    with_corp.routes.push(of_corp);
    assert_eq!(change(&forwarder, &link, with_corp.clone()), 1, "somebody else is asked about the domain");
    assert!(!is_cached(&forwarder));
    ask(&forwarder, www()).await.unwrap();
    assert_eq!(link.asked.lock().unwrap().last().unwrap().0, third);

    let short = ForwardSettings { caps: Caps { max_ttl: 29, ..Caps::default() }, ..with_corp.clone() };
    assert_eq!(change(&forwarder, &link, with_corp), 0, "everything is as before");
    assert_eq!(change(&forwarder, &link, short), 1, "it may not live so long any more");
}

#[tokio::test(start_paused = true)]
async fn addresses_that_are_not_believed_any_more_are_forgotten() {
    let private =
        Record::from_rdata(Name::from_ascii("www.example.").unwrap(), 30, RData::A(rdata::A::new(10, 0, 0, 1)));
    let (forwarder, link) =
        play(settings(&[FIRST]), move |_, _, query| Act::Say(vec![(0, answer(query, [private.clone()]))]));
    ask(&forwarder, www()).await.unwrap();
    let exempt = ForwardSettings { rebind: Some(vec![www().name]), ..settings(&[FIRST]) };
    assert_eq!(change(&forwarder, &link, exempt), 0);
    let guarded = ForwardSettings { rebind: Some(vec![]), ..settings(&[FIRST]) };
    assert_eq!(change(&forwarder, &link, guarded), 1);
    assert_eq!(ask(&forwarder, www()).await.unwrap_err(), ForwardError::Rebind);
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_at_a_change_is_handed_out_and_not_kept() {
    let (forwarder, link) = play(settings(&[FIRST]), says(100, 30));
    let asked = asking(&forwarder, www());
    tokio::time::sleep(Duration::from_millis(50)).await;
    change(&forwarder, &link, settings(&[SECOND]));
    assert_eq!(asked.await.unwrap().unwrap().answer_count(), 1);
    assert!(!is_cached(&forwarder));
    ask(&forwarder, www()).await.unwrap();
    assert_eq!(link.asked.lock().unwrap().last().unwrap().0, SECOND);
}

#[tokio::test(start_paused = true)]
async fn what_is_known_of_an_upstream_outlives_a_change() {
    let (forwarder, link) = play_with(settings(&[FIRST]), |_, _, _| Act::Silence, |_| false);
    while !forwarder.rules.load().upstreams.are_down(www().name.as_wire()) {
        let _ = ask(&forwarder, key(&format!("n{}.example", link.asked()), RecordType::A)).await;
    }
    change(&forwarder, &link, settings(&[SECOND, FIRST]));
    let up = |forwarder: &Arc<Forwarder>| forwarder.upstreams().iter().map(|it| it.health.is_up()).collect::<Vec<_>>();
    assert_eq!(up(&forwarder), [true, false], "and it is watched");
    change(&forwarder, &link, settings(&[FIRST]));
    assert!(forwarder.rules.load().upstreams.are_down(www().name.as_wire()));
}

#[tokio::test(start_paused = true)]
async fn room_and_names_change_at_once() {
    let (forwarder, link) = play(settings(&[FIRST]), says(0, 30));
    for number in 0..4000 {
        let key = key(&format!("n{number}.example"), RecordType::A);
        let entry = answer(
            &crate::forward::query::build(&key, &crate::forward::query::question(&key), 7, true),
            [a(&format!("n{number}.example"), 3000, 1)],
        );
        let entry = Entry::accept(&key, &entry, Caps::default(), now()).unwrap();
        forwarder.store.keep(key, &Arc::new(Answer::from(entry)));
    }
    assert!(forwarder.cache_bytes() > 1_000_000);
    assert!(forwarder.names().local(www().name.as_wire(), RecordType::A).is_none());
    let blocked = crate::forward::LocalNames::new([]).with_blocked(&[www().name], crate::forward::Blocked::NxDomain);
    let names = forwarder.names();
    assert!(names.local(www().name.as_wire(), RecordType::A).is_none());
    change(&forwarder, &link, ForwardSettings { cache_bytes: 500_000, local: blocked, ..settings(&[FIRST]) });
    assert!(forwarder.cache_bytes() <= 500_000, "{}", forwarder.cache_bytes());
    assert!(forwarder.entries() > 500);
    assert!(names.local(www().name.as_wire(), RecordType::A).is_none(), "one query sees one state");
    assert!(forwarder.names().local(www().name.as_wire(), RecordType::A).is_some());
}

#[tokio::test(start_paused = true)]
async fn what_is_of_no_use_any_more_leaves_the_memory() {
    let stale = Duration::from_secs(600);
    let (forwarder, _) = play(ForwardSettings { serve_stale: stale, ..settings(&[FIRST]) }, |_, _, query| {
        Act::Say(vec![(0, negative(query, ResponseCode::NXDomain, [soa(".", 30, 30)]))])
    });
    let sweeping = tokio::spawn(Arc::clone(&forwarder).sweep());
    // A burst, more than a sweep looks at in a row.
    for number in 0..3000 {
        ask(&forwarder, key(&format!("n{number}.example"), RecordType::A)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(620)).await;
    assert_eq!(forwarder.entries(), 3000, "they may be needed when upstreams fail");
    ask(&forwarder, www()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(forwarder.entries(), 1);
    assert!(forwarder.cache_bytes() < 1000, "{}", forwarder.cache_bytes());
    sweeping.abort();
}
