//! Queries over UDP, many with one system call.

use std::array;
use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};

use super::pace::Pace;
use super::tally::{Sent, Tally, now};

/// Datagrams in one system call.
const BATCH: usize = 64;
/// Room for a reply.
const REPLY: usize = 2048;
/// Queries that one socket may have under way.
const SLOTS: usize = 4096;
/// When a query without an answer is lost.
const PATIENCE: Duration = Duration::from_millis(500);

/// A socket and its queries under way, by their IDs.
struct Link {
    socket: UdpSocket,
    sent: Vec<Option<Sent>>,
    /// IDs from the oldest that may be under way to the next.
    ids: std::ops::Range<u64>,
    under_way: usize,
}

/// What is told to the kernel and what it says, used again and again.
struct Space {
    packets: Vec<Vec<u8>>,
    replies: Vec<u8>,
    peers: [Option<SockaddrStorage>; BATCH],
    sending: MultiHeaders<SockaddrStorage>,
    receiving: MultiHeaders<SockaddrStorage>,
}

fn place(id: u64) -> usize {
    (id % SLOTS as u64) as usize
}

impl Link {
    fn to(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((if server.is_ipv4() { "0.0.0.0" } else { "::" }, 0)).expect("a socket");
        socket.connect(server).expect("a server");
        Self { socket, sent: vec![None; SLOTS], ids: 0..0, under_way: 0 }
    }

    /// Sends `count` queries, at most [`BATCH`] and what there is room for, and says how many.
    fn send(&mut self, count: usize, pace: &mut Pace, now: Instant, space: &mut Space, tally: &mut Tally<'_>) -> usize {
        let room = SLOTS - (self.ids.end - self.ids.start) as usize;
        let count = count.min(BATCH).min(room);
        if count == 0 {
            return 0;
        }
        let mut drawn = [0; BATCH];
        for (id, (packet, drawn)) in (self.ids.end..).zip(space.packets.iter_mut().zip(&mut drawn).take(count)) {
            *drawn = tally.draw();
            packet.clear();
            packet.extend_from_slice(&(id as u16).to_be_bytes());
            packet.extend_from_slice(&tally.queries[*drawn].0[2..]);
        }
        let parts: [_; BATCH] = array::from_fn(|at| [IoSlice::new(&space.packets[at])]);
        let none: [ControlMessage<'_>; 0] = [];
        let peers = &space.peers[..count];
        let fd = self.socket.as_raw_fd();
        let sent = sendmmsg(fd, &mut space.sending, &parts[..count], peers, none, MsgFlags::empty());
        let sent = sent.map_or(0, Iterator::count);
        for (number, which) in (0..).zip(drawn).take(sent) {
            self.sent[place(self.ids.end)] = Some(Sent { at: pace.at(number, now), which });
            self.ids.end += 1;
        }
        pace.sent(sent);
        self.under_way += sent;
        sent
    }

    /// Takes the replies that are there.
    fn receive(&mut self, space: &mut Space, tally: &mut Tally<'_>) {
        let mut places = space.replies.chunks_exact_mut(REPLY);
        let mut parts: [_; BATCH] = array::from_fn(|_| [IoSliceMut::new(places.next().unwrap_or_default())]);
        let fd = self.socket.as_raw_fd();
        let Ok(messages) = recvmmsg(fd, &mut space.receiving, parts.iter_mut(), MsgFlags::MSG_DONTWAIT, None) else {
            return;
        };
        let mut lengths = [0; BATCH];
        let count = messages.zip(&mut lengths).map(|(message, length)| *length = message.bytes).count();
        let now = now();
        for (reply, length) in space.replies.chunks_exact(REPLY).zip(lengths).take(count) {
            let id = reply.first_chunk::<2>().map_or(0, |id| u16::from_be_bytes(*id));
            match self.sent[place(id.into())].take() {
                Some(sent) => {
                    self.under_way -= 1;
                    tally.answered(sent, &reply[..length], now);
                }
                None => tally.bad += 1,
            }
        }
    }

    /// Gives up those that have waited for longer than `patience`.
    fn give_up(&mut self, patience: Duration, now: Instant, tally: &mut Tally<'_>) {
        while let Some(id) = self.ids.clone().next() {
            match &mut self.sent[place(id)] {
                Some(sent) if now.saturating_duration_since(sent.at) < patience => return,
                slot => {
                    let lost = slot.take().is_some();
                    self.under_way -= usize::from(lost);
                    tally.lost += u64::from(lost);
                }
            }
            self.ids.start += 1;
        }
    }
}

impl Space {
    fn new() -> Self {
        Self {
            packets: vec![Vec::with_capacity(REPLY); BATCH],
            replies: vec![0; BATCH * REPLY],
            peers: [None; BATCH],
            sending: MultiHeaders::preallocate(BATCH, None),
            receiving: MultiHeaders::preallocate(BATCH, None),
        }
    }
}

/// Asks `server` for `length` from so many sockets in turns, with at most `window` queries under way, and waits for the
/// last answers.
pub fn run(server: SocketAddr, sockets: usize, window: usize, mut pace: Pace, length: Duration, tally: &mut Tally<'_>) {
    let mut links: Vec<Link> = (0..sockets.max(1)).map(|_| Link::to(server)).collect();
    let (count, each) = (links.len(), window.div_ceil(links.len()));
    let mut space = Space::new();
    let begun = now();
    let (mut turn, mut idle) = (0, 0);
    loop {
        let now = now();
        let ends = now.saturating_duration_since(begun) >= length;
        let link = &mut links[turn % count];
        turn += 1;
        let due = if ends { 0 } else { pace.due(now).min(each.saturating_sub(link.under_way)) };
        // At a rate, one of each socket, so that they have equal shares.
        let due = if pace.is_steady() && count > 1 { due.min(1) } else { due };
        let sent = link.send(due, &mut pace, now, &mut space, tally);
        if link.under_way > 0 {
            link.receive(&mut space, tally);
        }
        link.give_up(PATIENCE, now, tally);
        if ends && (links.iter().all(|link| link.under_way == 0) || now >= begun + length + PATIENCE) {
            break;
        }
        idle = if sent > 0 { 0 } else { idle + 1 };
        if idle >= count {
            pace.rest();
            idle = 0;
        }
    }
    let now = now();
    links.iter_mut().for_each(|link| link.give_up(Duration::ZERO, now, tally));
}
