//! The hot path allocates nothing: a UDP worker answers every kind of question at once, from the socket to the socket,
//! one at a time and in batches, on one address and on all of them, and the whole process allocates not once. What it says
//! is what a question hears that has to wait for an upstream first.
//!
//! A program of its own, because its allocator counts.

mod hot_path {
    pub mod kinds;
    pub mod upstream;
    pub mod world;
}

use std::alloc::System;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ecs_resolver::metrics::{Counters, Metrics, Source};
use ecs_resolver::responder::{Circumstances, Responder, Verdict};
use ecs_resolver::server;
use hot_path::kinds::{FAILING, How, KINDS, Kind, World};
use hot_path::upstream::DOWN;
use hot_path::world::{SERVICES, responder};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Questions that are under way at once in a batch.
const CROWD: usize = 40;
/// Times that each is done.
const TIMES: usize = 25;
/// Tries to find the process otherwise at rest: a thread of the runtime may have something of its own to do.
const TRIES: usize = 20;

/// Questions until an answer is as it is to be: until upstreams are known to be down, say, and what they said is stale.
const PATIENCE: usize = 2_000;

/// Who counts is alone.
static ALONE: Mutex<()> = Mutex::new(());

/// One client, with everything that it needs.
struct Client {
    socket: UdpSocket,
    query: Vec<u8>,
    reply: Vec<u8>,
    length: usize,
}

impl Client {
    fn new(server: SocketAddr, kind: &Kind) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        socket.connect((Ipv4Addr::LOCALHOST, server.port())).expect("a route");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
        Self { socket, query: kind.query(), reply: vec![0; 4096], length: 0 }
    }

    fn send(&self) {
        self.socket.send(&self.query).expect("room for a query");
    }

    fn receive(&mut self) {
        self.length = self.socket.recv(&mut self.reply).expect("a reply");
    }

    fn heard(&self) -> &[u8] {
        &self.reply[..self.length]
    }

    /// Asks until the answer is that of `kind`.
    fn ask_until(&mut self, kind: &Kind) {
        for _ in 0..PATIENCE {
            self.send();
            self.receive();
            if kind.is_answered_by(self.heard()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{}: {:?}", kind.called, hickory_proto::op::Message::from_vec(self.heard()));
    }

    /// The questions, one after the other and then in crowds.
    fn ask(&mut self) {
        for _ in 0..TIMES {
            self.send();
            self.receive();
        }
        for _ in 0..TIMES {
            (0..CROWD).for_each(|_| self.send());
            (0..CROWD).for_each(|_| self.receive());
        }
    }
}

fn count(metrics: &Metrics, source: Source) -> f64 {
    let line = format!("ecs_resolver_dns_answers_total{{source=\"{}\"}}", format!("{source:?}").to_lowercase());
    let page = metrics.encode();
    let value = page.lines().find_map(|have| have.strip_prefix(&line)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {line} in {page}"))
}

/// Asks for all kinds of a world, for the cache to have what they need; then the upstream goes that some have outlived. A
/// question that has failed is not asked again for a while, so it takes others to find that it has.
fn warm(server: SocketAddr, kinds: &[&Kind]) {
    let hear = |kind: &Kind| {
        let mut client = Client::new(server, kind);
        client.send();
        client.receive();
    };
    DOWN.store(false, Relaxed);
    kinds.iter().filter(|kind| kind.how != How::Alone).for_each(|kind| hear(kind));
    DOWN.store(true, Relaxed);
    if kinds.iter().any(|kind| kind.is_stale()) {
        FAILING.iter().for_each(hear);
    }
}

fn check(server: SocketAddr, metrics: &Metrics, kind: &Kind) {
    let mut client = Client::new(server, kind);
    client.ask_until(kind);
    // Makes the answer popular, and fills what is filled once.
    client.ask();
    let before = count(metrics, kind.source);
    let mut least = usize::MAX;
    for _ in 0..TRIES {
        let region = Region::new(ALLOCATOR);
        client.ask();
        let change = region.change();
        least = least.min(change.allocations + change.reallocations);
        if least == 0 {
            break;
        }
    }
    assert_eq!(least, 0, "{} allocates on {server}", kind.called);
    // What took another way would be counted as another's, or as an upstream's. A few are within the limit.
    let asked = TIMES + TIMES * CROWD - if kind.world == World::Limited { TIMES } else { 0 };
    assert!(count(metrics, kind.source) >= before + asked as f64, "{} is not answered at once", kind.called);
    if kind.world == World::Limited {
        client.ask_until(kind);
    }
    assert!(kind.is_answered_by(client.heard()), "{}: {:?}", kind.called, client.heard());
}

#[test]
fn no_kind_of_answer_allocates() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let _within = runtime.enter();
    for world in World::ALL {
        let responder = responder(world, if world == World::Plain { SERVICES } else { 10 });
        let kinds: Vec<&Kind> = KINDS.iter().filter(|kind| kind.world == world).collect();
        let ips = [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED];
        for ip in &ips[..if world == World::Plain { 2 } else { 1 }] {
            let sockets = server::bind(&[SocketAddr::from((*ip, 0))], 1).expect("sockets");
            let metrics = Metrics::new("test");
            let limits = server::Limits::default();
            let server = server::serve(sockets, responder.clone(), &metrics, &limits).expect("a server");
            if *ip == Ipv4Addr::LOCALHOST {
                warm(server.addresses()[0], &kinds);
            }
            kinds.iter().for_each(|kind| check(server.addresses()[0], &metrics, kind));
        }
    }
}

/// The reply to a question, and whether it had to wait.
async fn reply(responder: &Responder, query: &[u8], counters: &Counters) -> (bool, Vec<u8>) {
    let (client, now) = (Ipv4Addr::LOCALHOST.into(), tokio::time::Instant::now().into_std());
    let mut reply = Vec::new();
    match responder.respond(query, Circumstances { tcp: false, client, spin: 7, now }, counters, &mut reply) {
        Verdict::Reply(_) => (false, reply),
        Verdict::Await(pending) => {
            responder.finish(&pending, &mut reply).await;
            (true, reply)
        }
        other => panic!("{other:?}"),
    }
}

/// The clock stands still, so both are of the same age.
#[test]
fn who_waits_for_an_upstream_hears_what_others_hear_at_once() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(ask_all_twice());
}

async fn ask_all_twice() {
    let counters = Metrics::new("test").shared();
    DOWN.store(false, Relaxed);
    let mut waited = 0;
    for world in World::ALL {
        for kind in KINDS.iter().filter(|kind| kind.world == world && !kind.is_stale()) {
            let responder = responder(world, 10);
            let first = reply(&responder, &kind.query(), &counters).await;
            if first.0 {
                assert_eq!(reply(&responder, &kind.query(), &counters).await, (false, first.1), "{}", kind.called);
                waited += 1;
            }
        }
    }
    assert!(waited > 20, "only {waited} had to wait");
}
