//! A load of DNS queries that costs its own core less than a server costs the other, which dnsperf does not.
//!
//!     cargo run --release --example load -- 127.0.0.1:1053 queries.txt 5 32
//!
//! Keeps 32 queries under way for 5 seconds, drawn at random from the file, whose lines are `NAME TYPE`. Prints queries
//! per second, how many were lost, and percentiles of the time that an answer took.

use std::io::{IoSlice, IoSliceMut};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};

/// Datagrams in one system call.
const BATCH: usize = 64;
/// When a query without an answer is lost.
const PATIENCE: Duration = Duration::from_millis(500);

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn query(line: &str) -> Vec<u8> {
    let (name, qtype) = line.split_once(' ').expect("a line is NAME TYPE");
    let mut message = Message::new(0, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    let name = Name::from_ascii(name.trim_end_matches('.').to_owned() + ".").expect("a name");
    message.add_query(Query::query(name, qtype.trim().parse::<RecordType>().expect("a type")));
    let mut edns = Edns::new();
    edns.set_max_payload(1232);
    message.set_edns(edns);
    message.to_vec().expect("a query")
}

/// The queries under way, by their ids.
struct Load {
    socket: UdpSocket,
    queries: Vec<Vec<u8>>,
    sent_at: Vec<Option<Instant>>,
    /// Ids from the oldest that may be under way to the next.
    ids: std::ops::Range<u64>,
    under_way: usize,
    lost: u64,
    took: Vec<Duration>,
    sending: MultiHeaders<SockaddrStorage>,
    receiving: MultiHeaders<SockaddrStorage>,
}

impl Load {
    fn place(id: u64) -> usize {
        (id % 65_536) as usize
    }

    fn send(&mut self, count: usize) {
        let now = now();
        let mut packets: Vec<Vec<u8>> = Vec::with_capacity(BATCH);
        for id in (self.ids.end..).take(count) {
            let mut packet = self.queries[fastrand::usize(..self.queries.len())].clone();
            packet[..2].copy_from_slice(&(Self::place(id) as u16).to_be_bytes());
            packets.push(packet);
        }
        let parts: Vec<_> = packets.iter().map(|packet| [IoSlice::new(packet)]).collect();
        let peers = vec![None; count];
        let none: [ControlMessage<'_>; 0] = [];
        let fd = self.socket.as_raw_fd();
        let sent = sendmmsg(fd, &mut self.sending, &parts, &peers, none, MsgFlags::empty()).map_or(0, Iterator::count);
        for id in (self.ids.end..).take(sent) {
            self.sent_at[Self::place(id)] = Some(now);
        }
        self.ids.end += sent as u64;
        self.under_way += sent;
    }

    fn receive(&mut self) {
        let mut space = vec![[0u8; 2048]; BATCH];
        let mut parts: Vec<_> = space.iter_mut().map(|place| [IoSliceMut::new(place)]).collect();
        let fd = self.socket.as_raw_fd();
        let Ok(messages) = recvmmsg(fd, &mut self.receiving, parts.iter_mut(), MsgFlags::MSG_DONTWAIT, None) else {
            return;
        };
        let count = messages.count();
        let now = now();
        for reply in space.iter().take(count) {
            let id = usize::from(u16::from_be_bytes([reply[0], reply[1]]));
            if let Some(sent) = self.sent_at[id].take() {
                self.under_way -= 1;
                self.took.push(now - sent);
            }
        }
    }

    /// Gives up those that wait for too long.
    fn give_up(&mut self) {
        let now = now();
        while let Some(id) = self.ids.clone().next() {
            match &mut self.sent_at[Self::place(id)] {
                Some(sent) if now - *sent < PATIENCE => return,
                place => {
                    let lost = place.take().is_some();
                    self.under_way -= usize::from(lost);
                    self.lost += u64::from(lost);
                }
            }
            self.ids.start += 1;
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, file, seconds, window] = &arguments[..] else {
        eprintln!("usage: load ADDRESS:PORT FILE SECONDS WINDOW");
        std::process::exit(2);
    };
    let text = std::fs::read_to_string(file).expect("the file of queries");
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    socket.connect(server).expect("a server");
    let mut load = Load {
        socket,
        queries: text.lines().map(query).collect(),
        sent_at: vec![None; 65_536],
        ids: 0..0,
        under_way: 0,
        lost: 0,
        took: Vec::new(),
        sending: MultiHeaders::preallocate(BATCH, None),
        receiving: MultiHeaders::preallocate(BATCH, None),
    };
    let window: usize = window.parse().expect("a number of queries");
    let length = Duration::from_secs_f64(seconds.parse().expect("a number of seconds"));
    let begun = now();
    while now() - begun < length {
        let room = window.saturating_sub(load.under_way).min(BATCH);
        if room > 0 && load.ids.end - load.ids.start < 60_000 {
            load.send(room);
        }
        load.receive();
        load.give_up();
    }
    load.took.sort();
    let at = |part: usize| load.took.get(load.took.len() * part / 1_000).copied().unwrap_or_default();
    let rate = load.took.len() as f64 / length.as_secs_f64();
    println!("{rate:.0} queries/s, {} lost, p50 {:?}, p99 {:?}, p99.9 {:?}", load.lost, at(500), at(990), at(999));
}
