//! Mutated packets as datagrams.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use fastrand::Rng;
use hickory_proto::op::Message;

use super::Tally;
use crate::fuzz::mutate::one_of;
use crate::fuzz::targets::reply::judge;

/// Packets that are sent before replies are looked for.
const BURST: u64 = 32;
/// Most packets that wait for a reply, so that neither side drops many for want of room.
const AHEAD: usize = 256;
/// How long to wait for replies before it is taken that there will be none.
const QUIET: Duration = Duration::from_millis(20);
/// How long to wait for the last ones.
const END: Duration = Duration::from_secs(2);

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

/// Sends so many mutations of `seeds`, and holds every reply against the packet that it claims to answer.
pub fn send(to: SocketAddr, seeds: &[Vec<u8>], packets: u64, seed: u64) -> Tally {
    let mut rng = Rng::with_seed(seed);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(to).expect("loopback");
    let mut sent = Sent(vec![Vec::new(); REMEMBERED]);
    let (mut tally, mut unanswered) = (Tally::default(), 0);
    while tally.sent < packets {
        for _ in 0..BURST.min(packets - tally.sent) {
            let id = (tally.sent & 0xffff) as u16;
            let mut packet = one_of(&mut rng, seeds);
            if let Some(first) = packet.first_chunk_mut::<2>() {
                *first = id.to_be_bytes();
            }
            packet.truncate(4096);
            match socket.send(&packet) {
                Ok(_) => unanswered += 1,
                // Full, or the daemon is gone: the next question tells.
                Err(error) => assert!(error.kind() != ErrorKind::ConnectionRefused, "the daemon is gone"),
            }
            sent.0[tally.sent as usize % REMEMBERED] = packet;
            tally.sent += 1;
        }
        let wait = if unanswered > AHEAD { QUIET } else { Duration::ZERO };
        let heard = receive(&socket, &sent, wait);
        tally.replies += heard as u64;
        unanswered = if wait > Duration::ZERO { 0 } else { unanswered.saturating_sub(heard) };
    }
    let end = Instant::now() + END;
    while Instant::now() < end {
        tally.replies += receive(&socket, &sent, QUIET) as u64;
    }
    tally
}

/// Takes the replies that are there, or come until there is none for so long.
fn receive(socket: &UdpSocket, sent: &Sent, wait: Duration) -> usize {
    let mut buffer = [0; 4096];
    let mut heard = 0;
    socket.set_nonblocking(wait.is_zero()).expect("a mode of a socket");
    if !wait.is_zero() {
        socket.set_read_timeout(Some(wait)).expect("a time limit");
    }
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
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return heard,
            Err(error) => panic!("the daemon is gone: {error}"),
        }
    }
}
