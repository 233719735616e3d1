//! Asks for every service again and again, and holds the answers against the truth.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

use super::plan::{Kind, Plan};
use super::truth::Truth;

/// How long a service whose only task was stopped first may go unanswered once it has another: health has no event,
/// and a machine that does other things as well takes its time.
const AFTER_A_HOLE: Duration = Duration::from_secs(5);

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    pub answers: usize,
    /// The longest time that a service was empty and should not have been, and which.
    pub longest_hole: Duration,
    pub longest_hole_of: String,
    /// The longest time that a task was answered after it had stopped, and which.
    pub oldest: Duration,
    pub oldest_of: String,
}

/// Watches until it is over.
pub fn watch(dns: SocketAddr, plan: &Plan, truth: &Truth, over: &AtomicBool) -> Seen {
    let socket = UdpSocket::bind((dns.ip(), 0)).expect("a socket");
    socket.connect(dns).expect("a route");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a time limit");
    let (began, mut seen) = (Instant::now(), Seen::default());
    // Since when services are empty.
    let mut holes: BTreeMap<&str, Instant> = BTreeMap::new();
    while !over.load(Ordering::Relaxed) {
        for service in &plan.services {
            let covered = truth.covered_since(&service.name);
            let asked = Instant::now();
            let addresses = ask(&socket, &format!("{}.prod.task.ecs.internal.", service.name));
            seen.answers += 1;
            // It must have been covered by the same tasks, one after the other, all the while.
            let still = covered.is_some_and(|since| truth.covered_since(&service.name) == Some(since));
            let long = covered.is_some_and(|since| since < began || since + AFTER_A_HOLE < asked);
            if addresses.is_empty() && still && long {
                let hole = asked - *holes.entry(service.name.as_str()).or_insert(asked);
                if hole >= seen.longest_hole {
                    (seen.longest_hole, seen.longest_hole_of) =
                        (hole, format!("{} at {:?}", service.name, began.elapsed()));
                }
            } else {
                holes.remove(service.name.as_str());
            }
            if service.kind == Kind::Bridge {
                continue;
            }
            for address in addresses {
                let Some(stopped) = truth.stop_of(&address) else { continue };
                let age = asked.saturating_duration_since(stopped);
                if age > seen.oldest {
                    (seen.oldest, seen.oldest_of) = (age, format!("{address} of {}", service.name));
                }
            }
        }
        sleep(Duration::from_millis(5));
    }
    seen
}

/// The addresses of `name`.
fn ask(socket: &UdpSocket, name: &str) -> Vec<String> {
    let mut query = Message::new(7, MessageType::Query, OpCode::Query);
    query.add_query(Query::query(Name::from_ascii(name).expect("a name"), RecordType::A));
    let mut edns = Edns::new();
    edns.set_max_payload(1232);
    query.edns = Some(edns);
    socket.send(&query.to_vec().expect("a query")).expect("it is sent");
    let mut reply = [0; 2_048];
    let length = socket.recv(&mut reply).expect("an answer");
    let reply = Message::from_vec(&reply[..length]).expect("a reply");
    assert_eq!(reply.metadata.response_code, ResponseCode::NoError, "{name}");
    let address = |data: &RData| match data {
        RData::A(address) => Some(address.to_string()),
        _ => None,
    };
    reply.answers.iter().filter_map(|record| address(&record.data)).collect()
}

/// How late this machine wakes who sleeps.
pub struct Lag(Arc<Mutex<Duration>>);

impl Lag {
    pub fn start(over: &Arc<AtomicBool>) -> Self {
        let worst = Arc::new(Mutex::new(Duration::ZERO));
        let (of_thread, over) = (Arc::clone(&worst), Arc::clone(over));
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let began = Instant::now();
                sleep(Duration::from_millis(10));
                let late = began.elapsed().saturating_sub(Duration::from_millis(10));
                let mut worst = of_thread.lock().expect("nobody panics with it");
                *worst = late.max(*worst);
            }
        });
        Self(worst)
    }

    pub fn worst(&self) -> Duration {
        *self.0.lock().expect("nobody panics with it")
    }
}
