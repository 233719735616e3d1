use super::*;
use crate::forward::MAX_TRIES;

#[tokio::test(start_paused = true)]
async fn a_silent_upstream_costs_one_try_and_a_dead_one_nothing() {
    let (forwarder, _) = play(settings(&[FIRST, SECOND]), |to, transport, query| match to {
        FIRST => Act::Silence,
        _ => says(10, 30)(to, transport, query),
    });
    let begun = now();
    ask(&forwarder, www()).await.unwrap();
    assert_eq!((now() - begun).as_millis(), 410);
    assert_eq!(count(&forwarder.stats().hedged), 1);

    let (forwarder, _) = play(settings(&[FIRST, SECOND]), |to, transport, query| match to {
        FIRST => Act::Refuse,
        _ => says(10, 30)(to, transport, query),
    });
    let begun = now();
    ask(&forwarder, www()).await.unwrap();
    assert_eq!((now() - begun).as_millis(), 10);
    let latency: Vec<u64> = forwarder.stats().latency.iter().map(count).collect();
    assert_eq!(latency.iter().sum::<u64>(), 1);
    assert_eq!(latency[LATENCY_BOUNDS.iter().position(|bound| *bound >= 10_000).unwrap()], 1);
}

#[tokio::test(start_paused = true)]
async fn without_an_upstream_there_is_an_error_in_time() {
    let (forwarder, link) = play(settings(&[FIRST]), |_, _, _| Act::Silence);
    let begun = now();
    assert_eq!(ask(&forwarder, www()).await.unwrap_err(), ForwardError::Timeout);
    assert_eq!((now() - begun, forwarder.in_flight()), (Timing::default().budget, 0));
    assert!((5..=MAX_TRIES).contains(&link.asked()), "{}", link.asked());
    let (forwarder, _) = play(settings(&[FIRST, SECOND]), |_, _, _| Act::Refuse);
    assert_eq!(ask(&forwarder, www()).await.unwrap_err(), ForwardError::Unreachable);
    let (forwarder, _) = play(settings(&[]), |_, _, _| Act::Silence);
    assert_eq!(ask(&forwarder, www()).await.unwrap_err(), ForwardError::NoUpstream);
}

#[tokio::test(start_paused = true)]
async fn a_slow_upstream_is_heard_out_among_forgeries() {
    let (forwarder, link) = play(settings(&[FIRST]), |_, _, query| {
        let mut forged = answer(query, [a("www.example", 30, 66)]);
        forged[0] ^= 1;
        let real = answer(query, [a("www.example", 30, 1)]);
        Act::Say(vec![(10, forged.clone()), (10, forged), (1480, real)])
    });
    let begun = now();
    let entry = ask(&forwarder, www()).await.unwrap();
    assert_eq!((now() - begun).as_millis(), 1500);
    assert_eq!(entry.decode(now()).answers[0].data.to_string(), "192.0.2.1");
    let forged = &forwarder.stats().rejects[crate::forward::Reject::WrongId as usize];
    assert_eq!((link.asked() > 1, count(forged)), (true, 2 * link.asked() as u64));
}

#[tokio::test(start_paused = true)]
async fn truncation_goes_to_tcp() {
    let (forwarder, link) = play(settings(&[FIRST]), |_, transport, query| {
        let mut reply = answer(query, (0..250).map(|host| a("www.example", 30, host)));
        if transport == Transport::Udp {
            reply[2] |= 0x02;
            reply.truncate(512);
        }
        Act::Say(vec![(1, reply)])
    });
    assert_eq!(ask(&forwarder, www()).await.unwrap().answer_count(), 250);
    // Once truncated is not truncated for good: the next question begins with a datagram.
    let _ = ask(&forwarder, key("other.example", RecordType::A)).await;
    let asked = link.asked.lock().unwrap();
    let over: Vec<_> = asked.iter().map(|(_, transport, _)| *transport).collect();
    assert_eq!(over[..3], [Transport::Udp, Transport::Tcp, Transport::Udp]);
    assert_ne!(asked[0].2[..2], asked[1].2[..2]);
}

fn policy(policy: Policy, upstreams: &[SocketAddr]) -> ForwardSettings {
    let mut settings = settings(upstreams);
    settings.routes[0].policy = policy;
    settings
}

fn asked_of(link: &Scripted, upstream: SocketAddr) -> usize {
    link.asked.lock().unwrap().iter().filter(|(to, _, _)| *to == upstream).count()
}

fn numbered(number: usize) -> Key {
    key(&format!("n{number}.example"), RecordType::A)
}

/// Answers NXDOMAIN after this many milliseconds.
fn no(after: u64, query: &[u8]) -> Act {
    Act::Say(vec![(after, negative(query, ResponseCode::NXDomain, [soa(".", 30, 30)]))])
}

#[tokio::test(start_paused = true)]
async fn the_fastest_is_asked_unless_the_order_counts() {
    for (how, first, second) in [(Policy::Fastest, 1, 99), (Policy::Sequential, 100, 0)] {
        let (forwarder, link) =
            play(policy(how, &[FIRST, SECOND]), |to, _, query| no(if to == FIRST { 80 } else { 10 }, query));
        for number in 0..100 {
            ask(&forwarder, numbered(number)).await.unwrap();
        }
        assert_eq!((asked_of(&link, FIRST), asked_of(&link, SECOND)), (first, second), "{how:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn servfail_refused_and_nonsense_fail_over() {
    for reply in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::NoError] {
        let (forwarder, link) = play(policy(Policy::Sequential, &[FIRST, SECOND]), move |to, _, query| match to {
            FIRST if reply == ResponseCode::NoError => Act::Say(vec![(0, answer(query, [a("bank.example", 30, 66)]))]),
            FIRST => Act::Say(vec![(0, negative(query, reply, []))]),
            _ => says(0, 30)(to, Transport::Udp, query),
        });
        assert_eq!(ask(&forwarder, www()).await.unwrap().answer_count(), 1);
        assert_eq!((asked_of(&link, FIRST), asked_of(&link, SECOND)), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_down_is_not_asked_while_another_is_up() {
    let (forwarder, link) = play_with(
        policy(Policy::Sequential, &[FIRST, SECOND]),
        |to, _, query| if to == FIRST { Act::Silence } else { no(0, query) },
        |to| to == SECOND,
    );
    for number in 0..50 {
        ask(&forwarder, numbered(number)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(asked_of(&link, FIRST) < 10, "{}", asked_of(&link, FIRST));
    let states = forwarder.upstreams();
    assert_eq!(states.iter().map(|state| state.health.is_up()).collect::<Vec<_>>(), [false, true]);
    assert_eq!(count(&forwarder.stats().downs), 1);
    let probes = count(&forwarder.stats().probes);
    assert!((8..=20).contains(&probes), "{probes} in 50 s: one each 5 s, and more at first");
}

#[tokio::test(start_paused = true)]
async fn names_go_to_the_upstream_of_their_zone() {
    let mut settings = settings(&[FIRST]);
    for zone in ["corp.example", "10.in-addr.arpa"] {
        let zone = DomainName::from_text(zone).unwrap();
        settings.routes.push(Route { zone, servers: vec![SECOND.into()], policy: Policy::default() });
    }
    let (forwarder, link) = play(settings, |_, _, query| no(0, query));
    for name in ["corp.example", "a.CORP.example", "1.0.0.10.in-addr.arpa"] {
        ask(&forwarder, key(name, RecordType::A)).await.unwrap();
    }
    assert_eq!((asked_of(&link, FIRST), asked_of(&link, SECOND)), (0, 3));
    for name in ["example", "xcorp.example", "1.0.0.11.in-addr.arpa"] {
        ask(&forwarder, key(name, RecordType::A)).await.unwrap();
    }
    assert_eq!((asked_of(&link, FIRST), asked_of(&link, SECOND)), (3, 3));
}

/// An upstream that sends every question back to us.
struct Mirror(std::sync::OnceLock<std::sync::Weak<Forwarder>>);

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mirror")
    }
}

#[async_trait]
impl Link for Mirror {
    async fn udp(&self, to: SocketAddr, query: &[u8]) -> io::Result<Box<dyn Flight>> {
        if to == SECOND {
            return Ok(Box::new(Said(vec![(5, negative(query, ResponseCode::NXDomain, [soa(".", 30, 30)]))])));
        }
        let question = crate::forward::testing::plain(query);
        let key = Key::of(&question).unwrap();
        let forwarder = self.0.get().and_then(std::sync::Weak::upgrade).unwrap();
        let rcode = match ask(&forwarder, key).await {
            Ok(_) => ResponseCode::NXDomain,
            Err(_) => ResponseCode::ServFail,
        };
        Ok(Box::new(Said(vec![(0, negative(query, rcode, [soa(".", 30, 30)]))])))
    }

    async fn tcp(&self, _: SocketAddr, _: &[u8]) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }

    async fn tls(&self, _: SocketAddr, _: &str, _: &[u8]) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        fastrand::Rng::new().fill(bytes);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_leads_back_to_us_is_given_up() {
    for (upstreams, expect) in [(&[FIRST][..], false), (&[FIRST, SECOND], true)] {
        let mirror = Arc::new(Mirror(std::sync::OnceLock::new()));
        let forwarder = Forwarder::new(policy(Policy::Sequential, upstreams), Arc::clone(&mirror) as Arc<dyn Link>);
        mirror.0.set(Arc::downgrade(&forwarder)).unwrap();
        let _ = ask(&forwarder, www()).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let states = forwarder.upstreams();
        assert!(states[0].health.is_looping() && count(&forwarder.stats().loops) == 1, "{states:?}");
        let begun = now();
        match ask(&forwarder, key("other.example", RecordType::A)).await {
            Ok(_) => assert!(expect),
            Err(error) => assert_eq!((error, expect), (ForwardError::Loop, false)),
        }
        assert!((now() - begun).as_millis() < 10);
    }
}

#[tokio::test(start_paused = true)]
async fn edns_that_is_refused_is_not_tried_again() {
    let (forwarder, link) = play(settings(&[FIRST]), |_, _, query| match query[11] {
        0 => no(0, query),
        _ => Act::Say(vec![(0, negative(query, ResponseCode::FormErr, []))]),
    });
    for number in 0..5 {
        ask(&forwarder, numbered(number)).await.unwrap();
    }
    assert_eq!((link.asked(), count(&forwarder.stats().without_edns)), (6, 1));
}

#[tokio::test(start_paused = true)]
async fn an_encrypted_upstream_is_never_asked_in_the_clear() {
    let mut encrypted = settings(&[]);
    encrypted.routes[0].servers.push(Server { address: FIRST, tls: Some("dns.example".into()) });
    let (forwarder, link) = play(encrypted, |_, _, query| no(0, query));
    ask(&forwarder, www()).await.unwrap();
    assert_eq!(forwarder.upstreams()[0].server.to_string(), "tls://127.0.0.1:5301#dns.example");
    assert!(link.asked.lock().unwrap().iter().all(|(_, transport, _)| *transport == Transport::Tls));
    assert_eq!(count(&forwarder.stats().tls_queries), 1);
}
