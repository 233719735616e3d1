//! Mutated packets as datagrams.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use fastrand::Rng;
use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;

use super::Tally;
use crate::fuzz::mutate::one_of;
use crate::fuzz::targets::reply::judge;
use crate::restart::load::query;

/// Packets that are sent before it is waited until the daemon has read them, so that few are dropped for want of room.
const BURST: u64 = 64;
/// How long to wait for the last replies.
const END: Duration = Duration::from_secs(2);
/// How long to wait for a reply before it is asked for again.
const AGAIN: Duration = Duration::from_millis(200);
/// Longer than any answer takes that needs nobody else.
const PATIENCE: Duration = Duration::from_secs(60);

/// Packets of which replies are known; the slowest reply comes after seconds. A multiple of 65,536.
const REMEMBERED: usize = 16 << 16;

/// What was sent, by its number; the lower 16 bits are the id.
struct Sent(Vec<Vec<u8>>);

impl Sent {
    /// Holds a reply against what was sent with its id.
    fn check(&self, reply: &[u8]) {
        let id = reply.first_chunk::<2>().map_or(0, |id| usize::from(u16::from_be_bytes(*id)));
        let mut candidates = self.0.iter().skip(id).step_by(1 << 16);
        let found = candidates.any(|packet| judge(packet, reply, false).is_ok());
        assert!(found, "{reply:02x?} is no reply to what was sent last with its id, {:02x?}", self.last(id));
    }

    /// The last of the packets with this id, or none.
    fn last(&self, id: usize) -> Option<&Vec<u8>> {
        self.0.iter().skip(id).step_by(1 << 16).rfind(|packet| !packet.is_empty())
    }
}

/// A question that is answered at once and in its turn: when it is, what was sent before it has been read.
struct Probe {
    socket: UdpSocket,
    question: Vec<u8>,
}

impl Probe {
    fn new(to: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(to).expect("loopback");
        socket.set_read_timeout(Some(AGAIN)).expect("a time limit");
        Self { socket, question: query("localhost.", RecordType::A) }
    }

    fn pass(&mut self) {
        let (mut reply, until) = ([0; 512], Instant::now() + PATIENCE);
        let id = u16::from_be_bytes([self.question[0], self.question[1]]).wrapping_add(1);
        self.question[..2].copy_from_slice(&id.to_be_bytes());
        loop {
            let _ = self.socket.send(&self.question);
            // One of those before it may come late.
            while let Ok(length) = self.socket.recv(&mut reply) {
                if length > 2 && reply[..2] == self.question[..2] {
                    return;
                }
            }
            assert!(Instant::now() < until, "the daemon does not answer any more");
        }
    }
}

/// Sends so many mutations of `seeds`, and holds every reply against the packet that it claims to answer.
pub fn send(to: SocketAddr, seeds: &[Vec<u8>], packets: u64, seed: u64) -> Tally {
    let mut rng = Rng::with_seed(seed);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(to).expect("loopback");
    socket.set_nonblocking(true).expect("a mode of a socket");
    let (mut sent, mut probe) = (Sent(vec![Vec::new(); REMEMBERED]), Probe::new(to));
    let mut tally = Tally::default();
    while tally.sent < packets {
        for _ in 0..BURST.min(packets - tally.sent) {
            let id = (tally.sent & 0xffff) as u16;
            let mut packet = one_of(&mut rng, seeds);
            if let Some(first) = packet.first_chunk_mut::<2>() {
                *first = id.to_be_bytes();
            }
            packet.truncate(4096);
            if let Err(error) = socket.send(&packet) {
                // Full, or the daemon is gone: the next question tells.
                assert!(error.kind() != ErrorKind::ConnectionRefused, "the daemon is gone");
            }
            sent.0[tally.sent as usize % REMEMBERED] = packet;
            tally.sent += 1;
        }
        probe.pass();
        tally.replies += receive(&socket, &sent);
    }
    let end = Instant::now() + END;
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
        tally.replies += receive(&socket, &sent);
    }
    tally
}

/// Takes the replies that are there.
fn receive(socket: &UdpSocket, sent: &Sent) -> u64 {
    let mut buffer = [0; 4096];
    let mut heard = 0;
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => {
                let reply = &buffer[..length];
                sent.check(reply);
                // Of the upstream's nonsense some is no DNS, and passed on as it is.
                if reply[3] & 0x0f != 0 {
                    Message::from_vec(reply).expect("hickory reads what is ours");
                }
                heard += 1;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return heard,
            Err(error) => panic!("the daemon is gone: {error}"),
        }
    }
}
