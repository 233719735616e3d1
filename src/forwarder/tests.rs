use std::future::pending;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::Record;

use super::*;
use crate::dns::{Name, RData, RecordType, rdata};
use crate::forward::testing::{a, answer, cname, key, negative, soa};
use crate::forward::{Timing, Transport};

/// What the scripted upstream does with a query.
enum Act {
    /// Sends these datagrams, each after this many milliseconds.
    Say(Vec<(u64, Vec<u8>)>),
    Silence,
    Refuse,
}

type Script = dyn Fn(SocketAddr, Transport, &[u8]) -> Act + Send + Sync;

/// A network of scripted upstreams.
struct Scripted {
    script: Box<Script>,
    asked: Mutex<Vec<(SocketAddr, Transport, Vec<u8>)>>,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

impl Scripted {
    fn act(&self, to: SocketAddr, transport: Transport, query: &[u8]) -> io::Result<Said> {
        self.asked.lock().unwrap().push((to, transport, query.to_vec()));
        match (self.script)(to, transport, query) {
            Act::Say(datagrams) => Ok(Said(datagrams)),
            Act::Silence => Ok(Said(Vec::new())),
            Act::Refuse => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

struct Said(Vec<(u64, Vec<u8>)>);

#[async_trait]
impl Flight for Said {
    async fn receive(&mut self) -> io::Result<Vec<u8>> {
        if self.0.is_empty() {
            pending::<()>().await;
        }
        let (after, bytes) = self.0.remove(0);
        tokio::time::sleep(Duration::from_millis(after)).await;
        Ok(bytes)
    }
}

#[async_trait]
impl Link for Scripted {
    async fn udp(&self, to: SocketAddr, query: &[u8]) -> io::Result<Box<dyn Flight>> {
        Ok(Box::new(self.act(to, Transport::Udp, query)?))
    }

    async fn tcp(&self, to: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
        self.act(to, Transport::Tcp, query)?.receive().await
    }

    fn random_ids(&self) -> io::Result<[u16; MAX_TRIES]> {
        Ok([1, 2, 3, 4, 5, 6, 7, 8])
    }
}

const FIRST: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5301);
const SECOND: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5302);

fn settings(upstreams: &[SocketAddr]) -> ForwardSettings {
    ForwardSettings { upstreams: upstreams.to_vec(), ..ForwardSettings::default() }
}

fn play<S>(settings: ForwardSettings, script: S) -> (Arc<Forwarder>, Arc<Scripted>)
where
    S: Fn(SocketAddr, Transport, &[u8]) -> Act + Send + Sync + 'static,
{
    let link = Arc::new(Scripted { script: Box::new(script), asked: Mutex::default() });
    (Forwarder::new(settings, Arc::clone(&link) as Arc<dyn Link>), link)
}

/// Answers everything with one address and this TTL after this many milliseconds.
fn says(after: u64, ttl: u32) -> impl Fn(SocketAddr, Transport, &[u8]) -> Act {
    move |_, _, query| Act::Say(vec![(after, answer(query, [a("www.example", ttl, 1)]))])
}

fn www() -> Key {
    key("www.example", RecordType::A)
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Relaxed)
}

#[tokio::test(start_paused = true)]
async fn equal_questions_cost_one_query() {
    let (forwarder, link) = play(settings(&[FIRST]), says(100, 30));
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let forwarder = Arc::clone(&forwarder);
            tokio::spawn(async move { forwarder.resolve(www()).await })
        })
        .collect();
    for one in asking {
        assert_eq!(one.await.unwrap().unwrap().answer_count(), 1);
    }
    assert_eq!((link.asked(), forwarder.in_flight()), (1, 0));
    assert_eq!((count(&forwarder.stats().coalesced), count(&forwarder.stats().udp_queries)), (49, 1));
    let different = Key { dnssec_ok: true, ..www() };
    forwarder.resolve(different).await.unwrap();
    assert_eq!(link.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn others_are_served_when_the_first_to_ask_goes_away() {
    let (forwarder, link) = play(settings(&[FIRST]), says(100, 30));
    let first = tokio::spawn({
        let forwarder = Arc::clone(&forwarder);
        async move { forwarder.resolve(www()).await }
    });
    let second = tokio::spawn({
        let forwarder = Arc::clone(&forwarder);
        async move { forwarder.resolve(www()).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert!(second.await.unwrap().is_ok());
    assert_eq!(link.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_used_until_it_expires() {
    let (forwarder, link) = play(settings(&[FIRST]), says(0, 30));
    assert!(forwarder.cached(&www(), now()).is_none());
    forwarder.resolve(www()).await.unwrap();
    tokio::time::advance(Duration::from_millis(29_900)).await;
    assert_eq!(forwarder.cached(&www(), now()).unwrap().remaining(now()), 1);
    forwarder.resolve(www()).await.unwrap();
    assert_eq!(link.asked(), 1);
    tokio::time::advance(Duration::from_millis(200)).await;
    assert!(forwarder.cached(&www(), now()).is_none());
    forwarder.resolve(www()).await.unwrap();
    assert_eq!(link.asked(), 2);
    assert_eq!(forwarder.cached(&www(), now()).unwrap().remaining(now()), 30);
    assert_eq!((count(&forwarder.stats().hits), count(&forwarder.stats().misses)), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_kept_is_not() {
    let (forwarder, link) = play(settings(&[FIRST]), says(0, 0));
    for _ in 0..3 {
        assert_eq!(forwarder.resolve(www()).await.unwrap().ttl(), 0);
        assert!(forwarder.cached(&www(), now()).is_none());
    }
    assert_eq!((link.asked(), forwarder.cache.iter().count()), (3, 0));
    let (forwarder, _) =
        play(settings(&[FIRST]), |_, _, query| Act::Say(vec![(0, negative(query, ResponseCode::ServFail, []))]));
    assert_eq!(forwarder.resolve(www()).await.unwrap_err(), ForwardError::ServFail);
    assert_eq!((forwarder.cache.iter().count(), count(&forwarder.stats().failed)), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn negative_answers_about_our_zones_are_short_lived() {
    let zone = DomainName::from_text("ecs.internal").unwrap();
    let settings = ForwardSettings { own_zones: vec![zone], ..settings(&[FIRST]) };
    let (forwarder, _) = play(settings, |_, _, query| {
        Act::Say(vec![(0, negative(query, ResponseCode::NXDomain, [soa(".", 900, 900)]))])
    });
    for (name, life) in [("no.ecs.internal", 5), ("ecs.internal", 5), ("no.example", 30)] {
        assert_eq!(forwarder.resolve(key(name, RecordType::A)).await.unwrap().ttl(), life, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_upstream_costs_one_try_and_a_dead_one_nothing() {
    let (forwarder, _) = play(settings(&[FIRST, SECOND]), |to, transport, query| match to {
        FIRST => Act::Silence,
        _ => says(10, 30)(to, transport, query),
    });
    let begun = now();
    forwarder.resolve(www()).await.unwrap();
    assert_eq!((now() - begun).as_millis(), 810);
    assert_eq!(count(&forwarder.stats().timeouts), 1);

    let (forwarder, _) = play(settings(&[FIRST, SECOND]), |to, transport, query| match to {
        FIRST => Act::Refuse,
        _ => says(10, 30)(to, transport, query),
    });
    let begun = now();
    forwarder.resolve(www()).await.unwrap();
    assert_eq!((now() - begun).as_millis(), 10);
    let latency: Vec<u64> = forwarder.stats().latency.iter().map(count).collect();
    assert_eq!(latency.iter().sum::<u64>(), 1);
    assert_eq!(latency[LATENCY_BOUNDS.iter().position(|bound| *bound >= 10_000).unwrap()], 1);
}

#[tokio::test(start_paused = true)]
async fn without_an_upstream_there_is_an_error_in_time() {
    let (forwarder, link) = play(settings(&[FIRST]), |_, _, _| Act::Silence);
    let begun = now();
    assert_eq!(forwarder.resolve(www()).await.unwrap_err(), ForwardError::Timeout);
    assert_eq!((now() - begun, forwarder.in_flight()), (Timing::default().budget, 0));
    assert_eq!(link.asked(), 5);
    let (forwarder, _) = play(settings(&[FIRST, SECOND]), |_, _, _| Act::Refuse);
    assert_eq!(forwarder.resolve(www()).await.unwrap_err(), ForwardError::Unreachable);
    let (forwarder, _) = play(settings(&[]), |_, _, _| Act::Silence);
    assert_eq!(forwarder.resolve(www()).await.unwrap_err(), ForwardError::NoUpstream);
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
    let entry = forwarder.resolve(www()).await.unwrap();
    assert_eq!((now() - begun).as_millis(), 1500);
    assert_eq!(entry.decode(now()).answers[0].data.to_string(), "192.0.2.1");
    assert_eq!((link.asked(), count(&forwarder.stats().ignored)), (2, 4));
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
    assert_eq!(forwarder.resolve(www()).await.unwrap().answer_count(), 250);
    let asked = link.asked.lock().unwrap();
    assert_eq!(asked.iter().map(|(_, transport, _)| *transport).collect::<Vec<_>>(), [Transport::Udp, Transport::Tcp]);
    assert_ne!(asked[0].2[..2], asked[1].2[..2]);
}

#[tokio::test(start_paused = true)]
async fn clients_cannot_use_up_our_own_share() {
    let limits = ForwardSettings { max_in_flight: 2, own_in_flight: 1, ..settings(&[FIRST]) };
    let (forwarder, _) = play(limits, |_, _, _| Act::Silence);
    let ask = |name: &str, own: bool| {
        let (forwarder, key) = (Arc::clone(&forwarder), key(name, RecordType::A));
        let asking =
            tokio::spawn(
                async move { if own { forwarder.resolve_own(key).await } else { forwarder.resolve(key).await } },
            );
        async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            asking.is_finished()
        }
    };
    assert!(!ask("a.example", false).await && !ask("b.example", false).await);
    assert!(ask("c.example", false).await);
    assert!(!ask("b.example", false).await, "an equal question costs nothing");
    assert!(!ask("d.example", true).await);
    assert!(ask("e.example", true).await);
    assert_eq!((forwarder.in_flight(), count(&forwarder.stats().too_many)), (3, 2));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(forwarder.in_flight(), 0);
    assert!(!ask("c.example", false).await);
}

#[tokio::test(start_paused = true)]
async fn a_name_can_be_flushed() {
    let (forwarder, link) = play(settings(&[FIRST]), |_, _, query| {
        Act::Say(vec![(0, negative(query, ResponseCode::NXDomain, [soa(".", 30, 30)]))])
    });
    let other = key("other.example", RecordType::A);
    let v6 = Key { qtype: RecordType::AAAA, ..www() };
    for key in [www(), v6.clone(), other.clone()] {
        forwarder.resolve(key).await.unwrap();
    }
    assert_eq!(forwarder.flush_names(&[www().name].into()), 2);
    assert!(forwarder.cached(&www(), now()).is_none() && forwarder.cached(&v6, now()).is_none());
    assert!(forwarder.cached(&other, now()).is_some());
    forwarder.resolve(www()).await.unwrap();
    assert_eq!(link.asked(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_cache_is_bounded_by_bytes() {
    let limits = ForwardSettings { cache_bytes: 8 << 10, ..settings(&[FIRST]) };
    let (forwarder, _) =
        play(limits, |_, _, query| Act::Say(vec![(0, negative(query, ResponseCode::NXDomain, [soa(".", 30, 30)]))]));
    for host in 0..200 {
        forwarder.resolve(key(&format!("n{host}.example"), RecordType::A)).await.unwrap();
    }
    forwarder.cache.run_pending_tasks();
    assert!((1..=8 << 10).contains(&forwarder.cache_bytes()), "{}", forwarder.cache_bytes());
    assert!((1..100).contains(&forwarder.entries()), "{}", forwarder.entries());
}

#[tokio::test(start_paused = true)]
async fn addresses_follow_aliases() {
    let v6 = |owner: &str| {
        let address = rdata::AAAA(Ipv6Addr::LOCALHOST);
        Record::from_rdata(Name::from_ascii(owner).unwrap(), 30, RData::AAAA(address))
    };
    let (forwarder, link) = play(settings(&[FIRST]), move |_, _, query| {
        let alias = cname("api.example", 30, "lb.example.");
        let qtype = query[query.len() - 14];
        Act::Say(vec![(
            10,
            match (qtype, &query[13..16]) {
                (1, b"api") => answer(query, [alias, a("lb.example", 30, 1), a("lb.example", 30, 2)]),
                (28, b"api") => answer(query, [alias, v6("lb.example")]),
                (1, _) => negative(query, ResponseCode::NXDomain, [soa(".", 30, 30)]),
                _ => negative(query, ResponseCode::ServFail, []),
            },
        )])
    });
    let found = forwarder.addresses("api.example").await.unwrap();
    assert_eq!(found, ["192.0.2.1", "192.0.2.2", "::1"].map(|text| text.parse::<IpAddr>().unwrap()));
    assert_eq!(forwarder.addresses("API.example.").await.unwrap().len(), 3);
    assert_eq!(link.asked(), 2);
    assert_eq!(forwarder.addresses("nosuch.example").await, Ok(vec![]));
    assert_eq!(forwarder.addresses("127.0.0.1").await, Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]));
    assert_eq!(forwarder.addresses("a..b").await, Err(ForwardError::NotAName));
    assert_eq!(link.asked(), 4);
}
