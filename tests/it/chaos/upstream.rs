//! An upstream whose answers follow from the names, and who misbehaves to order.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::loopback;

/// Below the ports that the kernel chooses.
const PORT: u16 = 5300;
const HEADER: usize = 12;
/// What a forger would like to be believed.
const FORGED: [u8; 4] = [203, 0, 113, 66];

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mood {
    /// It answers.
    Good,
    /// It does not.
    Silent,
    /// It answers after a second.
    Slow,
    /// It says SERVFAIL.
    Failing,
    /// It has everything over TCP only.
    Truncating,
    /// Before each answer come forgeries.
    Forged,
}

impl Mood {
    const ALL: [Self; 6] = [Self::Good, Self::Silent, Self::Slow, Self::Failing, Self::Truncating, Self::Forged];
}

/// The upstream; lives as long as the test binary.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Where it listens.
    pub address: SocketAddr,
    mood: Arc<AtomicU8>,
}

/// The name with this number.
pub fn name(number: u16) -> String {
    format!("n{number}.up.example")
}

/// Its address.
pub fn address(number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(198, 18, high, low)
}

impl Upstream {
    /// Starts in a good mood.
    pub fn start() -> Self {
        let address = SocketAddr::from((loopback::address(), PORT));
        let (udp, tcp) =
            (UdpSocket::bind(address).expect("a free port"), TcpListener::bind(address).expect("the same"));
        let upstream = Self { address, mood: Arc::default() };
        let (datagrams, streams) = (upstream.clone(), upstream.clone());
        std::thread::spawn(move || datagrams.answer_datagrams(&udp));
        std::thread::spawn(move || tcp.incoming().flatten().for_each(|stream| streams.answer_stream(stream)));
        upstream
    }

    /// From now on it behaves like this.
    pub fn is(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::Relaxed);
    }

    fn mood(&self) -> Mood {
        Mood::ALL[usize::from(self.mood.load(Ordering::Relaxed))]
    }

    fn answer_datagrams(&self, socket: &UdpSocket) {
        let stranger = UdpSocket::bind((loopback::address(), 0)).expect("a socket");
        let mut bytes = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            let Some(reply) = reply(&bytes[..length]) else { continue };
            let mut edited = reply.clone();
            match self.mood() {
                Mood::Good => {}
                Mood::Silent => continue,
                Mood::Slow => {
                    let socket = socket.try_clone().expect("a descriptor");
                    std::thread::spawn(move || {
                        std::thread::sleep(Duration::from_secs(1));
                        let _ = socket.send_to(&reply, from);
                    });
                    continue;
                }
                Mood::Failing => {
                    edited = question(&bytes[..length]).unwrap_or_default();
                    edited[3] |= 2;
                }
                Mood::Truncating => {
                    edited = question(&bytes[..length]).unwrap_or_default();
                    edited[2] |= 2;
                }
                Mood::Forged => forge(&reply, |forged, same| {
                    let _ = if same { socket } else { &stranger }.send_to(forged, from);
                }),
            }
            let _ = socket.send_to(&edited, from);
        }
    }

    fn answer_stream(&self, mut stream: TcpStream) {
        let mut length = [0; 2];
        if self.mood() == Mood::Silent || stream.read_exact(&mut length).is_err() {
            return;
        }
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        let read = stream.read_exact(&mut query);
        if let (Ok(()), Some(reply)) = (read, reply(&query)) {
            let length = u16::try_from(reply.len()).expect("not long").to_be_bytes();
            let _ = stream.write_all(&[&length[..], &reply].concat());
        }
    }
}

/// Hands out forgeries of `reply`, and whether each comes from the upstream's own address.
fn forge(reply: &[u8], mut send: impl FnMut(&[u8], bool)) {
    let mut lie = reply.to_vec();
    let end = lie.len();
    lie[end - 4..].copy_from_slice(&FORGED);
    send(&lie, false);
    for (at, bits) in [(1, 0x01), (2, 0x80), (2, 0x08), (HEADER + 1, 0x01)] {
        let mut other = lie.clone();
        other[at] ^= bits;
        send(&other, true);
    }
    send(&lie[..end - 1], true);
}

/// The header and the question of a reply.
fn question(query: &[u8]) -> Option<Vec<u8>> {
    let end = HEADER + query.get(HEADER..)?.iter().position(|byte| *byte == 0)? + 5;
    let mut reply = query.get(..end)?.to_vec();
    (reply[2], reply[3]) = (0x81, 0x80);
    reply[4..HEADER].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
    Some(reply)
}

/// The true reply: one A record with a TTL of two seconds; NXDOMAIN for what has no number.
fn reply(query: &[u8]) -> Option<Vec<u8>> {
    let mut reply = question(query)?;
    let label = query.get(HEADER + 1..HEADER + 1 + usize::from(query[HEADER]))?;
    let number = std::str::from_utf8(label).ok().and_then(|label| label.strip_prefix('n')?.parse().ok());
    match number {
        Some(number) => {
            reply[7] = 1;
            reply.extend_from_slice(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x02\x00\x04");
            reply.extend_from_slice(&address(number).octets());
        }
        None => reply[3] |= 3,
    }
    Some(reply)
}
