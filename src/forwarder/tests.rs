//! The forwarder on a scripted network, with the clock held.

mod bad_input;
mod caching;
mod rules;
mod saving;
mod shedding;
mod staleness;
mod upstreams;

use std::future::pending;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::Record;

use super::*;
use crate::dns::{Name, RData, RecordType, rdata};
use crate::forward::testing::{a, answer, cname, key, negative, soa};
use crate::forward::{Policy, Timing, Transport};

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
    /// Whether the upstream there answers probes.
    alive: Box<dyn Fn(SocketAddr) -> bool + Send + Sync>,
    asked: Mutex<Vec<(SocketAddr, Transport, Vec<u8>)>>,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

impl Scripted {
    fn act(&self, to: SocketAddr, transport: Transport, query: &[u8]) -> io::Result<Said> {
        // Questions whether somebody is there are not those that the tests count.
        if query.windows(13).any(|bytes| bytes == b"resolver-prob") {
            return Ok(Said(vec![(0, negative(query, ResponseCode::NXDomain, []))]).when((self.alive)(to)));
        }
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

impl Said {
    fn when(self, said: bool) -> Self {
        if said { self } else { Self(Vec::new()) }
    }
}

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

    async fn tls(&self, to: SocketAddr, _: &str, query: &[u8]) -> io::Result<Vec<u8>> {
        self.act(to, Transport::Tls, query)?.receive().await
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        (0..).zip(bytes).for_each(|(at, byte): (u8, _)| *byte = at);
        Ok(())
    }
}

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53));
const FIRST: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5301);
const SECOND: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5302);

fn settings(upstreams: &[SocketAddr]) -> ForwardSettings {
    ForwardSettings::with_upstreams(upstreams.iter().copied())
}

/// Upstreams that answer by `script`, and probes always.
fn play<S>(settings: ForwardSettings, script: S) -> (Arc<Forwarder>, Arc<Scripted>)
where
    S: Fn(SocketAddr, Transport, &[u8]) -> Act + Send + Sync + 'static,
{
    play_with(settings, script, |_| true)
}

/// Upstreams that answer by `script`, and probes while `alive` says so.
fn play_with<S, L>(settings: ForwardSettings, script: S, alive: L) -> (Arc<Forwarder>, Arc<Scripted>)
where
    S: Fn(SocketAddr, Transport, &[u8]) -> Act + Send + Sync + 'static,
    L: Fn(SocketAddr) -> bool + Send + Sync + 'static,
{
    let link = Arc::new(Scripted { script: Box::new(script), alive: Box::new(alive), asked: Mutex::default() });
    (Forwarder::new(settings, Arc::clone(&link) as Arc<dyn Link>), link)
}

/// The question of a client.
async fn ask(forwarder: &Arc<Forwarder>, key: Key) -> Resolved {
    forwarder.resolve(key, CLIENT).await
}

/// The question of a client in a task of its own.
fn asking(forwarder: &Arc<Forwarder>, key: Key) -> tokio::task::JoinHandle<Resolved> {
    let forwarder = Arc::clone(forwarder);
    tokio::spawn(async move { ask(&forwarder, key).await })
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
    let clients: Vec<_> = (0..1000).map(|_| asking(&forwarder, www())).collect();
    for one in clients {
        assert_eq!(one.await.unwrap().unwrap().answer_count(), 1);
    }
    assert_eq!((link.asked(), forwarder.in_flight()), (1, 0));
    assert_eq!((count(&forwarder.stats().coalesced), count(&forwarder.stats().udp_queries)), (999, 1));
    for different in [Key { dnssec_ok: true, ..www() }, Key { checking_disabled: true, ..www() }] {
        ask(&forwarder, different).await.unwrap();
    }
    assert_eq!(link.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn others_are_served_when_the_first_to_ask_goes_away() {
    let (forwarder, link) = play(settings(&[FIRST]), says(100, 30));
    let first = asking(&forwarder, www());
    let second = asking(&forwarder, www());
    tokio::time::sleep(Duration::from_millis(50)).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert!(second.await.unwrap().is_ok());
    assert_eq!(link.asked(), 1);
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
