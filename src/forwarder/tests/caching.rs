use super::*;

#[tokio::test(start_paused = true)]
async fn an_answer_is_used_until_it_expires() {
    let (forwarder, link) = play(settings(&[FIRST]), says(0, 30));
    assert!(forwarder.cached(www().borrow(), now()).is_none());
    ask(&forwarder, www()).await.unwrap();
    tokio::time::advance(Duration::from_millis(29_900)).await;
    assert_eq!(forwarder.cached(www().borrow(), now()).unwrap().remaining(now()), 1);
    ask(&forwarder, www()).await.unwrap();
    assert_eq!(link.asked(), 1);
    tokio::time::advance(Duration::from_millis(200)).await;
    assert!(forwarder.cached(www().borrow(), now()).is_none());
    ask(&forwarder, www()).await.unwrap();
    assert_eq!(link.asked(), 2);
    assert_eq!(forwarder.cached(www().borrow(), now()).unwrap().remaining(now()), 30);
    assert_eq!((count(&forwarder.stats().hits), count(&forwarder.stats().misses)), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_kept_is_not() {
    let (forwarder, link) = play(settings(&[FIRST]), says(0, 0));
    for _ in 0..3 {
        assert_eq!(ask(&forwarder, www()).await.unwrap().ttl(), 0);
        assert!(forwarder.cached(www().borrow(), now()).is_none());
    }
    assert_eq!((link.asked(), forwarder.store.iter().count()), (3, 0));
    assert_eq!(count(&forwarder.stats().zero_ttl), 3);
    let (forwarder, _) =
        play(settings(&[FIRST]), |_, _, query| Act::Say(vec![(0, negative(query, ResponseCode::ServFail, []))]));
    assert_eq!(ask(&forwarder, www()).await.unwrap_err(), ForwardError::ServFail(None));
    assert_eq!((forwarder.store.iter().count(), count(&forwarder.stats().failed)), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn negative_answers_about_our_zones_are_short_lived() {
    let zone = DomainName::from_text("ecs.internal").unwrap();
    let settings = ForwardSettings { own_zones: vec![zone], ..settings(&[FIRST]) };
    let (forwarder, _) = play(settings, |_, _, query| {
        Act::Say(vec![(0, negative(query, ResponseCode::NXDomain, [soa(".", 900, 900)]))])
    });
    for (name, life) in [("no.ecs.internal", 5), ("ecs.internal", 5), ("no.example", 30)] {
        assert_eq!(ask(&forwarder, key(name, RecordType::A)).await.unwrap().ttl(), life, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_can_be_flushed() {
    let (forwarder, link) = play(settings(&[FIRST]), |_, _, query| {
        Act::Say(vec![(0, negative(query, ResponseCode::NXDomain, [soa(".", 30, 30)]))])
    });
    let other = key("other.example", RecordType::A);
    let v6 = Key { qtype: RecordType::AAAA, ..www() };
    for key in [www(), v6.clone(), other.clone()] {
        ask(&forwarder, key).await.unwrap();
    }
    assert_eq!(forwarder.flush_name(&www().name), 2);
    assert!(forwarder.cached(www().borrow(), now()).is_none() && forwarder.cached(v6.borrow(), now()).is_none());
    assert!(forwarder.cached(other.borrow(), now()).is_some());
    ask(&forwarder, www()).await.unwrap();
    assert_eq!(link.asked(), 4);
}

#[tokio::test(start_paused = true)]
async fn names_that_our_zone_says_from_now_on_are_forgotten() {
    let (forwarder, _) = play(settings(&[FIRST]), |_, _, query| {
        Act::Say(vec![(0, negative(query, ResponseCode::NXDomain, [soa(".", 30, 30)]))])
    });
    // Few answers are looked through, in many the names are looked up.
    for others in [1, 200] {
        let strict = Key { qtype: RecordType::SRV, dnssec_ok: true, ..www() };
        let others: Vec<_> = (0..others).map(|n| key(&format!("n{n}.example"), RecordType::A)).collect();
        for key in [www(), strict.clone()].iter().chain(&others) {
            ask(&forwarder, key.clone()).await.unwrap();
        }
        forwarder.forget(&[www().name].into());
        assert!(
            forwarder.cached(www().borrow(), now()).is_none() && forwarder.cached(strict.borrow(), now()).is_none()
        );
        assert!(others.iter().all(|key| forwarder.cached(key.borrow(), now()).is_some()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_cache_is_bounded_by_bytes() {
    let limits = ForwardSettings { cache_bytes: 8 << 10, ..settings(&[FIRST]) };
    let (forwarder, _) =
        play(limits, |_, _, query| Act::Say(vec![(0, negative(query, ResponseCode::NXDomain, [soa(".", 30, 30)]))]));
    for host in 0..200 {
        ask(&forwarder, key(&format!("n{host}.example"), RecordType::A)).await.unwrap();
    }
    assert!((1..=8 << 10).contains(&forwarder.cache_bytes()), "{}", forwarder.cache_bytes());
    assert!((1..100).contains(&forwarder.entries()), "{}", forwarder.entries());
}

#[tokio::test(start_paused = true)]
async fn a_zone_can_be_flushed_and_the_cache_be_listed() {
    let (forwarder, _) = play(settings(&[FIRST]), |_, _, query| match query[13] {
        b'n' => Act::Say(vec![(0, negative(query, ResponseCode::NXDomain, [soa(".", 30, 30)]))]),
        _ => Act::Say(vec![(0, answer(query, [a("www.example", 30, 1)]))]),
    });
    for key in [www(), key("no.example", RecordType::A), key("no.test", RecordType::AAAA)] {
        ask(&forwarder, Key { dnssec_ok: true, ..key }).await.unwrap();
    }
    tokio::time::advance(Duration::from_secs(10)).await;
    let listing = forwarder.listing();
    let lines: Vec<&str> = listing.lines().collect();
    assert_eq!((lines.len(), lines[6]), (7, "; 3 answers"), "{listing}");
    assert!(lines[0].starts_with("; no.example. A: NXDOMAIN, 20 s left, ") && lines[0].ends_with(" bytes, DO"));
    assert!(lines[2].starts_with("; no.test. AAAA: NXDOMAIN") && lines[4].starts_with("; www.example. A: NOERROR"));
    assert_eq!(lines[5], "www.example. 20 IN A 192.0.2.1");
    let json = forwarder.listing_json();
    assert_eq!((json.as_array().unwrap().len(), json[0]["answer"].as_str()), (3, Some("NXDOMAIN")), "{json}");
    assert_eq!((json[2]["name"].as_str(), json[2]["seconds_left"].as_u64()), (Some("www.example."), Some(20)));
    assert_eq!(json[2]["records"][0], "www.example. 20 IN A 192.0.2.1");
    assert_eq!(forwarder.flush_zone(&DomainName::from_text("example").unwrap()), 2);
    assert_eq!(forwarder.flush_zone(&DomainName::root()), 1);
    assert_eq!(forwarder.listing(), "; 0 answers\n");
}

#[tokio::test(start_paused = true)]
async fn a_failure_holds_longer_each_time_and_is_forgotten_by_a_flush() {
    let (forwarder, link) =
        play(settings(&[FIRST]), |_, _, query| Act::Say(vec![(0, negative(query, ResponseCode::ServFail, []))]));
    let mut asked_at = Vec::new();
    let begun = now();
    for _ in 0..200 {
        let before = link.asked();
        assert_eq!(ask(&forwarder, www()).await.unwrap_err(), ForwardError::ServFail(None));
        if link.asked() > before {
            asked_at.push((now() - begun).as_millis() / 100);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(asked_at, [0, 10, 30, 70, 120, 170], "after 1, 2, 4 and then 5 seconds");
    forwarder.flush_name(&www().name);
    let before = link.asked();
    let _ = ask(&forwarder, www()).await;
    assert_eq!(link.asked(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn popular_answers_are_renewed_before_they_are_over() {
    for (uses, renewed) in [(1, false), (20, true)] {
        let (forwarder, link) = play(settings(&[FIRST]), says(50, 100));
        ask(&forwarder, www()).await.unwrap();
        for _ in 0..uses {
            forwarder.cached(www().borrow(), now()).unwrap();
        }
        tokio::time::advance(Duration::from_secs(89)).await;
        forwarder.cached(www().borrow(), now()).unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(link.asked(), 1, "there is more than a tenth of its time left");
        for _ in 0..uses {
            forwarder.cached(www().borrow(), now()).unwrap();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!((link.asked(), count(&forwarder.stats().renewed)), (1 + usize::from(renewed), u64::from(renewed)));
        assert_eq!(forwarder.cached(www().borrow(), now()).unwrap().remaining(now()) > 90, renewed);
    }
    let (forwarder, link) = play(ForwardSettings { prefetch: false, ..settings(&[FIRST]) }, says(50, 100));
    ask(&forwarder, www()).await.unwrap();
    tokio::time::advance(Duration::from_secs(95)).await;
    for _ in 0..100 {
        forwarder.cached(www().borrow(), now()).unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(link.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn private_addresses_of_public_names_are_withheld_if_that_is_wanted() {
    let rebind = Some(vec![DomainName::from_text("internal").unwrap()]);
    let guarded = ForwardSettings {
        rebind,
        own_zones: vec![DomainName::from_text("ecs.example").unwrap()],
        ..settings(&[FIRST])
    };
    let private = |_, _, query: &[u8]| {
        let name = if query[14] == b'o' { "no.example" } else { "www.example" };
        let mut record = a(name, 30, 1);
        record.name = hickory_proto::op::Message::from_vec(query).unwrap().queries[0].name().clone();
        record.data = RData::A(rdata::A::new(10, 0, 0, 1));
        Act::Say(vec![(0, answer(query, [record]))])
    };
    let (forwarder, _) = play(guarded, private);
    assert_eq!(ask(&forwarder, www()).await.unwrap_err(), ForwardError::Rebind);
    assert_eq!(ForwardError::Rebind.ede().code(), 17);
    for name in ["ip-10-0-0-1.ec2.internal", "web.ecs.example"] {
        assert!(ask(&forwarder, key(name, RecordType::A)).await.is_ok(), "{name}");
    }
    assert_eq!(count(&forwarder.stats().rebinds), 1);
    let (forwarder, _) = play(settings(&[FIRST]), private);
    assert!(ask(&forwarder, www()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_was_forgotten_while_it_was_asked_for_is_not_kept() {
    let name = www().name;
    let forget: [&dyn Fn(&Forwarder); 3] = [
        &|forwarder| assert_eq!(forwarder.flush_name(&name), 0),
        &|forwarder| assert_eq!(forwarder.flush_zone(&DomainName::root()), 0),
        &|forwarder| forwarder.forget(&BTreeSet::from([name.clone()])),
    ];
    for (forget, others) in forget.into_iter().zip([true, false, true]) {
        let (forwarder, _) = play(settings(&[FIRST]), |_, _, query| {
            Act::Say(vec![(100, negative(query, ResponseCode::NXDomain, [soa(".", 30, 30)]))])
        });
        let other = key("other.example", RecordType::A);
        let (one, two) = (asking(&forwarder, www()), asking(&forwarder, other.clone()));
        tokio::time::sleep(Duration::from_millis(50)).await;
        forget(&forwarder);
        assert!(one.await.unwrap().is_ok() && two.await.unwrap().is_ok(), "who has asked has the answer");
        assert!(forwarder.cached(www().borrow(), now()).is_none());
        assert_eq!(forwarder.cached(other.borrow(), now()).is_some(), others);
        ask(&forwarder, www()).await.unwrap();
        assert!(forwarder.cached(www().borrow(), now()).is_some(), "what is asked for afterwards is kept");
    }
}

#[tokio::test(start_paused = true)]
async fn strings_of_a_txt_record_are_listed_apart() {
    let txt = rdata::TXT::from_bytes(vec![b"a b; c", b"d"]);
    let record = Record::from_rdata(Name::from_ascii("www.example.").unwrap(), 30, RData::TXT(txt));
    let (forwarder, _) =
        play(settings(&[FIRST]), move |_, _, query| Act::Say(vec![(0, answer(query, [record.clone()]))]));
    ask(&forwarder, key("www.example", RecordType::TXT)).await.unwrap();
    let line = r#"www.example. 30 IN TXT "a b; c" "d""#;
    assert!(forwarder.listing().lines().any(|listed| listed == line), "{}", forwarder.listing());
    assert_eq!(forwarder.listing_json()[0]["records"][0], line);
}
