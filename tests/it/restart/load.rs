//! A steady load, of which every single query is followed up.

use std::collections::HashSet;
use std::fmt;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};

/// Sockets, and so ports, that the queries come from.
const CLIENTS: usize = 16;
/// One of so many queries is for a name that the cache cannot have.
const FORWARDED: usize = 64;
/// RFC 1035 4.1.1.
const SERVFAIL: u8 = 2;
/// How long an answer may take before its query counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest time that the sender catches up with.
const HELD_UP: Duration = Duration::from_millis(100);

/// What became of the queries.
pub struct Tally {
    sent: usize,
    /// How many have no answer.
    pub lost: usize,
    /// Replies that are no good answer, by their header.
    pub wrong: Vec<[u8; 12]>,
    /// Queries a second.
    rate: f64,
    /// Longest time between two replies, whoever they are for.
    gap: Duration,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, lost, wrong, rate, gap } = self;
        write!(f, "{sent} queries at {rate:.0} a second, {lost} lost, {} wrong {:02x?}", wrong.len(), wrong.first())?;
        write!(f, ", {} ms without a reply at the longest", gap.as_millis())
    }
}

#[derive(Default)]
struct Ledger {
    sent: usize,
    open: HashSet<(usize, u16)>,
    wrong: Vec<[u8; 12]>,
    replied: Option<Instant>,
    gap: Duration,
}

/// Queries that are being sent.
pub struct Load {
    ledger: Arc<Mutex<Ledger>>,
    over: Arc<AtomicBool>,
    sender: JoinHandle<Duration>,
    all_sent: Arc<AtomicBool>,
    receiver: JoinHandle<()>,
}

impl Load {
    /// Begins to send so many queries a second, to each of the servers in turn.
    pub fn start(servers: &[SocketAddr], rate: usize) -> Self {
        let clients = servers.iter().cycle().take(CLIENTS).map(|server| client(*server));
        let clients: Arc<Vec<UdpSocket>> = Arc::new(clients.collect());
        let (ledger, over) = (Arc::new(Mutex::new(Ledger::default())), Arc::new(AtomicBool::new(false)));
        let (book, end, sockets) = (Arc::clone(&ledger), Arc::clone(&over), Arc::clone(&clients));
        let sender = thread::spawn(move || send(&sockets, &book, &end, rate));
        let (book, all_sent) = (Arc::clone(&ledger), Arc::new(AtomicBool::new(false)));
        let end = Arc::clone(&all_sent);
        let receiver = thread::spawn(move || receive(&clients, &book, &end));
        Self { ledger, over, sender, all_sent, receiver }
    }

    /// Does something while no query is sent, and tells how many were under way then.
    pub fn at_an_instant(&self, act: impl FnOnce()) -> usize {
        let ledger = self.ledger.lock().unwrap();
        act();
        ledger.open.len()
    }

    /// Waits until so many more queries have been sent.
    pub fn go_on(&self, queries: usize) {
        let target = self.ledger.lock().unwrap().sent + queries;
        while self.ledger.lock().unwrap().sent < target {
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends no more, waits for what is under way, and tells what became of it.
    pub fn finish(self) -> Tally {
        self.over.store(true, Ordering::Relaxed);
        let took = self.sender.join().unwrap();
        self.all_sent.store(true, Ordering::Relaxed);
        self.receiver.join().unwrap();
        let ledger = self.ledger.lock().unwrap();
        let rate = ledger.sent as f64 / took.as_secs_f64();
        let Ledger { sent, open, wrong, gap, .. } = &*ledger;
        Tally { sent: *sent, lost: open.len(), wrong: wrong.clone(), rate, gap: *gap }
    }
}

fn client(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((if server.is_ipv4() { "127.0.0.1" } else { "::1" }, 0)).unwrap();
    nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::RcvBuf, &(1 << 20)).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.connect(server).unwrap();
    socket
}

/// A query with an id that is free to be set.
pub fn query(name: &str, qtype: RecordType) -> Vec<u8> {
    let mut message = Message::new(0, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), qtype));
    message.to_vec().unwrap()
}

fn send(clients: &[UdpSocket], ledger: &Mutex<Ledger>, over: &AtomicBool, rate: usize) -> Duration {
    let ours = [query("dns-version.ecs.internal.", RecordType::TXT), query("db.ecs.internal.", RecordType::A)];
    let (begun, mut last) = (Instant::now(), Instant::now());
    while !over.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(1));
        // Whoever was held up for long does not catch up: it would be a burst and no steady load.
        let due = (last.elapsed().min(HELD_UP).as_secs_f64() * rate as f64) as usize;
        if due == 0 {
            continue;
        }
        last = if last.elapsed() > HELD_UP {
            Instant::now()
        } else {
            last + Duration::from_secs(due as u64) / rate as u32
        };
        for _ in 0..due {
            let mut ledger = ledger.lock().unwrap();
            let number = ledger.sent;
            let (client, id) = (number % CLIENTS, (number / CLIENTS) as u16);
            let mut query = if number.is_multiple_of(FORWARDED) {
                query(&format!("never-before-{number}.example."), RecordType::A)
            } else {
                ours[number / CLIENTS % ours.len()].clone()
            };
            query[..2].copy_from_slice(&id.to_be_bytes());
            ledger.sent += 1;
            ledger.open.insert((client, id));
            // Where nobody listens, the query is lost and will be counted so.
            let _ = clients[client].send(&query);
        }
    }
    begun.elapsed()
}

fn receive(clients: &[UdpSocket], ledger: &Mutex<Ledger>, all_sent: &AtomicBool) {
    let mut reply = [0; 1500];
    let mut deadline = None;
    loop {
        let mut idle = true;
        for (number, client) in clients.iter().enumerate() {
            while let Ok(length) = client.recv(&mut reply) {
                idle = false;
                note(&mut ledger.lock().unwrap(), number, &reply[..length]);
            }
        }
        if all_sent.load(Ordering::Relaxed) {
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + PATIENCE);
            if Instant::now() > deadline || ledger.lock().unwrap().open.is_empty() {
                return;
            }
        }
        if idle {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn note(ledger: &mut Ledger, client: usize, reply: &[u8]) {
    let header: [u8; 12] = reply[..12].try_into().unwrap();
    let id = u16::from_be_bytes([header[0], header[1]]);
    let known = ledger.open.remove(&(client, id));
    let now = Instant::now();
    ledger.gap = ledger.gap.max(ledger.replied.replace(now).map_or(Duration::ZERO, |before| now - before));
    let (is_reply, rcode, answers) = (header[2] & 0x80 != 0, header[3] & 0x0f, header[7]);
    // An upstream that a busy machine makes slow is not waited for when the daemon is stopped.
    let given_up = (usize::from(id) * CLIENTS + client).is_multiple_of(FORWARDED) && rcode == SERVFAIL;
    if !known || !is_reply || !given_up && (rcode != 0 || answers == 0) {
        ledger.wrong.push(header);
    }
}
