//! The hot path allocates nothing: a UDP worker answers every kind of question at once, from the socket to the socket,
//! one at a time and in batches, on one address and on all of them, and the whole process allocates not once.
//!
//! A program of its own, because its allocator counts.

mod hot_path {
    pub mod world;
}

use std::alloc::System;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use ecs_resolver::metrics::Metrics;
use ecs_resolver::server;
use hot_path::world::{KINDS, Kind, SERVICES, responder};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Questions that are under way at once in a batch.
const CROWD: usize = 40;
/// Times that each is done.
const TIMES: usize = 25;
/// Tries to find the process otherwise at rest: a thread of the runtime may have something of its own to do.
const TRIES: usize = 20;

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

fn count(metrics: &Metrics, line: &str) -> f64 {
    let page = metrics.encode();
    let value = page.lines().find_map(|have| have.strip_prefix(line)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {line} in {page}"))
}

/// What the server is to count an answer as.
fn label(kind: &Kind) -> String {
    let source = format!("{:?}", kind.source).to_lowercase();
    format!("ecs_resolver_dns_answers_total{{source=\"{source}\"}}")
}

#[test]
fn no_kind_of_answer_allocates() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let _within = runtime.enter();
    let responder = responder(SERVICES);
    for ip in [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED] {
        let sockets = server::bind(&[SocketAddr::from((ip, 0))], 1).expect("sockets");
        let metrics = Metrics::new("test");
        let server = server::serve(sockets, responder.clone(), &metrics, &server::Limits::default()).expect("a server");
        for kind in &KINDS {
            let mut client = Client::new(server.addresses()[0], kind);
            // Fills the cache, and makes the answer popular.
            client.ask();
            assert!(kind.is_answered_by(&client.reply[..client.length]), "{}: {:?}", kind.called, client.reply);
            let before = count(&metrics, &label(kind));
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
            assert_eq!(least, 0, "{} allocates on {ip}", kind.called);
            assert!(kind.is_answered_by(&client.reply[..client.length]), "{}", kind.called);
            // What took another way would be counted as another's, or as an upstream's.
            let asked = (TIMES + TIMES * CROWD) as f64;
            assert!(count(&metrics, &label(kind)) >= before + asked, "{} is not answered at once", kind.called);
        }
    }
}
